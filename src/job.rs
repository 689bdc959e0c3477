//! The right to run a task, as executors get it.

use std::fmt;

use async_task::Runnable;

use crate::rights::{Run, Start, Visit};
use crate::sync::Arc;
use crate::unwind::quietly;
use crate::{blocking, polling};

/// A task to be run, once, now or later, here or on another thread.
///
/// An [`Executor`](crate::Executor) gets one for each task, and one more each time that a future
/// is woken. It is two words wide.
///
/// Dropping a job that was not run cancels its task.
///
/// ```
/// use letgo::{Job, spawn_value_on};
/// use std::cell::RefCell;
///
/// let queue = RefCell::new(Vec::new());
/// let handle = spawn_value_on(&|job: Job| queue.borrow_mut().push(job), || 6 * 7);
/// for job in queue.take() {
///     job.run();
/// }
/// assert_eq!(handle.get(), 42);
/// ```
#[must_use = "dropping a job cancels its task; call `run` on it"]
pub struct Job(Kind);

/// The two kinds of jobs, which go different ways in a pool.
pub(crate) enum Kind {
    Task(Start),
    /// A future that was polled before.
    Future(Runnable),
}

/// What jobs are made of.
pub(crate) trait Entry {
    fn into_job(self) -> Job;
}

impl Entry for Start {
    #[inline]
    fn into_job(self) -> Job {
        Job(Kind::Task(self))
    }
}

impl Entry for Job {
    #[inline]
    fn into_job(self) -> Job {
        self
    }
}

impl Entry for Runnable {
    #[inline]
    fn into_job(self) -> Job {
        Job(Kind::Future(self))
    }
}

impl Job {
    pub(crate) fn task(task: Arc<dyn Run>) -> Self {
        Start::new(task).into_job()
    }

    #[inline]
    pub(crate) fn into_kind(self) -> Kind {
        self.0
    }

    /// Runs the task, or a future up to its next `await`, on this thread.
    ///
    /// It never unwinds: a panic of the task goes to its handle. A task that was claimed by a
    /// `get` or cancelled meanwhile is not run again.
    pub fn run(self) {
        let run = || match self.0 {
            Kind::Task(start) => start.run(),
            Kind::Future(runnable) => poll_once(runnable),
        };
        quietly(|| polling::aside(|| blocking::aside(run)));
    }

    /// Ends a [visit](Visited::visit); handed back, it is to be run after all.
    pub(crate) fn let_go(self) -> Option<Self> {
        if matches!(&self.0, Kind::Task(start) if start.let_go()) {
            // It may be the end of the agent, and of its executor.
            quietly(|| drop(self));
            return None;
        }
        Some(self)
    }

    /// Drops it if there is nothing left to run.
    pub(crate) fn unless_stale(self) -> Option<Self> {
        match self.0 {
            Kind::Task(start) => start.unless_stale().map(Entry::into_job),
            Kind::Future(_) => Some(self),
        }
    }
}

/// What a worker runs.
pub(crate) trait Visited {
    /// As [`Job::run`]; an agent's job that leaves nothing to do is handed back, to be
    /// [let go](Job::let_go) or run before this thread does something else.
    fn visit(self) -> Option<(Job, Visit)>;
}

impl Visited for Start {
    #[inline]
    fn visit(self) -> Option<(Job, Visit)> {
        let mut held = None;
        // All of it: that it is dropped may be the end of a value, and of a worker if that panics.
        quietly(|| {
            let visit = self.visit_task();
            if visit != Visit::Over {
                held = Some((self.into_job(), visit));
            }
        });
        held
    }
}

impl Visited for Runnable {
    #[inline]
    fn visit(self) -> Option<(Job, Visit)> {
        quietly(|| poll_once(self));
        None
    }
}

impl Visited for Job {
    fn visit(self) -> Option<(Job, Visit)> {
        match self.0 {
            Kind::Task(start) => start.visit(),
            Kind::Future(future) => future.visit(),
        }
    }
}

/// Polls a future up to its next `await`.
///
/// If that leaves it detached, and with nobody to wake it, it is dropped. `async-task` sees to that when
/// the last waker goes; where the end of a poll is the last that knows of the future, it frees the memory
/// and forgets the future in there. So a waker outlives the poll.
pub(crate) fn poll_once(runnable: Runnable) {
    let waker = runnable.waker();
    runnable.run();
    drop(waker);
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}
