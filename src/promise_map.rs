//! A promise per key: answers find those who asked.

mod by_hash;
mod delivery;
#[cfg(all(test, letgo_loom))]
mod models;
mod reply;
mod table;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::panic::Location;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

pub use self::delivery::Delivery;
use self::reply::Questions;
pub use self::reply::Reply;
use self::table::{Got, Question, Remains, Table, Wanted};
use crate::sync::{Arc, AtomicU64, Mutex, Ordering};
use crate::unwind::quietly;

/// Promises by key: whoever asks under a key waits for its answer, whoever brings the answer says the
/// key.
///
/// For protocols in which answers come in any order and say what they answer: DNS, RPC over one
/// connection, MQTT. Clones are the same map. The last of them cancels what still waits.
///
/// ```
/// use letgo::{Delivery, PromiseMap};
/// use std::time::Duration;
///
/// let replies = PromiseMap::<u16, &str>::new();
/// let first = replies.insert(7)?;
/// let second = replies.insert(8)?;
///
/// // The receiver's thread: it never blocks.
/// assert_eq!(replies.resolve(&8, "eight"), Delivery::Delivered);
/// assert_eq!(replies.resolve(&9, "nine"), Delivery::Unknown("nine"));
///
/// assert_eq!(second.get(), "eight");
/// let first = first.get_timeout(Duration::from_millis(1)).unwrap_err();
/// drop(first); // and its key is free
/// assert_eq!(replies.resolve(&7, "seven"), Delivery::Unknown("seven"));
/// # Ok::<(), letgo::Occupied<u16>>(())
/// ```
///
/// # Keys that linger
/// An answer that comes after its asker gave up may meet somebody who asked anew under the same key.
/// [`linger`](Self::linger) keeps a key that has ended reserved for a while.
///
/// # Your code and the lock
/// Wakers run, and keys and values drop and are cloned, outside the map's lock, so they may come back
/// into the map. The keys' `Eq` runs under it and must not. It, or `Hash`, may panic: that is its
/// caller's panic, and the map goes on.
///
/// # Cost
/// A question allocates nothing beside the table's own memory, and that shrinks again. Asked, answered
/// and got on one thread it takes a third longer than with a mutex around a `HashMap` of senders of
/// the oneshot crate (`cargo run --release -p letgo-bench promise-map`); more where keys linger, as the
/// clock is asked.
pub struct PromiseMap<K, V> {
    handles: Arc<Handles<K, V>>,
}

/// What the map's handles share, and its replies don't: it drops with the last handle.
struct Handles<K, V>(Arc<Map<K, V>>);

struct Map<K, V> {
    hasher: RandomState,
    /// In nanoseconds. Relaxed: it is a setting, nothing hangs on when it is seen.
    linger: AtomicU64,
    table: Mutex<Table<K, V>>,
}

/// The key is in use: an answer is to come for it, or to be taken, or it lingers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Occupied<K>(pub K);

impl<K, V> PromiseMap<K, V> {
    /// A map without keys.
    pub fn new() -> Self {
        Self {
            handles: Arc::new(Handles(Arc::new(Map {
                hasher: RandomState::new(),
                linger: AtomicU64::new(0),
                table: Mutex::new(Table::new()),
            }))),
        }
    }

    /// Keeps a key that has ended (given up, answered, cancelled) reserved for so long, so that a late
    /// or doubled answer to the old question can't answer a new one.
    ///
    /// It holds for the questions that end from now on, through every clone. There is no timer: later
    /// operations let go of keys that have lingered long enough.
    ///
    /// ```
    /// use letgo::{Delivery, Occupied, PromiseMap};
    /// use std::time::Duration;
    ///
    /// let replies = PromiseMap::new().linger(Duration::from_secs(60));
    /// drop(replies.insert(7).unwrap());
    /// assert_eq!(replies.insert(7).unwrap_err(), Occupied(7));
    /// assert_eq!(replies.resolve(&7, "seven"), Delivery::Late("seven"));
    /// ```
    #[must_use = "it gives the map back"]
    pub fn linger(self, linger: Duration) -> Self {
        let nanos = u64::try_from(linger.as_nanos()).unwrap_or(u64::MAX);
        self.map().linger.store(nanos, Ordering::Relaxed);
        self
    }

    /// How many keys wait for an answer.
    pub fn len(&self) -> usize {
        self.map().table.lock().waiting()
    }

    /// Whether no key waits for an answer.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn map(&self) -> &Arc<Map<K, V>> {
        &self.handles.0
    }
}

impl<K: Hash + Eq, V> PromiseMap<K, V> {
    /// Asks under `key`.
    ///
    /// ```
    /// let replies = letgo::PromiseMap::<u16, &str>::new();
    /// let reply = replies.insert(7).unwrap();
    /// assert_eq!(replies.insert(7).unwrap_err().0, 7);
    /// # drop(reply);
    /// ```
    ///
    /// # Errors
    /// [`Occupied`] with the key, if it is in use: it waits for an answer, its answer was not taken yet,
    /// or it lingers.
    #[track_caller]
    pub fn insert(&self, key: K) -> Result<Reply<K, V>, Occupied<K>>
    where
        K: Clone + Send + 'static,
        V: Send + 'static,
    {
        let map = self.map();
        let hash = map.hasher.hash_one(&key);
        let own = key.clone();
        match map.with(|table, _| table.ask(hash, key)) {
            Ok(question) => {
                let questions = Arc::clone(map) as _;
                Ok(Reply::new(questions, own, question, Location::caller()))
            }
            Err(refused) => {
                drop(refused);
                Err(Occupied(own))
            }
        }
    }

