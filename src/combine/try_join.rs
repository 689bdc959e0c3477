//! All of several values, of different types, unless one is an error.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use super::slot::Slot;
use crate::eventual::Eventual;
use crate::unwind::{catch, quietly};

/// All the values, as a tuple, or the first error, at once: the others are cancelled then.
///
/// Takes any number of [`Eventual`](crate::Eventual)s of `Result`s with one error type. A panic of
/// one surfaces at once, and cancels the others.
///
/// ```
/// use letgo::{spawn_value, try_join};
///
/// let good = try_join!(spawn_value(|| "1".parse::<i32>()), spawn_value(|| "2".parse::<u8>()));
/// assert_eq!(good.get(), Ok((1, 2)));
///
/// let bad = try_join!(spawn_value(|| "1".parse::<i32>()), spawn_value(|| "x".parse::<i32>()));
/// assert!(bad.get().is_err());
/// ```
#[macro_export]
macro_rules! try_join {
    ($($member:expr),* $(,)?) => {
        $crate::__chain!(try_join [] [] $($member,)*)
    };
}

/// Two values, unless one is an error; chained, any number. What
/// [`try_join!`](crate::try_join) is made of.
///
/// # Cancel safety
/// Awaiting may be given up at any time: the values that came so far are kept.
#[must_use = "it does nothing unless it is got or awaited"]
pub struct TryJoin<A: Eventual, B: Eventual> {
    first: Slot<A>,
    second: Slot<B>,
    spent: bool,
}

/// The end of a chain of [`TryJoin`]s: a value of nothing, always there, never an error.
#[must_use = "it does nothing unless it is got or awaited"]
pub struct TryEnd<E>(PhantomData<fn() -> E>);

impl<A: Eventual, B: Eventual> Unpin for TryJoin<A, B> {}

impl<A: Eventual, B: Eventual> TryJoin<A, B> {
    #[doc(hidden)]
    pub fn new(first: A, second: B) -> Self {
        Self {
            first: Slot::Waiting(first),
            second: Slot::Waiting(second),
            spent: false,
        }
    }

    /// Runs the members' code; a panic of one cancels the others on its way.
    fn guarded(&mut self, f: impl FnOnce(&mut Self)) {
        if let Err(payload) = catch(|| f(self)) {
            self.first.cancel();
            self.second.cancel();
            resume_unwind(payload);
        }
    }
}

impl<A, B, T, U, E> TryJoin<A, B>
where
    A: Eventual<Output = Result<T, E>>,
    B: Eventual<Output = Result<U, E>>,
{
    fn has_failed(&self) -> bool {
        matches!(self.first.arrived(), Some(Err(_)))
            || matches!(self.second.arrived(), Some(Err(_)))
    }
}

impl<A, B, T, U, E> Future for TryJoin<A, B>
where
    A: Eventual<Output = Result<T, E>>,
    B: Eventual<Output = Result<U, E>>,
{
    type Output = Result<(T, U), E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // It stays so if a member panics.
        let spent = std::mem::replace(&mut self.spent, true);
        assert!(
            !spent,
            "this value was given away already: it can be had only once"
        );
        let this = &mut *self;
        this.guarded(|this| {
            this.first.poll(cx);
            if !this.has_failed() {
                this.second.poll(cx);
            }
        });
        if !this.has_failed() && (this.first.arrived().is_none() || this.second.arrived().is_none())
        {
            this.spent = false;
            return Poll::Pending;
        }
        let both = (this.first.take(), this.second.take());
        // What the other one's code does now is lost, not the error that was asked for.
        this.first.dismiss();
        this.second.dismiss();
        Poll::Ready(match both {
            (Some(Ok(first)), Some(Ok(second))) => Ok((first, second)),
            (Some(Err(error)), other) => {
                quietly(|| drop(other));
                Err(error)
            }
            (other, Some(Err(error))) => {
                quietly(|| drop(other));
                Err(error)
            }
            _ => unreachable!("both have arrived, or one has failed"),
        })
    }
}

impl<A, B, T, U, E> FusedFuture for TryJoin<A, B>
where
    A: Eventual<Output = Result<T, E>>,
    B: Eventual<Output = Result<U, E>>,
{
    fn is_terminated(&self) -> bool {
        self.spent
    }
}

impl<A, B, T, U, E> Eventual for TryJoin<A, B>
where
    A: Eventual<Output = Result<T, E>>,
    B: Eventual<Output = Result<U, E>>,
{
    /// Whether all members have ended, or an error was seen: only a look at the value shows one.
    fn is_finished(&self) -> bool {
        self.has_failed() || (self.first.is_finished() && self.second.is_finished())
    }

    fn cancel(&self) {
        self.first.cancel();
        self.second.cancel();
    }

    fn claim(&mut self) {
        self.look();
        self.guarded(|this| {
            if !this.has_failed() {
                this.first.claim();
            }
            if !this.has_failed() {
                this.second.claim();
            }
        });
    }

    fn look(&mut self) {
        self.guarded(|this| {
            this.first.look();
            this.second.look();
        });
    }

    fn is_traced(&self) -> bool {
        true
    }
}

eventual_methods!([A, B, T, U, E] TryJoin<A, B> [
    A: Eventual<Output = Result<T, E>>,
    B: Eventual<Output = Result<U, E>>
]);

impl<A: Eventual, B: Eventual> fmt::Debug for TryJoin<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryJoin")
            .field("first_finished", &self.first.is_finished())
            .field("second_finished", &self.second.is_finished())
            .finish_non_exhaustive()
    }
}

impl<E> TryEnd<E> {
    #[doc(hidden)]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E> Default for TryEnd<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for TryEnd<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TryEnd")
    }
}

impl<E> Future for TryEnd<E> {
    type Output = Result<(), E>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

impl<E> FusedFuture for TryEnd<E> {
    /// It may be polled again and again.
    fn is_terminated(&self) -> bool {
        false
    }
}

impl<E> Eventual for TryEnd<E> {
    fn is_finished(&self) -> bool {
        true
    }

    fn cancel(&self) {}

    fn is_traced(&self) -> bool {
        true
    }
}
