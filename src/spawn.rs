//! Spawning on the default pool.

use std::future::Future;
use std::panic::Location;

use crate::executor::Executor;
use crate::future;
use crate::handle::JoinHandle;
use crate::pool::Pool;

/// Runs a closure on the default pool; the handle is there at once: Go's `A := go getA()`.
///
/// Whether the closure computes or blocks makes no difference: the [`Pool`] grows while its
/// threads block. It starts within tens of microseconds if a core is free, or where its value is
/// asked for, whichever is first.
///
/// ```
/// let a = letgo::spawn_value(|| 100);
/// let b = letgo::spawn_value(|| 200);
/// assert_eq!((a + b).get(), 300);
/// ```
///
/// # Panics
/// At the very first use, if the environment variable `LETGO_THREADS` is set to nonsense: see
/// [`Pool::global`].
#[track_caller]
#[inline]
pub fn spawn_value<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Pool::global().start(f, Location::caller())
}

/// Runs a future on the default pool; the handle is there at once.
///
/// The pool polls it; timers and sockets are the business of whatever crate the future has them from.
///
/// ```
/// let (resolver, answer) = letgo::promise();
/// let sum = letgo::spawn_future(async move { answer.await + 1 });
/// resolver.resolve(41).unwrap();
/// assert_eq!(sum.get(), 42);
/// ```
///
/// # Panics
/// As [`spawn_value`].
#[track_caller]
pub fn spawn_future<Fut>(future: Fut) -> JoinHandle<Fut::Output>
where
    Fut: Future + Send + 'static,
    Fut::Output: Send + 'static,
{
    let schedule = |future, just_polled| Pool::global().reschedule(future, just_polled);
    let (handle, first) = future::task(future, schedule, Location::caller());
    Pool::global().execute(first);
    handle
}
