//! One value for many.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};

use event_listener::{Event, EventListener};
use futures_core::FusedFuture;

use crate::error::JoinError;
use crate::eventual::Eventual;
use crate::handle::JoinHandle;
use crate::lend;
use crate::sync::{Arc, Mutex, OnceLock};
use crate::task::Outcome;
use crate::wait;

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
    /// While this clone is being awaited.
    listener: Option<EventListener>,
    spent: bool,
}

struct Group<T> {
    /// `None` while one of the clones waits on everybody's behalf, and once the value is there.
    source: Mutex<Option<JoinHandle<T>>>,
    outcome: OnceLock<Outcome<T>>,
    arrival: Arc<Arrival>,
    spawned_at: &'static Location<'static>,
}

/// Wakes everybody.
struct Arrival(Event);

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        self.0.notify(usize::MAX);
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
        let arrival = Arc::new(Arrival(Event::new()));
        // From now on the group's waker is in the cell: polled under our lock, it is neither cloned
        // nor is a user's dropped.
        self.cell().watch(&Waker::from(Arc::clone(&arrival)));
        let group = Group {
            spawned_at: self.spawned_at(),
            source: Mutex::new(Some(self)),
            outcome: OnceLock::new(),
            arrival,
        };
        Shared {
            group: Arc::new(group),
            listener: None,
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
    /// # Blocking
    /// As [`JoinHandle::join`].
    pub fn join(self) -> Result<T, JoinError> {
        self.group.claim();
        loop {
            if let Some(outcome) = self.group.look() {
                return replicate(outcome);
            }
            let mut arrives = self.group.arrival.0.listen();
            if self.group.look().is_none() {
                wait::block_until(None, |cx| Pin::new(&mut arrives).poll(cx));
            }
        }
    }
}

fn replicate<T: Clone>(outcome: &Outcome<T>) -> Outcome<T> {
    match outcome {
        Ok(value) => Ok(value.clone()),
        Err(error) => Err(error.replica()),
    }
}

impl<T> Group<T> {
    /// The outcome, if it is there.
    fn look(&self) -> Option<&Outcome<T>> {
        if self.outcome.get().is_none() {
            let mut source = self.source.lock();
            let outcome = source.as_mut()?.take_outcome()?;
            let spent = source.take();
            drop(source);
            drop(spent);
            self.arrived(outcome);
        }
        self.outcome.get()
    }

    /// Runs the task here if it is claimable; otherwise leaves it to whoever runs it.
    fn claim(&self) {
        let claimable = self.source.lock().take_if(|handle| handle.is_claimable());
        if let Some(handle) = claimable {
            // Nobody else can have it: everybody waits for us.
            self.arrived(handle.join());
        }
    }

    fn arrived(&self, outcome: Outcome<T>) {
        // Whoever took the handle brings the outcome, and only one can: it was not set before.
        let _ = self.outcome.set(outcome);
        self.arrival.0.notify(usize::MAX);
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self {
            group: Arc::clone(&self.group),
            listener: None,
            spent: false,
        }
    }
}

impl<T: Clone> Future for Shared<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        assert!(
            !self.spent,
            "this value was given away already: clone what is to be awaited again"
        );
        loop {
            if let Some(outcome) = self.group.look() {
                let outcome = replicate(outcome);
                self.spent = true;
                self.listener = None;
                return Poll::Ready(match outcome {
                    Ok(value) => value,
                    Err(error) => error.resume(self.group.spawned_at),
                });
            }
            match &mut self.listener {
                // Listens first, then looks again.
                None => self.listener = Some(self.group.arrival.0.listen()),
                Some(listener) => {
                    if Pin::new(listener).poll(cx).is_pending() {
                        lend::help_while_pending(cx);
                        return Poll::Pending;
                    }
                    self.listener = None;
                }
            }
        }
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
        // Taken by one who runs it, it has not ended.
        self.group.outcome.get().is_some()
            || self
                .group
                .source
                .lock()
                .as_ref()
                .is_some_and(JoinHandle::is_finished)
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
