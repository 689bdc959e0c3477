//! What the pool's threads share: queues, sleepers, seats; and the making of threads.

use std::collections::HashMap;
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use crossbeam_deque::Worker;
use parking::Unparker;

use super::monitor;
use super::queues::Queues;
use super::seat::Seat;
use super::sleep::{Sleep, Wake};
use super::worker;
use crate::job::Job;
use crate::local::{self, Home};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, Weak};
use crate::wait::{self, Stranded};

/// How long after a thread could not be made the next one is tried.
const RETRY_AFTER: Duration = Duration::from_millis(10);

/// How a pool was asked for.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) threads: usize,
    pub(super) max_threads: usize,
    pub(super) name: String,
    pub(super) keep_alive: Duration,
    pub(super) stack_size: usize,
    /// Whether threads from outside get a queue of their own with this pool.
    pub(super) adopts: bool,
}

pub(super) struct Core {
    pub(super) config: Config,
    pub(super) queues: Queues,
    pub(super) sleep: Sleep,
    /// The workers that exist: what the monitor looks at.
    pub(super) seats: Mutex<Vec<Arc<Seat>>>,
    threads: Mutex<HashMap<ThreadId, JoinHandle<()>>>,
    next_number: AtomicUsize,
    monitor: Mutex<Option<Unparker>>,
    /// When a thread could not be made; `None` after one could.
    refused: Mutex<Option<Instant>>,
    /// Whether waiting threads have been asked to help.
    stranded: AtomicBool,
}

impl Core {
    /// Starts the threads; one that cannot be made now is tried again when there is work for it.
    pub(super) fn start(config: Config) -> Arc<Self> {
        let core = Arc::new(Self {
            queues: Queues::new(),
            sleep: Sleep::new(config.threads, config.max_threads),
            seats: Mutex::default(),
            threads: Mutex::default(),
            next_number: AtomicUsize::new(0),
            monitor: Mutex::default(),
            refused: Mutex::default(),
            stranded: AtomicBool::new(false),
            config,
        });
        for _ in 0..core.config.threads {
            match core.sleep.wake_beyond_target() {
                Wake::NewThread => core.make_thread(),
                other => core.wake(other),
            }
        }
        core
    }

    /// What ties threads to this pool.
    pub(super) fn id(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }

    /// Adds a job; on a closed pool it is cancelled.
    #[inline]
    pub(super) fn push(self: &Arc<Self>, job: Job) {
        if self.sleep.counts().closed() {
            return drop(job);
        }
        // A future that was woken goes to the end of the line, and so does an agent: two that wake
        // each other would otherwise keep everybody else off this thread for ever.
        if job.comes_again() {
            self.queues.inject(job);
        } else {
            let register = |queue: &Worker<Job>| self.register(queue);
            if let Err(job) = local::push(self.id(), self.config.adopts, job, register) {
                self.queues.inject(job);
            }
        }
        self.notify();
    }

    fn register(self: &Arc<Self>, queue: &Worker<Job>) -> Box<dyn Home> {
        let number = self.queues.add(queue);
        Box::new(AtHome {
            core: Arc::clone(self),
            number,
        })
    }

    /// A job was added, or is visible again: wakes somebody for it if need be.
    #[inline]
    pub(super) fn notify(self: &Arc<Self>) {
        let counts = self.sleep.counts_after_push();
        if self.sleep.wants_wake(counts) {
            self.wake(self.sleep.wake_for_job());
        }
    }

    #[cold]
    pub(super) fn wake(self: &Arc<Self>, wake: Wake) {
        match wake {
            Wake::Nobody => {}
            Wake::Sleeper(seat) => _ = seat.unparker.unpark(),
            Wake::NewThread => self.make_thread(),
            Wake::Monitor => self.wake_monitor(),
            Wake::NobodyEver => {
                // Dropped unrun, they are cancelled.
                while let Some(job) = self.queues.steal(&mut self.queues.thief()) {
                    drop(job);
                }
            }
        }
    }

