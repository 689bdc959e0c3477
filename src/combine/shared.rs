//! One value for many.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};

use futures_core::FusedFuture;

use crate::blocking;
use crate::error::JoinError;
use crate::eventual::Eventual;
use crate::handle::JoinHandle;
use crate::lend;
use crate::sync::{Arc, Mutex, OnceLock};
use crate::unwind::quietly;
use crate::wait;
use crate::waiters::{Place, Waiters};
use crate::waits::Awaited;
use crate::work::Outcome;

/// What [`JoinHandle::shared`] gives: a handle that can be cloned, for many who want one value.
///
/// Each clone gives a clone of the value. Every waiter of a task that panicked panics with its message.
/// Dropping the last clone detaches the task.
///
/// It is `Send` and `Sync` if the value is, as its clones are made wherever they are asked for.
///
/// ```
/// let answer = letgo::spawn_value(|| String::from("forty-two")).shared();
/// let waiters = [(); 3].map(|()| {
///     let answer = answer.clone();
///     letgo::spawn_value(move || answer.get().len())
/// });
/// assert_eq!(letgo::join_all(waiters).get(), [9, 9, 9]);
/// assert_eq!(answer.get(), "forty-two");
/// ```
///
/// # Cancel safety
/// Awaiting may be given up at any time.
#[must_use = "nothing waits for it unless it is got or awaited"]
pub struct Shared<T> {
    group: Arc<Group<T>>,
    /// While this clone waits.
    place: Place,
    spent: bool,
}

struct Group<T> {
    /// `None` while one of the clones runs it on everybody's behalf, and once the value is there.
    source: Mutex<Option<JoinHandle<T>>>,
    outcome: OnceLock<Outcome<T>>,
    arrival: Arc<Arrival>,
    /// What all wait for.
    cell: Arc<dyn Awaited>,
    spawned_at: &'static Location<'static>,
}

/// Wakes everybody.
#[derive(Default)]
struct Arrival(Mutex<Waiters>);

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }
}

impl Arrival {
    fn wake_all(&self) {
        let everybody = self.0.lock().all();
        for waker in everybody {
            quietly(|| waker.wake());
        }
    }
}

impl<T: Clone> JoinHandle<T> {
    /// A handle that can be cloned, for many who want the value.
    ///
    /// ```
    /// let a = letgo::spawn_value(|| 1).shared();
    /// assert_eq!((a.clone() + a).get(), 2);
    /// ```
    ///
    /// # Panics
    /// If the handle has given its value away before.
    #[track_caller]
    pub fn shared(self) -> Shared<T> {
        let arrival = Arc::<Arrival>::default();
        // From now on the group's waker is in the cell: polled under our lock, it is neither cloned
        // nor is a user's dropped.
        self.cell().watch(&Waker::from(Arc::clone(&arrival)));
        let group = Group {
            spawned_at: self.spawned_at(),
            cell: self.cell().into_awaited(),
            source: Mutex::new(Some(self)),
            outcome: OnceLock::new(),
            arrival,
        };
        Shared {
            group: Arc::new(group),
            place: Place::FIRM,
            spent: false,
        }
    }
}

impl<T: Clone> Shared<T> {
    /// As [`get`](Self::get), with a panic or a cancellation as an error.
    ///
    /// # Errors
    /// As [`JoinHandle::join`]; of a panic everybody gets the message, nobody the payload.
    ///
    /// # Panics
    /// If this clone has given its value away to an `.await` before.
    ///
    /// # Blocking
    /// As [`JoinHandle::join`].
    pub fn join(mut self) -> Result<T, JoinError> {
        self.group.claim();
        match wait::block_for(None, |cx| self.poll_outcome(cx)) {
            Some(outcome) => outcome,
            None => unreachable!("a wait without a deadline ends with the value"),
        }
    }

    fn poll_outcome(&mut self, cx: &Context<'_>) -> Poll<Outcome<T>> {
        assert!(
            !self.spent,
            "this value was given away already: clone what is to be awaited again"
        );
        if self.group.look().is_none() {
            // Gets in line first, then looks again.
            let waker = cx.waker().clone();
            let old = self.group.arrival.0.lock().wait(&mut self.place, waker);
            quietly(|| drop(old));
        }
        let outcome = match self.group.look() {
            Some(outcome) => replicate(outcome),
            None => match self.group.endless() {
                Some(error) => Err(error),
                None => {
                    lend::help_while_pending(cx);
                    return Poll::Pending;
                }
            },
        };
        self.spent = true;
        self.leave();
        Poll::Ready(outcome)
    }
}

