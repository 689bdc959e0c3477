//! What the pool's threads share: queues, sleepers, seats; and the making of threads.

use std::collections::HashMap;
use std::panic::Location;
use std::time::{Duration, Instant};

use async_task::Runnable;

use super::monitor;
use super::queues::{Queues, Side};
use super::seat::{Doing, Seat};
use super::sleep::{Counts, Sleep, Wake};
use super::worker;
use crate::job::{Entry, Job, Kind};
use crate::lend::{self, Stranded};
use crate::local::{self, Home};
use crate::rights::Start;
use crate::sync::deque::{Steal, Stealer};
use crate::sync::thread::{self, JoinHandle, ThreadId};
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, Unparker, Weak, parker, times};
use crate::task::{self, Task};
use crate::work::Work;

/// How long after a thread could not be made the next one is tried.
const RETRY_AFTER: Duration = times(Duration::from_millis(10), Duration::ZERO);

/// How many tasks more a thief takes from a long stack at once.
const SEVERAL: usize = times(15, 1);

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
    /// Held by the one who joins the threads: a second one has to wait as long.
    joining: Mutex<()>,
    next_number: AtomicUsize,
    monitor: Mutex<Option<Unparker>>,
    /// When a thread could not be made; `None` after one could.
    refused: Mutex<Option<Instant>>,
}

impl Core {
    /// Starts the threads; one that cannot be made now is tried again when there is work for it.
    pub(super) fn start(config: Config) -> Arc<Self> {
        let core = Arc::new(Self {
            queues: Queues::new(),
            sleep: Sleep::new(config.threads, config.max_threads),
            seats: Mutex::default(),
            threads: Mutex::default(),
            joining: Mutex::default(),
            next_number: AtomicUsize::new(0),
            monitor: Mutex::default(),
            refused: Mutex::default(),
            config,
        });
        for _ in 0..core.config.threads {
            core.wake(core.sleep.first_thread());
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
        // A future that was woken goes to the end of a line, and so does an agent: two that wake
        // each other would otherwise keep everybody else off this thread for ever.
        match job.into_kind() {
            Kind::Future(future) => self.line_up(future, false),
            Kind::Task(start) if start.comes_again() => self.inject(start),
            Kind::Task(start) => self.push_task(start),
        }
    }

    fn inject(self: &Arc<Self>, start: Start) {
        if self.sleep.counts().closed() {
            return drop(start);
        }
        self.queues.add(start);
        self.notify_of_push();
    }

    pub(super) fn line_up(self: &Arc<Self>, future: Runnable, just_polled: bool) {
        if self.sleep.counts().closed() {
            return drop(future);
        }
        let held = if just_polled {
            local::hold(self.id(), future)
        } else {
            Err(future)
        };
        if let Err(future) = held {
            self.line_up_for_all(future);
        }
    }

    /// Puts a future where others find it, too.
    pub(super) fn line_up_for_all(self: &Arc<Self>, future: Runnable) {
        let register = |stealer| self.register(Side::Line(stealer));
        if let Err(future) = local::line_up(self.id(), future, register) {
            self.queues.inject(future.into_job());
        }
        self.notify_of_push();
    }

    /// Makes a task of a thread's, and adds it.
    #[inline]
    pub(super) fn start_task<W: Work + 'static>(
        self: &Arc<Self>,
        work: W,
        spawned_at: &'static Location<'static>,
    ) -> Arc<Task<W>> {
        let counts = self.sleep.counts();
        let mut work = Some(work);
        if !counts.closed() {
            let fits = |task: &Task<W>| task.is_of(spawned_at);
            let arm = |task: &Task<W>| task.renew(&mut work);
            if let Some((task, watched)) = local::arm(self.id(), fits, arm) {
                // Where a thread or a monitor could not be made each spawn is an occasion to try again.
                if watched && !lend::is_wanted() {
                    self.watch_several(counts);
                } else {
                    self.notify_of_push();
                }
                return task;
            }
        }
        let Some(work) = work else {
            unreachable!("it is taken by an entry that is given")
        };
        let (task, start) = task::with_entry(work, spawned_at);
        self.push_task(start);
        task
    }

    /// Adds a task that was not started; on a closed pool it is cancelled.
    pub(super) fn push_task(self: &Arc<Self>, start: Start) {
        let counts = self.sleep.counts();
        if counts.closed() {
            return drop(start);
        }
        let thieves_come = self.sleep.has_comers(counts);
        let register = |stealer, gauge| self.register(Side::Stack(stealer, gauge));
        let adopts = self.config.adopts;
        let pushed = local::push(self.id(), adopts, start, thieves_come, register);
        if let Err(start) = pushed {
            self.queues.add(start);
        }
        self.notify_of_push();
    }

    #[inline]
    fn notify_of_push(self: &Arc<Self>) {
        let counts = self.notify();
        self.watch_several(counts);
    }

    #[inline]
    fn watch_several(self: &Arc<Self>, counts: Counts) {
        if counts.monitor_asleep() && self.sleep.waits_for_one(counts) && self.has_several() {
            self.wake(self.sleep.wake_monitor());
        }
    }

    /// Whether this thread has left several jobs that wait, stale ones perhaps.
    #[cold]
    fn has_several(self: &Arc<Self>) -> bool {
        local::len(self.id()) + self.queues.injected() > 1
    }

    fn register(self: &Arc<Self>, side: Side) -> Box<dyn Home> {
        let number = self.queues.open(side);
        Box::new(AtHome {
            core: Arc::clone(self),
            number,
        })
    }

