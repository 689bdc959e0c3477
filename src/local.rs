//! The queue of jobs that a thread owns, and that others may steal from.

use std::cell::{Cell, OnceCell};

use crossbeam_deque::Worker;

use crate::job::Job;

/// The pool that a thread's queue belongs to.
pub(crate) trait Home {
    /// A job that was hidden from thieves for a moment is back.
    fn notify(&self);
    /// The thread ends: its queue is nobody's now.
    fn leave(&self, queue: &Worker<Job>);
}

/// A thread's queue, open at its own end, stealable at the other.
pub(crate) struct Local {
    pub(crate) queue: Worker<Job>,
    home: Box<dyn Home>,
}

/// The thread's tie to a pool: which pool, and its queue there once it has one.
struct Slot {
    /// Identifies the pool; 0 is none.
    pool: Cell<usize>,
    local: OnceCell<Local>,
}

thread_local! {
    static SLOT: Slot = const { Slot { pool: Cell::new(0), local: OnceCell::new() } };
}

impl Drop for Local {
    fn drop(&mut self) {
        self.home.leave(&self.queue);
    }
}

/// Ties this thread to a pool for life, as its worker.
pub(crate) fn belong_to(pool: usize) {
    SLOT.with(|slot| slot.pool.set(pool));
}

/// The pool this thread is tied to.
pub(crate) fn pool() -> usize {
    SLOT.try_with(|slot| slot.pool.get()).unwrap_or(0)
}

/// Pushes a job on this thread's own queue if the thread belongs to `pool`; if it belongs to none
/// and `adopt` is set, it does so from now on. The queue is made, and told to `register`, at the
/// first push. `Err` hands the job back.
#[inline]
pub(crate) fn push(
    pool: usize,
    adopt: bool,
    job: Job,
    register: impl FnOnce(&Worker<Job>) -> Box<dyn Home>,
) -> Result<(), Job> {
    let mut job = Some(job);
    // In a thread that ends there is no queue any more.
    let _ = SLOT.try_with(|slot| {
        if slot.pool.get() != pool {
            if slot.pool.get() != 0 || !adopt {
                return;
            }
            slot.pool.set(pool);
        }
        let local = slot.local.get_or_init(|| {
            let queue = Worker::new_lifo();
            let home = register(&queue);
            Local { queue, home }
        });
        if let Some(job) = job.take() {
            local.queue.push(job);
        }
    });
    job.map_or(Ok(()), Err)
}

/// This thread's newest job.
#[inline]
pub(crate) fn pop() -> Option<Job> {
    SLOT.try_with(|slot| slot.local.get()?.queue.pop())
        .ok()
        .flatten()
}

/// Takes the entry of the task at this address off the top of this thread's queue, and stale
/// entries above it: the caller is about to run the task itself, and drops the entry then.
#[inline]
pub(crate) fn retract(address: *const ()) -> Option<Job> {
    let retract = |slot: &Slot| {
        let local = slot.local.get()?;
        while let Some(job) = local.queue.pop() {
            if job.is_at(address) {
                return Some(job);
            }
            if job.is_fresh() {
                local.put_back(job);
                return None;
            }
        }
        None
    };
    SLOT.try_with(retract).ok().flatten()
}

/// Puts an entry back that was retracted.
pub(crate) fn put_back(job: Job) {
    let _ = SLOT.try_with(|slot| slot.local.get().map(|local| local.put_back(job)));
}

impl Local {
    fn put_back(&self, job: Job) {
        self.queue.push(job);
        // It was hidden from thieves for a moment.
        self.home.notify();
    }
}
