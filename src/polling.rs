//! Whether a future that is woken while it is polled is what this thread does next.
//!
//! As a worker's job it is: when the poll is over nothing is left of the job.

use std::cell::Cell;

use crate::sync::thread_local;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Polling {
    /// What is polled is on the way of what this thread does.
    Aside,
    /// What is polled is the job of this thread, a worker.
    Job,
    /// The job was a poll; it is over, and the future, woken meanwhile, is handed to its executor.
    Over,
}

thread_local! {
    static POLLING: Cell<Polling> = const { Cell::new(Polling::Aside) };
}

/// Goes back to what it was, be it by a panic.
struct Before(Polling);

impl Before {
    fn set(polling: Polling) -> Self {
        Self(POLLING.replace(polling))
    }
}

impl Drop for Before {
    fn drop(&mut self) {
        POLLING.set(self.0);
    }
}

/// From now on this thread runs one job after the other.
pub(crate) fn begin_work() {
    POLLING.set(Polling::Job);
}

/// Runs a job that is not a worker's next one: this thread may have something else to do when that is over.
pub(crate) fn aside(run: impl FnOnce()) {
    let _before = Before::set(Polling::Aside);
    run();
}

/// Hands a future to its executor; `polled` if it was woken while this thread polled it.
pub(crate) fn hand_over(polled: bool, schedule: impl FnOnce()) {
    let over = polled && POLLING.get() == Polling::Job;
    let _before = Before::set(if over { Polling::Over } else { Polling::Aside });
    schedule();
}

/// Whether the future that is handed over was this thread's job.
pub(crate) fn is_over() -> bool {
    POLLING.get() == Polling::Over
}
