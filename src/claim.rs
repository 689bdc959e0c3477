//! Claiming: a closure that no thread has started runs where its value is asked for.

use std::panic::Location;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use crate::error::JoinError;
use crate::rights::{Claim, Redeemed, Value};
use crate::sync::Arc;
use crate::work::Outcome;
use crate::{blocking, local, stack, wait};

/// Claims the task, or waits for it.
///
/// What comes of a claim is matched where the claim has left it, not moved first: a move reads in one
/// go what was written in two just before, which takes a processor as long as a locked operation.
#[inline]
pub(crate) fn obtain<T, R>(
    value: Arc<dyn Value<T>>,
    ok: impl FnOnce(T) -> R,
    err: impl FnOnce(JoinError, &'static Location<'static>) -> R,
) -> R {
    let value = match stack::room() {
        Some(_room) => match blocking::aside(|| value.redeem()) {
            Redeemed::Mine(Ok(value), _) => return ok(value),
            Redeemed::Mine(Err(error), spawned_at) => return err(error, spawned_at),
            Redeemed::TooEarly(value) => {
                if let Some(outcome) = in_turn(&value, || value.claim()) {
                    return outcome.map_or_else(|error| err(error, value.spawned_at()), ok);
                }
                value
            }
            Redeemed::TooLate(value) => value,
        },
        None => {
            if value.is_claimable() {
                run_on_fresh_thread(&value);
            }
            value
        }
    };
    wait_for(&value).map_or_else(|error| err(error, value.spawned_at()), ok)
}

/// Claims the task, and leaves its value in the cell.
pub(crate) fn run<T>(value: &Arc<dyn Value<T>>) {
    let ran = stack::if_room(|| {
        if let Claim::TooEarly = blocking::aside(|| value.claim_in_place()) {
            in_turn(value, || value.claim_in_place());
        }
    });
    if ran.is_none() {
        run_on_fresh_thread(value);
    }
}

/// Claims the task when it is its turn.
#[cold]
fn in_turn<T, R>(value: &Arc<dyn Value<T>>, claim: impl Fn() -> Claim<R>) -> Option<R> {
    while wait_for_turn(value) {
        match blocking::aside(&claim) {
            Claim::Mine(claimed) => return Some(claimed),
            Claim::TooEarly => {}
            Claim::TooLate => break,
        }
    }
    None
}

/// `false`: it will never come.
fn wait_for_turn<T>(value: &Arc<dyn Value<T>>) -> bool {
    let turn = wait::block_for(None, |cx| match value.poll_turn(cx.waker()) {
        Poll::Ready(()) => Poll::Ready(true),
        Poll::Pending if pending(value).is_some() => Poll::Ready(false),
        Poll::Pending => Poll::Pending,
    });
    turn == Some(true)
}

fn wait_for<T>(value: &Arc<dyn Value<T>>) -> Outcome<T> {
    match value.take() {
        Some(outcome) => outcome,
        None => block_for(value),
    }
}

#[cold]
fn block_for<T>(value: &Arc<dyn Value<T>>) -> Outcome<T> {
    if value.waits_for_itself() {
        return Err(JoinError::own_agent(value.spawned_at()));
    }
    match wait::block_for(None, |cx| poll(value, cx)) {
        Some(outcome) => outcome,
        None => unreachable!("a wait without a deadline ends with the value"),
    }
}

/// The outcome of what this thread blocks for, or the promise to wake.
pub(crate) fn poll<T>(value: &Arc<dyn Value<T>>, cx: &Context<'_>) -> Poll<Outcome<T>> {
    match value.poll(cx.waker()) {
        Poll::Ready(outcome) => Poll::Ready(outcome),
        Poll::Pending => match pending(value) {
            Some(error) => Poll::Ready(Err(error)),
            None => Poll::Pending,
        },
    }
}

/// What is pending is noted; the error that ends the wait for it, if it would never end.
fn pending<T>(value: &Arc<dyn Value<T>>) -> Option<JoinError> {
    blocking::note(|| Arc::clone(value).into_awaited())
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
