//! The queues of jobs that a thread owns, and that others may steal from.

use std::cell::{Cell, OnceCell};
use std::iter;

use async_task::Runnable;

use crate::job::{Entry, Job};
use crate::rights::Start;
use crate::spare;
use crate::sync::deque::{Stealer, Worker};
use crate::sync::thread_local;

/// The pool that a thread's queue belongs to, and its place there.
pub(crate) trait Home {
    /// A job that was hidden from thieves for a moment is back.
    fn notify(&self);
    /// The thread ends: what its queue has left is nobody's now.
    fn leave(&self, rest: &mut dyn Iterator<Item = Job>);
}

/// A queue that thieves know of.
struct Open<J: Entry> {
    queue: Worker<J>,
    home: Box<dyn Home>,
}

/// What a thread has spawned: the newest comes first, thieves have the oldest.
struct Stack {
    open: Open<Start>,
    /// The address of the topmost entry, if nothing was popped since it was pushed; else null. So that
    /// a `get` need not pop an entry to learn that it is not its own. (Thieves may have taken it.)
    top: Cell<*const ()>,
    /// How many entries were pushed, or left behind by a [retract](Stack::retract), since the last sweep.
    unswept: Cell<u32>,
}

/// How many entries there are to a [sweep](Stack::sweep): handles that are got in the order they were
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
    /// Futures that it has woken, oldest first.
    line: OnceCell<Open<Runnable>>,
    /// A future that comes after them, and which no thief may have.
    held: Cell<Option<Runnable>>,
}

thread_local! {
    static SLOT: Slot = const {
        Slot {
            pool: Cell::new(0),
            works: Cell::new(false),
            stack: OnceCell::new(),
            line: OnceCell::new(),
            held: Cell::new(None),
        }
    };
}

impl<J: Entry> Open<J> {
    fn new(queue: Worker<J>, register: impl FnOnce(Stealer<J>) -> Box<dyn Home>) -> Self {
        let home = register(queue.stealer());
        Self { queue, home }
    }
}

