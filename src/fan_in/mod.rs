//! One channel for many producers, which ends by itself.

mod channel;
mod error;
mod failure;
#[cfg(all(test, letgo_loom))]
mod models;
mod paced;
mod receive;
mod sender;
mod sending;
mod task;
mod ticket;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use self::channel::{Channel, Look};
use self::failure::Item;
use self::receive::Receiving;
use crate::error::JoinError;
use crate::executor::Executor;
use crate::sync::Arc;
use crate::wait;
use crate::waiters::Place;

pub use self::error::{RecvTimeoutError, SendError, TryRecvError, TrySendError};
pub use self::paced::{Paced, PacedIter};
pub use self::receive::{IntoIter, Iter, RecvAsync};
pub use self::sender::{FanInSender, SendAsync};

/// One channel for many producers: tasks that come to one value each, and senders of many values.
///
/// It ends by itself when no task and no sender is left and everything was received: nobody
/// calls close. A consumer that must not see the end before the first producer is there holds a
/// [`sender`](Self::sender) meanwhile. A fan-in that has ended and is spawned on again is open again.
///
/// ```
/// use letgo::FanIn;
///
/// # fn get_a() -> i32 { 100 }
/// # fn get_b() -> i32 { 200 }
/// let fan = FanIn::bounded(16); //                         ch := make(chan int, 16)
/// fan.spawn_value(get_a); //                               go getA(ch)
/// fan.spawn_value(get_b); //                               go getB(ch)
/// let c = fan.recv().unwrap() + fan.recv().unwrap(); //    C := <-ch + <-ch
/// assert_eq!(c, 300);
/// assert_eq!(fan.recv(), None);
/// ```
///
/// The buffer never has more than its bound, values included that a receiver has taken in bulk and
/// not given out. A full buffer holds producers back: a task keeps its thread until its value is
/// in (the [`Pool`](crate::Pool) runs another one meanwhile), a future waits without one.
///
/// Values of one producer arrive in the order they were sent in. Any number of receivers may share a
/// `&FanIn`: each value goes to one of them, and none hides values from another.
///
/// Dropping it sets blocked producers free, with their values back, and drops what is buffered. Tasks
/// that are left still run, and their values are dropped.
///
/// # Panics of producers
/// A producer's panic arrives at its turn, as a value would: every way of receiving resumes it, but
/// for [`recv_settled`](Self::recv_settled), which gives it as an `Err`. So does that a producer was
/// cancelled, or dropped by its executor. Receiving goes on afterwards, no value is lost.
///
/// # Cancel safety
/// Receiving and streaming may be given up at any time: a value is taken only when it is given out.
#[must_use = "its producers are held back, or their values dropped, if nobody receives"]
pub struct FanIn<T> {
    channel: Arc<Channel<Item<T>>>,
    /// Of its being a stream.
    place: Place,
}

