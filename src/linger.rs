//! A poll waits for a moment for what it is for: to have its thread sleep and be woken takes ten times as long as a
//! closure that is about to end.
//!
//! Only where that pays. Each thread keeps an account of what its moments have saved and cost: in debt it
//! forgoes them, until as many polls went by as make up for it.

use std::cell::Cell;
use std::hint;
use std::thread;
use std::time::{Duration, Instant};

use crate::blocking;
use crate::sync::{thread_local, times};

/// How often to look.
const LOOKS: u32 = times(32, 0);

const SPINS: u32 = 4;

/// What looking so often costs, about.
const LOOKING: Duration = Duration::from_micros(3);

/// How often to let others run.
const TURNS: u32 = times(8, 0);

/// A turn that takes so long is the last one: those who run have nothing to do with what is waited for.
const LONG_TURNS: Duration = Duration::from_micros(100);

thread_local! {
    static FOR_LOOKS: Account = const { Account::new(10_000, 30_000) };
    /// Where other programs compute, a single turn may take some milliseconds: enough for it to be forgone for
    /// thousands of polls, and not so little that a long turn of one's own kind ends a good run.
    static FOR_TURNS: Account = const { Account::new(2_000_000, 5_000_000) };
}

/// What moments of one kind have saved so far, less what they cost, in nanoseconds.
struct Account {
    balance: Cell<i64>,
    most: i64,
}

impl Account {
    /// What a moment saves that was not in vain: sleeping and being woken.
    const SAVED: i64 = 10_000;

    /// What a poll may cost, if all moments are in vain.
    const PER_POLL: i64 = 32;

    const fn new(balance: i64, most: i64) -> Self {
        let balance = Cell::new(balance);
        Self { balance, most }
    }

    /// Whether there may be a moment; if not, there is one the sooner.
    fn affords(&self) -> bool {
        let balance = self.balance.get();
        if balance < 0 {
            self.balance.set(balance + Self::PER_POLL);
        }
        balance >= 0
    }

    fn enter(&self, cost: Duration, pays: bool) {
        let cost = i64::try_from(cost.as_nanos()).unwrap_or(i64::MAX);
        let saved = if pays { Self::SAVED } else { 0 };
        let balance = self.balance.get().saturating_sub(cost) + saved;
        self.balance.set(balance.min(self.most));
    }
}

/// Whether it has come, perhaps after a moment. (A thread that blocks for it lingers by its own means.)
pub(crate) fn until(has_come: impl Fn() -> bool) -> bool {
    if has_come() {
        return true;
    }
    if blocking::is_so() {
        return false;
    }
    FOR_LOOKS.with(|account| {
        if !account.affords() {
            return false;
        }
        let comes = comes_soon(has_come);
        account.enter(if comes { Duration::ZERO } else { LOOKING }, comes);
        comes
    })
}

fn comes_soon(has_come: impl Fn() -> bool) -> bool {
    for _ in 0..LOOKS {
        for _ in 0..SPINS {
            hint::spin_loop();
        }
        if has_come() {
            return true;
        }
    }
    false
}

/// Whether it comes as this thread lets others run, who may share its core. (A thread that blocks for it has nothing
/// else to do, and keeps no account of that.)
pub(crate) fn giving_way(has_come: impl FnMut() -> bool) -> bool {
    if blocking::is_so() {
        return comes_by_turns(has_come, || true);
    }
    FOR_TURNS.with(|account| {
        if !account.affords() {
            return false;
        }
        let start = Instant::now();
        let comes = comes_by_turns(has_come, || start.elapsed() < LONG_TURNS);
        account.enter(start.elapsed(), comes);
        comes
    })
}

fn comes_by_turns(mut has_come: impl FnMut() -> bool, goes_on: impl Fn() -> bool) -> bool {
    for _ in 0..TURNS {
        thread::yield_now();
        if has_come() {
            return true;
        }
        if !goes_on() {
            break;
        }
    }
    false
}

#[cfg(all(test, not(any(letgo_loom, letgo_shuttle))))]
mod tests {
    use super::*;

    const NEVER: u32 = u32::MAX;

    /// Polls for something that has come at so many looks, if it does; gives how often it was looked at.
    fn poll(comes_at: u32) -> u32 {
        let looks = Cell::new(0);
        let has_come = until(|| {
            looks.set(looks.get() + 1);
            looks.get() == comes_at
        });
        assert_eq!(has_come, looks.get() == comes_at);
        looks.get()
    }

    /// How many polls in vain forgo their moment, before one has it.
    fn forgone() -> u32 {
        let mut polls = 0;
        while poll(NEVER) == 1 {
            polls += 1;
        }
        polls
    }

    #[test]
    fn moments_in_vain_are_forgone_until_polls_make_up_for_them() {
        let first: Vec<_> = (0..4).map(|_| poll(NEVER)).collect();
        assert_eq!(first, [LOOKS + 1; 4]);
        // 10 microseconds less four times three: two, and 32 nanoseconds a poll.
        assert_eq!(forgone(), 63);
        for _ in 0..8 {
            assert!((93..=94).contains(&forgone()));
        }
        // While a moment is forgone, too, what has come is seen.
        assert_eq!(poll(1), 1);
    }

    #[test]
    fn a_moment_that_pays_makes_up_for_some_in_vain() {
        while forgone() == 0 {}
        while poll(4) == 1 {}
        for _ in 0..4 {
            assert_eq!(forgone(), 0);
        }
        assert_ne!(forgone(), 0);
    }

    #[test]
    fn a_long_time_of_luck_is_forgotten_soon() {
        for _ in 0..1_000 {
            poll(2);
        }
        let lucky = (0..100).filter(|_| poll(NEVER) > 1).count();
        assert!(lucky < 15, "{lucky} of a hundred in vain");
    }

    #[test]
    fn turns_are_given_as_often_as_they_pay() {
        let account = Account::new(2_000_000, 5_000_000);
        for _ in 0..1_000 {
            assert!(account.affords());
            account.enter(Duration::from_micros(5), true);
        }
        let (mut turns, slice) = (0, Duration::from_millis(3));
        for _ in 0..200_000 {
            if account.affords() {
                account.enter(slice, turns % 2 == 0);
                turns += 1;
            }
        }
        // Five milliseconds are spent by two turns; 200,000 polls make up for two more.
        assert_eq!(turns, 4);
    }

    #[test]
    fn who_blocks_gives_way_always() {
        for _ in 0..1_000 {
            let mut looks = 0;
            let has_come = blocking::while_polling(&mut None, || {
                giving_way(|| {
                    looks += 1;
                    false
                })
            });
            assert_eq!((has_come, looks), (false, TURNS));
        }
    }

    #[test]
    fn who_polls_sees_what_comes_as_others_run() {
        let mut looks = 0;
        assert!(giving_way(|| {
            looks += 1;
            true
        }));
        assert_eq!(looks, 1);
    }
}
