//! How deep claims may nest: bounded by the stack that is left.

use std::cell::Cell;
use std::hint::black_box;
use std::{io, thread};

use crate::sync::thread_local;
use crate::unwind::quietly;
use crate::who;

/// What claims may use of a stack that is not ours, counted from the outermost one: std's
/// threads have 2 MiB, of which the caller may have used most.
const FOREIGN_BUDGET: usize = 256 * 1024;

/// The part of a stack of our own that claims may use; the rest is for the closures.
const fn own_budget(stack_size: usize) -> usize {
    stack_size / 2
}

/// The stack size of a thread that nobody has given one: as std's.
pub(crate) const DEFAULT_SIZE: usize = 2 * 1024 * 1024;

#[derive(Clone, Copy)]
struct Limit {
    base: usize,
    budget: usize,
}

thread_local! {
    static LIMIT: Cell<Option<Limit>> = const { Cell::new(None) };
}

/// The address of a local of this call: where the stack is just now.
#[inline]
fn here() -> usize {
    let local = 0_u8;
    std::ptr::from_ref(black_box(&local)).addr()
}

/// Called at the start of a thread of ours.
pub(crate) fn begin_own_thread(stack_size: usize) {
    let budget = own_budget(stack_size);
    LIMIT.set(Some(Limit {
        base: here(),
        budget,
    }));
}

/// Room for a claim on this thread's stack, while it lives.
pub(crate) struct Room {
    outermost: bool,
}

/// Room for a claim, if there is stack enough.
#[inline]
pub(crate) fn room() -> Option<Room> {
    // In a thread that ends the limit is still there: a `Cell` without a destructor.
    match LIMIT.get() {
        Some(Limit { base, budget }) => {
            (here().abs_diff(base) < budget).then_some(Room { outermost: false })
        }
        None => {
            // The outermost claim of a foreign thread: what it nests is counted from here.
            LIMIT.set(Some(Limit {
                base: here(),
                budget: FOREIGN_BUDGET,
            }));
            Some(Room { outermost: true })
        }
    }
}

impl Drop for Room {
    #[inline]
    fn drop(&mut self) {
        if self.outermost {
            LIMIT.set(None);
        }
    }
}

/// Runs `f` if there is stack enough for a claim.
pub(crate) fn if_room<R>(f: impl FnOnce() -> R) -> Option<R> {
    let _room = room()?;
    Some(f())
}

/// Runs `f` on a stack of its own, while this thread waits. The error: no thread can be had.
///
/// This thread's host is not told: the fresh one runs in its place.
#[cold]
pub(crate) fn run_fresh(f: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let stands_in_for = who::me();
    let run = move || {
        who::stand_in_for(stands_in_for);
        begin_own_thread(DEFAULT_SIZE);
        quietly(f);
    };
    let builder = thread::Builder::new()
        .name("letgo-stack".to_owned())
        .stack_size(DEFAULT_SIZE);
    let thread = builder.spawn(run)?;
    // An `Err` cannot be: a panic of `f` is caught.
    let _ = thread.join();
    Ok(())
}
