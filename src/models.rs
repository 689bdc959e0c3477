//! The models: small programs of which every order of steps is tried that the memory model allows.
//!
//! They run with `.ci/run models`. Each lies beside what it models, in a file `models.rs`. For each there
//! are planted bugs, in `tests/planted`, which it was seen to find.

// Not of the model: to count what happens in it must not change it.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Instant;

use loom::model::Builder;

use crate::lend;
use crate::sync::{Parker, parker};

/// Tries every order in which threads are preempted so often at the most, and in which atomics show older values
/// than they have. A thread that waits for ever fails the model.
pub(crate) fn explore(preemptions: usize, program: impl Fn() + Send + Sync + 'static) {
    explore_with(preemptions, Builder::new(), program);
}

/// As [`explore`], of a program that has too many orders: the first so many thousands of them.
pub(crate) fn explore_some(
    preemptions: usize,
    thousands: usize,
    program: impl Fn() + Send + Sync + 'static,
) {
    let mut builder = Builder::new();
    builder.checkpoint_interval = 1000;
    builder.max_permutations.get_or_insert(thousands * 1000);
    explore_with(preemptions, builder, program);
}

fn explore_with(
    preemptions: usize,
    mut builder: Builder,
    program: impl Fn() + Send + Sync + 'static,
) {
    // The environment's word (`LOOM_MAX_PREEMPTIONS`) comes first: by hand there may be more time.
    builder.preemption_bound.get_or_insert(preemptions);
    builder.max_branches = 20_000;
    let orders = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&orders);
    let start = Instant::now();
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        program();
    });
    let orders = orders.load(Ordering::Relaxed);
    println!("{orders} orders in {:?}", start.elapsed());
}

/// A place to wait, with a waker of its own.
pub(crate) struct Bed {
    parker: Parker,
    waker: Waker,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let (parker, unparker) = parker();
        let waker = lend::waker_of(unparker);
        Self { parker, waker }
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }

    pub(crate) fn wake(&self) {
        self.waker.wake_by_ref();
    }

    /// Until it is woken.
    pub(crate) fn sleep(&self) {
        self.parker.park();
    }
}

/// Counts how often something happened.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Lets others run while it is dropped.
pub(crate) struct Lingers;

impl Drop for Lingers {
    fn drop(&mut self) {
        loom::thread::yield_now();
    }
}

/// Counts when it is dropped.
pub(crate) struct Dropped(pub(crate) Count);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add();
    }
}
