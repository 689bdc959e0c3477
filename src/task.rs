//! The cell: a task's work, its state and its value in one allocation.
//!
//! Three rights over it: whoever holds a [`Run`] may run it, whoever holds a [`Value`] may have what
//! comes of it, and whoever holds a [`Finish`] may say what that is. Each is an `Arc` of the same
//! cell, seen through another trait.
//!
//! | state | meaning | who moves it on |
//! |---|---|---|
//! | `Ready` | no thread has started it | run, claim, cancel |
//! | `Running` | started; the value is to come | the one who runs it; for a promise also cancel and detach |
//! | `Done` | the value waits to be taken | poll, take, detach |
//! | `Gone` | taken, claimed, or nobody asks any more | nobody |
//!
//! No code of a user runs under the lock: work, wakers, drops of values all run outside.

use std::mem;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::task::{Poll, Waker};

use crate::error::JoinError;
use crate::sync::{Arc, AtomicBool, Mutex, MutexGuard, Ordering};
use crate::unwind::{catch, quietly};
use crate::waits::{Awaited, Progress};
use crate::who::{self, Who};

#[cfg(all(test, letgo_loom))]
mod models;

/// What a task comes to.
pub(crate) type Outcome<T> = Result<T, JoinError>;

/// What a task has to do before it has a value.
pub(crate) trait Work: Send + Sized {
    type Value: Send;
    /// What is kept while it runs.
    type Running: Running;

    /// Whether a thread that wants the value may do the work itself.
    const CLAIMABLE: bool;

    /// What to keep while [`run`](Self::run) runs.
    fn running(&mut self) -> Self::Running {
        Self::Running::default()
    }

    /// Whether [`run`](Self::run) would have to wait for another task: a hint. It is asked under the
    /// cell's lock.
    fn waits(&self) -> bool {
        false
    }

    /// What [`run`](Self::run) would wait for. It is asked under the cell's lock.
    fn source(&self) -> Option<Arc<dyn Awaited>> {
        None
    }

    /// Does the work. `None`: the value comes later, through [`Task::finish`].
    fn run(self) -> Option<Outcome<Self::Value>>;
}

/// What is kept of a task while it runs: the means to stop it from outside, if there is one.
pub(crate) trait Running: Default + Send + 'static {
    /// Whether the task ends there and then if it is cancelled or nobody asks any more.
    const ENDS_AT_ONCE: bool = false;

    /// The thread that runs it from its start to its end, if there is one.
    fn by(&self) -> Option<Who> {
        None
    }

    fn cancel(self) {}
    fn detach(self) {}
}

/// What can't be stopped.
impl Running for () {}

/// A closure runs where it was started, and can't be stopped.
#[derive(Default)]
pub(crate) struct By(Option<Who>);

impl By {
    #[inline]
    pub(crate) fn me() -> Self {
        Self(Some(who::me()))
    }
}

impl Running for By {
    fn by(&self) -> Option<Who> {
        self.0
    }
}

/// The work of a closure.
pub(crate) struct Call<F>(pub(crate) F);

impl<F, T> Work for Call<F>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    type Value = T;
    type Running = By;
    const CLAIMABLE: bool = true;

    #[inline]
    fn running(&mut self) -> By {
        By::me()
    }

    #[inline]
    fn run(self) -> Option<Outcome<T>> {
        Some(catch(self.0).map_err(JoinError::panicked))
    }
}

/// The right to run a task.
pub(crate) trait Run: Send + Sync + UnwindSafe + RefUnwindSafe {
    /// Runs the task if no thread has started it.
    fn run(&self);
    /// Cancels the task if no thread has started it.
    fn abandon(&self);
    /// Cancels the task, as far as that is possible in its state.
    fn cancel(&self);
    /// Whether no thread has started it: a hint.
    fn is_fresh(&self) -> bool;
    /// Somebody is about to run it by another right: from now on it is not fresh.
    fn forgo(&self) {}
    /// Whether its executor gets it again and again.
    fn comes_again(&self) -> bool {
        false
    }
    /// As [`run`](Self::run), by a thread that may hold on to it for a while.
    fn visit(&self) -> Visit {
        self.run();
        Visit::Over
    }
    /// Ends a visit. `false`: it is to be run after all.
    fn let_go(&self) -> bool {
        true
    }
}

