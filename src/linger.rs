//! A poll waits for a moment for what it is for: to have its thread sleep and be woken takes ten times as long as a
//! closure that is about to end.
//!
//! Only where that pays. Each thread keeps an account of what its moments have saved and cost: in debt it
//! forgoes them, until as many polls went by as make up for it. A thread that blocks has the longest of them as well.

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

/// How long a thread that was woken may take to come: where processors are virtual, and its own has halted, ten times as long as
/// elsewhere. Who waits for it so long once finds it awake the next time.
const COMING: Duration = if ALONE {
    Duration::ZERO
} else {
    times(Duration::from_micros(60), Duration::ZERO)
};

/// How often to let others run.
const TURNS: u32 = if ALONE { 0 } else { times(8, 0) };

/// In a browser there are no other threads, nor is there a clock.
const ALONE: bool = cfg!(target_family = "wasm");

/// A turn that takes so long is the last one: those who run have nothing to do with what is waited for.
const LONG: Duration = Duration::from_micros(100);

/// How many moments may pay, before one is left out: who never has to wait would keep the other futures of its executor
/// from being polled.
const IN_A_ROW: u32 = 1024;

thread_local! {
    static FOR_LOOKS: Account = const { Account::new(10_000, 30_000) };
    /// Enough for some that are in vain, as where another program comes in between.
    static FOR_COMING: Account = const { Account::new(1_000_000, 1_000_000) };
    /// Where other programs compute, a single turn may take some milliseconds: enough for it to be forgone for
    /// thousands of polls, and not so little that a long turn of one's own kind ends a good run.
    static FOR_TURNS: Account = const { Account::new(4_000_000, 5_000_000) };
    /// How many moments have paid since one did not.
    static PAID: Cell<u32> = const { Cell::new(0) };
}

/// What moments of one kind have saved so far, less what they cost, in nanoseconds.
struct Account {
    balance: Cell<i64>,
    /// As debt, too: one turn that took long must not be paid for for ever.
    most: i64,
}

/// What came of a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    Pays,
    InVain,
    /// There was none, for it would have cost too much.
    Forgone,
}

impl Account {
    /// What a moment saves that was not in vain, in nanoseconds: sleeping and being woken.
    const SAVED: i64 = 10_000;

    /// What a poll may cost, if all moments are in vain, in nanoseconds.
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
        self.balance.set(balance.clamp(-self.most, self.most));
    }
}

/// Whether it is for others of this thread's executor to be polled.
fn is_others_turn() -> bool {
    PAID.get() >= IN_A_ROW && {
        PAID.set(0);
        true
    }
}

fn count(pays: bool) {
    PAID.set(if pays { PAID.get() + 1 } else { 0 });
}

/// Whether it has come, perhaps after a moment. (A thread that blocks for it lingers by its own means.)
pub(crate) fn until(has_come: impl Fn() -> bool) -> bool {
    if has_come() {
        return true;
    }
    if blocking::is_so() || is_others_turn() {
        return false;
    }
    let pays = comes_soon(&has_come) || comes(has_come);
    count(pays);
    pays
}

fn comes_soon(has_come: impl Fn() -> bool) -> bool {
    FOR_LOOKS.with(|account| {
        if !account.affords() {
            return false;
        }
        let pays = (0..LOOKS).any(|_| {
            pause();
            has_come()
        });
        account.enter(if pays { Duration::ZERO } else { LOOKING }, pays);
        pays
    })
}

fn pause() {
    for _ in 0..SPINS {
        hint::spin_loop();
    }
}

/// Waits for it as long as a thread may take to [come](COMING).
pub(crate) fn comes(mut has_come: impl FnMut() -> bool) -> bool {
    FOR_COMING.with(|account| {
        if COMING.is_zero() || !account.affords() {
            return false;
        }
        let (start, mut cost, mut pays) = (Instant::now(), Duration::ZERO, false);
        while !pays && cost < COMING {
            pause();
            pays = has_come();
            cost = start.elapsed();
        }
        account.enter(cost, pays);
        pays
    })
}

/// Whether there is as much time until a deadline.
pub(crate) fn is_early(deadline: Option<Instant>) -> bool {
    deadline.is_none_or(|deadline| Instant::now() + COMING < deadline)
}

