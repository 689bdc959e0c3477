//! The default executor: a pool that steals work and grows while closures block.
//!
//! | file | its one idea |
//! |---|---|
//! | `core` | what the threads share, and how they are made |
//! | `queues` | where jobs wait: the queue for all, and the threads' own (`crate::local`) as thieves see them |
//! | `pace` | how often a thief comes to a stack |
//! | `sleep` | who is awake, and whom to wake: the protocol that loses no wake-up |
//! | `seat` | a worker as others see it |
//! | `worker` | a worker's life |
//! | `monitor` | growth, for closures that block unseen |
//! | `os` | what the operating system knows of a thread |

mod core;
#[cfg(all(test, letgo_loom))]
mod models;
mod monitor;
pub(crate) mod os;
mod pace;
mod queues;
mod seat;
mod sleep;
#[cfg(test)]
mod tests;
mod worker;

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::thread;
use std::time::Duration;

use async_task::Runnable;

use self::core::{Config, Core};
use crate::executor::Executor;
use crate::handle::JoinHandle;
use crate::job::Job;
use crate::sync::{Arc, OnceLock};
use crate::work::Call;
use crate::{future, stack, wait};

/// How many threads a pool may have if nothing else is said: as many as Go lets a program have.
const DEFAULT_MAX_THREADS: usize = 10_000;

/// How long a thread that the pool grew by stays without work, if nothing else is said.
const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(1);

/// Threads that run tasks: as many at a time as there are cores, more while some of them block.
///
/// A pool never asks whether a closure computes or blocks. It keeps `threads` of its threads running:
/// one that blocks in a `get` (or in a `recv` or `send` of a [`FanIn`](crate::FanIn)) is replaced at
/// once if work waits, one that blocks elsewhere (in a sleep, in I/O, on a lock) within
/// milliseconds, up to `max_threads`. What it grew by leaves again after `keep_alive` without work.
///
/// Computing never grows it where the operating system can be asked whether a thread is blocked
/// (Linux). Elsewhere a job that takes a tenth of a second while work waits is presumed blocked.
///
/// It is a handle: clones are the same pool. When the last one goes, what is queued still runs, then
/// the threads leave; [`shutdown`](Self::shutdown) waits for that.
///
/// ```
/// use letgo::Pool;
///
/// let pool = Pool::builder().threads(2).name("mine").build()?;
/// let a = pool.spawn_value(|| 100);
/// let b = pool.spawn_future(async { 200 });
/// assert_eq!(a.get() + b.get(), 300);
/// pool.shutdown();
/// assert!(pool.spawn_value(|| 1).join().unwrap_err().is_cancelled());
/// # std::io::Result::Ok(())
/// ```
///
/// # Blocking
/// `max_threads` is a hard cap. If as many tasks wait for something that only a further task of the same
/// pool can give (a promise, a barrier, a value of a future), they starve: leave it large.
///
/// Where no thread can be made at all, threads that wait for a value run queued jobs themselves: those
/// in a `get`, in a timed one too (which may thus take longer than its time), and those that poll an
/// `.await`. Such a job must not block for what only this thread would do later.
#[derive(Clone)]
pub struct Pool(Arc<Owner>);

