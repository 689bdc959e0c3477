//! The consumer's side: waiting for items, iterating, streaming.

use std::fmt;
use std::future::Future;
use std::hint;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::Instant;

use futures_core::{FusedFuture, Stream};

use super::channel::{Channel, Look};
use super::failure::Item;
use super::{FanIn, value};
use crate::sync::times;
use crate::wait;
use crate::waiters::Place;

/// How long a thread that finds nothing leaves the producers alone before it looks once more, about half
/// a microsecond: several values taken in one go cost less than each in its own.
const PAUSE: usize = 32;

/// How often it then lets others run, if it is in step with them: on a machine with more to do than it has
/// cores a producer's first value wakes the receiver, who takes the core from the producer before
/// there is a second one, and so on.
const YIELDS: usize = times(8, 1);

fn is_to_come(deadline: Instant) -> bool {
    Instant::now() < deadline
}

/// A receiver, which may wait.
pub(super) struct Receiving<'a, I> {
    channel: &'a Channel<I>,
    place: Place,
}

impl<'a, I> Receiving<'a, I> {
    #[inline]
    pub(super) fn new(channel: &'a Channel<I>) -> Self {
        let place = Place::FIRM;
        Self { channel, place }
    }

    /// Blocks this thread for an item or the end (`Some(None)`), up to the deadline (`None`).
    #[inline]
    pub(super) fn block(self, deadline: Option<Instant>) -> Option<Option<I>> {
        match self.channel.look() {
            Look::Item(item) => Some(Some(item)),
            Look::Ended => Some(None),
            Look::Empty(_) => self.wait(deadline),
        }
    }

    #[cold]
    fn wait(mut self, deadline: Option<Instant>) -> Option<Option<I>> {
        for _ in 0..PAUSE {
            hint::spin_loop();
        }
        for _ in 0..YIELDS {
            match self.channel.look() {
                Look::Item(item) => return Some(Some(item)),
                Look::Ended => return Some(None),
                Look::Empty(in_step) if in_step && deadline.is_none_or(is_to_come) => {
                    thread::yield_now();
                }
                Look::Empty(_) => break,
            }
        }
        wait::block_until(deadline, |cx| self.poll(cx))
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<I>> {
        self.channel.poll(&mut self.place, cx)
    }
}

impl<I> Drop for Receiving<'_, I> {
    #[inline]
    fn drop(&mut self) {
        self.channel.leave(&mut self.place);
    }
}

/// What [`FanIn::recv_async`] gives.
///
/// # Panics
/// As [`FanIn::recv`]: with a producer's panic, at its turn; likewise if a producer was cancelled.
///
/// # Cancel safety
/// Dropped before it is ready, it has taken no value: whoever receives next has it.
#[must_use = "it receives nothing unless it is awaited"]
pub struct RecvAsync<'a, T> {
    receiving: Receiving<'a, Item<T>>,
    over: bool,
}

impl<'a, T> RecvAsync<'a, T> {
    pub(super) fn new(channel: &'a Channel<Item<T>>) -> Self {
        let receiving = Receiving::new(channel);
        Self {
            receiving,
            over: false,
        }
    }
}

impl<T> Future for RecvAsync<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let item = std::task::ready!(self.receiving.poll(cx));
        self.over = true;
        Poll::Ready(item.map(value))
    }
}

impl<T> FusedFuture for RecvAsync<'_, T> {
    fn is_terminated(&self) -> bool {
        self.over
    }
}

impl<T> fmt::Debug for RecvAsync<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvAsync")
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

/// A stream of the values as they come, which ends when the fan-in has.
///
/// # Panics
/// With a producer's panic, at its turn; the stream goes on afterwards.
impl<T> Stream for FanIn<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        this.channel
            .poll(&mut this.place, cx)
            .map(|item| item.map(value))
    }
}

/// The values as they come: what `for value in &fan` goes through.
///
/// # Panics
/// As [`FanIn::recv`], at the producer's turn; asked again, it gives the next value.
///
/// # Blocking
/// As [`FanIn::recv`], for each value.
#[must_use = "it receives nothing unless it is iterated"]
pub struct Iter<'a, T>(&'a FanIn<T>);

/// The values as they come: what `for value in fan` goes through.
///
/// # Panics
/// As [`FanIn::recv`], at the producer's turn; asked again, it gives the next value.
///
/// # Blocking
/// As [`FanIn::recv`], for each value.
#[must_use = "it receives nothing unless it is iterated"]
pub struct IntoIter<T>(FanIn<T>);

impl<'a, T> Iter<'a, T> {
    pub(super) fn new(fan: &'a FanIn<T>) -> Self {
        Self(fan)
    }
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.recv()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.recv()
    }
}

impl<'a, T> IntoIterator for &'a FanIn<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        Iter::new(self)
    }
}

impl<T> IntoIterator for FanIn<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(self.0).finish()
    }
}

impl<T> fmt::Debug for IntoIter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IntoIter").field(&self.0).finish()
    }
}
