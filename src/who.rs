//! Which thread of control this is: one that stands in for another is that other.

use std::cell::Cell;

use crate::sync::thread_local;

/// Names a thread of control; no two that exist at the same time are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who(usize);

thread_local! {
    /// 0: nobody has asked yet.
    static ME: Cell<usize> = const { Cell::new(0) };
}

/// The calling thread.
#[inline]
pub(crate) fn me() -> Who {
    ME.with(|me| {
        if me.get() == 0 {
            // The address of what every thread has one of, and never zero.
            me.set(std::ptr::from_ref(me).addr());
        }
        Who(me.get())
    })
}

/// The calling thread runs in the place of another, which waits until it ends.
pub(crate) fn stand_in_for(other: Who) {
    ME.set(other.0);
}
