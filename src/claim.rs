//! Claiming: a closure that no thread has started runs where its value is asked for.

use std::thread;
use std::time::Duration;

use crate::error::JoinError;
use crate::sync::Arc;
use crate::task::{Outcome, Value};
use crate::{local, stack, wait};

/// Claims the task, or waits for it.
#[inline]
pub(crate) fn obtain<T>(value: &Arc<dyn Value<T>>) -> Outcome<T> {
    if value.is_claimable() {
        let claimed = stack::if_room(|| {
            retract(value);
            value.claim()
        });
        match claimed {
            Some(Some(outcome)) => return outcome,
            Some(None) => {}
            None => run_on_fresh_thread(value),
        }
    }
    wait_for(value)
}

/// Claims the task, and leaves its value in the cell.
pub(crate) fn run<T>(value: &Arc<dyn Value<T>>) {
    let run = Arc::clone(value).into_run();
    let ran = stack::if_room(|| {
        retract(value);
        run.run();
    });
    if ran.is_none() {
        run_on_fresh_thread(value);
    }
}

/// Takes the task's entry out of this thread's queue: what the closure spawns must find the top free.
#[inline]
fn retract<T>(value: &Arc<dyn Value<T>>) {
    value.forgo();
    local::retract(Arc::as_ptr(value).cast());
}

#[cold]
fn wait_for<T>(value: &Arc<dyn Value<T>>) -> Outcome<T> {
    if value.waits_for_itself() {
        return Err(JoinError::Deadlock);
    }
    match wait::block_until(None, |cx| value.poll(cx.waker())) {
        Some(outcome) => outcome,
        None => unreachable!("a wait without a deadline ends with the value"),
    }
}

/// The stack is used up: a fresh one takes over, while this thread waits.
///
/// To leave the closure to its executor would not do: one of a single thread, this one, would
/// never come to it.
#[cold]
fn run_on_fresh_thread<T>(value: &Arc<dyn Value<T>>) {
    const RETRY_EVERY: Duration = Duration::from_millis(5);
    let workplace = local::workplace();
    loop {
        let run = Arc::clone(value).into_run();
        let stand_in = move || {
            if let Some(pool) = workplace {
                local::work_for(pool);
            }
            run.run();
        };
        if stack::run_fresh(stand_in).is_ok() {
            return;
        }
        // No thread to be had: perhaps the executor gets to it, perhaps one can be had later.
        thread::sleep(RETRY_EVERY);
        if !value.is_claimable() {
            return;
        }
    }
}