impl<J: Entry> Drop for Open<J> {
    fn drop(&mut self) {
        let mut rest = iter::from_fn(|| self.queue.pop().map(J::into_job));
        self.home.leave(&mut rest);
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

/// Pushes a task on this thread's own stack if the thread belongs to `pool`; if it belongs to none
/// and `adopt` is set, it does so from now on. The stack is made, and told to `register`, at the
/// first push. `Err` hands the task back.
#[inline]
pub(crate) fn push(
    pool: usize,
    adopt: bool,
    start: Start,
    register: impl FnOnce(Stealer<Start>) -> Box<dyn Home>,
) -> Result<(), Start> {
    let mut start = Some(start);
    // In a thread that ends there is no queue any more.
    let _ = SLOT.try_with(|slot| {
        if slot.pool.get() != pool {
            if slot.pool.get() != 0 || !adopt {
                return;
            }
            slot.pool.set(pool);
        }
        let stack = slot.stack.get_or_init(|| Stack::new(register));
        if let Some(start) = start.take() {
            stack.push(start);
        }
    });
    start.map_or(Ok(()), Err)
}

/// Moves up to so many tasks, the oldest, from another thread's stack to that of this one, which is a worker
/// of `pool`. The newest of them will be popped first.
pub(crate) fn take_over(
    pool: usize,
    tasks: &Stealer<Start>,
    most: usize,
    register: impl FnOnce(Stealer<Start>) -> Box<dyn Home>,
) {
    let _ = SLOT.try_with(|slot| {
        debug_assert_eq!(slot.pool.get(), pool, "a worker of another pool");
        let stack = slot.stack.get_or_init(|| Stack::new(register));
        // A lost race: somebody else takes them.
        let _ = tasks.steal_batch_with_limit(&stack.open.queue, most);
        stack.top.set(std::ptr::null());
    });
}

/// Puts a future at the end of this thread's own line if it is a worker of `pool`. `Err` hands it back.
pub(crate) fn line_up(
    pool: usize,
    future: Runnable,
    register: impl FnOnce(Stealer<Runnable>) -> Box<dyn Home>,
) -> Result<(), Runnable> {
    let mut future = Some(future);
    let _ = SLOT.try_with(|slot| {
        if slot.pool.get() == pool && slot.works.get() {
            let new = || Open::new(Worker::new_fifo(), register);
            let line = slot.line.get_or_init(new);
            if let Some(future) = future.take() {
                line.queue.push(future);
            }
        }
    });
    future.map_or(Ok(()), Err)
}

/// Keeps a future for this thread alone, if it is a worker of `pool` that has no others in its line: it is to be next, or
/// [taken back](take_held) if something else is. `Err` hands it back.
pub(crate) fn hold(pool: usize, future: Runnable) -> Result<(), Runnable> {
    let mut future = Some(future);
    let _ = SLOT.try_with(|slot| {
        let line = slot.line.get();
        let is_first = line.is_none_or(|line| line.queue.is_empty());
        if slot.pool.get() == pool && slot.works.get() && is_first {
            let before = slot.held.take();
            debug_assert!(before.is_none(), "a job ends with one poll");
            slot.held.set(before.or_else(|| future.take()));
        }
    });
    future.map_or(Ok(()), Err)
}

/// The future that was kept for this thread alone.
#[inline]
pub(crate) fn take_held() -> Option<Runnable> {
    SLOT.try_with(|slot| slot.held.take()).ok().flatten()
}

/// The task that this thread has spawned last.
#[inline]
pub(crate) fn pop() -> Option<Start> {
    SLOT.try_with(|slot| slot.stack.get()?.pop()).ok().flatten()
}

/// The future that was first in this thread's line.
#[inline]
pub(crate) fn take_first_in_line() -> Option<Runnable> {
    let first = |slot: &Slot| {
        let lined_up = slot.line.get().and_then(|line| line.queue.pop());
        lined_up.or_else(|| slot.held.take())
    };
    SLOT.try_with(first).ok().flatten()
}

/// How many entries, stale ones among them, this thread's queues with `pool` have.
pub(crate) fn len(pool: usize) -> usize {
    let len = |slot: &Slot| {
        if slot.pool.get() != pool {
            return 0;
        }
        let tasks = slot.stack.get().map_or(0, |stack| stack.open.queue.len());
        let futures = slot.line.get().map_or(0, |line| line.queue.len());
        tasks + futures
    };
    SLOT.try_with(len).unwrap_or(0)
}

/// Takes the entry of the task at this address off the top of this thread's stack, and drops stale entries
/// above it: the caller has made it stale, and is about to run the task itself.
#[inline]
pub(crate) fn retract(address: *const ()) -> Option<Start> {
    SLOT.try_with(|slot| slot.stack.get()?.retract(address))
        .ok()
        .flatten()
}

/// Whether this thread's stack has entries, stale ones perhaps.
#[inline]
pub(crate) fn has_tasks() -> bool {
    let has_tasks = |slot: &Slot| {
        let stack = slot.stack.get();
        stack.is_some_and(|stack| !stack.open.queue.is_empty())
    };
    SLOT.try_with(has_tasks).unwrap_or(false)
}

impl Stack {
    fn new(register: impl FnOnce(Stealer<Start>) -> Box<dyn Home>) -> Self {
        Self {
            open: Open::new(Worker::new_lifo(), register),
            top: Cell::new(std::ptr::null()),
            unswept: Cell::new(0),
        }
    }

    fn push(&self, start: Start) {
        if self.unswept.get() >= SWEEP_EVERY {
            self.unswept.set(0);
            drop(self.sweep(std::ptr::null()));
        }
        self.count();
        self.top.set(start.address());
        self.open.queue.push(start);
    }

    fn count(&self) {
        self.unswept.set(self.unswept.get().saturating_add(1));
    }

    fn pop(&self) -> Option<Start> {
        self.top.set(std::ptr::null());
        self.open.queue.pop()
    }

    fn retract(&self, address: *const ()) -> Option<Start> {
        let top = self.top.get();
        if top.is_null() || top == address {
            return self.sweep(address);
        }
        self.count();
        None
    }

    /// Drops the stale entries on top, down to the one at this address.
    fn sweep(&self, address: *const ()) -> Option<Start> {
        loop {
            let start = self.pop()?;
            if start.address() == address {
                return Some(start);
            }
            if start.is_fresh() {
                self.put_back(start);
                return None;
            }
            spare::reunite(start);
        }
    }

    fn put_back(&self, start: Start) {
        self.top.set(start.address());
        self.open.queue.push(start);
        // It was hidden from thieves for a moment.
        self.open.home.notify();
    }
}