    /// Gives the answer to whoever asked under `key`, and wakes who waits for it; one that meets nobody
    /// is handed back.
    ///
    /// It never blocks, and never runs the waiter's code. As in a `HashMap`, the key may be borrowed.
    ///
    /// ```
    /// use letgo::{Delivery, PromiseMap};
    ///
    /// let replies = PromiseMap::<String, i32>::new();
    /// let reply = replies.insert("a".into()).unwrap();
    /// assert_eq!(replies.resolve("a", 1), Delivery::Delivered);
    /// assert_eq!(replies.resolve("a", 2), Delivery::Duplicate(2));
    /// assert_eq!(reply.get(), 1);
    /// assert_eq!(replies.resolve("a", 3), Delivery::Unknown(3));
    /// ```
    pub fn resolve<Q>(&self, key: &Q, value: V) -> Delivery<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let map = self.map();
        let hash = map.hasher.hash_one(key);
        let wanted = Wanted(hash, key);
        let (delivery, waker) = map.with(|table, now| table.answer(wanted, value, now));
        if let Some(waker) = waker {
            quietly(|| waker.wake());
        }
        delivery
    }

    /// Cancels the question asked under `key`. `false`: none waits for an answer.
    ///
    /// ```
    /// let replies = letgo::PromiseMap::<u16, &str>::new();
    /// let reply = replies.insert(7).unwrap();
    /// assert!(replies.cancel(&7));
    /// assert!(reply.join().unwrap_err().is_cancelled());
    /// assert!(!replies.cancel(&7));
    /// ```
    pub fn cancel<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let map = self.map();
        let hash = map.hasher.hash_one(key);
        let wanted = Wanted(hash, key);
        let cancelled = map.with(|table, now| {
            let question = table.question(wanted)?;
            table.cancel(question, now)
        });
        cancelled.map(tell).is_some()
    }

    /// Cancels every question that waits for an answer, and says how many.
    ///
    /// ```
    /// let replies = letgo::PromiseMap::<u16, &str>::new();
    /// let reply = replies.insert(7).unwrap();
    /// assert_eq!(replies.cancel_all(), 1);
    /// assert!(replies.is_empty());
    /// # drop(reply);
    /// ```
    pub fn cancel_all(&self) -> usize {
        let cancelled = self.map().with(|table, now| table.cancel_all(now));
        let count = cancelled.len();
        cancelled.into_iter().for_each(tell);
        count
    }
}

impl<K, V> Map<K, V> {
    fn linger(&self) -> Duration {
        Duration::from_nanos(self.linger.load(Ordering::Relaxed))
    }

    /// Does one thing to the table, in which nothing lingers that need not. The time is told if anything
    /// may linger: to ask the clock costs as much as the rest.
    fn with<T>(&self, op: impl FnOnce(&mut Table<K, V>, Option<Instant>) -> T) -> T {
        let linger = self.linger();
        loop {
            let mut table = self.table.lock();
            // Asked under the lock: the queue of what lingers is in the order of time.
            let now = (!linger.is_zero() || table.lingers()).then(Instant::now);
            let swept = now.map(|now| table.sweep(now, linger)).unwrap_or_default();
            if swept.is_empty() {
                return op(&mut table, now);
            }
            drop(table);
            drop(swept);
        }
    }
}

/// Tells who waited that nothing comes.
fn tell<K, V>(mut remains: Remains<K, V>) {
    if let Some(waker) = remains.waker() {
        quietly(|| waker.wake());
    }
}

impl<K: Send, V: Send> Questions<V> for Map<K, V> {
    fn poll(&self, question: Question, waker: Option<&Waker>) -> Poll<Option<V>> {
        let mut clone = None;
        loop {
            let found = self.table.lock().take(question, waker, &mut clone);
            return match found {
                Got::Answer(value, key) => {
                    quietly(|| drop(key));
                    Poll::Ready(Some(value))
                }
                Got::Nothing => Poll::Ready(None),
                Got::Waits(old) => {
                    quietly(|| drop(old));
                    Poll::Pending
                }
                // Cloning a waker is a user's code: outside the lock.
                Got::Unwatched => {
                    clone = waker.cloned();
                    continue;
                }
            };
        }
    }

    fn has_ended(&self, question: Question) -> bool {
        self.table.lock().has_ended(question)
    }

    fn cancel(&self, question: Question) {
        let cancelled = self.with(|table, now| table.cancel(question, now));
        if let Some(cancelled) = cancelled {
            tell(cancelled);
        }
    }

    fn let_go(&self, question: Question) {
        drop(self.with(|table, now| table.let_go(question, now)));
    }
}

/// The last handle is gone: nobody can answer any more.
impl<K, V> Drop for Handles<K, V> {
    fn drop(&mut self) {
        let ended = self.0.table.lock().cancel_all(None);
        ended.into_iter().for_each(tell);
    }
}

impl<K, V> Clone for PromiseMap<K, V> {
    fn clone(&self) -> Self {
        Self {
            handles: Arc::clone(&self.handles),
        }
    }
}

impl<K, V> Default for PromiseMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> fmt::Debug for PromiseMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromiseMap")
            .field("len", &self.len())
            .field("linger", &self.map().linger())
            .finish_non_exhaustive()
    }
}

impl<K> fmt::Display for Occupied<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key is in use: its answer is to come or to be taken, or it lingers")
    }
}

impl<K: fmt::Debug> std::error::Error for Occupied<K> {}
