//! Waits without end: of those who close a circle one is told, whoever comes last; nobody else is.

use std::sync::Mutex;

use loom::thread;

use crate::executor::spawn_value_on;
use crate::handle::JoinHandle;
use crate::job::Job;
use crate::models::{Count, explore};
use crate::promise::promise;
use crate::sync::Arc;

/// Keeps jobs, to be run on threads of their own when all handles are where they are to be.
#[derive(Default)]
struct Jobs(Mutex<Vec<Job>>);

impl Jobs {
    fn spawn<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        spawn_value_on(&|job: Job| self.0.lock().unwrap().push(job), f)
    }

    fn run(self) {
        let jobs = self.0.into_inner().unwrap();
        let threads: Vec<_> = jobs
            .into_iter()
            .map(|job| thread::spawn(move || job.run()))
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

#[test]
fn of_two_that_wait_for_each_other_one_is_told() {
    explore(2, || {
        let (jobs, told) = (Jobs::default(), Count::default());
        let slot = Arc::new(Mutex::new(None::<JoinHandle<()>>));
        let (second, counts) = (Arc::clone(&slot), told.clone());
        let first = jobs.spawn(move || {
            let second = second.lock().unwrap().take().unwrap();
            if second.join().is_err_and(|error| error.is_deadlock()) {
                counts.add();
            }
        });
        let counts = told.clone();
        let second = jobs.spawn(move || {
            if first.join().is_err_and(|error| error.is_deadlock()) {
                counts.add();
            }
        });
        *slot.lock().unwrap() = Some(second);
        jobs.run();
        assert_eq!(told.get(), 1);
    });
}

#[test]
fn a_chain_that_comes_to_an_end_is_no_circle() {
    explore(2, || {
        let jobs = Jobs::default();
        let (resolver, answer) = promise();
        let first = jobs.spawn(move || answer.join().is_ok());
        let second = jobs.spawn(move || first.join().unwrap());
        drop(jobs.spawn(move || resolver.resolve(()).unwrap()));
        let last = jobs.spawn(move || assert!(second.join().unwrap()));
        jobs.run();
        last.join().unwrap();
    });
}
