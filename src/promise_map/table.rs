//! The keys of a map and what became of each: a state machine that is told the time.
//!
//! | state | meaning | what ends it |
//! |---|---|---|
//! | `Waiting` | asked; the asker's waker, once it waits | an answer, a cancel, the asker letting go |
//! | `Answered` | the answer waits to be taken, or the key lingers | the asker letting go, and the linger |
//! | `GivenUp` | nobody asks any more, the key lingers | the linger |
//!
//! It runs under the map's lock, so it hands out whatever is to be woken or dropped. The only code of a
//! user that runs in here is the keys' `Eq`, and before anything is changed, so that its panic leaves
//! the table as it was.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::mem;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::by_hash::{ByHash, Found, SMALL};
use super::delivery::Delivery;
use crate::unwind::quietly;

#[cfg(test)]
mod tests;

/// Names a question, of whatever type its key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Of its key: where to look for it.
    hash: u64,
    /// Tells it from earlier and later questions under its key.
    number: u64,
}

/// A key that is looked for, and its hash.
pub(super) struct Wanted<'a, Q: ?Sized>(pub(super) u64, pub(super) &'a Q);

pub(super) struct Table<K, V> {
    entries: ByHash<Entry<K, V>>,
    /// The questions that ended and whose keys linger, in the order they ended.
    lingering: VecDeque<(Instant, Question)>,
    waiting: usize,
    /// How many questions there were.
    asked: u64,
}

struct Entry<K, V> {
    number: u64,
    key: K,
    state: State<V>,
}

enum State<V> {
    Waiting(Option<Waker>),
    /// `None`: taken, or let go.
    Answered {
        value: Option<V>,
        lingers: bool,
    },
    GivenUp,
}

/// What an asker gets.
pub(super) enum Got<K, V> {
    Answer(V, Option<K>),
    /// The question was cancelled.
    Nothing,
    /// Nothing yet: the waker is in place, and the one before it is handed out.
    Waits(Option<Waker>),
    /// Nothing yet, and a clone of the waker is needed.
    Unwatched,
}

/// What is left of a question, for the one who waited, or to be dropped: outside the lock.
#[must_use = "somebody may have to be woken"]
pub(super) struct Remains<K, V> {
    state: State<V>,
    key: Option<K>,
}

/// How many keys are swept in one go, so that the lock is never held for long.
const SWEEP: usize = 64;

impl<K, V> Remains<K, V> {
    /// The waker of who waited.
    pub(super) fn waker(&mut self) -> Option<Waker> {
        match &mut self.state {
            State::Waiting(waker) => waker.take(),
            _ => None,
        }
    }
}

impl<K, V> Drop for Remains<K, V> {
    fn drop(&mut self) {
        // One after the other: whoever else is to be woken is not to wait for ever because one panics.
        let state = mem::replace(&mut self.state, State::GivenUp);
        quietly(|| drop(state));
        quietly(|| drop(self.key.take()));
    }
}

impl<K, V> From<State<V>> for Remains<K, V> {
    fn from(state: State<V>) -> Self {
        Self { state, key: None }
    }
}

impl<K, V> From<Entry<K, V>> for Remains<K, V> {
    fn from(entry: Entry<K, V>) -> Self {
        Self {
            state: entry.state,
            key: Some(entry.key),
        }
    }
}

impl<K, V> Entry<K, V> {
    fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }
}

impl<K, V> Table<K, V> {
    pub(super) fn new() -> Self {
        Self {
            entries: ByHash::new(),
            lingering: VecDeque::new(),
            waiting: 0,
            asked: 0,
        }
    }

    /// How many keys wait for an answer.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether a [`sweep`](Self::sweep) may have something to do.
    pub(super) fn lingers(&self) -> bool {
        !self.lingering.is_empty()
    }

    /// The asker asks for its answer; if there is none yet, `waker`, if given, is from now on the one to
    /// be woken. `clone`, one of the same waker, is used if it is needed.
    #[inline]
    pub(super) fn take(
        &mut self,
        question: Question,
        waker: Option<&Waker>,
        clone: &mut Option<Waker>,
    ) -> Got<K, V> {
        let Some(mut found) = find(&mut self.entries, question) else {
            return Got::Nothing;
        };
        match (&mut found.get_mut().state, waker) {
            (State::Waiting(_), None) => Got::Waits(None),
            (State::Waiting(Some(old)), Some(waker)) if old.will_wake(waker) => Got::Waits(None),
            (State::Waiting(old), Some(_)) => match clone.take() {
                Some(new) => Got::Waits(old.replace(new)),
                None => Got::Unwatched,
            },
            (State::Answered { value, lingers }, _) => match value.take() {
                Some(value) if *lingers => Got::Answer(value, None),
                Some(value) => {
                    let key = found.remove().key;
                    self.entries.shrink();
                    Got::Answer(value, Some(key))
                }
                None => Got::Nothing,
            },
            (State::GivenUp, _) => Got::Nothing,
        }
    }

    /// Whether there is an answer, or none will come.
    pub(super) fn has_ended(&mut self, question: Question) -> bool {
        let found = find(&mut self.entries, question);
        found.is_none_or(|mut found| !found.get_mut().is_waiting())
    }

