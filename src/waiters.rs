//! A line of those who wait for the same thing, each to be woken once.

use std::collections::VecDeque;
use std::mem;
use std::task::Waker;

/// Those who wait, oldest first.
///
/// It is for its owner to guard it with a lock, and to clone, wake and drop wakers outside of that lock:
/// a waker may run whoever waits at once, and he may come back here.
#[derive(Default)]
pub(crate) struct Waiters {
    /// By their numbers, which count up.
    waiting: VecDeque<(u64, Waker)>,
    next: u64,
}

/// A place among the waiters: kept from poll to poll, `None` before the first.
pub(crate) type Place = Option<u64>;

impl Waiters {
    /// Waits in `place`, or, if it has none (any more), at the end of the line; gives the waker that was
    /// there before.
    pub(crate) fn wait(&mut self, place: &mut Place, waker: Waker) -> Option<Waker> {
        if let Some(index) = self.find(*place) {
            return Some(mem::replace(&mut self.waiting[index].1, waker));
        }
        *place = Some(self.next);
        self.waiting.push_back((self.next, waker));
        self.next += 1;
        None
    }

    /// The oldest, to be woken.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Waker> {
        self.waiting.pop_front().map(|(_, waker)| waker)
    }

    /// Everybody, to be woken.
    pub(crate) fn all(&mut self) -> impl Iterator<Item = Waker> + use<> {
        let all = mem::take(&mut self.waiting);
        all.into_iter().map(|(_, waker)| waker)
    }

    /// Waits no longer; gives the waker, unless it was given out to be woken before.
    pub(crate) fn leave(&mut self, place: Place) -> Option<Waker> {
        let index = self.find(place)?;
        self.waiting.remove(index).map(|(_, waker)| waker)
    }

    fn find(&self, place: Place) -> Option<usize> {
        let number = place?;
        let waiting = &self.waiting;
        waiting.binary_search_by_key(&number, |(n, _)| *n).ok()
    }
}
