//! Which thread of control this is: one that stands in for another is that other.

use std::cell::Cell;
use std::num::NonZeroUsize;

use crate::sync::thread_local;

/// Names a thread of control; no two that exist at the same time are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who(NonZeroUsize);

thread_local! {
    /// `None`: nobody has asked yet.
    static ME: Cell<Option<Who>> = const { Cell::new(None) };
}

/// The calling thread.
#[inline]
pub(crate) fn me() -> Who {
    ME.with(|me| {
        me.get().unwrap_or_else(|| {
            // The address of what every thread has one of.
            let mine = Who(std::ptr::NonNull::from(me).addr());
            me.set(Some(mine));
            mine
        })
    })
}

/// The calling thread runs in the place of another, which waits until it ends.
pub(crate) fn stand_in_for(other: Who) {
    ME.set(Some(other));
}
