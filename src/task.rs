//! The cell: a task's work, its state and its value in one allocation.
//!
//! The three rights over it are an `Arc` of the same cell each, seen through another trait: whoever holds a
//! [`Run`] may run it, whoever holds a [`Value`] may have what comes of it, and whoever holds a [`Finish`] may
//! say what that is.
//!
//! | state | meaning | who moves it on |
//! |---|---|---|
//! | `Ready` | no thread has started it | run, claim, cancel |
//! | `Running` | started; the value is to come | the one who runs it; for a promise also cancel and detach |
//! | `Done` | the value waits to be taken | poll, take, detach |
//! | `Gone` | taken, claimed, or nobody asks any more | nobody; one that nobody else has is [renewed](Task::renew) |
//!
//! No code of a user runs under the lock: work, wakers, drops of values all run outside.

use std::mem;
use std::panic::Location;
use std::task::{Poll, Waker};

use crate::entries::{Berth, LARGEST};
use crate::error::JoinError;
use crate::rights::{Claim, Finish, Gives, Redeemed, Run, Start, Value};
use crate::sync::{Arc, AtomicU8, AtomicU64, Ordering, SpinGuard, SpinLock};
use crate::unwind::{catch, quietly};
use crate::waits::{Awaited, Progress};
use crate::work::{Outcome, Running, Work};
use crate::{local, stack};

#[cfg(all(test, letgo_loom))]
mod models;

/// Drops a waker that is not needed: its panic is nothing to whoever waits or lets go.
#[inline]
fn forgo(waker: Option<Waker>) {
    if let Some(waker) = waker {
        quietly(|| drop(waker));
    }
}

enum State<W: Work> {
    /// The work is `None` while it is taken out.
    Ready(Option<W>, Option<Waker>),
    Running(W::Running, Option<Waker>),
    Done(Outcome<W::Value>),
    Gone,
    /// The same, and nobody will come to it any more.
    Lost,
}

/// How far a task has come, for those who don't want to lock (a queue that drops stale entries, a `get` that
/// looks before it claims, a poll that lingers). It is changed under the lock, and only a hint: whoever acts on it
/// locks and looks again, so `Relaxed` does.
#[derive(Clone, Copy)]
enum Stage {
    /// The state is `Ready`.
    Fresh,
    /// The thread that wants the value has started it. The cell may come to be `Ready` again.
    Claimed,
    /// Some thread has started it, or it was cancelled.
    Started,
    /// There is an outcome.
    Ended,
}

pub(crate) struct Task<W: Work> {
    state: SpinLock<State<W>>,
    stage: AtomicU8,
    berth: AtomicU64,
    spawned_at: &'static Location<'static>,
}

impl<W: Work> Task<W> {
    #[inline]
    pub(crate) fn new(work: W, spawned_at: &'static Location<'static>) -> Self {
        Self {
            state: SpinLock::new(State::Ready(Some(work), None)),
            stage: AtomicU8::new(Stage::Fresh as u8),
            berth: AtomicU64::new(0),
            spawned_at,
        }
    }

    /// A task whose value comes from elsewhere.
    pub(crate) fn running(spawned_at: &'static Location<'static>) -> Self {
        Self {
            state: SpinLock::new(State::Running(W::Running::default(), None)),
            stage: AtomicU8::new(Stage::Started as u8),
            berth: AtomicU64::new(0),
            spawned_at,
        }
    }

    /// Makes a new task of the cell of one that was claimed, if its entry is still to be come by. The work is taken then.
    #[inline]
    pub(crate) fn renew(&self, work: &mut Option<W>) -> bool {
        let mut state = self.state.lock();
        let renews = matches!(*state, State::Gone);
        if renews {
            *state = State::Ready(work.take(), None);
            self.reach(Stage::Fresh);
        }
        renews
    }

    #[inline]
    fn is_at(&self, stage: Stage) -> bool {
        self.stage.load(Ordering::Relaxed) == stage as u8
    }

    /// With the lock held.
    #[inline]
    fn reach(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Release);
    }

    /// Whether its tasks are spawned there.
    #[inline]
    pub(crate) fn is_of(&self, place: &'static Location<'static>) -> bool {
        std::ptr::eq(self.spawned_at, place)
    }

    /// Takes the work if no thread has; the waiter is left where it was.
    #[inline]
    pub(crate) fn start(&self) -> Option<W> {
        let mut state = self.state.lock();
        let State::Ready(work, waker) = &mut *state else {
            if let State::Gone = *state {
                *state = State::Lost;
            }
            return None;
        };
        let (mut work, waker) = (work.take()?, waker.take());
        *state = State::Running(work.running(), waker);
        self.reach(Stage::Started);
        Some(work)
    }

    /// Takes the work if no thread has, and with it the value to come: nobody else can ask.
    #[inline]
    pub(crate) fn start_claimed(&self) -> Option<W> {
        let mut state = self.state.lock();
        let State::Ready(work, waker) = &mut *state else {
            return None;
        };
        let (work, waker) = (work.take()?, waker.take());
        *state = State::Gone;
        self.reach(Stage::Claimed);
        drop(state);
        forgo(waker);
        Some(work)
    }

    #[inline]
    fn if_claimable(&self) -> Option<W> {
        if W::CLAIMABLE && self.is_at(Stage::Fresh) {
            self.start_claimed()
        } else {
            None
        }
    }

    /// The state, if the task has ended; if not, `waker` is the one to be woken when it does.
    fn done_or_wake(&self, waker: &Waker) -> Option<SpinGuard<'_, State<W>>> {
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
            State::Done(_) | State::Gone | State::Lost => None,
        }
    }

    /// Does the work of a task that was started.
    fn perform(&self, work: W) {
        if let Some(outcome) = work.run() {
            if let Err(unwanted) = self.finish(outcome) {
                quietly(|| drop(unwanted));
            }
        }
    }

    #[inline]
    fn address(&self) -> *const () {
        std::ptr::from_ref(self).cast()
    }

    /// It was claimed, or cancelled: its entry is stale.
    #[inline]
    fn end_entry(&self) {
        let berth = self.berth();
        if berth != Berth::NONE {
            local::end(berth, self.address(), None);
        }
    }

    #[inline]
    pub(crate) fn berth(&self) -> Berth {
        Berth::from_bits(self.berth.load(Ordering::Relaxed))
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

/// A task, and the right to run it.
pub(crate) fn with_entry<W: Work + 'static>(
    work: W,
    spawned_at: &'static Location<'static>,
) -> (Arc<Task<W>>, Start) {
    let task = Arc::new(Task::new(work, spawned_at));
    let start = Start::new(Arc::clone(&task) as _);
    (task, start)
}

