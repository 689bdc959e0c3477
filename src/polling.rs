//! Whether a job that this thread runs is a worker's next one, after which it looks for another; or something on the
//! way of what it does, as where a closure runs a job.

use std::cell::Cell;

use crate::sync::thread_local;

thread_local! {
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// From now on this thread runs one job after the other.
pub(crate) fn begin_work() {
    AT_WORK.set(true);
}

pub(crate) fn is_job() -> bool {
    AT_WORK.get()
}

/// Goes back to what it was, be it by a panic.
struct Before(bool);

impl Drop for Before {
    fn drop(&mut self) {
        AT_WORK.set(self.0);
    }
}

/// Runs a job on the way of what this thread does.
pub(crate) fn aside(run: impl FnOnce()) {
    let _before = Before(AT_WORK.replace(false));
    run();
}
