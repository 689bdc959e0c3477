//! The work of a future: `async-task` schedules it, the cell takes its value.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_task::{Runnable, ScheduleInfo, WithInfo};
use pin_project_lite::pin_project;

use crate::caught::Caught;
use crate::error::JoinError;
use crate::handle::JoinHandle;
use crate::job::{Job, poll_once};
use crate::polling;
use crate::rights::Finish;
use crate::sync::{Arc, Weak};
use crate::task::Task;
use crate::unwind::quietly;
use crate::work::{Outcome, Running, Work};

/// Makes a task of `future`: its handle, and the job that polls it for the first time. Each time
/// that it is woken, `schedule` gets it again, and hears whether this thread, a worker, has just polled it and does
/// nothing else before it looks for its next job.
pub(crate) fn task<Fut, S>(
    future: Fut,
    schedule: S,
    spawned_at: &'static Location<'static>,
) -> (JoinHandle<Fut::Output>, Job)
where
    Fut: Future + Send + 'static,
    Fut::Output: Send + 'static,
    S: Fn(Runnable, bool) + Send + Sync + 'static,
{
    // The cell holds the right to stop the driver, the driver a weak right to end the cell: a
    // future that is detached and never woken again frees both.
    let task = Arc::new_cyclic(|cell| {
        let driver = Driver {
            future: Caught::new(future),
            cell: Weak::clone(cell),
        };
        // A panic of the executor would hit whoever wakes the future, who has no part in it, and leak
        // the executor. The job is dropped by it, and thus the task cancelled: that is told enough.
        let schedule = move |runnable: Runnable, info: ScheduleInfo| {
            let just_polled = info.woken_while_running && polling::is_job();
            quietly(|| schedule(runnable, just_polled));
        };
        let (runnable, stop) = async_task::spawn(driver, WithInfo(schedule));
        let unpolled = Unpolled {
            runnable,
            stop: Stop(Some(stop)),
            _gives: PhantomData,
        };
        Task::new(unpolled, spawned_at)
    });
    let handle = JoinHandle::new(Arc::clone(&task) as _);
    (handle, Job::task(task))
}

/// A future that was not polled yet.
struct Unpolled<T> {
    runnable: Runnable,
    stop: Stop,
    _gives: PhantomData<fn() -> T>,
}

/// The right to stop a future; dropped unused, it lets the future go on.
#[derive(Default)]
struct Stop(Option<async_task::Task<()>>);

impl<T: Send + 'static> Work for Unpolled<T> {
    type Value = T;
    type Running = Stop;
    const CLAIMABLE: bool = false;

    fn running(&mut self) -> Stop {
        std::mem::take(&mut self.stop)
    }

    fn run(self) -> Option<Outcome<T>> {
        poll_once(self.runnable);
        None
    }
}

impl Running for Stop {
    fn cancel(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}

pin_project! {
    /// Polls the future and ends the cell. Nothing that the future does unwinds out of it.
    struct Driver<Fut>
    where
        Fut: Future,
        Fut: Send,
        Fut: 'static,
        Fut::Output: Send,
        Fut::Output: 'static,
    {
        #[pin]
        future: Caught<Fut>,
        cell: Weak<Task<Unpolled<Fut::Output>>>,
    }

    impl<Fut> PinnedDrop for Driver<Fut>
    where
        Fut: Future,
        Fut: Send,
        Fut: 'static,
        Fut::Output: Send,
        Fut::Output: 'static,
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if !this.future.is_over() {
                let why = match this.future.discard() {
                    Ok(()) => JoinError::Cancelled,
                    Err(payload) => JoinError::panicked(payload),
                };
                end(this.cell, Err(why));
            }
        }
    }
}

/// Lets the value show.
fn end<T: Send + 'static>(cell: &Weak<Task<Unpolled<T>>>, outcome: Outcome<T>) {
    // Nobody there: detached.
    quietly(|| match cell.upgrade() {
        // It may be dropped as the last one, with what was set.
        Some(cell) => drop(cell.finish(outcome)),
        None => drop(outcome),
    });
}

impl<Fut> Future for Driver<Fut>
where
    Fut: Future + Send + 'static,
    Fut::Output: Send + 'static,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let outcome = ready!(this.future.poll(cx));
        end(this.cell, outcome.map_err(JoinError::panicked));
        Poll::Ready(())
    }
}
