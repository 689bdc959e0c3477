//! The right to set a value by hand.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;

use crate::error::JoinError;
use crate::handle::JoinHandle;
use crate::rights::Finish;
use crate::sync::{Arc, Mutex};
use crate::task::Task;
use crate::unwind::quietly;
use crate::work::{Outcome, Running, Work};

#[cfg(all(test, letgo_loom))]
mod models;

/// A handle whose value is set by hand, and the means to set it.
///
/// The handle is like any other. The resolver may be moved to any thread, into any callback;
/// dropped unresolved, it cancels the handle.
///
/// ```
/// let (resolver, answer) = letgo::promise();
/// std::thread::spawn(move || resolver.resolve("forty-two").unwrap());
/// assert_eq!(answer.get(), "forty-two");
/// ```
#[track_caller]
pub fn promise<T: Send + 'static>() -> (Resolver<T>, JoinHandle<T>) {
    let task = Arc::new(Task::<ByHand<T>>::running(Location::caller()));
    let handle = JoinHandle::new(Arc::clone(&task) as _);
    (
        Resolver {
            task,
            _takes: PhantomData,
        },
        handle,
    )
}

/// The right to give a [`promise`] its value, once.
///
/// # Cancel safety
/// Dropped unresolved, it cancels the promise: `join` and `settle` give
/// [`JoinError::Cancelled`], `get` and `.await` panic.
#[must_use = "a dropped resolver cancels its promise"]
pub struct Resolver<T> {
    task: Arc<dyn Finish<T>>,
    /// `Send` and `Sync` if `T` is `Send`: the value is only ever moved in.
    _takes: PhantomData<Mutex<T>>,
}

/// The work of a promise: there is none.
struct ByHand<T>(PhantomData<fn() -> T>);

#[derive(Default)]
struct Unresolved;

impl Running for Unresolved {
    const ENDS_AT_ONCE: bool = true;
}

impl<T: Send + 'static> Work for ByHand<T> {
    type Value = T;
    type Running = Unresolved;
    const CLAIMABLE: bool = false;

    fn run(self) -> Option<Outcome<T>> {
        None
    }
}

impl<T> Resolver<T> {
    /// Sets the value and wakes who waits for it. It never blocks, and never runs the waiter's code.
    ///
    /// # Errors
    /// The value, if nobody waits any more: the handle was dropped, or cancelled.
    pub fn resolve(self, value: T) -> Result<(), T> {
        self.task
            .finish(Ok(value))
            .map_err(|outcome| match outcome {
                Ok(value) => value,
                Err(_) => unreachable!("the outcome handed back is the value handed in"),
            })
    }

    /// Whether nobody waits any more: the handle was dropped, or cancelled.
    ///
    /// ```
    /// let (resolver, handle) = letgo::promise::<i32>();
    /// assert!(!resolver.is_abandoned());
    /// drop(handle);
    /// assert!(resolver.is_abandoned());
    /// ```
    pub fn is_abandoned(&self) -> bool {
        !self.task.is_running()
    }
}

/// Nothing in it is ever pinned.
impl<T> Unpin for Resolver<T> {}

impl<T> Drop for Resolver<T> {
    fn drop(&mut self) {
        // An `Err` after a `resolve` hands back this very cancellation.
        quietly(|| drop(self.task.finish(Err(JoinError::Cancelled))));
    }
}

impl<T> fmt::Debug for Resolver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("abandoned", &self.is_abandoned())
            .finish_non_exhaustive()
    }
}
