//! A task that a value's arrival starts.

use std::panic::Location;
use std::task::{Wake, Waker};

use crate::error::JoinError;
use crate::executor::Executor;
use crate::handle::JoinHandle;
use crate::job::Job;
use crate::pool::Pool;
use crate::stack;
use crate::sync::Arc;
use crate::task::Task;
use crate::unwind::{catch, quietly};
use crate::waits::Awaited;
use crate::work::{By, Outcome, Work};

impl<T: Send + 'static> JoinHandle<T> {
    /// A new task on the default pool, started by the value's arrival; never run inline by whoever
    /// brings the value.
    ///
    /// If this task panics, or is cancelled, so does the new one, and `f` is dropped. A `get` of the new
    /// handle claims both; a `cancel` passes through, too. The new task runs even if its handle is
    /// dropped.
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// let (results, arrivals) = mpsc::channel();
    /// letgo::spawn_value(|| 6 * 7).then(move |n| results.send(n).unwrap()).detach();
    /// assert_eq!(arrivals.recv(), Ok(42));
    /// ```
    ///
    /// # Panics
    /// If the handle has given its value away before.
    #[track_caller]
    pub fn then<U, F>(self, f: F) -> JoinHandle<U>
    where
        F: FnOnce(T) -> U + Send + 'static,
        U: Send + 'static,
    {
        let source = self.cell();
        let work = Then {
            source: Source(Some(self)),
            f,
        };
        let task = Arc::new(Task::new(work, Location::caller()));
        let handle = JoinHandle::new(Arc::clone(&task) as _);
        let arrival = Arc::new(Arrival(task));
        if source.watch(&Waker::from(Arc::clone(&arrival))) {
            arrival.wake();
        }
        handle
    }
}

/// The work of a task that waits for its source.
struct Then<T, F> {
    source: Source<T>,
    f: F,
}

/// Cancelled if it is dropped before it was asked for its value.
struct Source<T>(Option<JoinHandle<T>>);

impl<T, U, F> Work for Then<T, F>
where
    T: Send + 'static,
    U: Send + 'static,
    F: FnOnce(T) -> U + Send + 'static,
{
    type Value = U;
    type Running = By;
    const CLAIMABLE: bool = true;

    fn running(&mut self) -> By {
        By::me()
    }

    fn source(&self) -> Option<Arc<dyn Awaited>> {
        self.source
            .0
            .as_ref()
            .map(|source| source.cell().into_awaited())
    }

    fn run(mut self) -> Option<Outcome<U>> {
        let source = self.source.0.take()?;
        let f = self.f;
        // Started by the arrival, it finds the value there; started by a claim, it claims.
        Some(match source.join() {
            Ok(value) => catch(|| f(value)).map_err(JoinError::panicked),
            Err(error) => {
                // Why there is no value is what the waiter hears, whatever this drop does.
                quietly(|| drop(f));
                Err(error)
            }
        })
    }
}

impl<T> Drop for Source<T> {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            // A chain of these nests as deep as it is long.
            if stack::if_room(|| handle.cancel()).is_none() {
                let task = handle.cell().into_run();
                // Without a thread to be had it goes on as if it were dropped.
                let _ = stack::run_fresh(move || task.cancel());
            }
        }
    }
}

/// Starts the task when its source is there.
struct Arrival<W: Work + 'static>(Arc<Task<W>>);

impl<W: Work + 'static> Wake for Arrival<W> {
    fn wake(self: Arc<Self>) {
        let task = Arc::clone(&self.0);
        Pool::global().execute(Job::task(task));
    }
}
