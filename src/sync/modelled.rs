//! What a model checker replaces: loom, which tries every order of a small program, or shuttle, which tries
//! random ones of a larger one.

pub(crate) mod deque;
mod local;
mod park;
pub(crate) mod thread;

#[cfg(letgo_loom)]
pub(crate) use loom as checker;
#[cfg(letgo_shuttle)]
pub(crate) use shuttle as checker;

pub(crate) use self::checker::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, fence};
pub(crate) use self::checker::sync::{Condvar, MutexGuard};

pub(crate) use self::local::{LocalKey, thread_local};
pub(crate) use self::park::{Parker, Unparker, parker};

/// As the real one; it is never poisoned in a model, which ends with the first panic that gets so far.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(checker::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(checker::sync::Mutex::new(value))
    }

    #[track_caller]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        match self.0.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    pub(crate) fn into_inner(self) -> T {
        match self.0.into_inner() {
            Ok(value) => value,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

/// Who finds it taken waits, as with a mutex: that the real one is tried again and again shows a model nothing.
pub(crate) use self::Mutex as SpinLock;
pub(crate) use self::MutexGuard as SpinGuard;

macro_rules! statics {
    ($($(#[$doc:meta])* static $name:ident: $type:ty = $init:expr;)+) => {
        $crate::sync::checker::lazy_static! { $($(#[$doc])* static ref $name: $type = $init;)+ }
    };
}
pub(crate) use statics;

pub(crate) const fn times<N: Copy>(_many: N, modelled: N) -> N {
    modelled
}