    fn make_thread(self: &Arc<Self>) {
        let refused = *self.refused.lock();
        let made = if refused.is_some_and(|at| at.elapsed() < RETRY_AFTER) {
            false
        } else {
            let number = self.next_number.fetch_add(1, Ordering::Relaxed);
            let core = Arc::clone(self);
            self.spawn(&number.to_string(), move || worker::run(core))
        };
        if made {
            if refused.is_some() {
                *self.refused.lock() = None;
                if self.stranded.swap(false, Ordering::Relaxed) {
                    wait::unstrand(&self.as_stranded());
                }
            }
            return;
        }
        if refused.is_none_or(|at| at.elapsed() >= RETRY_AFTER) {
            *self.refused.lock() = Some(Instant::now());
        }
        self.sleep.no_new_thread();
        // Nothing is lost: the job stays queued for the threads there are, and should they all be
        // blocked, or none be there, for those who wait.
        if !self.stranded.swap(true, Ordering::Relaxed) {
            wait::strand(self.as_stranded());
        }
    }

    fn as_stranded(self: &Arc<Self>) -> Weak<dyn Stranded> {
        let weak: Weak<Self> = Arc::downgrade(self);
        weak
    }

    /// Makes a thread, remembered until it ends.
    fn spawn(self: &Arc<Self>, role: &str, f: impl FnOnce() + Send + 'static) -> bool {
        let builder = thread::Builder::new()
            .name(format!("{}-{role}", self.config.name))
            .stack_size(self.config.stack_size);
        // Under the lock, so that nobody who joins the threads can miss this one.
        let mut threads = self.threads.lock();
        let Ok(thread) = builder.spawn(f) else {
            return false;
        };
        threads.insert(thread.thread().id(), thread);
        true
    }

    /// The calling thread ends.
    pub(super) fn forget_thread(&self) {
        self.threads.lock().remove(&thread::current().id());
    }

    fn wake_monitor(self: &Arc<Self>) {
        let mut monitor = self.monitor.lock();
        if let Some(unparker) = &*monitor {
            unparker.unpark();
            return;
        }
        let (parker, unparker) = parking::pair();
        let core = Arc::downgrade(self);
        if self.spawn("monitor", move || monitor::run(&core, &parker)) {
            *monitor = Some(unparker);
        } else {
            // The next job that finds nobody tries again.
            self.sleep.monitor_sleeps();
        }
    }

    /// No job is taken any more; the threads leave once nothing is queued.
    pub(super) fn close(&self) {
        for seat in self.sleep.close() {
            seat.unparker.unpark();
        }
        if let Some(monitor) = &*self.monitor.lock() {
            monitor.unpark();
        }
    }

    /// Waits until the threads have left; on a thread of this pool it does not wait.
    pub(super) fn join(&self) {
        if wait::is_hosted() && local::pool() == std::ptr::from_ref(self).addr() {
            return;
        }
        loop {
            let thread = {
                let mut threads = self.threads.lock();
                let Some(&id) = threads.keys().next() else {
                    break;
                };
                threads.remove(&id)
            };
            if let Some(thread) = thread {
                // An `Err` cannot be: what a worker runs does not unwind.
                let _ = thread.join();
            }
        }
        // Where no thread could be made, this one does what is left.
        while self.run_one() {}
    }

    fn run_one(&self) -> bool {
        let job = self.queues.steal(&mut self.queues.thief());
        job.map(Job::run).is_some()
    }
}

/// The pool could not make a thread.
impl Stranded for Core {
    fn help(&self) -> bool {
        self.sleep.counts().active() == 0 && self.run_one()
    }
}

/// A thread whose queue is one of this pool's.
struct AtHome {
    core: Arc<Core>,
    number: usize,
}

impl Home for AtHome {
    fn notify(&self) {
        self.core.notify();
    }

    fn leave(&self, queue: &Worker<Job>) {
        self.core.queues.remove(self.number, queue);
        self.core.notify();
    }
}