/// Lets other threads run, who may share this one's core, till it comes.
pub(crate) fn giving_way(mut has_come: impl FnMut() -> bool) -> Moment {
    if blocking::is_so() || TURNS == 0 {
        return Moment::InVain;
    }
    FOR_TURNS.with(|account| {
        if !account.affords() {
            return Moment::Forgone;
        }
        if is_others_turn() {
            return Moment::InVain;
        }
        let (start, mut cost, mut pays) = (Instant::now(), Duration::ZERO, false);
        for _ in 0..TURNS {
            thread::yield_now();
            // Before the look, which may wake somebody who runs here and now.
            cost = start.elapsed();
            pays = has_come();
            if pays || cost > LONG {
                break;
            }
        }
        account.enter(cost, pays);
        count(pays);
        if pays { Moment::Pays } else { Moment::InVain }
    })
}

/// The same for a thread that blocks: it has nothing else to do, and keeps no account of that.
pub(crate) fn giving_way_always(mut has_come: impl FnMut() -> bool) -> bool {
    (0..TURNS).any(|_| {
        thread::yield_now();
        has_come()
    })
}

#[cfg(all(test, not(any(letgo_loom, letgo_shuttle))))]
mod tests {
    use super::*;

    const NEVER: u32 = u32::MAX;

    /// Polls for something that has come at so many looks, if it does; gives how often it was looked at within a short moment.
    fn poll(comes_at: u32) -> u32 {
        FOR_COMING.with(|account| account.balance.set(i64::MIN / 2));
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
    fn one_long_turn_is_paid_for_in_the_end() {
        let account = Account::new(2_000_000, 5_000_000);
        account.enter(Duration::MAX, false);
        let polls = (0..1_000_000).position(|_| account.affords());
        assert_eq!(polls, Some(156_250));
    }

    #[test]
    fn who_takes_long_to_come_is_waited_for() {
        let looks = Cell::new(0);
        assert!(until(|| {
            looks.set(looks.get() + 1);
            looks.get() == LOOKS + 3
        }));
    }

    #[test]
    fn long_moments_in_vain_are_forgone_soon() {
        let most = 1_000_000 / COMING.as_nanos() + 1;
        let mut moments = 0;
        loop {
            let mut looked = false;
            assert!(!comes(|| {
                looked = true;
                false
            }));
            if !looked {
                break;
            }
            moments += 1;
        }
        assert!((1..=most).contains(&moments), "{moments}");
    }

    #[test]
    fn who_has_to_stop_soon_does_not_wait_for_long() {
        assert!(is_early(None));
        assert!(!is_early(Some(Instant::now())));
        assert!(is_early(Some(Instant::now() + Duration::from_secs(3600))));
    }

    fn in_debt() {
        FOR_TURNS.with(|account| account.enter(Duration::from_secs(1), false));
    }

    #[test]
    fn in_debt_no_turns_are_given_but_by_who_blocks() {
        in_debt();
        assert_eq!(giving_way(|| unreachable!()), Moment::Forgone);
        let mut looks = 0;
        assert!(!giving_way_always(|| {
            looks += 1;
            false
        }));
        assert_eq!(looks, TURNS);
    }

    #[test]
    fn who_blocks_has_had_turns_before_it_polls() {
        let moment = blocking::while_polling(&mut None, || giving_way(|| unreachable!()));
        assert_eq!(moment, Moment::InVain);
    }

    #[test]
    fn who_polls_sees_what_comes_as_others_run() {
        assert_eq!(giving_way(|| true), Moment::Pays);
    }

    #[test]
    fn others_have_their_turn_after_many_moments_that_paid() {
        for _ in 0..IN_A_ROW / 2 {
            assert_eq!(poll(2), 2);
            // However long the turn takes here.
            FOR_TURNS.with(|account| account.balance.set(0));
            assert_eq!(giving_way(|| true), Moment::Pays);
        }
        FOR_TURNS.with(|account| account.balance.set(0));
        assert_eq!(giving_way(|| unreachable!()), Moment::InVain);
        for _ in 0..IN_A_ROW {
            assert_eq!(poll(2), 2);
        }
        assert_eq!(poll(NEVER), 1);
        assert_eq!(poll(2), 2);
    }
}
