//! What each thread of a model has for itself: they all run on one thread of the system's.

use std::cell::Cell;

use super::checker::{self, thread::AccessError};

/// As std's, of a thread of the model's.
pub(crate) struct LocalKey<T: 'static>(&'static checker::thread::LocalKey<T>);

impl<T> LocalKey<T> {
    pub(crate) const fn new(key: &'static checker::thread::LocalKey<T>) -> Self {
        Self(key)
    }

    pub(crate) fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.0.with(f)
    }

    pub(crate) fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        self.0.try_with(f)
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    pub(crate) fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    pub(crate) fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    pub(crate) fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

macro_rules! thread_local_of_model {
    ($($(#[$doc:meta])* static $name:ident: $type:ty = $init:expr;)+) => {$(
        $(#[$doc])*
        static $name: $crate::sync::LocalKey<$type> = {
            $crate::sync::checker::thread_local! { static KEY: $type = $init; }
            $crate::sync::LocalKey::new(&KEY)
        };
    )+};
}
pub(crate) use thread_local_of_model as thread_local;
