//! The pool's queues: one for all, and each thread's own, seen from the thieves' side.

use crate::job::Job;
use crate::sync::deque::{Injector, Steal, Stealer, Worker};
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering};

/// The threads there are to steal from, each with the number it was added under.
type Stealers = Arc<[(usize, Stealer<Job>)]>;

pub(super) struct Queues {
    injector: Injector<Job>,
    /// Copied on change: a thief goes through a snapshot without a lock.
    stealers: Mutex<Stealers>,
    /// Counts the changes of `stealers`; a snapshot of another version is looked up again.
    version: AtomicUsize,
}

/// A thief's snapshot of the threads there are to steal from.
pub(super) struct Thief {
    stealers: Stealers,
    version: usize,
    /// Where the last steal was: others may start elsewhere, and luck tends to last.
    next: usize,
}

impl Queues {
    pub(super) fn new() -> Self {
        Self {
            injector: Injector::new(),
            stealers: Mutex::new(Arc::new([])),
            version: AtomicUsize::new(0),
        }
    }

    /// Lets others steal from a thread's queue; gives the number to remove it by.
    pub(super) fn add(&self, queue: &Worker<Job>) -> usize {
        // The version is changed under this lock only, by one each time: no number comes twice.
        let mut stealers = self.stealers.lock();
        let number = self.version.load(Ordering::Relaxed);
        let mut all = stealers.to_vec();
        all.push((number, queue.stealer()));
        self.replace(&mut stealers, all);
        number
    }

    /// Moves what a thread that ends has queued to the queue for all.
    pub(super) fn remove(&self, number: usize, queue: &Worker<Job>) {
        while let Some(job) = queue.pop() {
            self.inject(job);
        }
        let mut stealers = self.stealers.lock();
        let mut all = stealers.to_vec();
        all.retain(|(other, _)| *other != number);
        self.replace(&mut stealers, all);
    }

    /// How many threads there are to steal from.
    #[cfg(test)]
    pub(super) fn known(&self) -> usize {
        self.stealers.lock().len()
    }

    fn replace(&self, stealers: &mut Stealers, all: Vec<(usize, Stealer<Job>)>) {
        *stealers = all.into();
        // Release, with the thief's Acquire: who sees the version finds at least this list.
        self.version.fetch_add(1, Ordering::Release);
    }

    pub(super) fn inject(&self, job: Job) {
        self.injector.push(job);
    }

    pub(super) fn thief(&self) -> Thief {
        let stealers = self.stealers.lock();
        let version = self.version.load(Ordering::Relaxed);
        Thief {
            stealers: Arc::clone(&stealers),
            version,
            next: 0,
        }
    }

    /// Whether any queue has a job, a stale one perhaps.
    pub(super) fn has_work(&self, thief: &mut Thief) -> bool {
        thief.refresh(self);
        !self.injector.is_empty()
            || thief
                .stealers
                .iter()
                .any(|(_, stealer)| !stealer.is_empty())
    }

    /// About how many jobs wait in the queue for all.
    pub(super) fn injected(&self) -> usize {
        self.injector.len()
    }

    /// About how many jobs wait.
    pub(super) fn len(&self) -> usize {
        let stealers = Arc::clone(&self.stealers.lock());
        self.injected()
            + stealers
                .iter()
                .map(|(_, stealer)| stealer.len())
                .sum::<usize>()
    }

    /// The oldest job of the thread whose turn it is, or else of another.
    pub(super) fn take_in_turn(&self, thief: &mut Thief) -> Option<Job> {
        thief.next += 1;
        thief.steal(self)
    }

    /// The oldest job of the queue for all.
    pub(super) fn take_injected(&self) -> Option<Job> {
        retrying(|| self.injector.steal())
    }

    /// A job from the queue for all, or else the oldest of some thread's own.
    pub(super) fn steal(&self, thief: &mut Thief) -> Option<Job> {
        loop {
            let job = self.take_injected().or_else(|| thief.steal(self))?;
            if job.is_fresh() {
                return Some(job);
            }
        }
    }
}

impl Thief {
    fn refresh(&mut self, queues: &Queues) {
        if self.version != queues.version.load(Ordering::Acquire) {
            let next = self.next;
            *self = Self {
                next,
                ..queues.thief()
            };
        }
    }

    fn steal(&mut self, queues: &Queues) -> Option<Job> {
        self.refresh(queues);
        let count = self.stealers.len();
        for offset in 0..count {
            let index = (self.next + offset) % count;
            if let Some(job) = retrying(|| self.stealers[index].1.steal()) {
                self.next = index;
                return Some(job);
            }
        }
        None
    }
}

fn retrying(mut steal: impl FnMut() -> Steal<Job>) -> Option<Job> {
    loop {
        match steal() {
            Steal::Success(job) => return Some(job),
            Steal::Empty => return None,
            Steal::Retry => std::hint::spin_loop(),
        }
    }
}
