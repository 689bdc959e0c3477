//! The rights over a task: to run it, to have what comes of it, and to say what that is.
//!
//! Each is a trait, so that an `Arc` of a task is a right without a further allocation; and whoever holds
//! one need not know what the task does, or, with a [`Run`], what comes of it.

use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::task::{Poll, Waker};

use crate::entries::Berth;
use crate::sync::Arc;
use crate::unwind::quietly;
use crate::waits::Awaited;
use crate::work::Outcome;

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
    /// Whether its executor gets it again and again.
    fn comes_again(&self) -> bool {
        false
    }
    /// As [`run`](Self::run), by a thread that may hold on to it for a while.
    fn visit(&self) -> Visit {
        self.run();
        Visit::Over
    }
    /// Says where its entry was put.
    fn lies_at(&self, _: Berth) {}
    /// Its entry goes. `false`: then it must be run before, for it is not stale.
    fn retire(&self) -> bool {
        !self.is_fresh()
    }
    /// Ends a visit. `false`: it is to be run after all.
    fn let_go(&self) -> bool {
        true
    }
}

/// The right to run a task, where nobody else has it: in a queue, or on the way. Dropped unused, it cancels the task.
pub(crate) struct Start(Arc<dyn Run>);

impl Start {
    #[inline]
    pub(crate) fn new(task: Arc<dyn Run>) -> Self {
        Self(task)
    }

    /// Tells a task from others that exist at the same time.
    #[inline]
    pub(crate) fn address(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }

    #[inline]
    pub(crate) fn run(&self) {
        self.0.run();
    }

    /// See [`Run::visit`].
    #[inline]
    pub(crate) fn visit_task(&self) -> Visit {
        self.0.visit()
    }

    /// See [`Run::let_go`].
    pub(crate) fn let_go(&self) -> bool {
        self.0.let_go()
    }

    #[inline]
    pub(crate) fn is_fresh(&self) -> bool {
        self.0.is_fresh()
    }

    #[inline]
    pub(crate) fn comes_again(&self) -> bool {
        self.0.comes_again()
    }

    /// See [`Run::lies_at`].
    pub(crate) fn lies_at(&self, berth: Berth) {
        self.0.lies_at(berth);
    }

    /// Drops it if it is stale.
    #[inline]
    pub(crate) fn unless_stale(self) -> Option<Self> {
        if self.is_fresh() || !self.0.retire() {
            Some(self)
        } else {
            None
        }
    }
}

impl Drop for Start {
    #[inline]
    fn drop(&mut self) {
        if !self.0.retire() {
            quietly(|| self.0.abandon());
        }
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

/// What came of it to redeem the right to a value.
pub(crate) enum Redeemed<T> {
    /// And where the task was spawned.
    Mine(Outcome<T>, &'static Location<'static>),
    TooEarly(Arc<dyn Value<T>>),
    TooLate(Arc<dyn Value<T>>),
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
    /// Whether there is an outcome: a hint.
    fn has_ended(&self) -> bool;
    /// Whether who claims it would have to wait for another task: a hint.
    fn waits(&self) -> bool;
    /// Whether who asks for the value would have to wait for another thread: a hint.
    fn would_wait(&self) -> bool {
        let claims = self.is_claimable() && !self.waits();
        !claims && !self.is_finished()
    }
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
    /// As [`claim`](Gives::claim), with all that there is of the right.
    fn redeem(self: Arc<Self>) -> Redeemed<T>;
}

/// The right to end a task from outside, with a value that comes from elsewhere.
pub(crate) trait Finish<T>: Send + Sync + UnwindSafe + RefUnwindSafe {
    /// Sets the outcome and wakes who waits; hands the outcome back if nobody wants it.
    fn finish(&self, outcome: Outcome<T>) -> Result<(), Outcome<T>>;
    /// Whether the outcome is still to come, and wanted.
    fn is_running(&self) -> bool;
}
