//! All of many values, of one type.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::FusedFuture;

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
pub fn try_join_all<I, T, E>(iter: I) -> TryJoinAll<I::Item>
where
    I: IntoIterator,
    I::Item: Eventual<Output = Result<T, E>>,
{
    TryJoinAll(Gather::new(Watch::strict(iter)))
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
    fn new(watch: Watch<E>) -> Self {
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
        // It stays so if a member panics: there is no whole any more.
        let spent = std::mem::replace(&mut self.spent, true);
        assert!(
            !spent,
            "this value was given away already: it can be had only once"
        );
        let ended = loop {
            if self.stopped_by.is_some() {
                break Poll::Ready(());
            }
            match self.watch.poll_next(cx) {
                Poll::Ready(Some((index, value))) => {
                    if stops(&value) {
                        self.stopped_by = Some(index);
                    }
                    self.values[index] = Some(value);
                }
                Poll::Ready(None) => break Poll::Ready(()),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.spent = false;
        ended
    }

    /// Runs here what is claimable, one after the other, up to one that `stops` it.
    fn claim(&mut self, stops: impl Fn(&E::Output) -> bool) {
        for index in 0..self.values.len() {
            // Each time: what has come meanwhile may make the rest superfluous.
            if self.look(&stops).is_ready() {
                return;
            }
            self.watch.claim(index);
        }
    }

    fn look(&mut self, stops: impl Fn(&E::Output) -> bool) -> Poll<()> {
        self.poll(&mut Context::from_waker(Waker::noop()), stops)
    }

    fn is_finished(&self) -> bool {
        self.stopped_by.is_some() || self.watch.is_finished()
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
        self.0.is_finished()
    }

    fn cancel(&self) {
        self.0.watch.cancel();
    }

    fn claim(&mut self) {
        self.0.claim(|_| false);
    }

    fn look(&mut self) {
        _ = self.0.look(|_| false);
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
    /// Whether all members have ended, or an error was seen: only a look at the value shows one.
    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    fn cancel(&self) {
        self.0.watch.cancel();
    }

    fn claim(&mut self) {
        self.0.claim(Result::is_err);
    }

    fn look(&mut self) {
        _ = self.0.look(Result::is_err);
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
