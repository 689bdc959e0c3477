//! A lock for short sections, in which nobody blocks and no code of a user runs.
//!
//! To take it is one atomic operation, to give it back a plain store: a mutex, which has to look for those who sleep,
//! needs an atomic operation for that, too. Nobody sleeps here until called. Who finds it taken tries again: for
//! some instructions; then he lets others run, for its holder may be waiting for this core; then he naps.

use std::ops::{Deref, DerefMut};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use std::{hint, thread};

use try_lock::{Locked, TryLock};

/// How often who finds the lock taken tries again after a pause, and how often after it has let others run; then
/// it sleeps a little between two tries.
const PAUSES: u32 = 6;
const YIELDS: u32 = 20;

/// How long the first pause is. Each is twice as long as the one before: of two threads that want the lock all the time, one
/// has it many times in a row then, and what it guards stays in that core's cache.
const SPINS: u32 = 8;

const NAP: Duration = Duration::from_micros(50);

/// Like our mutex it knows no poison.
pub(crate) struct SpinLock<T>(AssertUnwindSafe<TryLock<T>>);

pub(crate) struct SpinGuard<'a, T>(Locked<'a, T>);

impl<T> SpinLock<T> {
    #[inline]
    pub(crate) const fn new(value: T) -> Self {
        Self(AssertUnwindSafe(TryLock::new(value)))
    }

    #[inline]
    pub(crate) fn lock(&self) -> SpinGuard<'_, T> {
        let mut tries = 0_u32;
        loop {
            if let Some(locked) = self.0.try_lock() {
                return SpinGuard(locked);
            }
            pause(tries);
            tries = tries.saturating_add(1);
        }
    }
}

/// Lets some time pass between two tries.
#[cold]
fn pause(tries: u32) {
    if tries < PAUSES {
        for _ in 0..SPINS << tries {
            hint::spin_loop();
        }
    } else if tries < PAUSES + YIELDS {
        thread::yield_now();
    } else {
        // Its holder was preempted, perhaps by a thread that yields to nobody: this one.
        thread::sleep(NAP);
    }
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