fn replicate<T: Clone>(outcome: &Outcome<T>) -> Outcome<T> {
    match outcome {
        Ok(value) => Ok(value.clone()),
        Err(error) => Err(error.replica()),
    }
}

impl<T> Drop for Group<T> {
    fn drop(&mut self) {
        // In a `get`, it must not cost the last one his clone.
        quietly(|| drop(self.outcome.take()));
    }
}

impl<T> Group<T> {
    /// The outcome, if it is there.
    fn look(&self) -> Option<&Outcome<T>> {
        if self.outcome.get().is_none() {
            let mut source = self.source.lock();
            let outcome = source.as_mut()?.take_outcome()?;
            // Under the lock, so that it is always in one place or the other. Only who takes it sets
            // it: it was not set before.
            let _ = self.outcome.set(outcome);
            let spent = source.take();
            drop(source);
            drop(spent);
            self.arrival.wake_all();
        }
        self.outcome.get()
    }

    /// If this thread, blocking for the value, would wait for itself, nobody is to get it: as with a
    /// [`claim`](Self::claim).
    fn ends_self_wait(&self) -> Option<JoinError> {
        let mut source = self.source.lock();
        let stuck = source.take_if(|handle| handle.waits_for_itself())?;
        let error = JoinError::own_agent(self.spawned_at);
        let _ = self.outcome.set(Err(error.replica()));
        drop(source);
        stuck.cancel();
        drop(stuck);
        self.arrival.wake_all();
        Some(error)
    }

    /// Why a wait for the value would never end.
    fn endless(&self) -> Option<JoinError> {
        if !blocking::is_so() {
            return None;
        }
        blocking::note(|| Arc::clone(&self.cell)).or_else(|| self.ends_self_wait())
    }

    /// Runs the task here if it is claimable; otherwise leaves it to whoever runs it.
    fn claim(&self) {
        let claimable = self.source.lock().take_if(|handle| handle.is_claimable());
        if let Some(handle) = claimable {
            // If another thread was faster it does nothing, and does not wait either.
            handle.run_here();
            *self.source.lock() = Some(handle);
            // Whoever was woken by the end meanwhile found nothing.
            self.look();
        }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self {
            group: Arc::clone(&self.group),
            place: Place::FIRM,
            spent: false,
        }
    }
}

impl<T: Clone> Future for Shared<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.poll_outcome(cx).map(|outcome| match outcome {
            Ok(value) => value,
            Err(error) => error.resume(self.group.spawned_at),
        })
    }
}

impl<T> Shared<T> {
    fn leave(&mut self) {
        if self.place.is_taken() {
            let own = self.group.arrival.0.lock().leave(&mut self.place);
            quietly(|| drop(own));
        }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T: Clone> FusedFuture for Shared<T> {
    fn is_terminated(&self) -> bool {
        self.spent
    }
}

impl<T: Clone> Eventual for Shared<T> {
    fn get(self) -> T {
        let spawned_at = self.group.spawned_at;
        self.join().unwrap_or_else(|error| error.resume(spawned_at))
    }

    fn is_finished(&self) -> bool {
        let source = self.group.source.lock();
        match &*source {
            Some(handle) => handle.is_finished(),
            // Taken by one who runs it, it has not ended.
            None => self.group.outcome.get().is_some(),
        }
    }

    /// Cancels the task if nobody else has a clone: others want the value still.
    fn cancel(&self) {
        if Arc::strong_count(&self.group) == 1 {
            let cell = self.group.source.lock().as_ref().map(JoinHandle::cell);
            if let Some(cell) = cell {
                cell.cancel();
            }
        }
    }

    fn claim(&mut self) {
        self.group.claim();
    }

    fn is_traced(&self) -> bool {
        true
    }
}

eventual_methods!([T] Shared<T> [T: Clone]);

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("spawned_at", &format_args!("{}", self.group.spawned_at))
            .field("finished", &self.group.outcome.get().is_some())
            .finish_non_exhaustive()
    }
}
