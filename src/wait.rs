//! Blocking: a waiting thread is a [`Waker`] like any other.
//!
//! Whoever runs threads for others wants to know when one of them blocks ([`Host`]), and
//! whoever could not make a thread needs those who wait to lend theirs ([`Stranded`]).

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use parking::{Parker, Unparker};

use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, Weak};

/// Told by a thread it hosts that this thread stops running for a while.
pub(crate) trait Host {
    /// `false`: this changes nothing, as it waits already (and runs something meanwhile).
    fn blocks(&self) -> bool;
    /// Follows a `blocks` that gave `true`.
    fn goes_on(&self);
}

/// Work that no thread can be made for.
pub(crate) trait Stranded: Send + Sync {
    /// Runs one of its jobs on this thread. `false`: there was none, or a thread will do it.
    fn help(&self) -> bool;
}

thread_local! {
    static HOST: OnceCell<Rc<dyn Host>> = const { OnceCell::new() };
    static PARKER: Cell<Option<(Parker, Waker)>> = const { Cell::new(None) };
}

/// How many entries [`STRANDED`] has: the waits of a program that lacks no thread read this only.
static STRANDED_COUNT: AtomicUsize = AtomicUsize::new(0);
static STRANDED: Mutex<Vec<Weak<dyn Stranded>>> = Mutex::new(Vec::new());

/// How often a waiting thread looks for stranded work.
const HELP_EVERY: Duration = Duration::from_millis(5);

/// From now on this thread's waits are told to `host`.
pub(crate) fn install_host(host: Rc<dyn Host>) {
    HOST.with(|slot| {
        assert!(slot.set(host).is_ok(), "a thread has one host for life");
    });
}

/// From now on threads that wait run `work`'s jobs.
pub(crate) fn strand(work: Weak<dyn Stranded>) {
    change_stranded(|all| {
        all.retain(|work| work.strong_count() > 0);
        all.push(work);
    });
}

/// There are threads again for `work`.
pub(crate) fn unstrand(work: &Weak<dyn Stranded>) {
    change_stranded(|all| all.retain(|other| !other.ptr_eq(work)));
}

fn change_stranded(change: impl FnOnce(&mut Vec<Weak<dyn Stranded>>)) {
    let mut all = STRANDED.lock();
    change(&mut all);
    // Relaxed: a thread that reads the old count looks again when its next wait begins; one that
    // already waits for this work is its pool's own, and no pool strands before its first wait.
    STRANDED_COUNT.store(all.len(), Ordering::Relaxed);
}

/// Runs one stranded job on this thread, if there is one.
fn help_stranded() -> bool {
    if STRANDED_COUNT.load(Ordering::Relaxed) == 0 {
        return false;
    }
    let all: Vec<_> = STRANDED.lock().iter().filter_map(Weak::upgrade).collect();
    all.iter().any(|work| work.help())
}

struct Unpark(Unparker);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

fn parker() -> (Parker, Waker) {
    let cached = PARKER.try_with(Cell::take).ok().flatten();
    cached.unwrap_or_else(|| {
        let parker = Parker::new();
        let waker = Waker::from(Arc::new(Unpark(parker.unparker())));
        (parker, waker)
    })
}

/// Tells the host while it lives that this thread is blocked.
struct Blocked(Option<Rc<dyn Host>>);

impl Blocked {
    fn tell() -> Self {
        let host = HOST.try_with(|host| host.get().cloned()).ok().flatten();
        Self(host.filter(|host| host.blocks()))
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        if let Some(host) = &self.0 {
            host.goes_on();
        }
    }
}

/// Whether this thread has a host.
pub(crate) fn is_hosted() -> bool {
    HOST.try_with(|host| host.get().is_some()).unwrap_or(false)
}

/// Runs `f`, which blocks by other means than [`block_until`].
pub(crate) fn telling_host<R>(f: impl FnOnce() -> R) -> R {
    let _blocked = Blocked::tell();
    f()
}

/// Blocks this thread until `poll` is ready, or until the deadline has passed.
pub(crate) fn block_until<T>(
    deadline: Option<Instant>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    // A wait within `poll` makes a parker of its own: this one is out of the cache till the end.
    let (parker, waker) = parker();
    let mut cx = Context::from_waker(&waker);
    let value = loop {
        if let Poll::Ready(value) = poll(&mut cx) {
            break Some(value);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            break None;
        }
        // Not while `poll` runs: that may compute for long, or wait in turn.
        let _blocked = Blocked::tell();
        if STRANDED_COUNT.load(Ordering::Relaxed) == 0 {
            match deadline {
                Some(deadline) => _ = parker.park_deadline(deadline),
                None => parker.park(),
            }
        } else if !help_stranded() {
            let nap = Instant::now() + HELP_EVERY;
            parker.park_deadline(deadline.map_or(nap, |deadline| deadline.min(nap)));
        }
    };
    // A token that came too late must not cut the next wait short; one more round is all it costs.
    let _ = PARKER.try_with(|slot| slot.set(Some((parker, waker))));
    value
}

/// The deadline that is `timeout` from now; `None` if it is past what the clock can tell.
pub(crate) fn deadline_in(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}
