//! The cell: run × claim × cancel × drop × poll with changing wakers × get after poll.

use std::panic::Location;
use std::task::Poll;
use std::time::Duration;

use loom::thread;

use super::{Gives, Outcome, Run, Task};
use crate::error::JoinError;
use crate::handle::JoinHandle;
use crate::job::Job;
use crate::models::{Bed, Count, Dropped, Lingers, explore};
use crate::sync::Arc;
use crate::work::Call;

/// A closure that is counted when it runs and when it is gone, and whose value is counted when it is dropped.
#[derive(Clone, Default)]
struct Counts {
    runs: Count,
    works: Count,
    values: Count,
}

impl Counts {
    fn closure(&self) -> impl FnOnce() -> Dropped + Send + 'static + use<> {
        let counts = self.clone();
        let work = (Lingers, Dropped(self.works.clone()));
        move || {
            counts.runs.add();
            drop(work);
            Dropped(counts.values.clone())
        }
    }

    #[track_caller]
    fn task(&self) -> Parts {
        let task = Task::new(Call(self.closure()), Location::caller());
        Self::parts(Arc::new(task))
    }

    /// As [`task`](Self::task), of a cell whose task was claimed.
    #[track_caller]
    fn renewed(&self) -> Parts {
        let other = Self::default();
        let task = Task::new(Call(other.closure()), Location::caller());
        drop(task.start_claimed());
        assert_eq!(other.works.get(), 1);
        assert!(task.renew(&mut Some(Call(self.closure()))));
        Self::parts(Arc::new(task))
    }

    fn parts<F>(task: Arc<Task<Call<F>>>) -> Parts
    where
        F: FnOnce() -> Dropped + Send + 'static,
    {
        let run = Arc::clone(&task) as Arc<dyn Run>;
        (Job::task(Arc::clone(&run)), JoinHandle::new(task), run)
    }

    /// Looked at by who has the outcome: what the closure captured is gone by now.
    #[track_caller]
    fn check(&self, outcome: Outcome<Dropped>) {
        assert_eq!(
            self.works.get(),
            1,
            "the closure goes before its outcome shows"
        );
        match outcome {
            Ok(value) => {
                assert_eq!((self.runs.get(), self.values.get()), (1, 0));
                drop(value);
            }
            Err(error) => {
                assert!(error.is_cancelled());
                assert_eq!(self.runs.get(), 0);
            }
        }
    }

    /// Looked at when all is over.
    #[track_caller]
    fn check_end(&self) {
        assert_eq!(self.works.get(), 1);
        assert_eq!(
            self.values.get(),
            self.runs.get(),
            "each value is dropped once"
        );
    }
}

type Parts = (Job, JoinHandle<Dropped>, Arc<dyn Run>);

#[track_caller]
fn run_claim_and_cancel(task: fn(&Counts) -> Parts) {
    explore(3, move || {
        let counts = Counts::default();
        let (job, handle, run) = task(&counts);
        let runs = thread::spawn(move || job.run());
        let cancels = thread::spawn(move || run.cancel());
        counts.check(handle.join());
        runs.join().unwrap();
        cancels.join().unwrap();
        counts.check_end();
    });
}

#[test]
fn run_claim_and_cancel_meet() {
    run_claim_and_cancel(Counts::task);
}

#[test]
fn run_claim_and_cancel_meet_in_a_cell_that_was_used() {
    run_claim_and_cancel(Counts::renewed);
}

#[test]
fn run_and_drop_of_the_handle_meet() {
    explore(3, || {
        let counts = Counts::default();
        let (job, handle, run) = counts.task();
        let runs = thread::spawn(move || job.run());
        let cancels = thread::spawn(move || run.cancel());
        drop(handle);
        runs.join().unwrap();
        cancels.join().unwrap();
        counts.check_end();
    });
}

#[test]
fn a_dropped_job_and_a_cancel_meet_who_waits_without_claiming() {
    explore(3, || {
        let counts = Counts::default();
        let (job, handle, run) = counts.task();
        let drops = thread::spawn(move || drop(job));
        let cancels = thread::spawn(move || run.cancel());
        let outcome = handle.settle().get_timeout(Duration::MAX);
        counts.check(outcome.unwrap_or_else(|_| unreachable!("it was waited for without end")));
        drops.join().unwrap();
        cancels.join().unwrap();
        counts.check_end();
    });
}

#[test]
fn of_many_wakers_the_latest_is_woken() {
    explore(3, || {
        let counts = Counts::default();
        let (job, mut handle, _run) = counts.task();
        let runs = thread::spawn(move || job.run());
        let beds = [Bed::new(), Bed::new(), Bed::new()];
        let outcome = 'ready: {
            // The last one twice: it is known then.
            for bed in [&beds[0], &beds[1], &beds[2], &beds[2]] {
                if let Poll::Ready(outcome) = handle.poll_outcome(&mut bed.context()) {
                    break 'ready outcome;
                }
            }
            beds[2].sleep();
            match handle.poll_outcome(&mut beds[0].context()) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => panic!("woken, and there is nothing"),
            }
        };
        counts.check(outcome);
        runs.join().unwrap();
        counts.check_end();
    });
}

#[test]
fn who_has_polled_may_get() {
    explore(3, || {
        let counts = Counts::default();
        let (job, mut handle, run) = counts.task();
        let runs = thread::spawn(move || job.run());
        let cancels = thread::spawn(move || run.cancel());
        let outcome = match handle.poll_outcome(&mut Bed::new().context()) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => handle.join(),
        };
        counts.check(outcome);
        runs.join().unwrap();
        cancels.join().unwrap();
        counts.check_end();
    });
}

#[test]
fn who_watches_is_woken_at_the_end_and_another_takes() {
    explore(3, || {
        let task = Arc::new(Task::new(Call(|| 7), Location::caller()));
        let (runner, watcher) = (Arc::clone(&task), Arc::clone(&task));
        let runs = thread::spawn(move || runner.run());
        let watches = thread::spawn(move || {
            let bed = Bed::new();
            while !watcher.watch(bed.context().waker()) {
                bed.sleep();
            }
            assert!(watcher.is_finished());
        });
        runs.join().unwrap();
        assert!(matches!(task.take(), Some(Ok(7))));
        watches.join().unwrap();
        task.detach();
    });
}

#[test]
fn a_panic_in_the_task_meets_a_cancel() {
    explore(3, || {
        let f = || -> () { std::panic::resume_unwind(Box::new("no luck")) };
        let task = Arc::new(Task::new(Call(f), Location::caller()));
        let handle: JoinHandle<()> = JoinHandle::new(Arc::clone(&task) as _);
        let runner = Arc::clone(&task);
        let runs = thread::spawn(move || runner.run());
        task.cancel();
        let error = handle.join().unwrap_err();
        assert!(matches!(
            error,
            JoinError::Cancelled | JoinError::Panicked(_)
        ));
        runs.join().unwrap();
    });
}
