//! The pool's threads, as threads of a model; and that there may be no more of them.

use std::cell::Cell;
use std::io;

use super::checker;
pub(crate) use super::checker::thread::{JoinHandle, ThreadId, current};

std::thread_local! {
    /// How many more threads can be made. A model runs on one thread of the system's.
    static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// From now on so many threads can be made, and no more.
#[cfg(letgo_loom)]
pub(crate) fn allow(threads: usize) {
    LEFT.set(threads);
}

pub(crate) struct Builder(checker::thread::Builder);

impl Builder {
    pub(crate) fn new() -> Self {
        Self(checker::thread::Builder::new())
    }

    pub(crate) fn name(self, name: String) -> Self {
        Self(self.0.name(name))
    }

    pub(crate) fn stack_size(self, bytes: usize) -> Self {
        // Loom's are counted in words.
        let unit = if cfg!(letgo_loom) {
            size_of::<usize>()
        } else {
            1
        };
        Self(self.0.stack_size(bytes / unit))
    }

    pub(crate) fn spawn<T, F>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let Some(left) = LEFT.get().checked_sub(1) else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        LEFT.set(left);
        self.0.spawn(f)
    }
}