/// How long it pays to hold on to what was [visited](Run::visit). Held on to, it is still to be
/// [let go](Run::let_go) or run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visit {
    /// Not at all: it was run.
    Over,
    /// As long as the thread is awake: there may be more to do soon.
    Lull,
    /// Somewhat longer: others have been doing what there is to do.
    Nap,
}

/// What came of a claim.
pub(crate) enum Claim<R> {
    Mine(R),
    /// Somebody else comes first.
    TooEarly,
    /// Somebody else has started it, or it has ended.
    TooLate,
}

/// The right to a task's value, whatever the task borrows.
pub(crate) trait Gives<T>: Run {
    /// Runs the task on this thread if it is claimable and no thread has started it.
    fn claim(&self) -> Claim<Outcome<T>>;
    /// The same, with the value left in the cell.
    fn claim_in_place(&self) -> Claim<()>;
    /// After a claim that came too early: whether to try again, or the promise to wake.
    fn poll_turn(&self, _: &Waker) -> Poll<()> {
        Poll::Ready(())
    }
    /// Whether [`claim`](Self::claim) has something to run: a hint.
    fn is_claimable(&self) -> bool;
    /// Whether who claims it would have to wait for another task: a hint.
    fn waits(&self) -> bool;
    /// Whether this thread, if it waited for the value, would wait for itself.
    fn waits_for_itself(&self) -> bool {
        false
    }
    /// The outcome, if it is there.
    fn take(&self) -> Option<Outcome<T>>;
    /// The outcome, or the promise to wake.
    fn poll(&self, waker: &Waker) -> Poll<Outcome<T>>;
    /// Whether it has ended, or the promise to wake.
    fn watch(&self, waker: &Waker) -> bool;
    fn is_finished(&self) -> bool;
    /// Nobody will ask for the value.
    fn detach(&self);
    fn spawned_at(&self) -> &'static Location<'static>;
}

/// The right to the value of a task that borrows nothing.
pub(crate) trait Value<T>: Gives<T> {
    /// The same task, seen from the other side.
    fn into_run(self: Arc<Self>) -> Arc<dyn Run>;
    /// The same task, as others see it.
    fn into_awaited(self: Arc<Self>) -> Arc<dyn Awaited>;
}

/// The right to end a task from outside, with a value that comes from elsewhere.
pub(crate) trait Finish<T>: Send + Sync + UnwindSafe + RefUnwindSafe {
    /// Sets the outcome and wakes who waits; hands the outcome back if nobody wants it.
    fn finish(&self, outcome: Outcome<T>) -> Result<(), Outcome<T>>;
    /// Whether the outcome is still to come, and wanted.
    fn is_running(&self) -> bool;
}

/// Drops a waker that is not needed: its panic is nothing to whoever waits or lets go.
fn forgo(waker: Option<Waker>) {
    if let Some(waker) = waker {
        quietly(|| drop(waker));
    }
}

enum State<W: Work> {
    Ready(W, Option<Waker>),
    Running(W::Running, Option<Waker>),
    Done(Outcome<W::Value>),
    Gone,
}

pub(crate) struct Task<W: Work> {
    state: Mutex<State<W>>,
    /// Is the state `Ready`? Only a hint for those who don't want to lock (a queue that drops
    /// stale entries, a `get` that looks before it claims): whoever acts on it locks and looks
    /// again, so `Relaxed` does.
    fresh: AtomicBool,
    spawned_at: &'static Location<'static>,
}

impl<W: Work> Task<W> {
    #[inline]
    pub(crate) fn new(work: W, spawned_at: &'static Location<'static>) -> Self {
        Self {
            state: Mutex::new(State::Ready(work, None)),
            fresh: AtomicBool::new(true),
            spawned_at,
        }
    }

    /// A task whose value comes from elsewhere.
    pub(crate) fn running(spawned_at: &'static Location<'static>) -> Self {
        Self {
            state: Mutex::new(State::Running(W::Running::default(), None)),
            fresh: AtomicBool::new(false),
            spawned_at,
        }
    }

