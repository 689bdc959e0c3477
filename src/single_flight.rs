//! Single flight: one computation for all who want the same at the same time.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::panic::Location;

use crate::combine::Shared;
use crate::executor::{Executor, closure_task};
use crate::job::Entry;
use crate::pool::Pool;
use crate::sync::{Arc, Mutex, Weak};
use crate::unwind::quietly;

/// Runs one computation per key at a time: whoever asks for a key while it is computed shares the
/// result.
///
/// For caches, which a thousand misses of the same key would otherwise make a thousand computations. It
/// keeps no result: who asks after the end starts anew. Clones are the same flights.
///
/// The computation belongs to all of its callers: one that gives up, or cancels, hurts no other, and it
/// runs to its end even if all do. Its panic is everybody's.
///
/// ```
/// use letgo::{SingleFlight, promise};
///
/// let pages = SingleFlight::<&str, String>::new();
/// let (resolver, loaded) = promise();
/// let first = pages.run("home", move || loaded.get());
/// let second = pages.run("home", || unreachable!("it is on its way already"));
/// resolver.resolve(String::from("welcome")).unwrap();
/// assert_eq!((first.get(), second.get()), ("welcome".into(), "welcome".into()));
///
/// let third = pages.run("home", || String::from("welcome back")); // those two have landed
/// assert_eq!(third.get(), "welcome back");
/// ```
///
/// A computation that waits for its own key waits for itself, and hangs.
///
/// The keys' `Hash` and `Eq` run under a lock and must not come back here.
pub struct SingleFlight<K, T> {
    flights: Arc<Mutex<Flights<K, T>>>,
}

struct Flights<K, T> {
    in_the_air: HashMap<K, (u64, Shared<T>)>,
    /// Numbers the flights.
    started: u64,
}

/// Ends a flight when it drops: the computation has run or panicked, or never will run.
struct Landing<K: Hash + Eq, T> {
    /// Weak: the flights hold their computations, not the other way round as well.
    flights: Weak<Mutex<Flights<K, T>>>,
    key: K,
    number: u64,
}

impl<K, T> SingleFlight<K, T> {
    /// Nothing is computed yet.
    pub fn new() -> Self {
        Self {
            flights: Arc::new(Mutex::new(Flights {
                in_the_air: HashMap::new(),
                started: 0,
            })),
        }
    }

    /// How many keys are being computed.
    pub fn len(&self) -> usize {
        self.flights.lock().in_the_air.len()
    }

    /// Whether no key is being computed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K, T> SingleFlight<K, T>
where
    K: Hash + Eq + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// The value of the computation for `key` that is on its way; if there is none, `f` becomes it, on the
    /// default pool.
    ///
    /// # Panics
    /// As [`spawn_value`](crate::spawn_value).
    ///
    /// # Blocking
    /// It doesn't; to get the value is as [`JoinHandle::get`](crate::JoinHandle::get).
    #[track_caller]
    pub fn run<F>(&self, key: K, f: F) -> Shared<T>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.run_on(Pool::global(), key, f)
    }

    /// As [`run`](Self::run), on an executor.
    ///
    /// ```
    /// use letgo::{Job, SingleFlight};
    ///
    /// let inline = |job: Job| job.run();
    /// assert_eq!(SingleFlight::new().run_on(&inline, "key", || 1).get(), 1);
    /// ```
    ///
    /// # Panics
    /// If the executor does (see [`Executor`]); the computation is then cancelled for all who share it.
    #[track_caller]
    pub fn run_on<E, F>(&self, executor: &E, key: K, f: F) -> Shared<T>
    where
        E: Executor + ?Sized,
        F: FnOnce() -> T + Send + 'static,
    {
        let number = {
            let mut flights = self.flights.lock();
            if let Some((_, value)) = flights.in_the_air.get(&key) {
                return value.clone();
            }
            flights.started += 1;
            flights.started
        };
        // Made outside the lock, where another caller may be faster.
        let landing = Landing {
            flights: Arc::downgrade(&self.flights),
            key: key.clone(),
            number,
        };
        let computation = move || {
            let _landing = landing;
            f()
        };
        let (handle, task) = closure_task(computation, Location::caller());
        let job = task.into_job();
        let value = handle.shared();
        let other = {
            let mut flights = self.flights.lock();
            let other = flights.in_the_air.get(&key);
            let other = other.map(|(_, other)| other.clone());
            if other.is_none() {
                flights.in_the_air.insert(key, (number, value.clone()));
            }
            other
        };
        match other {
            // The job, dropped here, takes `f` along.
            Some(other) => other,
            None => {
                executor.execute(job);
                value
            }
        }
    }
}

impl<K: Hash + Eq, T> Drop for Landing<K, T> {
    fn drop(&mut self) {
        let Some(flights) = self.flights.upgrade() else {
            return;
        };
        quietly(|| {
            let mut flights = flights.lock();
            let is_ours = |(number, _): &(u64, _)| *number == self.number;
            let landed = if flights.in_the_air.get(&self.key).is_some_and(is_ours) {
                flights.in_the_air.remove_entry(&self.key)
            } else {
                None
            };
            drop(flights);
            drop(landed);
        });
    }
}

impl<K, T> Clone for SingleFlight<K, T> {
    fn clone(&self) -> Self {
        Self {
            flights: Arc::clone(&self.flights),
        }
    }
}

impl<K, T> Default for SingleFlight<K, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, T> fmt::Debug for SingleFlight<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
