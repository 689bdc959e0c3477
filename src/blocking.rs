//! Whether this thread blocks for what it polls, and what that waits for.

use std::cell::{Cell, RefCell};
use std::mem;

use crate::error::JoinError;
use crate::sync::{Arc, thread_local};
use crate::waits::{Awaited, Notes};

thread_local! {
    static BLOCKS: Cell<bool> = const { Cell::new(false) };
    /// `None` if nobody wants to know.
    static NOTES: RefCell<Option<Notes>> = const { RefCell::new(None) };
}

/// Whether this thread blocks for what is polled just now, and does nothing else before it is ready.
///
/// An `.await` does not: whoever polls may have other futures to turn to.
#[inline]
pub(crate) fn is_so() -> bool {
    BLOCKS.get()
}

/// Runs `poll`, for whose outcome this thread blocks; if there are `notes`, they are taken.
#[inline]
pub(crate) fn while_polling<R>(notes: &mut Option<Notes>, poll: impl FnOnce() -> R) -> R {
    let before = Before::set(true, notes.take());
    let polled = poll();
    *notes = before.end();
    polled
}

/// Runs `f`, which is not what this thread blocks for, though it is run on the way to it.
#[inline]
pub(crate) fn aside<R>(f: impl FnOnce() -> R) -> R {
    if is_so() {
        return set_aside(f);
    }
    // There are no notes then.
    f()
}

#[cold]
fn set_aside<R>(f: impl FnOnce() -> R) -> R {
    let _before = Before::set(false, None);
    f()
}

/// Runs `poll`; if this thread blocks for it, something may end the wait that nobody notes.
pub(crate) fn untraced<R>(poll: impl FnOnce() -> R) -> R {
    if !is_so() {
        return poll();
    }
    let mut outer = Before::set(true, None);
    if let Some(notes) = &mut outer.notes {
        notes.misses_something();
    }
    poll()
}

/// Called by what is pending: if this thread blocks for it, that is noted. Gives the error that ends the
/// wait, if it was found to be one without an end.
pub(crate) fn note(target: impl FnOnce() -> Arc<dyn Awaited>) -> Option<JoinError> {
    let with_notes = |notes: &RefCell<Option<Notes>>| {
        let mut notes = notes.borrow_mut();
        let notes = notes.as_mut()?;
        let verdict = notes.verdict();
        if verdict.is_none() {
            notes.add(target());
        }
        verdict
    };
    // In a thread that ends nobody takes notes.
    NOTES.try_with(with_notes).ok().flatten()
}

/// Puts the marks back when it is dropped.
struct Before {
    blocks: bool,
    notes: Option<Notes>,
}

impl Before {
    #[inline]
    fn set(blocks: bool, notes: Option<Notes>) -> Self {
        Self {
            blocks: BLOCKS.replace(blocks),
            notes: swap(notes),
        }
    }

    /// The notes that were taken.
    fn end(mut self) -> Option<Notes> {
        BLOCKS.set(self.blocks);
        let taken = swap(self.notes.take());
        mem::forget(self);
        taken
    }
}

fn swap(notes: Option<Notes>) -> Option<Notes> {
    NOTES.try_with(|slot| slot.replace(notes)).ok().flatten()
}

impl Drop for Before {
    #[inline]
    fn drop(&mut self) {
        BLOCKS.set(self.blocks);
        swap(self.notes.take());
    }
}
