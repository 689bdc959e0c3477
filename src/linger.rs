//! A poll looks for a moment whether what it is for comes: to have its thread sleep and be woken takes ten times as
//! long as a closure that is about to end.
//!
//! Only where that pays. A moment in vain is forgone the next time, then three times, seven times, …; a single one that
//! was not makes up for it. A thread that waits for what takes long looks at each sixty-fourth poll.

use std::cell::Cell;
use std::hint;

use crate::blocking;
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

/// Whether it has come, perhaps after a moment. (A thread that blocks for it lingers by its own means.)
pub(crate) fn until(has_come: impl Fn() -> bool) -> bool {
    if has_come() {
        return true;
    }
    if blocking::is_so() {
        return false;
    }
    let luck = LUCK.get();
    if let Some(left) = luck.left.checked_sub(1) {
        LUCK.set(Luck { left, ..luck });
        return false;
    }
    let comes = comes_soon(has_come);
    LUCK.set(if comes {
        GOOD
    } else {
        Luck {
            skips: (2 * luck.skips + 1).min(MOST_SKIPS),
            left: luck.skips,
        }
    });
    comes
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

#[cfg(all(test, not(any(letgo_loom, letgo_shuttle))))]
mod tests {
    use super::*;

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
        // While a moment is forgone, too, what has come is seen.
        assert_eq!(poll(1), 1);
        skips();
        while poll(4) == 1 {}
        assert_eq!(poll(NEVER), LOOKS + 1);
        assert_eq!(skips(), 1);
    }
}
