//! The first of several values, of one type, from different sources.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use crate::eventual::{self, Eventual};
use crate::unwind::{catch, quietly};

/// The value of the first to finish; the losers are cancelled when it is taken.
///
/// Takes any number of [`Eventual`](crate::Eventual)s but none, all of the same type of value, however
/// they come by it; for many of one kind there is [`race`](fn@crate::race). If several have finished
/// by the first look, the first of those in the order given wins. A panic of one that is seen
/// before there is a winner surfaces at once, and cancels the others. Nothing is ever claimed.
///
/// ```
/// use letgo::{promise, race, spawn_value};
///
/// let (_late, never) = promise();
/// let first = race!(never, spawn_value(|| 1) + spawn_value(|| 2));
/// assert_eq!(first.get(), 3);
/// ```
///
/// Of nothing it does not compile:
///
/// ```compile_fail
/// letgo::race!();
/// ```
#[macro_export]
macro_rules! race {
    () => {
        ::core::compile_error!("`race!` needs at least one member: a race of none never ends")
    };
    ($($member:expr),+ $(,)?) => {
        $crate::__nest!([$crate::__private::race] [$crate::__private::race_end()] $($member,)+)
    };
}

/// The first of two values; chained, of any number. What [`race!`](crate::race!) gives.
///
/// Dropping it detaches its members.
///
/// # Cancel safety
/// Awaiting may be given up at any time: the losers are cancelled only when there is a winner, whose
/// value is given at once.
#[must_use = "it does nothing unless it is got or awaited"]
pub struct Race<A, B> {
    /// `None` once there is a winner.
    members: Option<(A, B)>,
}

/// The end of a chain of [`Race`]s: it never comes.
#[must_use = "it does nothing unless it is got or awaited"]
pub struct RaceEnd<T>(PhantomData<fn() -> T>);

impl<A: Eventual, B: Eventual<Output = A::Output>> Race<A, B> {
    pub(super) fn new(first: A, second: B) -> Self {
        Self {
            members: Some((first, second)),
        }
    }

    /// What the losers' code does now is lost, not the value that was asked for.
    fn dismiss(&mut self) {
        if let Some((first, second)) = self.members.take() {
            quietly(|| first.cancel());
            quietly(|| second.cancel());
            quietly(|| drop(first));
            quietly(|| drop(second));
        }
    }
}

impl<A: Eventual, B: Eventual<Output = A::Output>> Future for Race<A, B> {
    type Output = A::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((first, second)) = &mut self.members else {
            panic!("this value was given away already: it can be had only once");
        };
        let polled = catch(|| match eventual::poll(first, cx) {
            Poll::Ready(value) => Poll::Ready(value),
            Poll::Pending => eventual::poll(second, cx),
        });
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => {
                self.dismiss();
                Poll::Ready(value)
            }
            Err(payload) => {
                self.dismiss();
                resume_unwind(payload)
            }
        }
    }
}

impl<A: Eventual, B: Eventual<Output = A::Output>> FusedFuture for Race<A, B> {
    fn is_terminated(&self) -> bool {
        self.members.is_none()
    }
}

impl<A: Eventual, B: Eventual<Output = A::Output>> Eventual for Race<A, B> {
    fn is_finished(&self) -> bool {
        self.members
            .as_ref()
            .is_none_or(|(first, second)| first.is_finished() || second.is_finished())
    }

    fn cancel(&self) {
        if let Some((first, second)) = &self.members {
            first.cancel();
            second.cancel();
        }
    }

    fn is_traced(&self) -> bool {
        true
    }
}

eventual_methods!([A, B] Race<A, B> [A: Eventual, B: Eventual<Output = A::Output>]);

impl<A: fmt::Debug, B: fmt::Debug> fmt::Debug for Race<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.members {
            Some((first, second)) => f.debug_tuple("Race").field(first).field(second).finish(),
            None => f.write_str("Race(over)"),
        }
    }
}

impl<T> RaceEnd<T> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> fmt::Debug for RaceEnd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RaceEnd")
    }
}

impl<T> Future for RaceEnd<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        Poll::Pending
    }
}

impl<T> FusedFuture for RaceEnd<T> {
    /// Nothing is missed if it is never polled.
    fn is_terminated(&self) -> bool {
        true
    }
}

impl<T> Eventual for RaceEnd<T> {
    fn is_finished(&self) -> bool {
        false
    }

    fn cancel(&self) {}

    fn is_traced(&self) -> bool {
        true
    }
}
