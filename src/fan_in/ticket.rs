//! An item that waits for room.

use std::mem;
use std::task::{Context, Poll, Waker};

use crate::sync::{AtomicBool, Ordering, SpinLock};
use crate::unwind::quietly;

/// Shared by the producer, who waits, and the line, from which it is let in.
pub(super) struct Ticket<T> {
    admission: SpinLock<Admission<T>>,
    /// Whether it waits no longer: a hint for a producer that lingers. Changed under the lock.
    is_settled: AtomicBool,
}

enum Admission<T> {
    Waits(T, Waker),
    Admitted,
    /// Nobody will receive it.
    Refused(T),
    /// The producer has it back.
    Withdrawn,
}

impl<T> Ticket<T> {
    pub(super) fn new(item: T, waker: Waker) -> Self {
        Self {
            admission: SpinLock::new(Admission::Waits(item, waker)),
            is_settled: AtomicBool::new(false),
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::Relaxed)
    }

    /// Lets the item in; gives it, and whom to wake. `None`: it was withdrawn.
    pub(super) fn admit(&self) -> Option<(T, Waker)> {
        let mut admission = self.admission.lock();
        match mem::replace(&mut *admission, Admission::Admitted) {
            Admission::Waits(item, waker) => {
                self.is_settled.store(true, Ordering::Relaxed);
                Some((item, waker))
            }
            other => {
                *admission = other;
                None
            }
        }
    }

    /// Nobody will receive the item; gives whom to wake.
    pub(super) fn refuse(&self) -> Option<Waker> {
        let mut admission = self.admission.lock();
        match mem::replace(&mut *admission, Admission::Withdrawn) {
            Admission::Waits(item, waker) => {
                *admission = Admission::Refused(item);
                self.is_settled.store(true, Ordering::Relaxed);
                Some(waker)
            }
            other => {
                *admission = other;
                None
            }
        }
    }

    /// The producer gives up: it has the item back, unless it was let in.
    pub(super) fn take_back(&self) -> Option<T> {
        let mut admission = self.admission.lock();
        match mem::replace(&mut *admission, Admission::Withdrawn) {
            Admission::Waits(item, waker) => {
                drop(admission);
                quietly(|| drop(waker));
                Some(item)
            }
            Admission::Refused(item) => Some(item),
            other => {
                *admission = other;
                None
            }
        }
    }

    /// Let in, or refused (the item is back then), or the promise to wake.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Result<(), T>> {
        let mut waker = cx.waker().clone();
        let mut admission = self.admission.lock();
        match mem::replace(&mut *admission, Admission::Withdrawn) {
            Admission::Waits(item, old) => {
                *admission = Admission::Waits(item, mem::replace(&mut waker, old));
                drop(admission);
                quietly(|| drop(waker));
                Poll::Pending
            }
            Admission::Refused(item) => Poll::Ready(Err(item)),
            Admission::Admitted | Admission::Withdrawn => {
                *admission = Admission::Admitted;
                Poll::Ready(Ok(()))
            }
        }
    }
}
