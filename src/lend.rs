//! Threads that wait lend themselves to work that no thread can be made for.

use std::cell::Cell;
use std::task::{Context, Wake, Waker};

use crate::stack;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, Unparker, Weak, statics, thread_local};

/// Work that no thread can be made for.
pub(crate) trait Stranded: Send + Sync {
    /// Whether there is any, or was a moment ago.
    fn has_work(&self) -> bool;
    /// Makes a thread for it, if one can be made by now.
    fn try_again(self: Arc<Self>);
    /// Runs a job on this thread. `false`: there was none, or a thread will do it.
    fn help(&self) -> bool;
}

statics! {
    static STRANDED: Mutex<Vec<Weak<dyn Stranded>>> = Mutex::new(Vec::new());

    /// How many entries [`STRANDED`] has: the waits of a program that lacks no thread read this only.
    ///
    /// Relaxed: a thread that reads an old 0 and parks has been unparked after the change, and reads
    /// again.
    static COUNT: AtomicUsize = AtomicUsize::new(0);

    /// All threads that wait, or have waited: to be asked when work is stranded.
    static LENDERS: Mutex<Vec<Weak<Unpark>>> = Mutex::new(Vec::new());
}

thread_local! {
    static HELPS: Cell<bool> = const { Cell::new(false) };
}

/// What ends the park of a waiting thread.
pub(crate) struct Unpark(Unparker);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// The waker of a thread that waits. It is asked for help, too, as long as the waker lives.
pub(crate) fn waker_of(unparker: Unparker) -> Waker {
    let unpark = Arc::new(Unpark(unparker));
    let mut lenders = LENDERS.lock();
    if lenders.len() == lenders.capacity() {
        lenders.retain(|lender| lender.strong_count() > 0);
    }
    lenders.push(Arc::downgrade(&unpark));
    drop(lenders);
    Waker::from(unpark)
}

/// From now on threads that wait run `work`'s jobs, until it has none.
pub(crate) fn strand(work: Weak<dyn Stranded>) {
    let mut all = STRANDED.lock();
    if all.iter().any(|other| other.ptr_eq(&work)) {
        return;
    }
    all.push(work);
    COUNT.store(all.len(), Ordering::Relaxed);
    drop(all);
    let lenders: Vec<_> = LENDERS.lock().iter().filter_map(Weak::upgrade).collect();
    lenders.iter().for_each(Wake::wake_by_ref);
}

fn unstrand(work: &Arc<dyn Stranded>) {
    let weak = Arc::downgrade(work);
    keep(|other| !other.ptr_eq(&weak));
    // Whoever added a job before we removed the entry found it there, and relies on it.
    if work.has_work() {
        strand(weak);
    }
}

/// Drops the entries that are not to be kept; gives what is left.
fn keep(which: impl FnMut(&Weak<dyn Stranded>) -> bool) -> Vec<Arc<dyn Stranded>> {
    let mut all = STRANDED.lock();
    all.retain(which);
    COUNT.store(all.len(), Ordering::Relaxed);
    all.iter().filter_map(Weak::upgrade).collect()
}

/// Whether some pool has work and no thread for it.
#[inline]
pub(crate) fn is_wanted() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

/// Runs one stranded job on this thread, if there is one and stack enough for it.
#[cold]
pub(crate) fn help() -> bool {
    keep(|work| work.strong_count() > 0).iter().any(|work| {
        if !work.has_work() {
            unstrand(work);
            return false;
        }
        Arc::clone(work).try_again();
        stack::if_room(|| helping(|| work.help())) == Some(true)
    })
}

/// Runs `f`, which runs jobs on a thread that was not made for them.
pub(crate) fn helping<R>(f: impl FnOnce() -> R) -> R {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            HELPS.set(self.0);
        }
    }
    let _before = Before(HELPS.replace(true));
    f()
}

/// Whether this thread runs a job that was not made for it, with something of its own still to do.
pub(crate) fn is_helping() -> bool {
    HELPS.get()
}

/// Called by a future that is pending: whoever polls it may be the only one who can run something.
#[inline]
pub(crate) fn help_while_pending(cx: &Context<'_>) {
    // A look that leaves no waker is no wait.
    if is_wanted() && !cx.waker().will_wake(Waker::noop()) && help() {
        cx.waker().wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sync::parker;

    #[test]
    fn of_those_who_may_help_the_living_are_kept_and_asked() {
        struct NoWork;
        impl Stranded for NoWork {
            fn has_work(&self) -> bool {
                false
            }
            fn try_again(self: Arc<Self>) {}
            fn help(&self) -> bool {
                false
            }
        }
        let (park, unparker) = parker();
        let _living = waker_of(unparker);
        for _ in 0..1000 {
            drop(waker_of(parker().1));
        }
        assert!(LENDERS.lock().len() < 500);
        let work: Arc<dyn Stranded> = Arc::new(NoWork);
        strand(Arc::downgrade(&work));
        assert!(park.park_timeout(Duration::from_secs(60)), "nobody asked");
    }

    #[test]
    fn a_thread_helps_for_as_long_as_that() {
        helping(|| {
            helping(|| assert!(is_helping()));
            assert!(is_helping());
        });
        assert!(!is_helping());
    }
}