    /// Takes the work if no thread has; the waiter is left where it was.
    #[inline]
    pub(crate) fn start(&self) -> Option<W> {
        let mut state = self.state.lock();
        match mem::replace(&mut *state, State::Gone) {
            State::Ready(mut work, waker) => {
                *state = State::Running(work.running(), waker);
                self.fresh.store(false, Ordering::Relaxed);
                Some(work)
            }
            other => {
                *state = other;
                None
            }
        }
    }

    /// Takes the work if no thread has, and with it the value to come: nobody else can ask.
    #[inline]
    pub(crate) fn start_claimed(&self) -> Option<W> {
        let mut state = self.state.lock();
        match mem::replace(&mut *state, State::Gone) {
            State::Ready(work, waker) => {
                self.fresh.store(false, Ordering::Relaxed);
                drop(state);
                forgo(waker);
                Some(work)
            }
            other => {
                *state = other;
                None
            }
        }
    }

    /// The state, if the task has ended; if not, `waker` is the one to be woken when it does.
    fn done_or_wake(&self, waker: &Waker) -> Option<MutexGuard<'_, State<W>>> {
        let mut mine = None;
        loop {
            let mut state = self.state.lock();
            // Cloning and dropping a waker is a user's code: outside the lock.
            let (State::Ready(_, slot) | State::Running(_, slot)) = &mut *state else {
                if mine.is_some() {
                    // It ended meanwhile, for good: the clone goes first, and is not missed.
                    drop(state);
                    forgo(mine.take());
                    continue;
                }
                return Some(state);
            };
            if slot.as_ref().is_some_and(|old| old.will_wake(waker)) {
                drop(state);
                forgo(mine);
                return None;
            }
            if let Some(mine) = mine.take() {
                let old = slot.replace(mine);
                drop(state);
                forgo(old);
                return None;
            }
            drop(state);
            mine = Some(waker.clone());
        }
    }

    /// What `f` gives of the place for who is to be woken, while there is one.
    fn waker_slot(&self, f: impl FnOnce(&mut Option<Waker>) -> Option<Waker>) -> Option<Waker> {
        match &mut *self.state.lock() {
            State::Ready(_, waker) | State::Running(_, waker) => f(waker),
            State::Done(_) | State::Gone => None,
        }
    }

    /// Ends a task that was never started: what it captured is dropped here, first of all.
    pub(crate) fn discard(&self, work: W, why: JoinError) {
        let outcome = match catch(|| drop(work)) {
            Ok(()) => why,
            Err(payload) => JoinError::panicked(payload),
        };
        // An `Err` says that the work, as it was dropped, has ended the task itself.
        let _ = self.finish(Err(outcome));
    }
}

impl<W: Work> Finish<W::Value> for Task<W> {
    fn finish(&self, outcome: Outcome<W::Value>) -> Result<(), Outcome<W::Value>> {
        let mut state = self.state.lock();
        match &mut *state {
            State::Running(running, waker) => {
                let ended = (mem::take(running), waker.take());
                *state = State::Done(outcome);
                drop(state);
                let (running, waker) = ended;
                // What could stop it goes before anybody hears of the end.
                quietly(|| running.detach());
                if let Some(waker) = waker {
                    quietly(|| waker.wake());
                }
                Ok(())
            }
            _ => Err(outcome),
        }
    }

    fn is_running(&self) -> bool {
        matches!(*self.state.lock(), State::Running(..))
    }
}

impl<W: Work> Run for Task<W> {
    fn run(&self) {
        if let Some(work) = self.start() {
            if let Some(outcome) = work.run() {
                if let Err(unwanted) = self.finish(outcome) {
                    quietly(|| drop(unwanted));
                }
            }
        }
    }

    fn abandon(&self) {
        if let Some(work) = self.start() {
            self.discard(work, JoinError::Cancelled);
        }
    }

