//! The producers' side: values sent by hand.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use super::channel::{Channel, Refused};
use super::error::{SendError, TrySendError};
use super::failure::Item;
use super::sending::{self, Sending};
use crate::sync::Arc;

/// For a producer of many values: what [`FanIn::sender`](crate::FanIn::sender) gives.
///
/// The fan-in does not end before every sender is dropped: move it into the producer. Of one
/// sender the values arrive in the order they were sent in.
///
/// ```
/// use letgo::FanIn;
/// use std::thread;
///
/// let fan = FanIn::bounded(2);
/// let out = fan.sender();
/// thread::spawn(move || {
///     for n in 0..5 {
///         out.send(n).unwrap(); // waits while the buffer is full
///     }
/// });
/// assert_eq!(fan.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
/// ```
#[must_use = "a fan-in is open while it has a sender, even one that sends nothing"]
pub struct FanInSender<T> {
    pub(super) channel: Arc<Channel<Item<T>>>,
}

impl<T> FanInSender<T> {
    pub(super) fn new(channel: &Arc<Channel<Item<T>>>) -> Self {
        channel.add_producer();
        let channel = Arc::clone(channel);
        Self { channel }
    }

    /// Sends a value; blocks while the buffer is full.
    ///
    /// ```
    /// use letgo::{FanIn, SendError};
    ///
    /// let fan = FanIn::bounded(1);
    /// let out = fan.sender();
    /// assert_eq!(out.send(1), Ok(()));
    /// drop(fan);
    /// assert_eq!(out.send(2), Err(SendError(2)));
    /// ```
    ///
    /// # Errors
    /// The value, if the [`FanIn`](crate::FanIn) is gone, or goes while this waits.
    ///
    /// # Blocking
    /// On a thread of a [`Pool`](crate::Pool) it tells the pool, which lets another thread run
    /// meanwhile. Inside an async runtime it blocks the runtime's thread: use
    /// [`send_async`](Self::send_async) there. In a job that a waiting thread runs, as no thread can be made
    /// for it, this does not block: the one who waits may be the one who receives. The value waits in
    /// line for room.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        sending::block(&self.channel, Ok(value)).map_err(|item| SendError(sent(item)))
    }

    /// Sends a value; the future is ready once there was room for it.
    ///
    /// # Errors
    /// The value, if the [`FanIn`](crate::FanIn) is gone, or goes while this waits.
    ///
    /// # Blocking
    /// It waits as futures do. A poll that finds no room first lets other threads run a few times (as
    /// [`std::thread::yield_now`] does), unless that has cost this thread more so far than it has saved. Beside programs
    /// that compute, it may take a poll some milliseconds, now and then.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it sends nothing, and the value is dropped.
    pub fn send_async(&self, value: T) -> SendAsync<'_, T> {
        SendAsync(Sending::new(&self.channel, Ok(value)))
    }

    /// Sends a value if there is room at once.
    ///
    /// ```
    /// use letgo::{FanIn, TrySendError};
    ///
    /// let fan = FanIn::bounded(1);
    /// let out = fan.sender();
    /// assert_eq!(out.try_send(1), Ok(()));
    /// assert_eq!(out.try_send(2), Err(TrySendError::Full(2)));
    /// drop(fan);
    /// assert_eq!(out.try_send(3), Err(TrySendError::Closed(3)));
    /// ```
    ///
    /// # Errors
    /// The value, if there is no room or the [`FanIn`](crate::FanIn) is gone.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.channel
            .try_push(Ok(value))
            .map_err(|refused| match refused {
                Refused::Full(item) => TrySendError::Full(sent(item)),
                Refused::Closed(item) => TrySendError::Closed(sent(item)),
            })
    }
}

/// What comes back is what was handed in.
fn sent<T>(item: Item<T>) -> T {
    match item {
        Ok(value) => value,
        Err(_) => unreachable!("a value was sent, no failure"),
    }
}

impl<T> Clone for FanInSender<T> {
    fn clone(&self) -> Self {
        Self::new(&self.channel)
    }
}

impl<T> Drop for FanInSender<T> {
    fn drop(&mut self) {
        self.channel.remove_producer();
    }
}

impl<T> fmt::Debug for FanInSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanInSender")
            .field("closed", &self.channel.is_closed())
            .finish_non_exhaustive()
    }
}

/// What [`FanInSender::send_async`] gives.
///
/// # Panics
/// If it is polled again after it was ready.
///
/// # Cancel safety
/// Dropped before it is ready, it sends nothing, and the value is dropped.
#[must_use = "it sends nothing unless it is awaited"]
pub struct SendAsync<'a, T>(Sending<'a, Item<T>>);

impl<T> Future for SendAsync<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = std::task::ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(result.map_err(|item| SendError(sent(item))))
    }
}

impl<T> FusedFuture for SendAsync<'_, T> {
    fn is_terminated(&self) -> bool {
        self.0.is_over()
    }
}

impl<T> fmt::Debug for SendAsync<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendAsync")
            .field("over", &self.is_terminated())
            .finish_non_exhaustive()
    }
}
