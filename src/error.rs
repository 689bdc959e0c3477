//! Why a task gave no value.

use std::fmt;
use std::panic::{Location, resume_unwind};

use crate::sync::{Arc, Mutex};
use crate::unwind::Payload;

/// Why a task gave no value: it panicked, it was cancelled, or to wait for it would be to wait for
/// ever.
///
/// ```
/// use letgo::{JoinError, spawn_value};
///
/// let error = spawn_value(|| -> i32 { panic!("no luck") }).join().unwrap_err();
/// assert!(error.is_panic());
/// assert_eq!(error.message(), Some("no luck"));
/// assert_eq!(error.to_string(), "task panicked: no luck");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// The task panicked; the payload is inside.
    Panicked(Panicked),
    /// The task was cancelled, its executor dropped it, or its [`Resolver`](crate::Resolver) was
    /// dropped.
    Cancelled,
    /// To wait for it would be to wait for ever: what it waits for waits for the one who asked.
    Deadlock(Deadlock),
}

/// Why a wait would never end: the one who waits is waited for, by way of others perhaps.
///
/// The thread that would close such a circle is told, just before it parks; the others' waits go on, and
/// end when that one has got over its error.
///
/// ```
/// use std::sync::mpsc::channel;
/// use letgo::{JoinHandle, spawn_value};
///
/// let (hand, handed) = channel::<JoinHandle<()>>();
/// let (tell, told) = channel();
/// let task = spawn_value(move || {
///     let me = handed.recv().unwrap();
///     tell.send(me.join().unwrap_err().to_string()).unwrap();
/// });
/// let place = task.spawned_at();
/// hand.send(task).unwrap();
/// assert_eq!(told.recv().unwrap(), format!("deadlock: {place} waits for {place}"));
/// ```
///
/// # What it does not see
/// Waits by other means: other channels, locks, [`FanIn`](crate::FanIn)s, a [`scope`](crate::scope())'s tasks, whatever
/// is `.await`ed, and what a promise or a future needs to get on. A closure that no thread has started counts as one that
/// may start. So it never calls a deadlock what is none, and may miss one; [`waiting`](crate::waiting)
/// prints who waits then. A wait with a time limit ends by itself: it is none either.
#[derive(Clone, Debug)]
pub struct Deadlock(Arc<Why>);

#[derive(Debug)]
enum Why {
    /// An agent's job would wait for this call to its own agent.
    OwnAgent(&'static Location<'static>),
    /// Each would wait for the next; the last is the first once more.
    Circle(Vec<&'static Location<'static>>),
}

impl Deadlock {
    /// Of the places in the order in which each waits for the next, and the last one for the first.
    pub(crate) fn circle(places: Vec<&'static Location<'static>>) -> Self {
        Self(Arc::new(Why::Circle(places)))
    }

    /// Where the tasks were spawned, each of which waits for the next, and the last one for the first.
    pub fn places(&self) -> &[&'static Location<'static>] {
        match &*self.0 {
            Why::OwnAgent(place) => std::slice::from_ref(place),
            Why::Circle(places) => places,
        }
    }
}

/// What is left of a task that panicked.
pub struct Panicked(Box<Remains>);

struct Remains {
    message: Option<Box<str>>,
    // Only ever taken out by value: the mutex makes a `Send` payload `Sync`.
    payload: Mutex<Payload>,
}

impl JoinError {
    pub(crate) fn panicked(payload: Payload) -> Self {
        let message = payload
            .downcast_ref::<&'static str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .map(Box::from);
        let payload = Mutex::new(payload);
        Self::Panicked(Panicked(Box::new(Remains { message, payload })))
    }

    pub(crate) fn own_agent(called_at: &'static Location<'static>) -> Self {
        Self::Deadlock(Deadlock(Arc::new(Why::OwnAgent(called_at))))
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// Whether the task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// Whether to wait for it would be to wait for ever.
    ///
    /// ```
    /// use letgo::Agent;
    ///
    /// let agent = Agent::new(0);
    /// let inner = agent.clone();
    /// let waited = agent.call(move |_| inner.call(|n| *n += 1).join());
    /// assert!(waited.get().unwrap_err().is_deadlock());
    /// ```
    pub fn is_deadlock(&self) -> bool {
        matches!(self, Self::Deadlock(_))
    }

    /// The panic's message, if the task panicked with a text (as `panic!` does).
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Panicked(Panicked(remains)) => remains.message.as_deref(),
            Self::Cancelled | Self::Deadlock(_) => None,
        }
    }

    /// The payload that the task panicked with, as `std::thread::JoinHandle::join` gives it.
    ///
    /// # Panics
    /// If the task did not panic: ask [`is_panic`](Self::is_panic) first.
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn std::any::Any + Send + 'static> {
        match self {
            Self::Panicked(Panicked(remains)) => remains.payload.into_inner(),
            other => panic!("`into_panic` called on an error that is no panic: {other}"),
        }
    }

    /// The same failure for one more who asked; of a payload that is no text, only that it was.
    pub(crate) fn replica(&self) -> Self {
        match self {
            Self::Panicked(Panicked(remains)) => match &remains.message {
                Some(message) => Self::panicked(Box::new(String::from(&**message))),
                None => Self::panicked(Box::new(self.to_string())),
            },
            Self::Cancelled => Self::Cancelled,
            Self::Deadlock(why) => Self::Deadlock(why.clone()),
        }
    }

    /// Passes the failure on to whoever asked for the value.
    #[track_caller]
    #[cold]
    pub(crate) fn resume(self, spawned_at: &Location<'_>) -> ! {
        match self {
            Self::Panicked(_) => resume_unwind(self.into_panic()),
            Self::Cancelled => panic!(
                "the task spawned at {spawned_at} gives no value: it was cancelled, its executor \
                 dropped it, or its resolver was dropped (`join` and `settle` give this as an \
                 error)"
            ),
            Self::Deadlock(_) => panic!("what was spawned at {spawned_at} gives no value: {self}"),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(Panicked(remains)) => match &remains.message {
                Some(message) => write!(f, "task panicked: {message}"),
                None => f.write_str("task panicked with a payload that is no text"),
            },
            Self::Cancelled => f.write_str("task was cancelled"),
            Self::Deadlock(why) => why.fmt(f),
        }
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadlock: ")?;
        let Why::Circle(places) = &*self.0 else {
            return f.write_str(
                "an agent's job waits for a call to its own agent, which can't run before that job \
                 has ended (use the state at hand, `cast`, or wait outside the job)",
            );
        };
        for place in places {
            write!(f, "{place} waits for ")?;
        }
        match places.first() {
            Some(first) => write!(f, "{first}"),
            None => f.write_str("itself"),
        }
    }
}

impl std::error::Error for JoinError {}

impl fmt::Debug for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panicked").field(&self.0.message).finish()
    }
}
