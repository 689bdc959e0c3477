//! A line of those who wait for the same thing, each to be woken once.

use std::collections::VecDeque;
use std::mem;
use std::task::Waker;

/// Those who wait, oldest first. It is for its owner to guard it with a lock, and to wake and drop
/// what it gives out outside of that lock.
#[derive(Default)]
pub(super) struct Waiters {
    waiting: VecDeque<(u64, Waker)>,
    next: u64,
}

/// A place among the waiters: kept from poll to poll, `None` before the first.
pub(super) type Place = Option<u64>;

/// What a waiter that leaves finds.
pub(super) enum Left {
    /// It was woken, or never waited: somebody may have counted on it.
    Woken,
    /// It still waited.
    Waiting(#[expect(dead_code, reason = "to be dropped by the caller")] Waker),
}

impl Waiters {
    /// Waits in `place`, or at the end of the line; gives the waker that was there before.
    pub(super) fn wait(&mut self, place: &mut Place, waker: Waker) -> Option<Waker> {
        let mut entries = self.waiting.iter_mut();
        if let Some((_, old)) = entries.find(|(number, _)| Some(*number) == *place) {
            return Some(mem::replace(old, waker));
        }
        *place = Some(self.next);
        self.waiting.push_back((self.next, waker));
        self.next += 1;
        None
    }

    /// The oldest, to be woken.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Waker> {
        self.waiting.pop_front().map(|(_, waker)| waker)
    }

    /// Everybody, to be woken.
    pub(super) fn all(&mut self) -> impl Iterator<Item = Waker> + use<> {
        mem::take(&mut self.waiting)
            .into_iter()
            .map(|(_, waker)| waker)
    }

    pub(super) fn leave(&mut self, place: Place) -> Left {
        let index = self
            .waiting
            .iter()
            .position(|(number, _)| Some(*number) == place);
        match index.and_then(|index| self.waiting.remove(index)) {
            Some((_, waker)) => Left::Waiting(waker),
            None => Left::Woken,
        }
    }
}
