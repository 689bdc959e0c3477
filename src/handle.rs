//! The right to a task's value.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::FusedFuture;

use crate::error::JoinError;
use crate::rights::Value;
use crate::sync::{Arc, Mutex};
use crate::unwind::quietly;
use crate::work::Outcome;
use crate::{blocking, claim, lend, linger, wait};

/// The value of a task, to be blocked on ([`get`](Self::get)) or awaited, once, at the point of
/// use.
///
/// Dropping it detaches the task, as with std and tokio: the task goes on, its value is dropped. A
/// panic of that drop goes to the panic hook, and no further, wherever it happens.
///
/// ```
/// use letgo::spawn_value;
///
/// let a = spawn_value(|| 100);
/// let b = spawn_value(|| 200);
/// assert_eq!(a.get() + b.get(), 300);
/// # futures::executor::block_on(async {
/// let a = spawn_value(|| 100); // and in async code
/// assert_eq!(a.await, 100);
/// # });
/// ```
///
/// # Waiting
///
/// | | blocks | claims | panics with the task |
/// |---|---|---|---|
/// | [`get`](Self::get) | yes | yes | yes |
/// | [`join`](Self::join) | yes | yes | no: `Err` |
/// | [`try_get`](Self::try_get) | no | no | yes |
/// | [`get_timeout`](Self::get_timeout), [`get_deadline`](Self::get_deadline) | so long | no | yes |
/// | `.await` | no | no | yes |
/// | [`settle`](Self::settle)`.await` | no | no | no: `Err` |
///
/// A poll of an `.await` may look for some three microseconds whether a closure that is under way ends, as
/// long as that pays: a thread that need not sleep need not be woken.
///
/// To *claim* is to take a closure that no thread has started and to run it at once, on the
/// calling thread: see [`get`](Self::get).
///
/// # Cancel safety
/// Awaiting may be given up at any time: poll it in `select!`, get it later.
#[must_use = "a dropped handle detaches its task; `get` or `.await` it, or say `detach()`"]
pub struct JoinHandle<T> {
    /// `None` once the value was given away.
    value: Option<Arc<dyn Value<T>>>,
    /// `Send` and `Sync` if `T` is `Send`: the value is only ever moved out.
    _gives: PhantomData<Mutex<T>>,
}

/// Names a task; no two that have handles at the same time are equal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(usize);

impl<T> JoinHandle<T> {
    #[inline]
    pub(crate) fn new(value: Arc<dyn Value<T>>) -> Self {
        Self {
            value: Some(value),
            _gives: PhantomData,
        }
    }

    #[track_caller]
    fn value(&self) -> &Arc<dyn Value<T>> {
        match &self.value {
            Some(value) => value,
            None => spent(),
        }
    }

    /// Blocks until the value is there, and gives it.
    ///
    /// A closure that no thread has started is *claimed*: it runs at once, here, on the calling
    /// thread. So nested `get`s never deadlock a bounded executor, fork and join cost no context
    /// switch, and `get` works where there are no threads. The claimed closure meets this thread's
    /// thread-locals, runtime context and the locks that are held here;
    /// `get_timeout(Duration::MAX)` waits without claiming. Only where claims within claims have used
    /// the stack up does a fresh thread run the closure, while this one waits.
    ///
    /// A call to an [`Agent`](crate::Agent) is claimed together with the calls that were made before it,
    /// if nobody is serving the agent.
    ///
    /// ```
    /// let handle = letgo::spawn_value(|| "value");
    /// assert_eq!(handle.get(), "value");
    /// ```
    ///
    /// # Panics
    /// With the task's own panic; if the task was cancelled (the message names the place it was
    /// spawned at); if to wait for it would be to wait for ever ([`JoinError::Deadlock`], see
    /// [there](crate::Deadlock) what is seen); and if the handle has given its value away to an `.await`
    /// before.
    ///
    /// # Blocking
    /// On a thread of a [`Pool`](crate::Pool) it tells the pool, which lets another thread run
    /// meanwhile, up to its `max_threads`. Inside an async runtime it blocks the runtime's thread:
    /// `.await` the handle there. Where no thread can be made for the default pool at all, a thread that
    /// waits, be it in a timed get or in the poll of an `.await`, may run queued closures itself.
    #[track_caller]
    #[inline]
    pub fn get(self) -> T {
        let value = self.into_value();
        claim::obtain(value, |value| value, |error, at| error.resume(at))
    }

