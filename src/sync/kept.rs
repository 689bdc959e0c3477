//! A lock that its last holder keeps.

use std::sync::MutexGuard;
use std::time::Duration;
use std::{hint, mem, thread};

use super::fixed::Mutex;

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
    let mut tries = 0_u32;
    while !is_kept() {
        if tries < PAUSES {
            for _ in 0..SPINS {
                hint::spin_loop();
            }
        } else if tries < PAUSES + YIELDS {
            thread::yield_now();
        } else {
            // Its holder was preempted, perhaps by a thread that yields to nobody: this one.
            thread::sleep(NAP);
        }
        tries = tries.saturating_add(1);
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
        mem::forget(guard);
    }
}
