//! A value whose failure is a value as well.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use crate::error::JoinError;
use crate::eventual::Eventual;
use crate::handle::JoinHandle;

/// What [`JoinHandle::settle`] gives: a `Result`, be it got or awaited.
///
/// # Cancel safety
/// As [`JoinHandle`]'s: awaiting may be given up at any time.
#[derive(Debug)]
#[must_use = "it does nothing unless it is got or awaited"]
pub struct Settle<E>(E);

impl<T> JoinHandle<T> {
    /// The value, or why there is none: [`join`](Self::join), for awaiting and combining too.
    ///
    /// ```
    /// use letgo::{JoinError, spawn_value};
    ///
    /// # futures::executor::block_on(async {
    /// let unlucky = spawn_value(|| -> i32 { panic!("no luck") });
    /// let error = unlucky.settle().await.unwrap_err();
    /// assert_eq!(error.message(), Some("no luck"));
    /// # });
    /// assert_eq!(spawn_value(|| 1).settle().get().unwrap(), 1);
    /// ```
    ///
    /// # Cancel safety
    /// As the handle's.
    pub fn settle(self) -> Settle<Self> {
        Settle(self)
    }
}

impl<T> Future for Settle<JoinHandle<T>> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_outcome(cx)
    }
}

impl<T> FusedFuture for Settle<JoinHandle<T>> {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}

impl<T> Eventual for Settle<JoinHandle<T>> {
    fn get(self) -> Self::Output {
        self.0.join()
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    fn cancel(&self) {
        self.0.cancel();
    }

    fn claim(&mut self) {
        self.0.claim();
    }

    fn is_traced(&self) -> bool {
        true
    }
}

eventual_methods!([T] Settle<JoinHandle<T>> []);
