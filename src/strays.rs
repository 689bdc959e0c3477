//! Tasks that were claimed where nobody comes by their entries.
//!
//! A thread that claims a task whose entry is in its own stack sees to that entry itself ([`entries`](crate::entries)). One in another
//! thread's stack, or in the queue for all, is out of its reach: it stays there, stale, until some thread comes by it. While all
//! are busy for long nobody does, and what is spawned and claimed meanwhile would fill the memory. So such claims are counted, and
//! whoever adds one more entry to a queue clears it up when they are most of what is there.
//!
//! The counts are rough: queues share them, and an entry that somebody has come by is in them still. Who clears up too often
//! has more to do, and no more.

use crate::entries::Berth;
use crate::sync::fixed::AtomicU32;
use crate::sync::{Ordering, times};

/// How many there may be in a queue, be it never so short. (A model clears up by itself: here all of them share the counts.)
const MANY: usize = times(1024, usize::MAX);

/// How many counts there are.
const COUNTS: usize = 64;

/// How many tasks were claimed out of their owner's reach, by the queue that has their entries.
static CLAIMED: [AtomicU32; COUNTS] = [const { AtomicU32::new(0) }; COUNTS];

fn count(queue: u32) -> &'static AtomicU32 {
    &CLAIMED[queue as usize % COUNTS]
}

/// A task was claimed whose entry is there, out of reach.
#[cold]
pub(crate) fn claimed(berth: Berth) {
    count(berth.queue()).fetch_add(1, Ordering::Relaxed);
}

/// What a queue knows of its strays.
pub(crate) struct Strays {
    /// Its number; 0 if there were too many to tell them apart.
    pub(crate) queue: u32,
    /// What the count was when they were cleared up last.
    cleared: AtomicU32,
}

impl Strays {
    /// Those of a new queue.
    pub(crate) fn new() -> Self {
        static QUEUES: AtomicU32 = AtomicU32::new(0);
        let before = |queues: u32| queues.checked_add(1);
        let queue = QUEUES
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, before)
            .map_or(0, |queues| queues + 1);
        Self {
            queue,
            cleared: AtomicU32::new(count(queue).load(Ordering::Relaxed)),
        }
    }

    /// Whether they are to be cleared up, being many, and half of what is in the queue or more. It is said to one, and once.
    #[inline]
    pub(crate) fn are_too_many(&self, len: impl FnOnce() -> usize) -> bool {
        let now = count(self.queue).load(Ordering::Relaxed);
        let cleared = self.cleared.load(Ordering::Relaxed);
        let strays = now.wrapping_sub(cleared) as usize;
        let told = || {
            self.cleared
                .compare_exchange(cleared, now, Ordering::Relaxed, Ordering::Relaxed)
        };
        strays >= MANY && strays >= len() / 2 && told().is_ok()
    }
}
