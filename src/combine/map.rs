//! A value changed where it is used.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use crate::blocking;
use crate::eventual::Eventual;
use crate::handle::JoinHandle;

/// What [`JoinHandle::map`] gives: the value, changed by a closure where it is used.
///
/// # Cancel safety
/// Awaiting may be given up at any time; the closure runs only once the value is there.
#[must_use = "it does nothing unless it is got or awaited"]
pub struct Map<E, F> {
    eventual: E,
    /// `None` once it has run, or will never.
    f: Option<F>,
}

/// The closure is never pinned.
impl<E: Unpin, F> Unpin for Map<E, F> {}

impl<T> JoinHandle<T> {
    /// The value, changed by `f`: lazily, on the thread that uses it, and nowhere else.
    ///
    /// To have `f` run in a task, as soon as the value is there, see [`then`](Self::then).
    ///
    /// ```
    /// let length = letgo::spawn_value(|| "four").map(str::len);
    /// assert_eq!(length.get(), 4);
    /// ```
    ///
    /// # Panics
    /// `map` itself doesn't; a panic of `f` is one of whoever asks for the value.
    pub fn map<U, F: FnOnce(T) -> U>(self, f: F) -> Map<Self, F> {
        Map::new(self, f)
    }
}

impl<E, F> Map<E, F> {
    pub(crate) fn new(eventual: E, f: F) -> Self {
        Self {
            eventual,
            f: Some(f),
        }
    }
}

impl<E, F, U> Future for Map<E, F>
where
    E: Eventual,
    F: FnOnce(E::Output) -> U,
{
    type Output = U;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<U> {
        let Some(f) = self.f.take() else {
            panic!("this value was given away already: it can be had only once");
        };
        // Out while the value is asked for: if that panics, nothing can be had any more.
        match Pin::new(&mut self.eventual).poll(cx) {
            Poll::Ready(value) => Poll::Ready(blocking::aside(|| f(value))),
            Poll::Pending => {
                self.f = Some(f);
                Poll::Pending
            }
        }
    }
}

impl<E, F, U> FusedFuture for Map<E, F>
where
    E: Eventual,
    F: FnOnce(E::Output) -> U,
{
    fn is_terminated(&self) -> bool {
        self.f.is_none()
    }
}

impl<E, F, U> Eventual for Map<E, F>
where
    E: Eventual,
    F: FnOnce(E::Output) -> U,
{
    fn is_finished(&self) -> bool {
        self.eventual.is_finished()
    }

    fn cancel(&self) {
        self.eventual.cancel();
    }

    fn claim(&mut self) {
        self.eventual.claim();
    }

    fn look(&mut self) {
        self.eventual.look();
    }

    fn is_traced(&self) -> bool {
        self.eventual.is_traced()
    }
}

eventual_methods!([E, F, U] Map<E, F> [E: Eventual, F: FnOnce(E::Output) -> U]);

impl<E: fmt::Debug, F> fmt::Debug for Map<E, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Map").field(&self.eventual).finish()
    }
}
