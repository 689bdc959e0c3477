//! A message that somebody waits for: a cell that is in the agent's line, too.

use std::marker::PhantomData;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::task::{Poll, Waker};
use std::thread;

use super::core::{Core, Server, Turn};
use crate::error::JoinError;
use crate::rights::{Claim, Finish, Gives, Redeemed, Run, Value};
use crate::sync::{Arc, AtomicU64, Ordering, times};
use crate::task::Task;
use crate::unwind::{catch, quietly};
use crate::wait;
use crate::waits::{Awaited, Progress};
use crate::work::{Outcome, Work};

/// How often a thread that blocks for its turn looks before it lets others run: most turns are short.
const LOOKS: usize = times(100, 0);

/// How often it lets others run before it sleeps: whoever serves may be waiting for this core.
const YIELDS: usize = times(10, 0);

/// A message, as the mailbox sees it.
pub(super) trait Serve<S>: Send + Sync + UnwindSafe + RefUnwindSafe {
    /// Runs it on the state, if it was not cancelled.
    fn serve(&self, state: &mut Option<S>);
    /// Cancels it.
    fn refuse(&self);
}

/// What a message does with the state.
pub(super) trait Act<S>: Work + 'static {
    fn act(self, state: &mut Option<S>) -> Outcome<Self::Value>;
}

/// A cell in an agent's line.
pub(super) struct Request<S, A: Work> {
    task: Task<A>,
    agent: Arc<Core<S>>,
    /// Its place in the line. Relaxed: set before the handle, whose holder reads it, is given away.
    number: AtomicU64,
}

/// Runs a closure on the state.
pub(super) struct Call<S, F> {
    f: F,
    _on: PhantomData<fn(&mut S)>,
}

impl<S, F> Call<S, F> {
    pub(super) fn new(f: F) -> Self {
        Self {
            f,
            _on: PhantomData,
        }
    }
}

/// Takes the state away.
pub(super) struct Stop<S>(pub(super) PhantomData<fn() -> S>);

impl<S, F, T> Work for Call<S, F>
where
    S: 'static,
    F: FnOnce(&mut S) -> T + Send + 'static,
    T: Send + 'static,
{
    type Value = T;
    type Running = ();
    const CLAIMABLE: bool = false;

    /// Without the state there is nothing it can do.
    fn run(self) -> Option<Outcome<T>> {
        Some(Err(JoinError::Cancelled))
    }
}

impl<S, F, T> Act<S> for Call<S, F>
where
    S: 'static,
    F: FnOnce(&mut S) -> T + Send + 'static,
    T: Send + 'static,
{
    #[inline]
    fn act(self, state: &mut Option<S>) -> Outcome<T> {
        match state {
            Some(state) => catch(|| (self.f)(state)).map_err(JoinError::panicked),
            None => Err(JoinError::Cancelled),
        }
    }
}

impl<S: Send + 'static> Work for Stop<S> {
    type Value = S;
    type Running = ();
    const CLAIMABLE: bool = false;

    /// Without the state there is nothing it can do.
    fn run(self) -> Option<Outcome<S>> {
        Some(Err(JoinError::Cancelled))
    }
}

impl<S: Send + 'static> Act<S> for Stop<S> {
    fn act(self, state: &mut Option<S>) -> Outcome<S> {
        state.take().ok_or(JoinError::Cancelled)
    }
}

impl<S: Send + 'static, A: Act<S>> Request<S, A> {
    #[inline]
    pub(super) fn new(act: A, agent: Arc<Core<S>>, called_at: &'static Location<'static>) -> Self {
        Self {
            task: Task::new(act, called_at),
            agent,
            number: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(super) fn is_number(&self, number: u64) {
        self.number.store(number, Ordering::Relaxed);
    }

    /// Asks for this call's turn; for a while, if somebody else is at it.
    #[inline]
    fn turn(&self) -> Turn<S> {
        match self.agent.take_turn(self.number()) {
            Turn::Busy => self.turn_after_some_looks(),
            turn => turn,
        }
    }

    fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }

    #[cold]
    fn turn_after_some_looks(&self) -> Turn<S> {
        for look in 0..LOOKS + YIELDS {
            if look < LOOKS {
                std::hint::spin_loop();
            } else {
                thread::yield_now();
            }
            if !self.task.is_fresh() {
                return Turn::Late;
            }
            if !self.agent.is_served() {
                match self.agent.take_turn(self.number()) {
                    Turn::Busy => {}
                    turn => return turn,
                }
            }
        }
        Turn::Busy
    }

    /// Runs the calls before this one, and then `serve`, if it is its turn; `own` if this thread is at
    /// the state already.
    fn claim_with<R>(
        &self,
        serve: impl FnOnce(&mut Option<S>) -> Option<R>,
        own: impl FnOnce() -> Option<R>,
    ) -> Claim<R> {
        let claimed = match self.turn() {
            Turn::Mine(mut desk) => {
                desk.serve();
                let served = serve(&mut desk.state);
                self.agent.put_back(desk, Server::Claimer);
                served
            }
            Turn::Own => own(),
            Turn::Late => None,
            Turn::Busy => return Claim::TooEarly,
        };
        claimed.map_or(Claim::TooLate, Claim::Mine)
    }

    fn deadlock(&self) -> JoinError {
        JoinError::own_agent(self.task.spawned_at())
    }

    fn end(&self, outcome: Outcome<A::Value>) {
        if let Err(unwanted) = self.task.finish(outcome) {
            quietly(|| drop(unwanted));
        }
    }
}

