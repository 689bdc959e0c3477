//! A future whose panics are values.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::unwind::{Payload, catch, quietly};

pin_project! {
    /// A future whose panic is its output. It is dropped before that is told of.
    pub(crate) struct Caught<Fut> {
        // `None` once it has ended.
        #[pin]
        future: Option<Fut>,
    }
}

impl<Fut> Caught<Fut> {
    pub(crate) fn new(future: Fut) -> Self {
        let future = Some(future);
        Self { future }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.future.is_none()
    }

    /// Drops the future, which may panic.
    pub(crate) fn discard(self: Pin<&mut Self>) -> Result<(), Payload> {
        let mut future = self.project().future;
        catch(|| future.set(None))
    }
}

impl<Fut: Future> Future for Caught<Fut> {
    type Output = Result<Fut::Output, Payload>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = catch(|| match self.as_mut().project().future.as_pin_mut() {
            Some(future) => future.poll(cx),
            None => unreachable!("it is polled until it ends"),
        });
        let outcome = match polled {
            Ok(polled) => Ok(ready!(polled)),
            Err(payload) => Err(payload),
        };
        // A panic of its drop is not to pass for a cancellation.
        Poll::Ready(match self.discard() {
            Ok(()) => outcome,
            Err(payload) => {
                quietly(|| drop(outcome));
                Err(payload)
            }
        })
    }
}
