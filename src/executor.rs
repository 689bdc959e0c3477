//! Anything that can run a job.

use std::future::Future;
use std::panic::Location;

use async_task::Runnable;

use crate::future;
use crate::handle::JoinHandle;
use crate::job::{Entry, Job};
use crate::rights::Start;
use crate::task;
use crate::work::Call;

/// Anything that can run a [`Job`], now or later, here or on another thread.
///
/// A closure is one (its parameter's type must be written), and so is a [`Pool`](crate::Pool).
///
/// | to run on | the executor |
/// |---|---|
/// | tokio | `move \|job: Job\| { tokio_handle.spawn_blocking(move \|\| job.run()); }` |
/// | rayon | `\|job: Job\| rayon::spawn(move \|\| job.run())` |
/// | async-executor | `move \|job: Job\| executor.spawn(async { job.run() }).detach()` |
/// | `futures::task::Spawn` | `move \|job: Job\| spawner.spawn(async { job.run() }).unwrap()` |
/// | a thread per task | `\|job: Job\| { std::thread::spawn(move \|\| job.run()); }` |
/// | a run queue | `\|job: Job\| queue.borrow_mut().push_back(job)` |
/// | an executor that is shared | `move \|job: Job\| shared.execute(job)` |
///
/// ```
/// use letgo::{Executor, Job};
///
/// let threads = |job: Job| {
///     std::thread::spawn(move || job.run());
/// };
/// let a = threads.spawn_value(|| 100);
/// let b = threads.spawn_future(async { 200 });
/// assert_eq!(a.get() + b.get(), 300);
/// ```
///
/// # Panics
/// An executor that panics in `execute` panics in whoever spawns the task, and the task is cancelled.
/// If it does so when a future is woken, the future is cancelled, and whoever woke it is spared.
pub trait Executor {
    /// Runs the job, sooner or later; to drop it is to cancel its task.
    fn execute(&self, job: Job);

    /// Runs a closure on this executor; the handle is there at once.
    ///
    /// ```
    /// use letgo::{Executor, Job};
    ///
    /// let inline = |job: Job| job.run();
    /// assert_eq!(inline.spawn_value(|| 1).get(), 1);
    /// ```
    ///
    /// # Panics
    /// If the executor does in [`execute`](Self::execute); the task is cancelled.
    #[track_caller]
    fn spawn_value<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
        Self: Sized,
    {
        spawn_value_on(self, f)
    }

    /// Runs a future on this executor; the handle is there at once.
    ///
    /// The executor is cloned into the task, to be given a job each time the future is woken.
    ///
    /// ```
    /// use letgo::{Executor, Job};
    ///
    /// let rayon = |job: Job| rayon::spawn(move || job.run());
    /// assert_eq!(rayon.spawn_future(async { 1 }).get(), 1);
    /// ```
    ///
    /// # Panics
    /// If the executor does in [`execute`](Self::execute); the task is cancelled.
    #[track_caller]
    fn spawn_future<Fut>(&self, future: Fut) -> JoinHandle<Fut::Output>
    where
        Fut: Future + Send + 'static,
        Fut::Output: Send + 'static,
        Self: Clone + Send + Sync + Sized + 'static,
    {
        let executor = self.clone();
        let schedule = move |future: Runnable, _| executor.execute(future.into_job());
        let (handle, first) = future::task(future, schedule, Location::caller());
        self.execute(first);
        handle
    }
}

impl<F: Fn(Job)> Executor for F {
    fn execute(&self, job: Job) {
        self(job);
    }
}

/// Runs a closure on `executor`; the handle is there at once.
///
/// The same as [`executor.spawn_value(f)`](Executor::spawn_value).
///
/// ```
/// use letgo::{Job, spawn_value_on};
///
/// let handle = spawn_value_on(&|job: Job| rayon::spawn(|| job.run()), || 6 * 7);
/// assert_eq!(handle.get(), 42);
/// ```
///
/// # Panics
/// If the executor does in [`execute`](Executor::execute); the task is cancelled.
#[track_caller]
pub fn spawn_value_on<E, F, T>(executor: &E, f: F) -> JoinHandle<T>
where
    E: Executor + ?Sized,
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (handle, task) = closure_task(f, Location::caller());
    executor.execute(task.into_job());
    handle
}

#[inline]
pub(crate) fn closure_task<F, T>(
    f: F,
    spawned_at: &'static Location<'static>,
) -> (JoinHandle<T>, Start)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (task, start) = task::with_entry(Call(f), spawned_at);
    (JoinHandle::new(task), start)
}
