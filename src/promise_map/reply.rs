//! The right to the answer for a key.

use std::fmt;
use std::future::Future;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::FusedFuture;

use super::table::Question;
use crate::combine::eventual_methods;
use crate::error::JoinError;
use crate::eventual::Eventual;
use crate::lend;
use crate::sync::Arc;
use crate::unwind::quietly;
use crate::wait;

/// What a [`Reply`] needs of its map.
pub(super) trait Questions<V>: Send + Sync + UnwindSafe + RefUnwindSafe {
    /// The answer, or the promise to wake, if there is somebody to wake; `None` if none will come.
    fn poll(&self, question: Question, waker: Option<&Waker>) -> Poll<Option<V>>;
    /// Whether there is an answer, or none will come.
    fn has_ended(&self, question: Question) -> bool;
    /// Ends the question, if it waits for an answer.
    fn cancel(&self, question: Question);
    /// Nobody will ask for the answer.
    fn let_go(&self, question: Question);
}

/// The answer to come for a key of a [`PromiseMap`](crate::PromiseMap).
///
/// # Cancel safety
/// Awaiting may be given up at any time. Dropping it gives the question up and frees the key; an answer
/// that comes later is handed back to whoever brings it.
#[must_use = "a dropped reply gives its question up; `get` or `.await` it"]
pub struct Reply<K, V> {
    /// `None` once the answer was given away.
    questions: Option<Arc<dyn Questions<V>>>,
    key: K,
    question: Question,
    asked_at: &'static Location<'static>,
}

impl<K, V> Reply<K, V> {
    pub(super) fn new(
        questions: Arc<dyn Questions<V>>,
        key: K,
        question: Question,
        asked_at: &'static Location<'static>,
    ) -> Self {
        Self {
            questions: Some(questions),
            key,
            question,
            asked_at,
        }
    }

    /// The key that was asked under.
    ///
    /// ```
    /// let replies = letgo::PromiseMap::<u16, &str>::new();
    /// assert_eq!(replies.insert(7).unwrap().key(), &7);
    /// ```
    pub fn key(&self) -> &K {
        &self.key
    }

    /// As [`get`](Self::get), with a cancellation as an error.
    ///
    /// ```
    /// let replies = letgo::PromiseMap::<u16, &str>::new();
    /// let reply = replies.insert(7).unwrap();
    /// drop(replies); // nobody can answer any more
    /// assert!(reply.join().unwrap_err().is_cancelled());
    /// ```
    ///
    /// # Errors
    /// [`JoinError::Cancelled`] if the question was cancelled, or the last handle of the map dropped.
    ///
    /// # Panics
    /// If the reply has given its answer away to an `.await` before.
    ///
    /// # Blocking
    /// As [`JoinHandle::join`](crate::JoinHandle::join).
    #[track_caller]
    pub fn join(mut self) -> Result<V, JoinError> {
        // What is there already is had without a waker.
        if let Poll::Ready(outcome) = self.poll_outcome(None) {
            return outcome;
        }
        match wait::block_until(None, |cx| self.poll_outcome(Some(cx.waker()))) {
            Some(outcome) => outcome,
            None => unreachable!("a wait without a deadline ends with the value"),
        }
    }

    /// The outcome, without panicking.
    #[track_caller]
    fn poll_outcome(&mut self, waker: Option<&Waker>) -> Poll<Result<V, JoinError>> {
        let Some(questions) = &self.questions else {
            panic!("this reply has given its answer away already: it can be had only once");
        };
        let answer = questions.poll(self.question, waker);
        answer.map(|answer| {
            self.questions = None;
            answer.ok_or(JoinError::Cancelled)
        })
    }
}

impl<K, V> Future for Reply<K, V> {
    type Output = V;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<V> {
        let asked_at = self.asked_at;
        match self.poll_outcome(Some(cx.waker())) {
            Poll::Ready(Ok(value)) => Poll::Ready(value),
            Poll::Ready(Err(error)) => error.resume(asked_at),
            Poll::Pending => {
                lend::help_while_pending(cx);
                Poll::Pending
            }
        }
    }
}

/// Nothing in it is ever pinned: the answer is in the map.
impl<K, V> Unpin for Reply<K, V> {}

impl<K, V> FusedFuture for Reply<K, V> {
    fn is_terminated(&self) -> bool {
        self.questions.is_none()
    }
}

impl<K, V> Eventual for Reply<K, V> {
    #[track_caller]
    fn get(self) -> V {
        let asked_at = self.asked_at;
        match self.join() {
            Ok(value) => value,
            Err(error) => error.resume(asked_at),
        }
    }

    #[track_caller]
    fn try_get(mut self) -> Result<V, Self> {
        match self.poll_outcome(None) {
            Poll::Ready(Ok(value)) => Ok(value),
            Poll::Ready(Err(error)) => error.resume(self.asked_at),
            Poll::Pending => Err(self),
        }
    }

    fn is_finished(&self) -> bool {
        let questions = self.questions.as_ref();
        questions.is_none_or(|questions| questions.has_ended(self.question))
    }

    fn cancel(&self) {
        if let Some(questions) = &self.questions {
            questions.cancel(self.question);
        }
    }
}

eventual_methods!([K, A] Reply<K, A> []);

impl<K, V> Drop for Reply<K, V> {
    fn drop(&mut self) {
        if let Some(questions) = &self.questions {
            quietly(|| questions.let_go(self.question));
        }
    }
}

impl<K: fmt::Debug, V> fmt::Debug for Reply<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("key", self.key())
            .field("finished", &Eventual::is_finished(self))
            .finish_non_exhaustive()
    }
}
