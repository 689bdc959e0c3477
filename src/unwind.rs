//! Catching panics of other people's code, payloads that panic when dropped included.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs `f`; a panic is an `Err`.
///
/// Asserting unwind safety is sound for us as it is for `std::thread::spawn`: what `f` had is
/// gone with it, and what it shares with others is theirs to guard.
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(f))
}

/// Runs `f` where nobody can be told of its panic: the panic hook has reported it already.
pub(crate) fn quietly(f: impl FnOnce()) {
    if let Err(payload) = catch(f) {
        // A payload may panic again when it is dropped; what that one leaves is let go for good.
        if let Err(nested) = catch(|| drop(payload)) {
            std::mem::forget(nested);
        }
    }
}

/// A value that, if nobody takes it, is dropped where nobody can be told of its panic.
///
/// Several that are dropped in one go, or one in a thread that unwinds, would end the process.
pub(crate) struct Quiet<T>(Option<T>);

impl<T> Quiet<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(crate) fn get(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => unreachable!("it is taken only as a whole"),
        }
    }

    pub(crate) fn take(mut self) -> T {
        match self.0.take() {
            Some(value) => value,
            None => unreachable!("it is taken only once"),
        }
    }
}

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            quietly(|| drop(value));
        }
    }
}