impl<T> FanIn<T> {
    /// A fan-in whose buffer has room for `capacity` values.
    ///
    /// ```
    /// let fan = letgo::FanIn::bounded(1);
    /// let out = fan.sender();
    /// out.try_send(1).unwrap();
    /// assert!(out.try_send(2).unwrap_err().is_full());
    /// ```
    ///
    /// # Panics
    /// If `capacity` is 0: a value has to be somewhere between its producer and its receiver.
    #[track_caller]
    pub fn bounded(capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "`FanIn::bounded(0)`: a fan-in needs room for at least 1 value; use `bounded(1)` for a \
             producer to be at most one value ahead"
        );
        let channel = Arc::new(Channel::new(capacity));
        Self {
            channel,
            place: Place::SOFT,
        }
    }

    /// For a producer of many values; while there is one, the fan-in does not end.
    ///
    /// ```
    /// let fan = letgo::FanIn::bounded(2);
    /// let out = fan.sender();
    /// out.send(1).unwrap();
    /// out.send(2).unwrap();
    /// drop(out);
    /// assert!(fan.iter().eq([1, 2]));
    /// ```
    pub fn sender(&self) -> FanInSender<T> {
        FanInSender::new(&self.channel)
    }

    /// Blocks until there is a value, and gives it; `None` when it has ended.
    ///
    /// ```
    /// let fan = letgo::FanIn::bounded(1);
    /// fan.spawn_value(|| 1);
    /// assert_eq!((fan.recv(), fan.recv()), (Some(1), None));
    /// ```
    ///
    /// # Panics
    /// With a producer's panic, at its turn; likewise if a producer was cancelled.
    ///
    /// # Blocking
    /// On a thread of a [`Pool`](crate::Pool) it tells the pool, which lets another thread run
    /// meanwhile. Inside an async runtime it blocks the runtime's thread: use
    /// [`recv_async`](Self::recv_async) there.
    #[track_caller]
    pub fn recv(&self) -> Option<T> {
        match Receiving::new(&self.channel).block(None) {
            Some(item) => item.map(value),
            None => unreachable!("a wait without a deadline ends with an item or the end"),
        }
    }

    /// As [`recv`](Self::recv), with a producer's panic or cancellation as an error.
    ///
    /// ```
    /// use letgo::FanIn;
    ///
    /// let fan = FanIn::<i32>::bounded(1);
    /// fan.spawn_value(|| panic!("no luck"));
    /// let error = fan.recv_settled().unwrap().unwrap_err();
    /// assert_eq!(error.message(), Some("no luck"));
    /// assert!(fan.recv_settled().is_none());
    /// ```
    ///
    /// # Errors
    /// Inside: [`JoinError`], at the producer's turn.
    ///
    /// # Blocking
    /// As [`recv`](Self::recv).
    pub fn recv_settled(&self) -> Option<Result<T, JoinError>> {
        match Receiving::new(&self.channel).block(None) {
            Some(item) => item.map(|item| item.map_err(|failure| failure.error)),
            None => unreachable!("a wait without a deadline ends with an item or the end"),
        }
    }

    /// A value if there is one; it does not block.
    ///
    /// ```
    /// use letgo::{FanIn, TryRecvError};
    ///
    /// let fan = FanIn::bounded(1);
    /// let out = fan.sender();
    /// assert_eq!(fan.try_recv(), Err(TryRecvError::Empty));
    /// out.send(1).unwrap();
    /// drop(out);
    /// assert_eq!(fan.try_recv(), Ok(1));
    /// assert_eq!(fan.try_recv(), Err(TryRecvError::Closed));
    /// ```
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there is none just now, [`TryRecvError::Closed`] if it has ended.
    ///
    /// # Panics
    /// As [`recv`](Self::recv).
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.channel.look() {
            Look::Item(item) => Ok(value(item)),
            Look::Empty(_) => Err(TryRecvError::Empty),
            Look::Ended => Err(TryRecvError::Closed),
        }
    }

    /// Blocks until there is a value or the time is over.
    ///
    /// ```
    /// use letgo::{FanIn, RecvTimeoutError};
    /// use std::time::Duration;
    ///
    /// let fan = FanIn::<i32>::bounded(1);
    /// let out = fan.sender();
    /// assert_eq!(fan.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    /// drop(out);
    /// assert_eq!(fan.recv_timeout(Duration::MAX), Err(RecvTimeoutError::Closed));
    /// ```
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`] if the time was over first, [`RecvTimeoutError::Closed`] if it has
    /// ended.
    ///
    /// # Panics
    /// As [`recv`](Self::recv).
    ///
    /// # Blocking
    /// As [`recv`](Self::recv).
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        match Receiving::new(&self.channel).block(wait::deadline_in(timeout)) {
            Some(Some(item)) => Ok(value(item)),
            Some(None) => Err(RecvTimeoutError::Closed),
            None => Err(RecvTimeoutError::Timeout),
        }
    }

    /// A value, or `None` when it has ended, awaited.
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let fan = letgo::FanIn::bounded(1);
    /// fan.spawn_future(async { 1 });
    /// assert_eq!(fan.recv_async().await, Some(1));
    /// assert_eq!(fan.recv_async().await, None);
    /// # });
    /// ```
    ///
    /// # Panics
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// It may be given up at any time: no value is lost.
    pub fn recv_async(&self) -> RecvAsync<'_, T> {
        RecvAsync::new(&self.channel)
    }

    /// The values, at most one per period: to be iterated or streamed.
    ///
    /// The first comes at once, a further one a period after the last was given out, at the earliest.
    /// Whoever was late gets no burst afterwards. A value is taken only when it is due, and goes
    /// to one consumer: several may run side by side, each at its own pace. The end doesn't wait out
    /// the period; a period of zero doesn't pace at all.
    ///
    /// ```
    /// use letgo::FanIn;
    /// use std::time::{Duration, Instant};
    ///
    /// let fan = FanIn::bounded(16);
    /// (0..3).for_each(|n| fan.spawn_value(move || n));
    /// let start = Instant::now();
    /// for n in fan.paced(Duration::from_millis(10)) {
    ///     println!("{n}, after {:?}", start.elapsed());
    /// }
    /// assert!(start.elapsed() >= Duration::from_millis(20));
    /// ```
    pub fn paced(&self, period: Duration) -> Paced<'_, T> {
        Paced::new(self, period)
    }

    /// The values as they come, each blocked for, up to the end.
    ///
    /// # Blocking
    /// As [`recv`](Self::recv), for each value.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self)
    }
}

