//! Blocking: a waiting thread is a [`Waker`] like any other.
//!
//! Whoever runs threads for others wants to know when one of them blocks ([`Host`]).

use std::cell::{Cell, OnceCell};
use std::hint;
use std::mem;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::sync::{Parker, thread_local};
use crate::unwind::quietly;
use crate::waits::Notes;
use crate::{blocking, lend, linger, waits};

/// Told by a thread it hosts that this thread stops running for a while.
pub(crate) trait Host {
    /// `false`: this changes nothing, as it waits already (and runs something meanwhile).
    fn blocks(&self) -> bool;
    /// Follows a `blocks` that gave `true`.
    fn goes_on(&self);
}

thread_local! {
    static HOST: OnceCell<Rc<dyn Host>> = const { OnceCell::new() };
    static PARKER: Cell<Option<(Parker, Waker)>> = const { Cell::new(None) };
}

/// How often a thread that is about to block looks before it does.
const SPINS: usize = 32;

/// How often a waiting thread looks for stranded work.
const HELP_EVERY: Duration = Duration::from_millis(5);

/// From now on this thread's waits are told to `host`.
pub(crate) fn install_host(host: Rc<dyn Host>) {
    HOST.with(|slot| {
        assert!(slot.set(host).is_ok(), "a thread has one host for life");
    });
}

fn parker() -> (Parker, Waker) {
    let cached = PARKER.try_with(Cell::take).ok().flatten();
    cached.unwrap_or_else(|| {
        let parker = Parker::new();
        let waker = lend::waker_of(parker.unparker());
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

/// Runs `f`, which blocks by other means than [`block_until`].
pub(crate) fn telling_host<R>(f: impl FnOnce() -> R) -> R {
    let _blocked = Blocked::tell();
    f()
}

/// Looks for a wake-up for a few microseconds: to sleep and to be woken takes longer than a closure that
/// is about to end.
fn spin(parker: &Parker, deadline: Option<Instant>) -> bool {
    let is_woken = || parker.park_timeout(Duration::ZERO);
    for _ in 0..SPINS {
        if is_woken() {
            return true;
        }
        for _ in 0..8 {
            hint::spin_loop();
        }
    }
    // A thread with a host is to be replaced soon.
    let has_host = HOST.try_with(|host| host.get().is_some());
    matches!(has_host, Ok(false)) && linger::is_early(deadline) && linger::comes(is_woken)
}

/// Blocks this thread until `poll` is ready, or until the deadline has passed. What `poll` waits for is
/// not looked into.
pub(crate) fn block_until<T>(
    deadline: Option<Instant>,
    poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    block(deadline, false, poll)
}

/// As [`block_until`]; if what `poll` [notes](blocking::note) is all that could end the wait, a wait that
/// would never end is found out.
pub(crate) fn block_for<T>(
    deadline: Option<Instant>,
    poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    block(deadline, true, poll)
}

fn block<T>(
    deadline: Option<Instant>,
    traced: bool,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    // A wait within `poll` makes a parker of its own: this one is out of the cache till the end.
    let (parker, waker) = parker();
    let mut cx = Context::from_waker(&waker);
    let mut notes = traced.then(Notes::new);
    let mut may_spin = true;
    let value = loop {
        if let Poll::Ready(value) = blocking::while_polling(&mut notes, || poll(&mut cx)) {
            break Some(value);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            break None;
        }
        if mem::take(&mut may_spin) && spin(&parker, deadline) {
            continue;
        }
        // Not while `poll` runs: that may compute for long, or wait in turn.
        let _blocked = Blocked::tell();
        if !lend::is_wanted() {
            let entered =
                waits::Entry::new(notes.take().unwrap_or(Notes::new()), deadline.is_some());
            let entry = match entered {
                Ok(entry) => entry,
                Err((mut condemned, why)) => {
                    condemned.condemn(why);
                    notes = Some(condemned);
                    continue;
                }
            };
            match deadline {
                Some(deadline) => _ = parker.park_deadline(deadline),
                None => parker.park(),
            }
            notes = entry.end().filter(|_| traced);
        } else if !lend::help() {
            let nap = Instant::now() + HELP_EVERY;
            parker.park_deadline(deadline.map_or(nap, |deadline| deadline.min(nap)));
        }
    };
    // It may be the last to have what was waited for.
    quietly(|| drop(notes));
    // A token that came too late must not cut the next wait short; one more round is all it costs.
    let _ = PARKER.try_with(|slot| slot.set(Some((parker, waker))));
    value
}

/// The deadline that is `timeout` from now; `None` if it is past what the clock can tell.
pub(crate) fn deadline_in(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}
