//! The executors that programs run on.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use letgo::{Executor, Job, Pool};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The default pool.
    Default,
    /// A pool of one thread, which grows.
    One,
    /// A pool of three threads, which grows.
    Three,
    /// A pool of one thread, which can't grow.
    Capped,
    /// tokio's workers, two of them: a closure that blocks there blocks a worker.
    Tokio,
    /// tokio's threads for blocking.
    TokioBlocking,
    /// A rayon pool of two threads.
    Rayon,
    /// A thread per job.
    Threads,
    /// A run queue on the main body's thread, whose jobs run in an order that a seed decides.
    Scrambled,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Default,
        Self::One,
        Self::Three,
        Self::Capped,
        Self::Tokio,
        Self::TokioBlocking,
        Self::Rayon,
        Self::Threads,
        Self::Scrambled,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::One => "pool-1",
            Self::Three => "pool-3",
            Self::Capped => "pool-1-capped",
            Self::Tokio => "tokio",
            Self::TokioBlocking => "tokio-blocking",
            Self::Rayon => "rayon",
            Self::Threads => "threads",
            Self::Scrambled => "scrambled",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether only [strict](crate::program::Program::strict) programs are sure to end on it.
    pub(crate) fn is_bounded(self) -> bool {
        matches!(
            self,
            Self::Capped | Self::Tokio | Self::Rayon | Self::Scrambled
        )
    }

    pub(crate) fn open(self) -> Site {
        let pool = |threads, most| {
            let builder = Pool::builder().threads(threads).max_threads(most);
            builder.name("stressed").build().expect("sizes are right")
        };
        let tokio = || {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let runtime = builder.worker_threads(2).build();
            Arc::new(runtime.expect("a runtime can be made"))
        };
        Site {
            kind: self,
            on: match self {
                Self::Default => On::Pool(Pool::global().clone()),
                Self::One => On::Pool(pool(1, 10_000)),
                Self::Three => On::Pool(pool(3, 10_000)),
                Self::Capped => On::Pool(pool(1, 1)),
                Self::Tokio => On::Tokio(tokio()),
                Self::TokioBlocking => On::TokioBlocking(tokio()),
                Self::Rayon => {
                    let builder = rayon::ThreadPoolBuilder::new().num_threads(2);
                    On::Rayon(Arc::new(builder.build().expect("a pool can be made")))
                }
                Self::Threads => On::Threads,
                Self::Scrambled => On::Scrambled(Arc::default()),
            },
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An executor in use, with what must live as long.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) kind: Kind,
    on: On,
}

#[derive(Clone)]
enum On {
    Pool(Pool),
    Tokio(Arc<tokio::runtime::Runtime>),
    TokioBlocking(Arc<tokio::runtime::Runtime>),
    Rayon(Arc<rayon::ThreadPool>),
    Threads,
    Scrambled(Arc<Queue>),
}

impl Site {
    pub(crate) fn executor(&self) -> Exec {
        match &self.on {
            On::Pool(pool) => Exec::Pool(pool.clone()),
            On::Tokio(runtime) => Exec::Tokio(runtime.handle().clone()),
            On::TokioBlocking(runtime) => Exec::TokioBlocking(runtime.handle().clone()),
            On::Rayon(pool) => Exec::Rayon(Arc::clone(pool)),
            On::Threads => Exec::Threads,
            On::Scrambled(queue) => Exec::Scrambled(Arc::clone(queue)),
        }
    }

    /// Ends the threads that were made for it, and says what is wrong with their end.
    pub(crate) fn close(self) -> Option<String> {
        match self.on {
            On::Pool(pool) if self.kind != Kind::Default => {
                pool.shutdown();
                let left = pool.threads();
                (left > 0).then(|| format!("{left} threads are left after a shutdown"))
            }
            On::Tokio(runtime) | On::TokioBlocking(runtime) => {
                if let Ok(runtime) = Arc::try_unwrap(runtime) {
                    runtime.shutdown_timeout(Duration::from_secs(1));
                }
                None
            }
            _ => None,
        }
    }
}

/// What a program spawns on.
#[derive(Clone)]
pub(crate) enum Exec {
    Pool(Pool),
    Tokio(tokio::runtime::Handle),
    TokioBlocking(tokio::runtime::Handle),
    Rayon(Arc<rayon::ThreadPool>),
    Threads,
    Scrambled(Arc<Queue>),
}

impl Executor for Exec {
    fn execute(&self, job: Job) {
        match self {
            Self::Pool(pool) => pool.execute(job),
            Self::Tokio(tokio) => drop(tokio.spawn(async move { job.run() })),
            Self::TokioBlocking(tokio) => drop(tokio.spawn_blocking(move || job.run())),
            Self::Rayon(pool) => pool.spawn(move || job.run()),
            Self::Threads => drop(thread::spawn(move || job.run())),
            Self::Scrambled(queue) => queue.push(job),
        }
    }
}

/// Jobs that wait until somebody runs one of them, any one.
pub(crate) struct Queue(Mutex<(Vec<Job>, Rng)>);

impl Default for Queue {
    fn default() -> Self {
        Self(Mutex::new((Vec::new(), Rng::with_seed(0))))
    }
}

impl Queue {
    fn with<R>(&self, f: impl FnOnce(&mut Vec<Job>, &mut Rng) -> R) -> R {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (jobs, rng) = &mut *inside;
        f(jobs, rng)
    }

    fn push(&self, job: Job) {
        self.with(|jobs, _| jobs.push(job));
    }

    pub(crate) fn reseed(&self, seed: u64) {
        self.with(|_, rng| rng.seed(seed));
    }

    pub(crate) fn flip(&self) -> bool {
        self.with(|_, rng| rng.bool())
    }

    /// Runs one job; `false`: there is none.
    pub(crate) fn run_one(&self) -> bool {
        let job = self.with(|jobs, rng| {
            let index = (!jobs.is_empty()).then(|| rng.usize(0..jobs.len()))?;
            Some(jobs.swap_remove(index))
        });
        let found = job.is_some();
        job.into_iter().for_each(Job::run);
        found
    }
}