    fn cancel(&self) {
        if let Some(work) = self.start() {
            self.discard(work, JoinError::Cancelled);
            return;
        }
        if W::Running::ENDS_AT_ONCE {
            // An `Err`: it has ended already, and a cancel after the end changes nothing.
            let _ = self.finish(Err(JoinError::Cancelled));
            return;
        }
        let mut state = self.state.lock();
        if let State::Running(running, _) = &mut *state {
            let running = mem::take(running);
            drop(state);
            quietly(|| running.cancel());
        }
    }

    #[inline]
    fn is_fresh(&self) -> bool {
        self.fresh.load(Ordering::Relaxed)
    }

    #[inline]
    fn forgo(&self) {
        self.fresh.store(false, Ordering::Relaxed);
    }
}

impl<W: Work> Gives<W::Value> for Task<W> {
    #[inline]
    fn claim(&self) -> Claim<Outcome<W::Value>> {
        if !W::CLAIMABLE {
            return Claim::TooLate;
        }
        match self.start_claimed().and_then(W::run) {
            Some(outcome) => Claim::Mine(outcome),
            None => Claim::TooLate,
        }
    }

    fn claim_in_place(&self) -> Claim<()> {
        // Where it was too late, the value is there already, or on its way.
        self.run();
        Claim::Mine(())
    }

    #[inline]
    fn is_claimable(&self) -> bool {
        W::CLAIMABLE && self.is_fresh()
    }

    fn waits(&self) -> bool {
        match &*self.state.lock() {
            State::Ready(work, _) => work.waits(),
            _ => false,
        }
    }

    fn take(&self) -> Option<Outcome<W::Value>> {
        let mut state = self.state.lock();
        match mem::replace(&mut *state, State::Gone) {
            State::Done(outcome) => Some(outcome),
            other => {
                *state = other;
                None
            }
        }
    }

    fn poll(&self, waker: &Waker) -> Poll<Outcome<W::Value>> {
        let Some(mut state) = self.done_or_wake(waker) else {
            return Poll::Pending;
        };
        match mem::replace(&mut *state, State::Gone) {
            State::Done(outcome) => Poll::Ready(outcome),
            _ => unreachable!("a handle gives its cell up with the value"),
        }
    }

    fn watch(&self, waker: &Waker) -> bool {
        self.done_or_wake(waker).is_some()
    }

    fn is_finished(&self) -> bool {
        matches!(*self.state.lock(), State::Done(_) | State::Gone)
    }

    fn detach(&self) {
        let mut state = self.state.lock();
        match &mut *state {
            State::Ready(_, waker) => {
                let waker = waker.take();
                drop(state);
                forgo(waker);
            }
            State::Running(running, waker) => {
                let (running, waker) = (mem::take(running), waker.take());
                if W::Running::ENDS_AT_ONCE {
                    *state = State::Gone;
                }
                drop(state);
                forgo(waker);
                quietly(|| running.detach());
            }
            State::Done(_) => {
                let ended = mem::replace(&mut *state, State::Gone);
                drop(state);
                // As it would be where it ran, had it ended later: whether this panics must not
                // hang on who was first.
                quietly(|| drop(ended));
            }
            State::Gone => {}
        }
    }

    fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }
}

impl<W: Work + 'static> Value<W::Value> for Task<W> {
    fn into_run(self: Arc<Self>) -> Arc<dyn Run> {
        self
    }

    fn into_awaited(self: Arc<Self>) -> Arc<dyn Awaited> {
        self
    }
}

impl<W: Work + 'static> Awaited for Task<W> {
    fn place(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    fn progress(&self) -> Progress {
        match &*self.state.lock() {
            State::Ready(work, _) => work.source().map_or(Progress::Unknown, Progress::As),
            State::Running(running, _) => running.by().map_or(Progress::Unknown, Progress::By),
            State::Done(_) | State::Gone => Progress::Ended,
        }
    }

    fn nudge(&self) {
        let waker = self.waker_slot(Option::take);
        let Some(waker) = waker else {
            return;
        };
        quietly(|| waker.wake_by_ref());
        // It is to be woken by the end as well, which may have come meanwhile.
        let mut waker = Some(waker);
        self.waker_slot(|slot| {
            if slot.is_none() {
                *slot = waker.take();
            }
            None
        });
        if let Some(waker) = waker {
            quietly(|| waker.wake());
        }
    }
}