/// Closes the pool when its last handle goes.
struct Owner(Arc<Core>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Pool {
    /// The default pool, made at its first use: [`spawn_value`](crate::spawn_value) and
    /// [`spawn_future`](crate::spawn_future) run on it.
    ///
    /// It has as many threads as the environment variable `LETGO_THREADS` says, else as many as there
    /// are cores this process may use.
    ///
    /// ```
    /// use letgo::Pool;
    ///
    /// assert!(Pool::global().threads() >= 1);
    /// ```
    ///
    /// # Panics
    /// If `LETGO_THREADS` is set to anything else than a whole number from 1 to 10000. Blanks around the
    /// number are ignored, and the empty string counts as unset.
    pub fn global() -> &'static Self {
        static GLOBAL: OnceLock<Pool> = OnceLock::new();
        GLOBAL.get_or_init(|| {
            let threads = match std::env::var_os("LETGO_THREADS") {
                Some(text) if !text.is_empty() => text
                    .to_str()
                    .and_then(|text| text.trim().parse().ok())
                    .filter(|threads| (1..=DEFAULT_MAX_THREADS).contains(threads))
                    .unwrap_or_else(|| {
                        panic!(
                            "LETGO_THREADS must be a whole number from 1 to \
                             {DEFAULT_MAX_THREADS}, and it is {text:?}; unset, it means as many \
                             as there are cores"
                        )
                    }),
                _ => cores(),
            };
            Builder::default().threads(threads).start(true)
        })
    }

    /// A pool of one's own, to be sized and named.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Runs a closure on this pool: see [`spawn_value`](crate::spawn_value).
    #[track_caller]
    pub fn spawn_value<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.start(f, Location::caller())
    }

    /// Runs a future on this pool: see [`spawn_future`](crate::spawn_future).
    ///
    /// The task has a handle of the pool until it ends.
    #[track_caller]
    pub fn spawn_future<Fut>(&self, future: Fut) -> JoinHandle<Fut::Output>
    where
        Fut: Future + Send + 'static,
        Fut::Output: Send + 'static,
    {
        let pool = self.clone();
        let schedule = move |future, just_polled| pool.reschedule(future, just_polled);
        let (handle, first) = future::task(future, schedule, Location::caller());
        self.execute(first);
        handle
    }

    /// Takes no more tasks, and waits until those that are queued have run and the threads have left.
    ///
    /// What is spawned afterwards is cancelled, and so is a future when it is woken the next time. On
    /// [`Pool::global`] that holds for the whole process, and for good: every later
    /// [`spawn_value`](crate::spawn_value) gives a cancelled task.
    ///
    /// ```
    /// let pool = letgo::Pool::builder().threads(1).build()?;
    /// let a = pool.spawn_value(|| 1);
    /// pool.shutdown();
    /// assert_eq!((a.try_get().unwrap(), pool.threads()), (1, 0));
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Blocking
    /// On one of the pool's own threads it does not wait: that thread can't leave before the
    /// caller's task has ended. On a thread of another pool it tells that one, which lets another thread
    /// run meanwhile; two pools, each shut down by a task of the other, would wait for each other for
    /// ever. Inside an async runtime it blocks the runtime's thread.
    pub fn shutdown(&self) {
        let core = self.core();
        core.close();
        wait::telling_host(|| core.join());
    }

    /// How many threads there are just now: those it was built with (less those that could not be
    /// made), and what it has grown by.
    ///
    /// ```
    /// let pool = letgo::Pool::builder().threads(2).build()?;
    /// assert_eq!(pool.threads(), 2);
    /// pool.shutdown();
    /// assert_eq!(pool.threads(), 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn threads(&self) -> usize {
        self.core().sleep.alive()
    }

    /// How many threads sleep just now, for want of work.
    pub fn idle_threads(&self) -> usize {
        self.core().sleep.counts().idle()
    }

    /// How many threads there may be.
    pub fn max_threads(&self) -> usize {
        self.core().config.max_threads
    }

    /// About how many jobs wait for a thread just now.
    pub fn queued(&self) -> usize {
        self.core().queues.len()
    }

    /// As `execute`, of a task that was not started.
    #[inline]
    pub(crate) fn start<F, T>(&self, f: F, spawned_at: &'static Location<'static>) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        JoinHandle::new(self.core().start_task(Call(f), spawned_at))
    }

    /// As `execute`, of a future that was woken; `just_polled` if this thread has nothing to do before it looks
    /// for its next job. (Executors of others have: they say nothing of the kind.)
    pub(crate) fn reschedule(&self, future: Runnable, just_polled: bool) {
        self.core().line_up(future, just_polled);
    }

    fn core(&self) -> &Arc<Core> {
        &self.0.0
    }
}

impl Executor for Pool {
    #[inline]
    fn execute(&self, job: Job) {
        self.core().push(job);
    }

    #[track_caller]
    fn spawn_future<Fut>(&self, future: Fut) -> JoinHandle<Fut::Output>
    where
        Fut: Future + Send + 'static,
        Fut::Output: Send + 'static,
    {
        Self::spawn_future(self, future)
    }
}

