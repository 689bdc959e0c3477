//! All of many values, of one type.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use super::gather::Gather;
use super::watch::Watch;
use crate::eventual::Eventual;

/// All the values, as a `Vec` in the order given, once all are there; of none, an empty one.
///
/// A panic of one surfaces at once; the others go on.
///
/// ```
/// use letgo::{join_all, spawn_value};
///
/// let squares = join_all((0..4).map(|n| spawn_value(move || n * n)));
/// assert_eq!(squares.get(), [0, 1, 4, 9]);
/// ```
///
/// # Panics
/// `join_all` itself doesn't, unless `iter` does; a panic of a member is one of whoever asks for the
/// values.
pub fn join_all<I>(iter: I) -> JoinAll<I::Item>
where
    I: IntoIterator,
    I::Item: Eventual,
{
    JoinAll(Gather::new(Watch::new(iter)))
}

/// All the values, as a `Vec` in the order given, or the first error, at once: the others are
/// cancelled then. Of none, an empty one.
///
/// A panic of one surfaces at once, and cancels the others.
///
/// ```
/// use letgo::{spawn_value, try_join_all};
///
/// let parse = |text: &'static str| spawn_value(move || text.parse::<i32>());
/// assert_eq!(try_join_all(["1", "2"].map(parse)).get(), Ok(vec![1, 2]));
/// assert!(try_join_all(["1", "x"].map(parse)).get().is_err());
/// ```
///
/// # Panics
/// As [`join_all`].
pub fn try_join_all<I, T, E>(iter: I) -> TryJoinAll<I::Item>
where
    I: IntoIterator,
    I::Item: Eventual<Output = Result<T, E>>,
{
    TryJoinAll(Gather::new(Watch::strict(iter)))
}

/// What [`join_all`] gives.
///
/// # Cancel safety
/// Awaiting may be given up at any time: the values that came so far are kept.
#[must_use = "it does nothing unless it is got or awaited"]
pub struct JoinAll<E: Eventual>(Gather<E>);

/// What [`try_join_all`] gives.
///
/// # Cancel safety
/// Awaiting may be given up at any time: the values that came so far are kept.
#[must_use = "it does nothing unless it is got or awaited"]
pub struct TryJoinAll<E: Eventual>(Gather<E>);

/// Only the members are polled, and those are `Unpin`.
impl<E: Eventual> Unpin for JoinAll<E> {}
impl<E: Eventual> Unpin for TryJoinAll<E> {}

impl<E: Eventual> Future for JoinAll<E> {
    type Output = Vec<E::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx, |_| false).map(|()| self.0.take().collect())
    }
}

impl<E: Eventual> FusedFuture for JoinAll<E> {
    fn is_terminated(&self) -> bool {
        self.0.is_spent()
    }
}

impl<E: Eventual> Eventual for JoinAll<E> {
    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    fn cancel(&self) {
        self.0.cancel();
    }

    fn claim(&mut self) {
        self.0.claim(|_| false);
    }

    fn look(&mut self) {
        _ = self.0.look(|_| false);
    }

    fn is_traced(&self) -> bool {
        true
    }
}

eventual_methods!([E] JoinAll<E> [E: Eventual]);

impl<E, T, X> Future for TryJoinAll<E>
where
    E: Eventual<Output = Result<T, X>>,
{
    type Output = Result<Vec<T>, X>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        std::task::ready!(self.0.poll(cx, Result::is_err));
        self.0.dismiss();
        if let Some(Err(error)) = self.0.take_stopper() {
            self.0.drop_rest();
            return Poll::Ready(Err(error));
        }
        Poll::Ready(self.0.take().collect())
    }
}

impl<E, T, X> FusedFuture for TryJoinAll<E>
where
    E: Eventual<Output = Result<T, X>>,
{
    fn is_terminated(&self) -> bool {
        self.0.is_spent()
    }
}

impl<E, T, X> Eventual for TryJoinAll<E>
where
    E: Eventual<Output = Result<T, X>>,
{
    /// Whether all members have ended, or an error was seen: only a look at the value shows one.
    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    fn cancel(&self) {
        self.0.cancel();
    }

    fn claim(&mut self) {
        self.0.claim(Result::is_err);
    }

    fn look(&mut self) {
        _ = self.0.look(Result::is_err);
    }

    fn is_traced(&self) -> bool {
        true
    }
}

eventual_methods!([E, T, X] TryJoinAll<E> [E: Eventual<Output = Result<T, X>>]);

impl<E: Eventual> fmt::Debug for JoinAll<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JoinAll").field(&self.0).finish()
    }
}

impl<E: Eventual> fmt::Debug for TryJoinAll<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryJoinAll").field(&self.0).finish()
    }
}
