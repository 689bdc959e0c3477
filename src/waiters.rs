//! A line of those who wait for the same thing, each to be woken once.

use std::collections::VecDeque;
use std::mem;
use std::task::Waker;

use crate::unwind::quietly;

/// Those who wait, oldest first.
///
/// It is for its owner to guard it with a lock, and to clone, wake and drop wakers outside of that lock:
/// a waker may run whoever waits at once, and he may come back here.
#[derive(Default)]
pub(crate) struct Waiters {
    /// By their numbers, which count up.
    waiting: VecDeque<Waiter>,
    next: u64,
}

struct Waiter {
    number: u64,
    waker: Waker,
    firm: bool,
}

/// A place among the waiters: kept from poll to poll.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    number: Option<u64>,
    /// Whether its owner comes when it is woken, or else leaves. One that is not firm may have been given up
    /// without a word (a stream that is polled no more), so that nobody relies on it.
    firm: bool,
}

/// Those whose turn it is: a firm waiter at the most, and whoever was before.
#[must_use = "they are to be woken"]
pub(crate) struct Called {
    soft: Vec<Waker>,
    firm: Option<Waker>,
}

impl Place {
    pub(crate) const FIRM: Self = Self {
        number: None,
        firm: true,
    };
    pub(crate) const SOFT: Self = Self {
        number: None,
        firm: false,
    };

    /// Whether it was ever waited in, and not left since.
    pub(crate) fn is_taken(self) -> bool {
        self.number.is_some()
    }
}

impl Called {
    pub(crate) fn wake(self) {
        for waker in self.soft.into_iter().chain(self.firm) {
            quietly(|| waker.wake());
        }
    }
}

impl Waiters {
    /// Waits in `place`, or, if it has none (any more), at the end of the line; gives the waker that was
    /// there before.
    pub(crate) fn wait(&mut self, place: &mut Place, waker: Waker) -> Option<Waker> {
        if let Some(index) = self.find(*place) {
            return Some(mem::replace(&mut self.waiting[index].waker, waker));
        }
        let (number, firm) = (self.next, place.firm);
        place.number = Some(number);
        self.waiting.push_back(Waiter {
            number,
            waker,
            firm,
        });
        self.next += 1;
        None
    }

    /// The oldest, to be woken: as many as it takes for a firm one to be among them.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Called> {
        if self.waiting.is_empty() {
            return None;
        }
        Some(self.call())
    }

    fn call(&mut self) -> Called {
        let mut called = Called {
            soft: Vec::new(),
            firm: None,
        };
        while let Some(waiter) = self.waiting.pop_front() {
            if waiter.firm {
                called.firm = Some(waiter.waker);
                break;
            }
            called.soft.push(waiter.waker);
        }
        called
    }

    /// Everybody, to be woken.
    pub(crate) fn all(&mut self) -> impl Iterator<Item = Waker> + use<> {
        let all = mem::take(&mut self.waiting);
        all.into_iter().map(|waiter| waiter.waker)
    }

    /// Waits no longer; gives the waker, unless it was given out to be woken before.
    pub(crate) fn leave(&mut self, place: &mut Place) -> Option<Waker> {
        let index = self.find(*place);
        place.number = None;
        self.waiting.remove(index?).map(|waiter| waiter.waker)
    }

    fn find(&self, place: Place) -> Option<usize> {
        let number = place.number?;
        let waiting = &self.waiting;
        waiting
            .binary_search_by_key(&number, |waiter| waiter.number)
            .ok()
    }
}
