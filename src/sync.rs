//! The one file that names `std::sync`: what the rest builds on, and what a model checker replaces.
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
#[cfg(any(letgo_loom, letgo_shuttle))]
pub(crate) use self::modelled::*;

#[cfg(not(any(letgo_loom, letgo_shuttle)))]
mod real {
    use std::time::Duration;

    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, fence};
    pub(crate) use std::sync::{Condvar, MutexGuard};
    pub(crate) use std::{thread, thread_local};

    pub(crate) use crossbeam_deque as deque;
    pub(crate) use parking::{Parker, Unparker, pair as parker};

    pub(crate) use super::fixed::Mutex;

    /// Statics, which a model starts afresh each time.
    macro_rules! statics {
        ($($item:item)+) => { $($item)+ };
    }
    pub(crate) use statics;

    /// How often who finds a lock taken tries again after a pause of some [`SPINS`], and how often after it has
    /// let others run; then it sleeps a little between two tries.
    const PAUSES: u32 = 20;
    const YIELDS: u32 = 20;

    const SPINS: u32 = 8;

    const NAP: Duration = Duration::from_micros(50);

    /// Locks a mutex that may be [kept locked](keep_locked): `None` if so.
    #[inline]
    pub(crate) fn lock_unless_kept<T>(
        mutex: &Mutex<T>,
        is_kept: impl Fn() -> bool,
    ) -> Option<MutexGuard<'_, T>> {
        mutex.try_lock().or_else(|| lock_later(mutex, is_kept))
    }

    /// Somebody else has the lock: for good, or for a few instructions.
    #[cold]
    fn lock_later<T>(mutex: &Mutex<T>, is_kept: impl Fn() -> bool) -> Option<MutexGuard<'_, T>> {
        let mut tries = 0;
        while !is_kept() {
            if tries < PAUSES {
                for _ in 0..SPINS {
                    std::hint::spin_loop();
                }
            } else if tries < PAUSES + YIELDS {
                thread::yield_now();
            } else {
                // Its holder was preempted, perhaps by a thread that yields to nobody: this one.
                thread::sleep(NAP);
            }
            tries += 1;
            if let Some(guard) = mutex.try_lock() {
                return Some(guard);
            }
        }
        None
    }

    /// Ends a section after which there is nothing more to be locked for: the lock is not given back, which is
    /// an atomic operation less. Whoever might still come has to be told, before this, by other means.
    ///
    /// Where a mutex is more than a word it is given back all the same: dropped locked, it would leak what it
    /// is made of.
    #[inline]
    pub(crate) fn keep_locked<T>(guard: MutexGuard<'_, T>) {
        const IS_A_WORD: bool = cfg!(any(target_os = "linux", target_os = "android", windows));
        if IS_A_WORD {
            std::mem::forget(guard);
        }
    }

    /// How often to look again before sleeping; a model looks once, for looking more often shows it nothing new.
    pub(crate) const fn times<N: Copy>(many: N, _modelled: N) -> N {
        many
    }
}

/// For statics that have no part in a model.
pub(crate) mod fixed {
    use std::sync::{MutexGuard, TryLockError};

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

        #[inline]
        #[cfg_attr(
            any(letgo_loom, letgo_shuttle),
            expect(dead_code, reason = "in a model no lock is kept")
        )]
        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            match self.0.try_lock() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
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
