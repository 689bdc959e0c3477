//! Whether this thread blocks for what it polls.

use std::cell::Cell;

thread_local! {
    static BLOCKS: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread blocks for what is polled just now, and does nothing else before it is ready.
///
/// An `.await` does not: whoever polls may have other futures to turn to.
pub(crate) fn is_so() -> bool {
    BLOCKS.get()
}

/// Runs `poll`, for whose outcome this thread blocks.
#[inline]
pub(crate) fn while_polling<R>(poll: impl FnOnce() -> R) -> R {
    let _before = Before::set(true);
    poll()
}

/// Runs `f`, which is not what this thread blocks for, though it is run on the way to it.
pub(crate) fn aside<R>(f: impl FnOnce() -> R) -> R {
    let _before = Before::set(false);
    f()
}

/// Puts the mark back when it is dropped.
struct Before(bool);

impl Before {
    #[inline]
    fn set(blocks: bool) -> Self {
        Self(BLOCKS.replace(blocks))
    }
}

impl Drop for Before {
    #[inline]
    fn drop(&mut self) {
        BLOCKS.set(self.0);
    }
}
