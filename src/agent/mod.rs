//! State with one owner.
//!
//! | file | its one idea |
//! |---|---|
//! | `core` | who serves, and when |
//! | `mailbox` | messages in line, and the desk they are served at |
//! | `request` | a message that somebody waits for |

mod core;
mod mailbox;
#[cfg(all(test, letgo_loom))]
mod models;
mod request;

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;

use self::core::{Core, On};
use self::mailbox::Message;
use self::request::{Act, Call, Request, Stop};
use crate::executor::Executor;
use crate::handle::JoinHandle;
use crate::sync::Arc;
use crate::unwind::quietly;

/// State that one job at a time may touch, in the order of the calls: Go's "share memory by
/// communicating", without the goroutine and its channels.
///
/// A [`call`](Self::call) gives a handle to get or await, a [`cast`](Self::cast) nothing; neither blocks.
/// An agent has no thread of its own: when there is something to do its executor gets a job of it, one at
/// a time, and that job goes back to the end of the line after a batch. An idle agent costs its memory
/// only.
///
/// It is a handle: clones are the same agent. When the last one goes, what is queued still runs, then
/// the state drops.
///
/// ```
/// use letgo::Agent;
///
/// let stack = Agent::new(Vec::new());
/// stack.cast(|s| s.push(1)); // Push: fire and forget
/// stack.cast(|s| s.push(2));
/// let top = stack.call(|s| s.pop()); // Pop: get or await the result
/// assert_eq!(top.get(), Some(2));
/// assert_eq!(stack.stop().get(), [1]);
/// ```
///
/// # Panics
/// A panic of a call goes to its handle, that of a cast to the panic hook only. Either leaves the state
/// as it was at that point, and the agent serves on.
///
/// # Blocking
/// `get` and `join` of a call claim: if nobody is serving the agent, the calling thread runs its queue
/// up to that call, never past it. So they work on a bounded executor that is full, and where there are no
/// threads.
///
/// To block, inside a job of an agent, for a call to the same agent would be to wait for ever:
/// it is [`JoinError::Deadlock`](crate::JoinError::Deadlock) instead, at once, and the call does not run.
/// `join` and `settle` give it as an error; `get`, the timed gets and the `recv` of
/// [`as_completed`](fn@crate::as_completed) panic with it, also those of what is made of such a call
/// and others: even a race that another might win. What can't be seen is an `.await`, and a wait that
/// comes back to the agent by way of another task or thread.
///
/// A job that blocks holds up the agent: everything called after it waits.
pub struct Agent<S>(Arc<Core<S>>);

impl<S: Send + 'static> Agent<S> {
    /// An agent whose jobs run on the default pool.
    ///
    /// ```
    /// let counter = letgo::Agent::new(0);
    /// counter.cast(|n| *n += 1);
    /// assert_eq!(counter.call(|n| *n).get(), 1);
    /// ```
    pub fn new(state: S) -> Self {
        Self(Arc::new(Core::new(state, On::Global)))
    }

    /// An agent whose jobs run on an executor of the caller's choice.
    ///
    /// If the executor drops the agent's job, what is queued is cancelled.
    ///
    /// ```
    /// use letgo::{Agent, Job};
    ///
    /// let counter = Agent::on(|job: Job| rayon::spawn(|| job.run()), 0);
    /// assert_eq!(counter.call(|n| *n + 1).get(), 1);
    /// ```
    pub fn on<E>(executor: E, state: S) -> Self
    where
        E: Executor + Send + Sync + 'static,
    {
        Self(Arc::new(Core::new(state, On::Other(Box::new(executor)))))
    }

    /// Runs a closure on the state, after everything that was called before; the handle is there at
    /// once.
    ///
    /// The handle is like any other: dropped, it lets the call run; cancelled in time, the call
    /// never runs. After a [`stop`](Self::stop) the call is cancelled.
    ///
    /// To hold the state across an `await` is not possible; what a future needs of it can be taken out:
    /// `agent.call(|s| s.client.clone()).await.fetch().await`.
    ///
    /// ```
    /// let words = letgo::Agent::new(vec!["a", "b"]);
    /// let last = words.call(|words| words.pop());
    /// # futures::executor::block_on(async {
    /// assert_eq!(last.await, Some("b"));
    /// # });
    /// ```
    ///
    /// # Panics
    /// If the executor panics; what is queued is cancelled then.
    #[track_caller]
    #[inline]
    pub fn call<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce(&mut S) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.request(Call::new(f), false, Location::caller())
    }

    /// Runs a closure on the state, after everything that was called before; nobody hears of it.
    ///
    /// After a [`stop`](Self::stop) it is dropped.
    ///
    /// ```
    /// let log = letgo::Agent::new(String::new());
    /// log.cast(|log| log.push_str("started"));
    /// assert_eq!(log.call(|log| log.len()).get(), 7);
    /// ```
    ///
    /// # Panics
    /// As [`call`](Self::call).
    pub fn cast<F>(&self, f: F)
    where
        F: FnOnce(&mut S) + Send + 'static,
    {
        if let Err(refused) = self.0.post(Message::Cast(Box::new(f)), false) {
            // The agent was stopped.
            quietly(|| refused.refuse());
        }
    }

    /// Gives the state back after everything that was called before.
    ///
    /// From now on casts (on clones of this agent) are dropped, calls and a second `stop` are
    /// cancelled. If nobody asks for the state, or the stop is cancelled, it drops.
    ///
    /// ```
    /// let agent = letgo::Agent::new(1);
    /// let other = agent.clone();
    /// agent.cast(|n| *n += 1);
    /// assert_eq!(agent.stop().get(), 2);
    /// assert!(other.call(|n| *n).join().unwrap_err().is_cancelled());
    /// ```
    ///
    /// # Panics
    /// As [`call`](Self::call).
    #[track_caller]
    pub fn stop(self) -> JoinHandle<S> {
        self.request(Stop(PhantomData), true, Location::caller())
    }

    #[inline]
    fn request<A: Act<S>>(
        &self,
        act: A,
        last: bool,
        called_at: &'static Location<'static>,
    ) -> JoinHandle<A::Value> {
        let request = Arc::new(Request::new(act, Arc::clone(&self.0), called_at));
        let message = Message::Request(Arc::clone(&request) as _);
        match self.0.post(message, last) {
            Ok(number) => request.is_number(number),
            Err(refused) => refused.refuse(),
        }
        JoinHandle::new(request)
    }
}

impl<S> Clone for Agent<S> {
    fn clone(&self) -> Self {
        self.0.add_handle();
        Self(Arc::clone(&self.0))
    }
}

impl<S> Drop for Agent<S> {
    fn drop(&mut self) {
        self.0.remove_handle();
    }
}

impl<S> fmt::Debug for Agent<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("queued", &self.0.queued())
            .finish_non_exhaustive()
    }
}