impl<T: Send + 'static> FanIn<T> {
    /// Runs a closure on the default pool; what it returns is sent. Go's `go getA(ch)`.
    ///
    /// ```
    /// let fan = letgo::FanIn::bounded(2);
    /// fan.spawn_value(|| 1);
    /// fan.spawn_value(|| 2);
    /// assert_eq!(fan.into_iter().sum::<i32>(), 3);
    /// ```
    ///
    /// # Panics
    /// As [`spawn_value`](crate::spawn_value). What the closure panics with arrives at the receiver.
    ///
    /// # Blocking
    /// `spawn_value` itself doesn't. The task keeps its thread while the buffer is full.
    #[track_caller]
    pub fn spawn_value<F>(&self, f: F)
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.sender().spawn_value(f);
    }

    /// Runs a closure on `executor`; what it returns is sent.
    ///
    /// An executor that runs jobs inline, or on the receiver's own thread, must not be given more of them
    /// than the buffer has room for: a full buffer blocks the thread that was to empty it.
    ///
    /// ```
    /// use letgo::{FanIn, Job};
    ///
    /// let fan = FanIn::bounded(1);
    /// fan.spawn_value_on(&|job: Job| rayon::spawn(|| job.run()), || 6 * 7);
    /// assert_eq!(fan.recv(), Some(42));
    /// ```
    ///
    /// # Panics
    /// If the executor does (see [`Executor`]); the producer then arrives as one that was cancelled.
    #[track_caller]
    pub fn spawn_value_on<E, F>(&self, executor: &E, f: F)
    where
        E: Executor + ?Sized,
        F: FnOnce() -> T + Send + 'static,
    {
        self.sender().spawn_value_on(executor, f);
    }

    /// Runs a future on the default pool; its output is sent.
    ///
    /// # Panics
    /// As [`spawn_value`](Self::spawn_value).
    #[track_caller]
    pub fn spawn_future<Fut>(&self, future: Fut)
    where
        Fut: Future<Output = T> + Send + 'static,
    {
        self.sender().spawn_future(future);
    }
}

/// The value, or the producer's panic.
#[track_caller]
fn value<T>(item: Item<T>) -> T {
    match item {
        Ok(value) => value,
        Err(failure) => failure.resume(),
    }
}

impl<T> Drop for FanIn<T> {
    fn drop(&mut self) {
        self.channel.close();
    }
}

impl<T> fmt::Debug for FanIn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanIn")
            .field("buffered", &self.channel.len())
            .field("capacity", &self.channel.capacity())
            .field("producers", &self.channel.producers())
            .finish_non_exhaustive()
    }
}