impl<S: Send + 'static, A: Act<S>> Serve<S> for Request<S, A> {
    fn serve(&self, state: &mut Option<S>) {
        if let Some(act) = self.task.start() {
            self.end(act.act(state));
        }
    }

    fn refuse(&self) {
        self.task.abandon();
    }
}

impl<S: Send + 'static, A: Act<S>> Run for Request<S, A> {
    /// What the executor runs is the agent; this is for who wants the value to stay in the cell.
    fn run(&self) {
        while let Claim::TooEarly = self.claim_in_place() {
            wait::block_until(None, |cx| self.poll_turn(cx.waker()));
        }
    }

    fn abandon(&self) {
        self.task.abandon();
    }

    fn cancel(&self) {
        self.task.cancel();
    }

    fn is_fresh(&self) -> bool {
        self.task.is_fresh()
    }
}

impl<S: Send + 'static, A: Act<S>> Value<A::Value> for Request<S, A> {
    fn into_run(self: Arc<Self>) -> Arc<dyn Run> {
        self
    }

    fn into_awaited(self: Arc<Self>) -> Arc<dyn Awaited> {
        self
    }

    fn redeem(self: Arc<Self>) -> Redeemed<A::Value> {
        if !self.is_claimable() {
            return Redeemed::TooLate(self);
        }
        match self.claim() {
            Claim::Mine(outcome) => Redeemed::Mine(outcome, self.spawned_at()),
            Claim::TooEarly => Redeemed::TooEarly(self),
            Claim::TooLate => Redeemed::TooLate(self),
        }
    }
}

impl<S: Send + 'static, A: Act<S>> Awaited for Request<S, A> {
    fn place(&self) -> &'static Location<'static> {
        self.task.spawned_at()
    }

    /// Its turn comes when who serves just now has put the state back.
    fn progress(&self) -> Progress {
        if self.task.is_finished() {
            return Progress::Ended;
        }
        self.agent.server().map_or(Progress::Unknown, Progress::By)
    }

    fn would_wait(&self) -> bool {
        Gives::would_wait(self)
    }

    fn nudge(&self) {
        self.task.nudge();
    }
}

impl<S: Send + 'static, A: Act<S>> Gives<A::Value> for Request<S, A> {
    fn claim(&self) -> Claim<Outcome<A::Value>> {
        self.claim_with(
            // `None`: it was cancelled.
            |state| Some(self.task.start_claimed()?.act(state)),
            || {
                let act = self.task.start_claimed()?;
                quietly(|| drop(act));
                Some(Err(self.deadlock()))
            },
        )
    }

    fn claim_in_place(&self) -> Claim<()> {
        self.claim_with(
            |state| {
                self.serve(state);
                Some(())
            },
            || {
                let act = self.task.start()?;
                self.task.discard(act, self.deadlock());
                Some(())
            },
        )
    }

    fn poll_turn(&self, waker: &Waker) -> Poll<()> {
        // Whoever runs the call wakes this thread as well.
        if self.task.watch(waker) {
            return Poll::Ready(());
        }
        self.agent.poll_turn(self.number(), waker)
    }

    fn is_claimable(&self) -> bool {
        self.task.is_fresh()
    }

    fn has_ended(&self) -> bool {
        self.task.has_ended()
    }

    /// Whoever serves meanwhile goes on by itself, and the claimer takes over from it.
    fn waits(&self) -> bool {
        false
    }

    fn waits_for_itself(&self) -> bool {
        !self.task.is_finished() && self.agent.is_served_by_me()
    }

    fn take(&self) -> Option<Outcome<A::Value>> {
        self.task.take()
    }

    fn poll(&self, waker: &Waker) -> Poll<Outcome<A::Value>> {
        self.task.poll(waker)
    }

    fn watch(&self, waker: &Waker) -> bool {
        self.task.watch(waker)
    }

    fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    fn detach(&self) {
        self.task.detach();
    }

    fn spawned_at(&self) -> &'static Location<'static> {
        self.task.spawned_at()
    }
}
