//! The queues of jobs that a thread owns, and that others may steal from.

use std::cell::{Cell, OnceCell};

use crate::job::{Entry, Job};
use crate::sync::deque::Worker;
use crate::sync::thread_local;

/// The pool that a thread's queue belongs to, and its place there.
pub(crate) trait Home {
    /// A job that was hidden from thieves for a moment is back.
    fn notify(&self);
    /// The thread ends: its queue is nobody's now.
    fn leave(&self, queue: &Worker<Job>);
}

/// A queue that thieves know of.
struct Open {
    queue: Worker<Job>,
    home: Box<dyn Home>,
}

/// A thread's own jobs: the newest comes first, thieves have the oldest.
struct Stack {
    open: Open,
    /// The address of the topmost entry, if nothing was popped since it was pushed; else null. So that
    /// a `get` need not pop an entry to learn that it is not its own. (Thieves may have taken it.)
    top: Cell<*const ()>,
    /// How many entries were pushed, or left behind by a [retract](Stack::retract), since the last sweep.
    unswept: Cell<u32>,
}

/// How many entries there are to a [sweep](Local::sweep): handles that are got in the order they were
/// spawned in leave their entries behind, and while every other thread is busy no thief clears them
/// away. What is pushed next should not wait behind them.
const SWEEP_EVERY: u32 = 64;

/// The thread's tie to a pool: which pool, and its queues there once it has them.
struct Slot {
    /// Identifies the pool; 0 is none.
    pool: Cell<usize>,
    /// Whether it is one of the pool's own threads, or stands in for one.
    works: Cell<bool>,
    stack: OnceCell<Stack>,
    /// Jobs that come again and again, oldest first: futures that were woken, and agents.
    line: OnceCell<Open>,
}

thread_local! {
    static SLOT: Slot = const {
        Slot {
            pool: Cell::new(0),
            works: Cell::new(false),
            stack: OnceCell::new(),
            line: OnceCell::new(),
        }
    };
}

impl Slot {
    #[inline]
    fn first_in_line(&self) -> Option<Job> {
        self.line.get()?.queue.pop()
    }
}

impl Open {
    fn new(queue: Worker<Job>, register: impl FnOnce(&Worker<Job>) -> Box<dyn Home>) -> Self {
        let home = register(&queue);
        Self { queue, home }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.home.leave(&self.queue);
    }
}

/// Ties this thread to a pool for life, as its worker.
pub(crate) fn work_for(pool: usize) {
    SLOT.with(|slot| {
        slot.pool.set(pool);
        slot.works.set(true);
    });
}

/// The pool whose worker this thread is.
pub(crate) fn workplace() -> Option<usize> {
    SLOT.try_with(|slot| slot.works.get().then(|| slot.pool.get()))
        .ok()
        .flatten()
}

/// Pushes a job on this thread's own queue if the thread belongs to `pool`; if it belongs to none
/// and `adopt` is set, it does so from now on. The queue is made, and told to `register`, at the
/// first push. `Err` hands the entry back.
#[inline]
pub(crate) fn push<E: Entry>(
    pool: usize,
    adopt: bool,
    entry: E,
    register: impl FnOnce(&Worker<Job>) -> Box<dyn Home>,
) -> Result<(), E> {
    let mut entry = Some(entry);
    // In a thread that ends there is no queue any more.
    let _ = SLOT.try_with(|slot| {
        if slot.pool.get() != pool {
            if slot.pool.get() != 0 || !adopt {
                return;
            }
            slot.pool.set(pool);
        }
        let stack = slot.stack.get_or_init(|| Stack {
            open: Open::new(Worker::new_lifo(), register),
            top: Cell::new(std::ptr::null()),
            unswept: Cell::new(0),
        });
        if let Some(entry) = entry.take() {
            stack.push(entry);
        }
    });
    entry.map_or(Ok(()), Err)
}

/// Puts a job at the end of this thread's own line if it is a worker of `pool`. `Err` hands it back.
pub(crate) fn line_up(
    pool: usize,
    job: Job,
    register: impl FnOnce(&Worker<Job>) -> Box<dyn Home>,
) -> Result<(), Job> {
    let mut job = Some(job);
    let _ = SLOT.try_with(|slot| {
        if slot.pool.get() == pool && slot.works.get() {
            let new = || Open::new(Worker::new_fifo(), register);
            let line = slot.line.get_or_init(new);
            if let Some(job) = job.take() {
                line.queue.push(job);
            }
        }
    });
    job.map_or(Ok(()), Err)
}

/// This thread's newest job, or else the first of its line.
#[inline]
pub(crate) fn next() -> Option<Job> {
    let next = |slot: &Slot| {
        let newest = slot.stack.get().and_then(Stack::pop);
        newest.or_else(|| slot.first_in_line())
    };
    SLOT.try_with(next).ok().flatten()
}

/// The first of this thread's line.
pub(crate) fn first_in_line() -> Option<Job> {
    SLOT.try_with(Slot::first_in_line).ok().flatten()
}

/// How many entries, stale ones among them, this thread's queues with `pool` have.
pub(crate) fn len(pool: usize) -> usize {
    let len = |slot: &Slot| {
        if slot.pool.get() != pool {
            return 0;
        }
        let stack = slot.stack.get().map(|stack| &stack.open);
        let queues = stack.into_iter().chain(slot.line.get());
        queues.map(|open| open.queue.len()).sum()
    };
    SLOT.try_with(len).unwrap_or(0)
}

/// Drops the entry of the task at this address off the top of this thread's queue, and stale entries
/// above it: the caller has made it stale, and is about to run the task itself.
#[inline]
pub(crate) fn retract(address: *const ()) {
    let _ = SLOT.try_with(|slot| slot.stack.get().map(|stack| stack.retract(address)));
}

impl Stack {
    fn push(&self, entry: impl Entry) {
        if self.unswept.get() >= SWEEP_EVERY {
            self.unswept.set(0);
            self.sweep(std::ptr::null());
        }
        self.count();
        self.top.set(entry.address());
        self.open.queue.push(entry.into_job());
    }

    fn count(&self) {
        self.unswept.set(self.unswept.get().saturating_add(1));
    }

    fn pop(&self) -> Option<Job> {
        self.top.set(std::ptr::null());
        self.open.queue.pop()
    }

    fn retract(&self, address: *const ()) {
        let top = self.top.get();
        if top.is_null() || top == address {
            self.sweep(address);
        } else {
            self.count();
        }
    }

    /// Drops the stale entries on top, down to the one at this address.
    fn sweep(&self, address: *const ()) {
        loop {
            // Looked at where `pop` has left it, for the same reason as in `claim::obtain`.
            let popped = self.pop();
            let Some(job) = &popped else { return };
            if job.address() == address {
                return;
            }
            if job.is_fresh() {
                return popped.map_or((), |job| self.put_back(job));
            }
        }
    }

    fn put_back(&self, job: Job) {
        self.top.set(job.address());
        self.open.queue.push(job);
        // It was hidden from thieves for a moment.
        self.open.home.notify();
    }
}
