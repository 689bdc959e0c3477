//! What the rest builds on, and what a model checker replaces: `std::sync` is named here and below alone.
//!
//! Under `--cfg letgo_loom` or `--cfg letgo_shuttle` locks, atomics, parked threads, the pool's deques and threads, and what a thread
//! has for itself are in `modelled`. What has no part in any model stays as it is: `Arc` (loom's does not
//! coerce to `Arc<dyn …>`), `OnceLock`, and what is [`fixed`].

pub(crate) use std::sync::atomic::Ordering;
pub(crate) use std::sync::{Arc, OnceLock, PoisonError, Weak};

#[cfg(not(any(letgo_loom, letgo_shuttle)))]
pub(crate) use self::real::*;

#[cfg(any(letgo_loom, letgo_shuttle))]
mod modelled;
#[cfg(not(any(letgo_loom, letgo_shuttle)))]
mod spin_lock;
#[cfg(any(letgo_loom, letgo_shuttle))]
pub(crate) use self::modelled::*;

#[cfg(not(any(letgo_loom, letgo_shuttle)))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, fence};
    pub(crate) use std::sync::{Condvar, MutexGuard};
    pub(crate) use std::{thread, thread_local};

    pub(crate) use crossbeam_deque as deque;
    pub(crate) use parking::{Parker, Unparker, pair as parker};

    pub(crate) use super::fixed::Mutex;
    pub(crate) use super::spin_lock::{SpinGuard, SpinLock};

    /// Statics, which a model starts afresh each time.
    macro_rules! statics {
        ($($item:item)+) => { $($item)+ };
    }
    pub(crate) use statics;

    /// How often to look again before sleeping; a model looks once, for looking more often shows it nothing new.
    pub(crate) const fn times<N: Copy>(many: N, _modelled: N) -> N {
        many
    }
}

/// For statics that have no part in a model.
pub(crate) mod fixed {
    use std::sync::MutexGuard;
    pub(crate) use std::sync::atomic::AtomicU32;

    /// A mutex that knows no poison: no code of a user ever runs while one of ours is held, so
    /// that a panic cannot leave the data behind it half changed.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::sync::Mutex::new(value))
        }

        #[inline]
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            match self.0.lock() {
                Ok(guard) => guard,
                Err(poisoned) => poisoned.into_inner(),
            }
        }

        #[cfg_attr(
            any(letgo_loom, letgo_shuttle),
            expect(dead_code, reason = "statics are never consumed")
        )]
        pub(crate) fn into_inner(self) -> T {
            match self.0.into_inner() {
                Ok(value) => value,
                Err(poisoned) => poisoned.into_inner(),
            }
        }
    }
}
