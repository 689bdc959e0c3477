//! What tests of all areas share: gates instead of sleeps, drops that are counted, hangs that fail.

// Each test binary uses some of it.
#![allow(dead_code, reason = "every test binary compiles it, none uses all of it")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use letgo::{Executor, Job, Pool};

/// Far longer than anything here takes on a loaded machine: whoever takes longer hangs.
pub const HANGS: Duration = Duration::from_secs(120);

/// Runs a test on a thread of its own, and fails it if it does not end.
pub fn must_end<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
    let (tell, told) = channel();
    let thread = thread::spawn(move || _ = tell.send(test()));
    match told.recv_timeout(HANGS) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(payload) => std::panic::resume_unwind(payload),
            Ok(()) => unreachable!("a test that ends tells so"),
        },
    }
}

/// Lets others pass once it is opened. Clones are the same gate.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub fn pass(&self) {
        let mut open = self.0.0.lock().unwrap();
        while !*open {
            open = self.0.1.wait(open).unwrap();
        }
    }
}

/// Makes [`Counted`]s, and knows how many of them were dropped.
#[derive(Clone, Default)]
pub struct Drops(Arc<AtomicUsize>);

impl Drops {
    pub fn new() -> Self {
        Self::default()
    }

    /// A value whose drop is counted.
    pub fn one(&self) -> Counted {
        Counted(self.clone())
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Counts its drop.
pub struct Counted(Drops);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Yields until it is so; fails if it never is.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !is_so() {
        assert!(start.elapsed() < HANGS, "it is never so that {what}");
        thread::yield_now();
    }
}

/// Holds its jobs until they are asked for.
#[derive(Clone, Default)]
pub struct Held(Arc<Mutex<Vec<Job>>>);

impl Held {
    pub fn executor(&self) -> impl Executor + Send + Sync + use<> {
        let jobs = self.clone();
        move |job: Job| jobs.0.lock().unwrap().push(job)
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub fn take(&self) -> Vec<Job> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    pub fn run_all(&self) {
        loop {
            let jobs = self.take();
            if jobs.is_empty() {
                return;
            }
            jobs.into_iter().for_each(Job::run);
        }
    }
}

/// A pool that can't grow.
pub fn one_thread() -> Pool {
    Pool::builder().threads(1).max_threads(1).build().unwrap()
}

/// What `f` panics with.
pub fn panic_message(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
    }
}