    /// As [`get`](Self::get), with a panic or a cancellation as an error.
    ///
    /// ```
    /// let handle = letgo::spawn_value(|| -> i32 { panic!("no luck") });
    /// assert_eq!(handle.join().unwrap_err().message(), Some("no luck"));
    /// ```
    ///
    /// # Errors
    /// [`JoinError::Panicked`] if the task panicked, [`JoinError::Cancelled`] if it was cancelled,
    /// [`JoinError::Deadlock`] if to wait for it would be to wait for ever.
    ///
    /// # Panics
    /// If the handle has given its value away to an `.await` before.
    ///
    /// # Blocking
    /// As [`get`](Self::get).
    #[track_caller]
    #[inline]
    pub fn join(self) -> Result<T, JoinError> {
        let value = self.into_value();
        claim::obtain(value, Ok, |error, _| Err(error))
    }

    /// The value if it is there, else the handle back: Go's comma-ok. Neither blocks nor claims.
    ///
    /// ```
    /// let (resolver, mut handle) = letgo::promise();
    /// handle = handle.try_get().unwrap_err(); // not yet
    /// resolver.resolve(1).unwrap();
    /// assert_eq!(handle.try_get().unwrap(), 1);
    /// ```
    ///
    /// # Errors
    /// The handle, if the task has not ended.
    ///
    /// # Panics
    /// As [`get`](Self::get): once a task has ended without a value, no later try could give one.
    #[track_caller]
    pub fn try_get(mut self) -> Result<T, Self> {
        match self.value().take() {
            Some(outcome) => Ok(self.ended(outcome)),
            None => Err(self),
        }
    }

    /// Blocks until the value is there or the time is over; never claims.
    ///
    /// `Duration::MAX` waits for ever: the way to wait for a closure that must not run on this
    /// thread.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (resolver, handle) = letgo::promise();
    /// let handle = handle.get_timeout(Duration::from_millis(1)).unwrap_err();
    /// resolver.resolve(1).unwrap();
    /// assert_eq!(handle.get_timeout(Duration::MAX).unwrap(), 1);
    /// ```
    ///
    /// # Errors
    /// The handle, if the time was over first.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    ///
    /// # Blocking
    /// As [`get`](Self::get): where no thread can be made for the default pool at all, this one may run
    /// queued closures itself, and past its time if one of them takes longer.
    #[track_caller]
    pub fn get_timeout(self, timeout: Duration) -> Result<T, Self> {
        self.get_until(wait::deadline_in(timeout))
    }

    /// As [`get_timeout`](Self::get_timeout), up to a point in time.
    ///
    /// # Errors
    /// The handle, if the point was reached first.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    ///
    /// # Blocking
    /// As [`get`](Self::get).
    #[track_caller]
    pub fn get_deadline(self, deadline: Instant) -> Result<T, Self> {
        self.get_until(Some(deadline))
    }

    #[track_caller]
    fn get_until(mut self, deadline: Option<Instant>) -> Result<T, Self> {
        if let Some(error) = self.ends_self_wait() {
            return Ok(self.ended(Err(error)));
        }
        let value = self.value();
        match wait::block_for(deadline, |cx| claim::poll(value, cx)) {
            Some(outcome) => Ok(self.ended(outcome)),
            None => Err(self),
        }
    }

    /// Whether the task has ended, be it with a value, a panic or a cancellation.
    ///
    /// ```
    /// let (resolver, handle) = letgo::promise();
    /// assert!(!handle.is_finished());
    /// resolver.resolve(1).unwrap();
    /// assert!(handle.is_finished());
    /// # handle.detach();
    /// ```
    pub fn is_finished(&self) -> bool {
        self.value.as_ref().is_none_or(|value| value.is_finished())
    }

    /// Asks the task to stop.
    ///
    /// A closure that was not started never runs, and what it captured is dropped here and now. One
    /// that runs is never interrupted: it goes on and its value still arrives. A future is dropped
    /// at its next `await`. A promise is abandoned: `resolve` hands its value back. After the end a
    /// cancel changes nothing.
    ///
    /// ```
    /// let (resolver, handle) = letgo::promise();
    /// handle.cancel();
    /// assert_eq!(resolver.resolve(1), Err(1));
    /// assert!(handle.join().unwrap_err().is_cancelled());
    /// ```
    pub fn cancel(&self) {
        if let Some(value) = &self.value {
            value.cancel();
        }
    }

    /// Lets the task go on by itself: the same as dropping the handle, and it says so.
    ///
    /// ```
    /// letgo::spawn_value(|| println!("whenever")).detach();
    /// ```
    pub fn detach(self) {}

