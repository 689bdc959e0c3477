//! The queues of jobs that a thread owns, and that others may steal from.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::iter;

use async_task::Runnable;

use crate::entries::{Berth, Entries, Gauge, Kept};
use crate::job::{Entry, Job};
use crate::rights::Start;
use crate::strays;
use crate::sync::deque::{Steal, Stealer, Worker};
use crate::sync::{Arc, thread_local};

/// The pool that a thread's queue belongs to, and its place there.
pub(crate) trait Home {
    /// A task of this thread's is anybody's now.
    fn inject(&self, start: Start);
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
    entries: RefCell<Entries>,
    gauge: Arc<Gauge>,
    /// Its other end, for its owner.
    stealer: Stealer<Start>,
}

/// How many spare entries go at a time where none fits.
const SHED: usize = 4;

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
        let rest = iter::from_fn(|| self.queue.pop().map(J::into_job));
        let mut rest = rest.filter_map(Job::unless_stale);
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
/// first push. `Err` hands the task back: it has no place there, or thieves come and would find it late.
#[inline]
pub(crate) fn push(
    pool: usize,
    adopt: bool,
    start: Start,
    thieves_come: bool,
    register: impl FnOnce(Stealer<Start>, Arc<Gauge>) -> Box<dyn Home>,
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
        if let Some(task) = start.take() {
            start = stack.push(task, thieves_come).err();
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
    register: impl FnOnce(Stealer<Start>, Arc<Gauge>) -> Box<dyn Home>,
) {
    let _ = SLOT.try_with(|slot| {
        debug_assert_eq!(slot.pool.get(), pool, "a worker of another pool");
        let stack = slot.stack.get_or_init(|| Stack::new(register));
        // A lost race: somebody else takes them.
        let _ = tasks.steal_batch_with_limit(&stack.open.queue, most);
        let mut entries = stack.entries.borrow_mut();
        entries.take_over(stack.open.queue.len());
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

/// How many jobs wait in this thread's queues with `pool`, at most.
pub(crate) fn len(pool: usize) -> usize {
    let len = |slot: &Slot| {
        if slot.pool.get() != pool {
            return 0;
        }
        let tasks = slot.stack.get().map_or(0, |stack| stack.gauge.live());
        let futures = slot.line.get().map_or(0, |line| line.queue.len());
        tasks + futures
    };
    SLOT.try_with(len).unwrap_or(0)
}

/// Ends the entry of a task that this thread has claimed, and keeps its cell if it is given.
#[inline(never)]
pub(crate) fn end(berth: Berth, address: *const (), cell: Option<Kept>) {
    let end = |slot: &Slot| {
        let stack = slot.stack.get()?;
        let queue = &stack.open.queue;
        Some(stack.entries.borrow_mut().end(berth, address, cell, queue))
    };
    if !matches!(SLOT.try_with(end), Ok(Some(true))) {
        strays::claimed(berth);
    }
}

/// The same, of one that some thread has started.
#[cold]
pub(crate) fn end_if_mine(berth: Berth, address: *const ()) {
    let is_mine = |slot: &Slot| {
        let stack = slot.stack.get();
        stack.is_some_and(|stack| stack.entries.borrow().has(berth))
    };
    if matches!(SLOT.try_with(is_mine), Ok(true)) {
        end(berth, address, None);
    }
}

/// Arms a spare entry of this thread's, which is at home in `pool`. `true`: nobody need be told.
#[inline]
pub(crate) fn arm<T: Any + Send + Sync>(
    pool: usize,
    fits: impl Fn(&T) -> bool,
    arm: impl FnMut(&T) -> bool,
) -> Option<(Arc<T>, bool)> {
    let arm = |slot: &Slot| {
        if slot.pool.get() != pool {
            return None;
        }
        let stack = slot.stack.get()?;
        let queue = &stack.open.queue;
        let armed = stack.entries.borrow_mut().arm(fits, arm, queue);
        if !matches!(armed, Some((_, true))) {
            stack.shed();
        }
        armed
    };
    SLOT.try_with(arm).ok().flatten()
}

impl Stack {
    fn new(register: impl FnOnce(Stealer<Start>, Arc<Gauge>) -> Box<dyn Home>) -> Self {
        let gauge = Arc::new(Gauge::default());
        let register = |stealer| register(stealer, Arc::clone(&gauge));
        let queue = Worker::new_lifo();
        Self {
            stealer: queue.stealer(),
            open: Open::new(queue, register),
            entries: RefCell::new(Entries::new(Arc::clone(&gauge))),
            gauge,
        }
    }

    fn push(&self, start: Start, thieves_come: bool) -> Result<(), Start> {
        if self.entries.borrow().has_strays() {
            self.clear_up();
        }
        let mut entries = self.entries.borrow_mut();
        entries.push(start, &self.open.queue, thieves_come)
    }

    /// Drops some of the oldest entries, if there are many spare ones and none that fits.
    #[cold]
    fn shed(&self) {
        for _ in 0..SHED {
            if !self.entries.borrow().has_too_many() {
                return;
            }
            if let Steal::Success(start) = self.stealer.steal() {
                // It was no stale one that kept so many others, or a thief was there in between.
                if let Some(start) = start.unless_stale() {
                    self.entries.borrow_mut().was_mistaken();
                    self.open.home.inject(start);
                }
            }
            self.entries.borrow_mut().tidy(&self.open.queue);
        }
    }

    /// Drops what is stale. (What is not is told of with the push that follows.)
    #[cold]
    fn clear_up(&self) {
        let mut fresh: Vec<_> = iter::from_fn(|| self.pop()).collect();
        let mut entries = self.entries.borrow_mut();
        while let Some(oldest) = fresh.pop() {
            entries.put(oldest, &self.open.queue);
        }
    }

    fn pop(&self) -> Option<Start> {
        loop {
            let start = self.entries.borrow_mut().pop(&self.open.queue)?;
            let start = start.unless_stale();
            if start.is_some() {
                return start;
            }
        }
    }
}
