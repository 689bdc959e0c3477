//! The first of many values, or the first that is no error.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use super::gather::Gather;
use super::watch::Watch;
use crate::eventual::Eventual;

/// The value of the first to finish; the losers are cancelled when it is taken.
///
/// If several have finished by the first look, the first of those in the order given wins. A panic of
/// one that is seen before there is a winner surfaces at once, and cancels the others. Nothing is ever
/// claimed.
///
/// For a few of different kinds there is [`race!`](macro@crate::race).
///
/// ```
/// use letgo::{promise, race};
///
/// let (mut resolvers, racers): (Vec<_>, Vec<_>) = (0..3).map(|_| promise()).unzip();
/// let first = race(racers);
/// resolvers.remove(1).resolve("the second").unwrap();
/// assert_eq!(first.get(), "the second");
/// assert!(resolvers[0].is_abandoned());
/// ```
///
/// # Panics
/// If `iter` is empty: a race of none would never end.
#[track_caller]
pub fn race<I>(iter: I) -> RaceAll<I::Item>
where
    I: IntoIterator,
    I::Item: Eventual,
{
    let watch = Watch::strict(iter);
    assert!(
        watch.len() > 0,
        "`race` needs at least one member: a race of none never ends"
    );
    RaceAll {
        watch,
        spent: false,
    }
}

/// The first value that is `Ok`, or all the errors, in the order given; of none, `Err` of no errors.
///
/// The others are cancelled when the first `Ok` is taken. A panic of one that is seen before there is a
/// winner surfaces at once, and cancels the others. Nothing is ever claimed.
///
/// ```
/// use letgo::{race_ok, spawn_value};
///
/// let parse = |text: &'static str| spawn_value(move || text.parse::<i32>());
/// assert_eq!(race_ok(["x", "2", "y"].map(parse)).get(), Ok(2));
/// assert_eq!(race_ok(["x", "y"].map(parse)).get().unwrap_err().len(), 2);
/// ```
pub fn race_ok<I, T, E>(iter: I) -> RaceOk<I::Item>
where
    I: IntoIterator,
    I::Item: Eventual<Output = Result<T, E>>,
{
    RaceOk(Gather::new(Watch::strict(iter)))
}

/// What [`race`](fn@race) gives.
///
/// Dropping it detaches its members.
///
/// # Cancel safety
/// Awaiting may be given up at any time: the losers are cancelled only when there is a winner, whose
/// value is given at once.
#[must_use = "it does nothing unless it is got or awaited"]
pub struct RaceAll<E: Eventual> {
    watch: Watch<E>,
    spent: bool,
}

/// What [`race_ok`] gives.
///
/// Dropping it detaches its members.
///
/// # Cancel safety
/// Awaiting may be given up at any time: the errors that came so far are kept.
#[must_use = "it does nothing unless it is got or awaited"]
pub struct RaceOk<E: Eventual>(Gather<E>);

/// Only the members are polled, and those are `Unpin`.
impl<E: Eventual> Unpin for RaceAll<E> {}
impl<E: Eventual> Unpin for RaceOk<E> {}

impl<E: Eventual> Future for RaceAll<E> {
    type Output = E::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // It stays so if a member panics.
        let spent = std::mem::replace(&mut self.spent, true);
        assert!(
            !spent,
            "this value was given away already: it can be had only once"
        );
        match self.watch.poll_next(cx) {
            Poll::Ready(Some((_, value))) => {
                self.watch.dismiss();
                Poll::Ready(value)
            }
            Poll::Ready(None) => unreachable!("a race has members until there is a winner"),
            Poll::Pending => {
                self.spent = false;
                Poll::Pending
            }
        }
    }
}

impl<E: Eventual> FusedFuture for RaceAll<E> {
    fn is_terminated(&self) -> bool {
        self.spent
    }
}

impl<E: Eventual> Eventual for RaceAll<E> {
    fn is_finished(&self) -> bool {
        self.spent || self.watch.any_finished()
    }

    fn cancel(&self) {
        self.watch.cancel();
    }

    fn is_traced(&self) -> bool {
        true
    }
}

eventual_methods!([E] RaceAll<E> [E: Eventual]);

impl<E, T, X> Future for RaceOk<E>
where
    E: Eventual<Output = Result<T, X>>,
{
    type Output = Result<T, Vec<X>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        std::task::ready!(self.0.poll(cx, Result::is_ok));
        self.0.dismiss();
        if let Some(Ok(value)) = self.0.take_stopper() {
            self.0.drop_rest();
            return Poll::Ready(Ok(value));
        }
        Poll::Ready(Err(self.0.take().filter_map(Result::err).collect()))
    }
}

impl<E, T, X> FusedFuture for RaceOk<E>
where
    E: Eventual<Output = Result<T, X>>,
{
    fn is_terminated(&self) -> bool {
        self.0.is_spent()
    }
}

impl<E, T, X> Eventual for RaceOk<E>
where
    E: Eventual<Output = Result<T, X>>,
{
    /// Whether all members have ended, or an `Ok` was seen: only a look at the value shows one.
    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    fn cancel(&self) {
        self.0.cancel();
    }

    fn is_traced(&self) -> bool {
        true
    }
}

eventual_methods!([E, T, X] RaceOk<E> [E: Eventual<Output = Result<T, X>>]);

impl<E: Eventual> fmt::Debug for RaceAll<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaceAll")
            .field("given", &self.watch.len())
            .field("over", &self.spent)
            .finish()
    }
}

impl<E: Eventual> fmt::Debug for RaceOk<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RaceOk").field(&self.0).finish()
    }
}
