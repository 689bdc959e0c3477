//! All of many values, of one type.

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use super::watch::Watch;
use crate::eventual::Eventual;
use crate::unwind::catch;

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
pub fn join_all<I>(iter: I) -> JoinAll<I::Item>
where
    I: IntoIterator,
    I::Item: Eventual,
{
    JoinAll(Gather::new(iter))
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
pub fn try_join_all<I, T, E>(iter: I) -> TryJoinAll<I::Item>
where
    I: IntoIterator,
    I::Item: Eventual<Output = Result<T, E>>,
{
    TryJoinAll(Gather::new(iter))
}

/// What [`join_all`] gives.
#[must_use = "it does nothing unless it is got or awaited"]
pub struct JoinAll<E: Eventual>(Gather<E>);

/// What [`try_join_all`] gives.
#[must_use = "it does nothing unless it is got or awaited"]
pub struct TryJoinAll<E: Eventual>(Gather<E>);

/// Members, and what has come of them so far.
struct Gather<E: Eventual> {
    watch: Watch<E>,
    values: Vec<Option<E::Output>>,
    /// One that needs no others any more.
    stopped_by: Option<usize>,
    spent: bool,
}

impl<E: Eventual> Gather<E> {
    fn new(members: impl IntoIterator<Item = E>) -> Self {
        let watch = Watch::new(members);
        let values = (0..watch.len()).map(|_| None).collect();
        Self {
            watch,
            values,
            stopped_by: None,
            spent: false,
        }
    }

    /// Takes in what has come, up to one that `stops` it. `Ready`: that one is there, or all are.
    fn poll(&mut self, cx: &mut Context<'_>, stops: impl Fn(&E::Output) -> bool) -> Poll<()> {
        assert!(
            !self.spent,
            "this value was given away already: it can be had only once"
        );
        while self.stopped_by.is_none() {
            match std::task::ready!(self.watch.poll_next(cx)) {
                Some((index, value)) => self.arrived(index, value, &stops),
                None => break,
            }
        }
        Poll::Ready(())
    }

    /// Runs here what is claimable, one after the other, up to one that `stops` it.
    fn claim(&mut self, stops: impl Fn(&E::Output) -> bool) {
        for index in 0..self.values.len() {
            if let Some(value) = self.watch.claim(index) {
                self.arrived(index, value, &stops);
            }
            if self.stopped_by.is_some() {
                return;
            }
        }
    }

    fn arrived(&mut self, index: usize, value: E::Output, stops: impl Fn(&E::Output) -> bool) {
        if stops(&value) {
            self.stopped_by = Some(index);
        }
        self.values[index] = Some(value);
    }

    fn take_stopper(&mut self) -> Option<E::Output> {
        self.stopped_by.and_then(|index| self.values[index].take())
    }

    fn take(&mut self) -> impl Iterator<Item = E::Output> {
        self.spent = true;
        std::mem::take(&mut self.values).into_iter().flatten()
    }
}

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
        self.0.spent
    }
}

impl<E: Eventual> Eventual for JoinAll<E> {
    fn is_finished(&self) -> bool {
        self.0.watch.is_finished()
    }

    fn cancel(&self) {
        self.0.watch.cancel();
    }

    fn claim(&mut self) {
        self.0.claim(|_| false);
    }
}

eventual_methods!([E] JoinAll<E> [E: Eventual]);

impl<E, T, X> TryJoinAll<E>
where
    E: Eventual<Output = Result<T, X>>,
{
    /// Looks at the members; a panic of one cancels the others on its way.
    fn look<R>(&mut self, look: impl FnOnce(&mut Gather<E>) -> R) -> R {
        catch(|| look(&mut self.0)).unwrap_or_else(|payload| {
            self.0.watch.cancel();
            resume_unwind(payload)
        })
    }
}

impl<E, T, X> Future for TryJoinAll<E>
where
    E: Eventual<Output = Result<T, X>>,
{
    type Output = Result<Vec<T>, X>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        std::task::ready!(self.look(|gather| gather.poll(cx, Result::is_err)));
        self.0.watch.cancel();
        let failure = self.0.take_stopper();
        let values = self.0.take();
        Poll::Ready(match failure {
            Some(Err(error)) => Err(error),
            _ => values.collect(),
        })
    }
}

impl<E, T, X> FusedFuture for TryJoinAll<E>
where
    E: Eventual<Output = Result<T, X>>,
{
    fn is_terminated(&self) -> bool {
        self.0.spent
    }
}

impl<E, T, X> Eventual for TryJoinAll<E>
where
    E: Eventual<Output = Result<T, X>>,
{
    /// Whether all members have ended: an error is seen only by looking at the value.
    fn is_finished(&self) -> bool {
        self.0.watch.is_finished()
    }

    fn cancel(&self) {
        self.0.watch.cancel();
    }

    fn claim(&mut self) {
        self.look(|gather| gather.claim(Result::is_err));
    }
}

eventual_methods!([E, T, X] TryJoinAll<E> [E: Eventual<Output = Result<T, X>>]);

impl<E: Eventual> fmt::Debug for Gather<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("members")
            .field("given", &self.watch.len())
            .field("to_come", &self.watch.left())
            .finish()
    }
}

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