    /// Nobody wants the answer any more. Where the time is told, the key lingers.
    #[inline]
    pub(super) fn let_go(
        &mut self,
        question: Question,
        now: Option<Instant>,
    ) -> Option<Remains<K, V>> {
        let mut found = find(&mut self.entries, question)?;
        let state = &mut found.get_mut().state;
        match (&mut *state, now) {
            (State::Waiting(_), Some(now)) => {
                self.waiting -= 1;
                self.lingering.push_back((now, question));
                Some(mem::replace(state, State::GivenUp).into())
            }
            (State::Answered { value, lingers }, _) if *lingers => {
                let (value, lingers) = (value.take(), true);
                Some(State::Answered { value, lingers }.into())
            }
            (State::GivenUp, _) => None,
            (State::Waiting(_) | State::Answered { .. }, _) => {
                let entry = found.remove();
                self.waiting -= usize::from(entry.is_waiting());
                self.entries.shrink();
                Some(entry.into())
            }
        }
    }

    /// Ends the wait for an answer, if there is one.
    pub(super) fn cancel(
        &mut self,
        question: Question,
        now: Option<Instant>,
    ) -> Option<Remains<K, V>> {
        if self.has_ended(question) {
            return None;
        }
        self.let_go(question, now)
    }

    /// Ends every wait for an answer.
    pub(super) fn cancel_all(&mut self, now: Option<Instant>) -> Vec<Remains<K, V>> {
        self.waiting = 0;
        let Some(now) = now else {
            let waiting = self.entries.extract(Entry::is_waiting);
            return waiting.into_iter().map(Remains::from).collect();
        };
        let mut remains = Vec::new();
        for (hash, entry) in self.entries.iter_mut() {
            if entry.is_waiting() {
                let number = entry.number;
                self.lingering.push_back((now, Question { hash, number }));
                remains.push(mem::replace(&mut entry.state, State::GivenUp).into());
            }
        }
        remains
    }

    /// Lets go of keys that have lingered for `linger`; of none if there are none.
    pub(super) fn sweep(&mut self, now: Instant, linger: Duration) -> Vec<Remains<K, V>> {
        let mut remains = Vec::new();
        while let Some((ended, question)) = self.lingering.front() {
            if remains.len() == SWEEP || now.saturating_duration_since(*ended) < linger {
                break;
            }
            if let Some(mut found) = find(&mut self.entries, *question) {
                match &mut found.get_mut().state {
                    // It is still to be taken.
                    State::Answered { value, lingers } if value.is_some() => *lingers = false,
                    _ => remains.push(found.remove().into()),
                }
            }
            self.lingering.pop_front();
        }
        if !remains.is_empty() {
            self.entries.shrink();
            let kept = self.lingering.len();
            if self.lingering.capacity() > (2 * SMALL).max(8 * kept) {
                self.lingering.shrink_to(SMALL.max(2 * kept));
            }
        }
        remains
    }
}

impl<K, V> Drop for Table<K, V> {
    fn drop(&mut self) {
        // As everywhere: one that panics takes no other along.
        let left = self.entries.extract(|_| true);
        left.into_iter().map(Remains::from).for_each(drop);
    }
}

impl<K: Eq, V> Table<K, V> {
    /// Asks a new question. `Err`: the key is in use.
    #[inline]
    pub(super) fn ask(&mut self, hash: u64, key: K) -> Result<Question, Remains<K, V>> {
        let number = self.asked + 1;
        let state = State::Waiting(None);
        let entry = Entry { number, key, state };
        self.entries
            .insert(hash, entry, |old, new| old.key == new.key)?;
        self.asked = number;
        self.waiting += 1;
        Ok(Question { hash, number })
    }

    /// An answer comes; the waker is that of who waits for it.
    #[inline]
    pub(super) fn answer<Q>(
        &mut self,
        Wanted(hash, key): Wanted<'_, Q>,
        value: V,
        now: Option<Instant>,
    ) -> (Delivery<V>, Option<Waker>)
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let Some(mut found) = self.entries.find(hash, |entry| entry.key.borrow() == key) else {
            return (Delivery::Unknown(value), None);
        };
        let Entry { number, state, .. } = found.get_mut();
        match state {
            State::Waiting(waker) => {
                let waker = waker.take();
                let (value, lingers) = (Some(value), now.is_some());
                *state = State::Answered { value, lingers };
                self.waiting -= 1;
                if let Some(now) = now {
                    let number = *number;
                    self.lingering.push_back((now, Question { hash, number }));
                }
                (Delivery::Delivered, waker)
            }
            State::Answered { .. } => (Delivery::Duplicate(value), None),
            State::GivenUp => (Delivery::Late(value), None),
        }
    }

    /// The question that was asked under a key.
    pub(super) fn question<Q>(&mut self, Wanted(hash, key): Wanted<'_, Q>) -> Option<Question>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let mut found = self.entries.find(hash, |entry| entry.key.borrow() == key)?;
        let number = found.get_mut().number;
        Some(Question { hash, number })
    }
}

#[inline]
fn find<K, V>(
    entries: &mut ByHash<Entry<K, V>>,
    Question { hash, number }: Question,
) -> Option<Found<'_, Entry<K, V>>> {
    entries.find(hash, |entry| entry.number == number)
}
