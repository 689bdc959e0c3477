//! A poll looks for a moment whether the value comes: to have its thread sleep and be woken takes ten times as long as
//! a closure that is about to end.
//!
//! Only where that pays. A moment in vain is forgone the next time, then three times, seven times, …; a single one that
//! was not makes up for it. A thread that waits for what takes long looks at each sixty-fourth poll.

use std::cell::Cell;
use std::hint;

use crate::sync::{thread_local, times};

/// How often to look: a moment is about three microseconds.
const LOOKS: u32 = times(32, 0);

const SPINS: u32 = 4;

/// How often at most a moment is forgone.
const MOST_SKIPS: u8 = 63;

#[derive(Clone, Copy)]
struct Luck {
    /// How often to forgo it after the next moment in vain.
    skips: u8,
    /// How often still.
    left: u8,
}

const GOOD: Luck = Luck { skips: 1, left: 0 };

thread_local! {
    static LUCK: Cell<Luck> = const { Cell::new(GOOD) };
}

/// Returns when what is under way has ended, or after a moment.
pub(crate) fn while_underway(is_underway: impl Fn() -> bool) {
    if !is_underway() {
        return;
    }
    let luck = LUCK.get();
    LUCK.set(match luck.left.checked_sub(1) {
        Some(left) => Luck { left, ..luck },
        None if ends_soon(is_underway) => GOOD,
        None => Luck {
            skips: (2 * luck.skips + 1).min(MOST_SKIPS),
            left: luck.skips,
        },
    });
}

fn ends_soon(is_underway: impl Fn() -> bool) -> bool {
    for _ in 0..LOOKS {
        for _ in 0..SPINS {
            hint::spin_loop();
        }
        if !is_underway() {
            return true;
        }
    }
    false
}

#[cfg(all(test, not(any(letgo_loom, letgo_shuttle))))]
mod tests {
    use super::*;

    /// Polls for something that ends at a look, if it does; gives how often it was looked at.
    fn poll(ends_at: u32) -> u32 {
        let looks = Cell::new(0);
        while_underway(|| {
            looks.set(looks.get() + 1);
            looks.get() < ends_at
        });
        looks.get()
    }

    const NEVER: u32 = u32::MAX;

    fn skips() -> u32 {
        let mut skips = 0;
        while poll(NEVER) == 1 {
            skips += 1;
        }
        skips
    }

    #[test]
    fn moments_in_vain_are_forgone_more_and_more_often() {
        assert_eq!(poll(NEVER), LOOKS + 1);
        let forgone: Vec<_> = (0..8).map(|_| skips()).collect();
        assert_eq!(forgone, [1, 3, 7, 15, 31, 63, 63, 63]);
    }

    #[test]
    fn a_moment_that_pays_makes_up_for_those_in_vain() {
        for _ in 0..4 {
            skips();
        }
        // While a moment is forgone, too, what has ended is seen.
        assert_eq!(poll(1), 1);
        skips();
        while poll(4) == 1 {}
        assert_eq!(poll(NEVER), LOOKS + 1);
        assert_eq!(skips(), 1);
    }
}
