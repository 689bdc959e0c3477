//! Many values, in the order they finish.

use std::fmt;
use std::future::poll_fn;
use std::iter::FusedIterator;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::stream::FusedStream;

use super::watch::Watch;
use crate::eventual::Eventual;
use crate::wait;

/// The values, one after the other, in the order they finish: an iterator in sync code, a stream in
/// async code.
///
/// It watches from the moment it is made, so the order is kept even if nobody asks for a value
/// meanwhile; what has finished before comes first, in the order given. Of none, it ends at
/// once. Nothing is ever claimed.
///
/// A panic comes at its turn, and the others go on: asked again, it gives the next value. To have
/// failures as values, give it [`settle`](crate::JoinHandle::settle)d handles.
///
/// ```
/// use letgo::{as_completed, promise};
///
/// let (slow, a) = promise();
/// let (fast, b) = promise();
/// let values = as_completed([a, b]);
/// fast.resolve("fast").unwrap();
/// slow.resolve("slow").unwrap();
/// assert_eq!(values.into_iter().collect::<Vec<_>>(), ["fast", "slow"]);
/// ```
///
/// ```
/// # futures::executor::block_on(async {
/// use futures::StreamExt;
/// use letgo::{as_completed, spawn_value};
///
/// let squares = as_completed((0..4).map(|n| spawn_value(move || n * n)));
/// assert_eq!(squares.fold(0, |sum, square| async move { sum + square }).await, 14);
/// # });
/// ```
pub fn as_completed<I>(iter: I) -> AsCompleted<I::Item>
where
    I: IntoIterator,
    I::Item: Eventual,
{
    let mut watch = Watch::new(iter);
    watch.begin();
    AsCompleted(watch)
}

/// What [`as_completed`] gives: an [`IntoIterator`] and a [`Stream`].
///
/// Dropping it detaches the tasks whose values were not had.
///
/// # Cancel safety
/// Awaiting the next value may be given up at any time: a value is taken only as it is given.
#[must_use = "nothing waits for the values unless they are asked for"]
pub struct AsCompleted<E: Eventual>(Watch<E>);

/// Gives the values of an [`AsCompleted`], each as soon as it is there.
///
/// # Panics
/// As [`AsCompleted::recv`], at the turn of the task; asked again, it gives the next value.
///
/// # Blocking
/// As [`AsCompleted::recv`], for each value.
#[derive(Debug)]
#[must_use = "nothing waits for the values unless they are asked for"]
pub struct AsCompletedIter<E: Eventual>(AsCompleted<E>);

impl<E: Eventual> AsCompleted<E> {
    /// Blocks until the next value is there; `None` when all were had.
    ///
    /// ```
    /// use letgo::{as_completed, spawn_value};
    ///
    /// let mut values = as_completed([spawn_value(|| 1), spawn_value(|| 1)]);
    /// assert_eq!((values.recv(), values.recv(), values.recv()), (Some(1), Some(1), None));
    /// ```
    ///
    /// # Panics
    /// With the panic of the task whose turn it is, or if that was cancelled.
    ///
    /// # Blocking
    /// As [`JoinHandle::get`](crate::JoinHandle::get), but it never claims: on an executor that nobody
    /// else runs it waits for ever.
    pub fn recv(&mut self) -> Option<E::Output> {
        match wait::block_for(None, |cx| self.0.poll_next(cx)) {
            Some(next) => next.map(|(_, value)| value),
            None => unreachable!("a wait without a deadline ends with a value"),
        }
    }

    /// As [`recv`](Self::recv), to be awaited: what `StreamExt::next` does, where that is not at hand.
    ///
    /// ```
    /// use letgo::{as_completed, spawn_value};
    ///
    /// # futures::executor::block_on(async {
    /// let mut values = as_completed([spawn_value(|| 1)]);
    /// assert_eq!(values.recv_async().await, Some(1));
    /// assert_eq!(values.recv_async().await, None);
    /// # });
    /// ```
    ///
    /// # Panics
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// Awaiting may be given up at any time.
    pub async fn recv_async(&mut self) -> Option<E::Output> {
        poll_fn(|cx| self.poll_value(cx)).await
    }

    /// How many values are to be had still.
    pub fn len(&self) -> usize {
        self.0.left()
    }

    /// Whether all values were had.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cancels what has not ended: see [`JoinHandle::cancel`](crate::JoinHandle::cancel).
    pub fn cancel(&self) {
        self.0.cancel();
    }

    fn poll_value(&mut self, cx: &mut Context<'_>) -> Poll<Option<E::Output>> {
        let next = self.0.poll_next(cx);
        next.map(|next| next.map(|(_, value)| value))
    }
}

/// Only the members are polled, and those are `Unpin`.
impl<E: Eventual> Unpin for AsCompleted<E> {}

impl<E: Eventual> Stream for AsCompleted<E> {
    type Item = E::Output;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_value(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<E: Eventual> FusedStream for AsCompleted<E> {
    fn is_terminated(&self) -> bool {
        self.is_empty()
    }
}

impl<E: Eventual> IntoIterator for AsCompleted<E> {
    type Item = E::Output;
    type IntoIter = AsCompletedIter<E>;

    fn into_iter(self) -> Self::IntoIter {
        AsCompletedIter(self)
    }
}

impl<E: Eventual> Iterator for AsCompletedIter<E> {
    type Item = E::Output;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.recv()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl<E: Eventual> ExactSizeIterator for AsCompletedIter<E> {}
impl<E: Eventual> FusedIterator for AsCompletedIter<E> {}

impl<E: Eventual> fmt::Debug for AsCompleted<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("to_come", &self.len())
            .finish_non_exhaustive()
    }
}
