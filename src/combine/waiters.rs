//! Many wakers for one event.

use std::collections::BTreeMap;
use std::task::{Context, Waker};

use crate::sync::Mutex;
use crate::unwind::quietly;

/// The wakers of those who wait. They are woken outside the lock: a waker may run whoever waits at
/// once, and he comes back here.
#[derive(Default)]
pub(super) struct Waiters(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    by_seat: BTreeMap<u64, Waker>,
    next: u64,
}

/// Names one who waits.
pub(super) struct Seat(u64);

impl Waiters {
    /// From now on the next [`wake_all`](Self::wake_all) wakes this one too; a waker of his that was
    /// here before goes.
    pub(super) fn sit(&self, seat: &mut Option<Seat>, cx: &Context<'_>) {
        // Cloning and dropping a waker is a user's code: outside the lock.
        let mine = cx.waker().clone();
        let mut waiting = self.0.lock();
        let seat = seat.get_or_insert_with(|| {
            waiting.next += 1;
            Seat(waiting.next)
        });
        let old = waiting.by_seat.insert(seat.0, mine);
        drop(waiting);
        drop(old);
    }

    /// He waits no longer.
    pub(super) fn leave(&self, seat: &mut Option<Seat>) {
        if let Some(seat) = seat.take() {
            let old = self.0.lock().by_seat.remove(&seat.0);
            drop(old);
        }
    }

    pub(super) fn wake_all(&self) {
        let woken = std::mem::take(&mut self.0.lock().by_seat);
        for waker in woken.into_values() {
            quietly(|| waker.wake());
        }
    }
}
