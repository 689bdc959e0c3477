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