    /// The task's name among those that have handles just now.
    ///
    /// Handles that have given their values away have no task any more: they all have one and the same
    /// id, which is no task's.
    pub fn id(&self) -> TaskId {
        let address = self
            .value
            .as_ref()
            .map_or(std::ptr::null(), |value| Arc::as_ptr(value).cast());
        TaskId(<*const ()>::addr(address))
    }

    /// Where the task was spawned.
    ///
    /// ```
    /// let handle = letgo::spawn_value(|| 1);
    /// assert_eq!(handle.spawned_at().line(), line!() - 1);
    /// # handle.detach();
    /// ```
    ///
    /// # Panics
    /// If the handle has given its value away.
    #[track_caller]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.value().spawned_at()
    }

    /// The cell, to be watched while the handle goes elsewhere.
    #[track_caller]
    pub(crate) fn cell(&self) -> Arc<dyn Value<T>> {
        Arc::clone(self.value())
    }

    /// Whether a `get` would run the task here: a hint.
    pub(crate) fn is_claimable(&self) -> bool {
        self.value
            .as_ref()
            .is_some_and(|value| value.is_claimable())
    }

    /// Runs the task here if it is claimable and does not wait for others; its value then waits in the
    /// cell.
    pub(crate) fn run_here(&self) {
        let Some(value) = &self.value else {
            return;
        };
        if value.is_claimable() && !value.waits() {
            claim::run(value);
        }
    }

    /// The outcome, without panicking.
    pub(crate) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<T>> {
        let outcome = self.look(cx);
        if outcome.is_ready() {
            self.value = None;
        }
        outcome
    }

    /// The outcome, with which the handle is to be spent, or the promise to wake.
    #[track_caller]
    fn look(&self, cx: &Context<'_>) -> Poll<Outcome<T>> {
        linger::until(|| self.value().has_ended());
        let outcome = claim::poll(self.value(), cx);
        if outcome.is_ready() {
            return outcome;
        }
        if blocking::is_so() {
            if let Some(error) = self.ends_self_wait() {
                return Poll::Ready(Err(error));
            }
        }
        lend::help_while_pending(cx);
        Poll::Pending
    }

    /// If this thread, blocking for the value, would wait for itself, the task is cancelled instead.
    fn ends_self_wait(&self) -> Option<JoinError> {
        let value = self.value.as_ref()?;
        value.waits_for_itself().then(|| {
            value.cancel();
            JoinError::own_agent(value.spawned_at())
        })
    }

    /// Whether this thread, if it blocked for the value, would wait for itself.
    pub(crate) fn waits_for_itself(&self) -> bool {
        let value = self.value.as_ref();
        value.is_some_and(|value| value.waits_for_itself())
    }

    /// The outcome if it is there, without panicking.
    pub(crate) fn take_outcome(&mut self) -> Option<Outcome<T>> {
        let outcome = self.value().take()?;
        self.value = None;
        Some(outcome)
    }

    #[track_caller]
    #[inline]
    fn into_value(mut self) -> Arc<dyn Value<T>> {
        let value = self.give_up();
        // Spent, it has nothing left to drop.
        mem::forget(self);
        value
    }

    #[track_caller]
    #[inline]
    fn give_up(&mut self) -> Arc<dyn Value<T>> {
        match self.value.take() {
            Some(value) => value,
            None => spent(),
        }
    }

    /// The value was taken, or the failure: the handle is spent.
    #[track_caller]
    fn ended(&mut self, outcome: Outcome<T>) -> T {
        let value = self.give_up();
        match outcome {
            Ok(value) => value,
            Err(error) => error.resume(value.spawned_at()),
        }
    }
}

#[track_caller]
#[cold]
fn spent() -> ! {
    panic!("this handle has given its value away already: a value can be had only once")
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.look(cx) {
            Poll::Ready(outcome) => Poll::Ready(self.ended(outcome)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Nothing in it is ever pinned: the value is in the cell.
impl<T> Unpin for JoinHandle<T> {}

impl<T> FusedFuture for JoinHandle<T> {
    fn is_terminated(&self) -> bool {
        self.value.is_none()
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            value.detach();
            // It may be the last to have the task, and its value then.
            quietly(|| drop(value));
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("JoinHandle");
        match &self.value {
            Some(value) => debug
                .field("id", &self.id())
                .field("spawned_at", &format_args!("{}", value.spawned_at()))
                .field("finished", &value.is_finished()),
            None => debug.field("finished", &"value taken"),
        };
        debug.finish_non_exhaustive()
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({:#x})", self.0)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
