//! What every value-to-come shares.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::handle::JoinHandle;
use crate::{blocking, wait};

/// A value to come: blocked on or awaited, once, at the point of use.
///
/// Handles are one, and so is everything made of them. Each has these methods of its own, too, so the
/// trait need be named only where code is generic over it:
///
/// ```
/// use letgo::{Eventual, spawn_value};
///
/// fn twice(value: impl Eventual<Output = i32>) -> i32 {
///     value.get() * 2
/// }
///
/// assert_eq!(twice(spawn_value(|| 1)), 2);
/// assert_eq!(twice(spawn_value(|| 1) + spawn_value(|| 2)), 6);
/// ```
///
/// A future of one's own becomes one by saying what `is_finished` and `cancel` are; the rest follows
/// from `poll`, which must bear wakers that do nothing and wakers that change.
///
/// # Cancel safety
/// Awaiting any of this crate's by `&mut` may be given up at any time: nothing is lost, and it may be
/// got or awaited later. One of one's own must keep to that, too, if a timed get is to hand it back whole.
#[must_use = "nothing waits for it unless it is got or awaited"]
pub trait Eventual: Future + Unpin {
    /// Blocks until the value is there, and gives it.
    ///
    /// What closures it is made of that no thread has started run on this thread, where the type
    /// says that it claims: see [`JoinHandle::get`].
    ///
    /// # Panics
    /// With the panic of a task it is made of; if one of them was cancelled.
    ///
    /// # Blocking
    /// As [`JoinHandle::get`].
    fn get(mut self) -> Self::Output
    where
        Self: Sized,
    {
        self.claim();
        match block(&mut self, None) {
            Some(value) => value,
            None => unreachable!("a wait without a deadline ends with the value"),
        }
    }

    /// The value if it is there, else what it was to come from. Neither blocks nor claims.
    ///
    /// # Errors
    /// `self`, if the value is not there.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    fn try_get(mut self) -> Result<Self::Output, Self>
    where
        Self: Sized,
    {
        let mut cx = Context::from_waker(Waker::noop());
        match blocking::aside(|| Pin::new(&mut self).poll(&mut cx)) {
            Poll::Ready(value) => Ok(value),
            Poll::Pending => Err(self),
        }
    }

    /// Blocks until the value is there or the time is over; never claims. `Duration::MAX` waits
    /// for ever.
    ///
    /// # Errors
    /// `self`, if the time was over first.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    ///
    /// # Blocking
    /// As [`get`](Self::get).
    fn get_timeout(self, timeout: Duration) -> Result<Self::Output, Self>
    where
        Self: Sized,
    {
        get_until(self, wait::deadline_in(timeout))
    }

    /// As [`get_timeout`](Self::get_timeout), up to a point in time.
    ///
    /// # Errors
    /// `self`, if the point was reached first.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    ///
    /// # Blocking
    /// As [`get`](Self::get).
    fn get_deadline(self, deadline: Instant) -> Result<Self::Output, Self>
    where
        Self: Sized,
    {
        get_until(self, Some(deadline))
    }

    /// Whether the value is there, or what there is instead of it.
    fn is_finished(&self) -> bool;

    /// Cancels the tasks it is made of: see [`JoinHandle::cancel`].
    fn cancel(&self);

    /// Runs on this thread what is claimable and not started. The value, if it is there by then, stays
    /// to be polled. It is to be polled in any case: the waker it was polled with before may be gone.
    #[doc(hidden)]
    fn claim(&mut self) {}

    /// Takes in what is there of several values, so that a failure among them shows before anything is
    /// claimed. It is to be polled afterwards, as after a [`claim`](Self::claim).
    #[doc(hidden)]
    fn look(&mut self) {}

    /// Whether it notes all that keeps it waiting when a thread that blocks polls it. What is not ours does
    /// not: it may have a timer, say, that ends the wait.
    #[doc(hidden)]
    fn is_traced(&self) -> bool {
        false
    }
}

fn get_until<E: Eventual>(mut eventual: E, deadline: Option<Instant>) -> Result<E::Output, E> {
    match block(&mut eventual, deadline) {
        Some(value) => Ok(value),
        None => Err(eventual),
    }
}

fn block<E: Eventual>(eventual: &mut E, deadline: Option<Instant>) -> Option<E::Output> {
    wait::block_for(deadline, |cx| poll(eventual, cx))
}

/// Polls what this thread may block for, alone or among others: what it does not note itself is noted to
/// be missing.
pub(crate) fn poll<E: Eventual>(eventual: &mut E, cx: &mut Context<'_>) -> Poll<E::Output> {
    let traced = eventual.is_traced();
    let poll = || Pin::new(eventual).poll(cx);
    if traced {
        poll()
    } else {
        blocking::untraced(poll)
    }
}

impl<T> Eventual for JoinHandle<T> {
    #[track_caller]
    #[inline]
    fn get(self) -> T {
        Self::get(self)
    }

    fn is_finished(&self) -> bool {
        Self::is_finished(self)
    }

    fn cancel(&self) {
        Self::cancel(self);
    }

    fn claim(&mut self) {
        self.run_here();
    }

    fn is_traced(&self) -> bool {
        true
    }
}