    /// The oldest task of another thread's long stack; some of the next ones are moved to this thread's.
    ///
    /// Nobody sees them on their way: this thread is searching, and wakes the next one as it stops.
    pub(super) fn take_over(self: &Arc<Self>, tasks: &Stealer<Start>) -> Steal<Start> {
        let first = tasks.steal();
        // For one that is stale none is taken: they would pile up here until there is one to be run. Nor where
        // threads block: each of a thousand would leave a queue for all the others to look at.
        let to_be_run = matches!(&first, Steal::Success(start) if start.is_fresh());
        if to_be_run && self.sleep.alive() <= 2 * self.sleep.target {
            let register = |stealer, gauge| self.register(Side::Stack(stealer, gauge));
            local::take_over(self.id(), tasks, SEVERAL, register);
        }
        first
    }

    /// A job was added, or is visible again: wakes somebody for it if need be. Gives the counts that it went by.
    #[inline]
    pub(super) fn notify(self: &Arc<Self>) -> Counts {
        let counts = self.sleep.counts_after_push();
        if self.sleep.wants_wake(counts) {
            self.wake(self.sleep.wake_for_job());
        }
        counts
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
                while let Some(job) = self.queues.take_any() {
                    drop(job);
                }
            }
        }
    }

    fn make_thread(self: &Arc<Self>) {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let core = Arc::clone(self);
        if !self.spawn(&number.to_string(), move || worker::run(core)) {
            self.wake(self.sleep.no_new_thread(|| self.has_work()));
            // Nothing is lost: the job stays queued for the threads there are, and should they all be
            // blocked, or none be there, for those who wait. They try again, and so does the monitor.
            lend::strand(self.as_stranded());
        }
    }

    fn as_stranded(self: &Arc<Self>) -> Weak<dyn Stranded> {
        let weak: Weak<Self> = Arc::downgrade(self);
        weak
    }

    /// Makes a thread, remembered until it ends. `false`: there can be none, or could not be a moment
    /// ago.
    fn spawn(self: &Arc<Self>, role: &str, f: impl FnOnce() + Send + 'static) -> bool {
        let refused = *self.refused.lock();
        if refused.is_some_and(|at| at.elapsed() < RETRY_AFTER) {
            return false;
        }
        let builder = thread::Builder::new()
            .name(format!("{}-{role}", self.config.name))
            .stack_size(self.config.stack_size);
        // Under the lock, so that nobody who joins the threads can miss this one.
        let mut threads = self.threads.lock();
        let made = builder.spawn(f).ok();
        if made.is_none() || refused.is_some() {
            *self.refused.lock() = made.is_none().then(Instant::now);
        }
        made.map(|thread| threads.insert(thread.thread().id(), thread))
            .is_some()
    }

    /// How many threads are remembered.
    #[cfg(test)]
    pub(super) fn known_threads(&self) -> usize {
        self.threads.lock().len()
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
        let (parker, unparker) = parker();
        let core = Arc::downgrade(self);
        if self.spawn("monitor", move || monitor::run(&core, &parker)) {
            *monitor = Some(unparker);
        } else {
            // The next job that finds nobody tries again. Till then nobody sees who is blocked.
            self.sleep.monitor_sleeps();
            drop(monitor);
            lend::strand(self.as_stranded());
        }
    }

    /// No job is taken any more; the threads leave once nothing is queued.
    pub(super) fn close(&self) {
        for seat in self.sleep.close() {
            seat.unparker.unpark();
        }
        self.unpark_monitor();
    }

    pub(super) fn unpark_monitor(&self) {
        if let Some(monitor) = &*self.monitor.lock() {
            monitor.unpark();
        }
    }

    /// Waits until the threads have left; on a thread of this pool it does not wait.
    pub(super) fn join(&self) {
        if local::workplace() == Some(std::ptr::from_ref(self).addr()) {
            return;
        }
        let joining = self.joining.lock();
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
        drop(joining);
        // Where no thread could be made, this one does what is left.
        while lend::helping(|| self.run_one()) {}
    }

    /// Whether there is a thread awake that will come to what is queued. It is the better one for that: a
    /// job may block for the very one who waits.
    fn is_attended(&self) -> bool {
        let active = self.sleep.counts().active();
        if active == 0 || self.monitor.lock().is_some() {
            return active > 0;
        }
        // No monitor sees who of them is blocked.
        let seats = self.seats.lock().clone();
        let blocked = seats.iter().filter(|seat| {
            seat.status().doing == Doing::Working && seat.is_blocked() != Some(false)
        });
        active > blocked.count()
    }

    fn run_one(&self) -> bool {
        self.queues.take_any().map(Job::run).is_some()
    }
}

/// The pool could not make a thread.
impl Stranded for Core {
    fn has_work(&self) -> bool {
        self.queues.has_work()
    }

    fn try_again(self: Arc<Self>) {
        self.notify();
    }

    fn help(&self) -> bool {
        !self.is_attended() && self.run_one()
    }
}

/// A queue of a thread's, as this pool knows it.
struct AtHome {
    core: Arc<Core>,
    number: usize,
}

impl Home for AtHome {
    fn inject(&self, start: Start) {
        self.core.queues.add(start);
        self.core.notify();
    }

    fn leave(&self, rest: &mut dyn Iterator<Item = Job>) {
        self.core.queues.close(self.number, rest);
        self.core.notify();
    }
}