impl<W: Work> Finish<W::Value> for Task<W> {
    fn finish(&self, outcome: Outcome<W::Value>) -> Result<(), Outcome<W::Value>> {
        let mut state = self.state.lock();
        match &mut *state {
            State::Running(running, waker) => {
                let ended = (mem::take(running), waker.take());
                *state = State::Done(outcome);
                self.reach(Stage::Ended);
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
            self.perform(work);
        }
    }

    fn abandon(&self) {
        if let Some(work) = self.start() {
            self.discard(work, JoinError::Cancelled);
        }
    }

    fn cancel(&self) {
        if let Some(work) = self.start() {
            self.end_entry();
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
        self.is_at(Stage::Fresh)
    }

    fn lies_at(&self, berth: Berth) {
        self.berth.store(berth.to_bits(), Ordering::Relaxed);
    }

    #[inline]
    fn retire(&self) -> bool {
        // Acquire: whoever comes by an entry sees what its owner did before he made it stale, as he does behind the lock.
        let stage = self.stage.load(Ordering::Acquire);
        if stage == Stage::Started as u8 || stage == Stage::Ended as u8 {
            // The cell does not come to be `Ready` again.
            return true;
        }
        let mut state = self.state.lock();
        if let State::Gone = *state {
            *state = State::Lost;
        }
        !matches!(*state, State::Ready(..))
    }
}

impl<W: Work> Gives<W::Value> for Task<W> {
    #[inline]
    fn claim(&self) -> Claim<Outcome<W::Value>> {
        if !W::CLAIMABLE {
            return Claim::TooLate;
        }
        let Some(work) = self.start_claimed() else {
            return Claim::TooLate;
        };
        self.end_entry();
        match work.run() {
            Some(outcome) => Claim::Mine(outcome),
            None => Claim::TooLate,
        }
    }

    fn claim_in_place(&self) -> Claim<()> {
        // Where it is too late, the value is there already, or on its way.
        if let Some(work) = self.start() {
            self.end_entry();
            self.perform(work);
        }
        Claim::Mine(())
    }

    #[inline]
    fn is_claimable(&self) -> bool {
        W::CLAIMABLE && self.is_fresh()
    }

    fn has_ended(&self) -> bool {
        self.is_at(Stage::Ended)
    }

    fn waits(&self) -> bool {
        let source = match &*self.state.lock() {
            State::Ready(Some(work), _) => work.source(),
            _ => None,
        };
        source.is_some_and(|source| {
            // A chain of these nests as deep as it is long.
            let waits = stack::if_room(|| source.would_wait()).unwrap_or(true);
            quietly(|| drop(source));
            waits
        })
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
        matches!(
            *self.state.lock(),
            State::Done(_) | State::Gone | State::Lost
        )
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
            State::Gone | State::Lost => {}
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

    #[inline]
    fn redeem(self: Arc<Self>) -> Redeemed<W::Value> {
        let Some(work) = self.if_claimable() else {
            let berth = self.berth();
            if berth != Berth::NONE && !self.is_fresh() {
                // Who has started it had its entry, or made it stale.
                local::end_if_mine(berth, self.address());
            }
            return Redeemed::TooLate(self);
        };
        let spawned_at = self.spawned_at;
        let (berth, address) = (self.berth(), self.address());
        if berth != Berth::NONE {
            // What the work spawns may have the cell.
            let is_kept = W::IS_KEPT && size_of::<Self>() <= LARGEST;
            local::end(berth, address, is_kept.then_some(self as _));
        }
        match work.run() {
            Some(outcome) => Redeemed::Mine(outcome, spawned_at),
            None => unreachable!("what can be claimed has its value once it was run"),
        }
    }
}

impl<W: Work + 'static> Awaited for Task<W> {
    fn place(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    fn progress(&self) -> Progress {
        match &*self.state.lock() {
            State::Ready(work, _) => {
                let source = work.as_ref().and_then(Work::source);
                source.map_or(Progress::Unknown, Progress::As)
            }
            State::Running(running, _) => running.by().map_or(Progress::Unknown, Progress::By),
            State::Done(_) | State::Gone | State::Lost => Progress::Ended,
        }
    }

    fn would_wait(&self) -> bool {
        Gives::would_wait(self)
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
