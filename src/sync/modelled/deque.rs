//! The deques: what `crossbeam-deque` promises of them, and no more.
//!
//! A lock keeps the jobs. But whether there are any is told by a count that others may see late, as with the
//! real ones: only what the sleep protocol itself does makes it seen in time. (The real ones do more,
//! with fences of their own.)

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;

use super::checker::sync::Mutex;
use super::checker::sync::atomic::{AtomicUsize, Ordering};

pub(crate) enum Steal<T> {
    Empty,
    Success(T),
    /// Never, here: a thief that loses a race finds the lock taken.
    #[expect(dead_code, reason = "the real thing has it")]
    Retry,
}

pub(crate) struct Injector<T> {
    jobs: Mutex<VecDeque<T>>,
    /// Changed under the lock, read without.
    len: AtomicUsize,
}

pub(crate) struct Worker<T> {
    queue: Arc<Injector<T>>,
    pop: fn(&mut VecDeque<T>) -> Option<T>,
}

pub(crate) struct Stealer<T>(Arc<Injector<T>>);

impl<T> Injector<T> {
    pub(crate) fn new() -> Self {
        Self {
            jobs: Mutex::new(VecDeque::new()),
            len: AtomicUsize::new(0),
        }
    }

    pub(crate) fn push(&self, job: T) {
        let mut jobs = self.jobs.lock().unwrap();
        jobs.push_back(job);
        self.len.store(jobs.len(), Ordering::Release);
    }

    fn take(&self, which: impl FnOnce(&mut VecDeque<T>) -> Option<T>) -> Option<T> {
        if self.len() == 0 {
            return None;
        }
        let mut jobs = self.jobs.lock().unwrap();
        let job = which(&mut jobs);
        self.len.store(jobs.len(), Ordering::Release);
        job
    }

    pub(crate) fn steal(&self) -> Steal<T> {
        self.take(VecDeque::pop_front)
            .map_or(Steal::Empty, Steal::Success)
    }

    /// Moves up to `limit` jobs, the oldest, to the end of another queue.
    pub(crate) fn steal_batch_with_limit(&self, to: &Worker<T>, limit: usize) -> Steal<()> {
        let mut moved = Steal::Empty;
        for _ in 0..limit {
            let Steal::Success(job) = self.steal() else {
                break;
            };
            to.push(job);
            moved = Steal::Success(());
        }
        moved
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }
}

impl<T> Worker<T> {
    pub(crate) fn new_lifo() -> Self {
        let queue = Arc::new(Injector::new());
        let pop = VecDeque::pop_back;
        Self { queue, pop }
    }

    pub(crate) fn new_fifo() -> Self {
        let queue = Arc::new(Injector::new());
        let pop = VecDeque::pop_front;
        Self { queue, pop }
    }

    pub(crate) fn stealer(&self) -> Stealer<T> {
        Stealer(Arc::clone(&self.queue))
    }

    pub(crate) fn push(&self, job: T) {
        self.queue.push(job);
    }

    pub(crate) fn pop(&self) -> Option<T> {
        self.queue.take(self.pop)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}

/// What it does is done as with an injector.
impl<T> Deref for Stealer<T> {
    type Target = Injector<T>;

    fn deref(&self) -> &Injector<T> {
        &self.0
    }
}

impl<T> Clone for Stealer<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