impl Executor for &Pool {
    fn execute(&self, job: Job) {
        self.core().push(job);
    }

    #[track_caller]
    fn spawn_future<Fut>(&self, future: Fut) -> JoinHandle<Fut::Output>
    where
        Fut: Future + Send + 'static,
        Fut::Output: Send + 'static,
    {
        Pool::spawn_future(self, future)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.core().config.name)
            .field("threads", &self.threads())
            .field("idle_threads", &self.idle_threads())
            .field("max_threads", &self.max_threads())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

/// Sizes and names a [`Pool`].
///
/// ```
/// use std::time::Duration;
///
/// let pool = letgo::Pool::builder()
///     .threads(2)
///     .max_threads(64)
///     .name("io")
///     .keep_alive(Duration::from_secs(10))
///     .stack_size(1024 * 1024)
///     .build()?;
/// // Not `get`, which may run the closure on this thread.
/// let name = pool.spawn_value(|| std::thread::current().name().map(str::to_owned));
/// let name = name.get_timeout(Duration::MAX).unwrap().unwrap();
/// assert!(name.starts_with("io-"));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "`build` makes the pool"]
pub struct Builder {
    threads: Option<usize>,
    max_threads: Option<usize>,
    name: String,
    keep_alive: Duration,
    stack_size: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            threads: None,
            max_threads: None,
            name: "letgo".to_owned(),
            keep_alive: DEFAULT_KEEP_ALIVE,
            stack_size: stack::DEFAULT_SIZE,
        }
    }
}

impl Builder {
    /// How many threads run at a time while there is work; as many as there are cores if not said.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// How many threads there may be at most, blocked ones included; 10,000 if not said (as many as
    /// Go lets a program have).
    ///
    /// A small one lets queued closures and woken futures starve, once as many tasks block in something
    /// that only these can end: see [`Pool`].
    pub fn max_threads(mut self, max_threads: usize) -> Self {
        self.max_threads = Some(max_threads);
        self
    }

    /// What the threads' names begin with; `letgo` if not said.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How long a thread that the pool grew by stays without work; one second if not said.
    pub fn keep_alive(mut self, keep_alive: Duration) -> Self {
        self.keep_alive = keep_alive;
        self
    }

    /// The size of the threads' stacks, in bytes; 2 MiB, as std's, if not said.
    pub fn stack_size(mut self, stack_size: usize) -> Self {
        self.stack_size = stack_size;
        self
    }

    /// Makes the pool and starts its threads.
    ///
    /// A thread that cannot be made just now is no error: its work falls to the others, at worst to
    /// those that wait for it.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput): no threads at all, more threads than
    /// `max_threads`, or a name with a NUL in it.
    pub fn build(self) -> io::Result<Pool> {
        let invalid = |why: String| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        if self.threads == Some(0) {
            return invalid(
                "a pool needs at least 1 thread, and `threads(0)` was asked for".into(),
            );
        }
        let (threads, max_threads) = self.sizes();
        if threads > max_threads {
            return invalid(format!(
                "a pool of {threads} threads cannot have `max_threads({max_threads})`: at least \
                 {threads} must be allowed"
            ));
        }
        if self.name.contains('\0') {
            return invalid("the name of a pool's threads must not have a NUL in it".into());
        }
        Ok(self.start(false))
    }

    fn sizes(&self) -> (usize, usize) {
        let threads = self.threads.unwrap_or_else(|| match self.max_threads {
            // At least 1: that none are allowed is for `build` to say.
            Some(max_threads) => cores().min(max_threads.max(1)),
            None => cores(),
        });
        let max_threads = self.max_threads.unwrap_or(DEFAULT_MAX_THREADS.max(threads));
        (threads, max_threads.min(sleep::MOST_WORKERS))
    }

    fn start(self, adopts: bool) -> Pool {
        let (threads, max_threads) = self.sizes();
        let Self {
            name,
            keep_alive,
            stack_size,
            ..
        } = self;
        let config = Config {
            threads,
            max_threads,
            name,
            keep_alive,
            stack_size,
            adopts,
        };
        Pool(Arc::new(Owner(Core::start(config))))
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
