//! The threads of a scope, and the queue they share.
//!
//! Jobs borrow for `'scope`. To be borrowed for as long, the queue is made outside of std's own scope,
//! and so it knows nothing of it. Only std's threads do: one always stands by, and whoever takes a
//! job sees to it that another does before he runs it.
//!
//! | a thread | until |
//! |---|---|
//! | stands by | a job comes and fewer threads run than there are cores, or those that run are found blocked |
//! | runs a job | it has ended; then it looks for the next |
//! | leaves | all tasks have ended |
//!
//! One that blocks in a `get` says so, and another may run. One that blocks elsewhere is noticed by the
//! one that stands by, while jobs wait and none is taken for a tick; one that spins is not, but each
//! second that none is taken lets one more run.

use std::collections::VecDeque;
use std::mem::{self, ManuallyDrop};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::pool::os::OsThread;
use crate::rights::Run;
use crate::stack;
use crate::sync::{Arc, AtomicUsize, Condvar, Mutex, MutexGuard, OnceLock, Ordering, PoisonError};
use crate::unwind::quietly;
use crate::wait::{self, Host};

/// How long jobs wait before those who run are looked at.
const TICK: Duration = Duration::from_millis(2);

/// After how many ticks without a job taken a thread is presumed blocked where the system can't be asked.
const PATIENCE: u32 = 50;

/// After how many one more may run in any case: those who run may spin until a job that waits has run.
const LONG: u32 = 500;

type Job<'scope> = Arc<dyn Run + 'scope>;

pub(super) struct Crew<'scope> {
    state: Mutex<State<'scope>>,
    news: Arc<News>,
    /// Panics that nobody has been given.
    panics: AtomicUsize,
}

struct State<'scope> {
    /// The oldest in front; stale entries (claimed ones) among them. Emptied by [`Crew::finish`]. That
    /// its drop does nothing lets the queue be borrowed for as long as the jobs in it borrow.
    jobs: ManuallyDrop<VecDeque<Job<'scope>>>,
    /// Tasks that have not ended.
    pending: usize,
    /// The threads that run a job.
    busy: Vec<Arc<Option<OsThread>>>,
    /// How many more may run than cores, to make up for those that are blocked.
    extra: usize,
    /// Threads that stand by; of these, those notified and not awake yet.
    idle: usize,
    notified: usize,
    /// Threads that were made and will stand by in a moment.
    starting: usize,
    /// Counts the jobs taken.
    taken: u64,
    closed: bool,
    /// The scope's owner, while it waits for the end.
    owner: Option<Waker>,
}

/// What a thread that blocks has to tell.
#[derive(Default)]
struct News {
    condvar: Condvar,
    blocked: AtomicUsize,
}

impl Host for Arc<News> {
    fn blocks(&self) -> bool {
        // Relaxed, and outside the mutex: whoever misses it looks again a tick later.
        self.blocked.fetch_add(1, Ordering::Relaxed);
        self.condvar.notify_one();
        true
    }

    fn goes_on(&self) {
        self.blocked.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<'scope> Crew<'scope> {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                jobs: ManuallyDrop::new(VecDeque::new()),
                pending: 0,
                busy: Vec::new(),
                extra: 0,
                idle: 0,
                notified: 0,
                starting: 0,
                taken: 0,
                closed: false,
                owner: None,
            }),
            news: Arc::default(),
            panics: AtomicUsize::new(0),
        }
    }

    /// Makes the first thread.
    pub(super) fn begin<'threads>(&'scope self, threads: &'threads thread::Scope<'threads, '_>)
    where
        'scope: 'threads,
    {
        self.state.lock().starting += 1;
        self.start(threads);
    }

    /// A task more.
    pub(super) fn push(&self, job: Job<'scope>) {
        let mut state = self.state.lock();
        if state.closed {
            // From the drop of a value that nobody wanted, after the end.
            drop(state);
            return job.abandon();
        }
        state.pending += 1;
        self.enqueue(state, job);
    }

    /// Takes the entry of the task at this address off the top of the queue, and stale ones above it:
    /// the caller is about to run the task itself.
    pub(super) fn retract(&self, address: *const ()) -> Option<Job<'scope>> {
        let mut state = self.state.lock();
        while let Some(job) = state.jobs.pop_back() {
            if Arc::as_ptr(&job).cast() == address {
                return Some(job);
            }
            if job.is_fresh() {
                state.jobs.push_back(job);
                break;
            }
        }
        None
    }

    pub(super) fn put_back(&self, job: Job<'scope>) {
        self.enqueue(self.state.lock(), job);
    }

    fn enqueue(&self, mut state: MutexGuard<'_, State<'scope>>, job: Job<'scope>) {
        state.jobs.push_back(job);
        let owner = state.owner.take();
        // The first one: who stands by is to look at the clock from now on, if nothing else.
        if state.jobs.len() == 1 || self.has_room(&state) {
            self.notify(&mut state);
        }
        drop(state);
        if let Some(owner) = owner {
            owner.wake();
        }
    }

    /// A task has ended.
    pub(super) fn ended(&self, panicked: bool) {
        if panicked {
            // Relaxed: the owner learns of the end through the mutex.
            self.panics.fetch_add(1, Ordering::Relaxed);
        }
        let mut state = self.state.lock();
        state.pending -= 1;
        let last = state.pending == 0;
        let owner = state.owner.take_if(|_| last);
        drop(state);
        if let Some(owner) = owner {
            owner.wake();
        }
    }

    /// Somebody was given a task's panic.
    pub(super) fn panic_joined(&self) {
        self.panics.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn has_panicked(&self) -> bool {
        self.panics.load(Ordering::Relaxed) > 0
    }

    pub(super) fn pending(&self) -> usize {
        self.state.lock().pending
    }

    /// Waits until all tasks have ended, and runs those that nobody has taken; then the threads leave.
    pub(super) fn finish(&self) {
        loop {
            loop {
                let job = self.state.lock().take();
                match job {
                    Some(job) => run(job),
                    None => break,
                }
            }
            let all_ended = wait::block_until(None, |cx| {
                let mut state = self.state.lock();
                if state.pending == 0 || !state.jobs.is_empty() {
                    return Poll::Ready(state.pending == 0);
                }
                // A waker of our own, not a user's.
                state.owner = Some(cx.waker().clone());
                Poll::Pending
            });
            if all_ended == Some(true) {
                break;
            }
        }
        let mut state = self.state.lock();
        state.closed = true;
        let stale = mem::take(&mut *state.jobs);
        drop(state);
        drop(stale);
        self.news.condvar.notify_all();
    }

    /// Makes a thread that is counted as `starting`. If it can't be made, the jobs are left to the others,
    /// to those who claim them, and to the owner.
    fn start<'threads>(&'scope self, threads: &'threads thread::Scope<'threads, '_>)
    where
        'scope: 'threads,
    {
        let run = move || {
            stack::begin_own_thread(stack::DEFAULT_SIZE);
            wait::install_host(Rc::new(Arc::clone(&self.news)));
            self.work(threads);
        };
        let made = thread::Builder::new()
            .name("letgo-scope".to_owned())
            .stack_size(stack::DEFAULT_SIZE)
            .spawn_scoped(threads, run);
        if made.is_err() {
            self.state.lock().starting -= 1;
        }
    }

    /// A thread's life.
    fn work<'threads>(&'scope self, threads: &'threads thread::Scope<'threads, '_>)
    where
        'scope: 'threads,
    {
        let me = Arc::new(OsThread::current());
        let mut state = self.state.lock();
        state.starting -= 1;
        let mut stalled = 0;
        while !state.closed {
            if self.has_room(&state) {
                if let Some(job) = state.take() {
                    stalled = 0;
                    state.busy.push(Arc::clone(&me));
                    let nobody_stands_by = state.idle + state.starting == 0;
                    if nobody_stands_by {
                        state.starting += 1;
                    } else if !state.jobs.is_empty() {
                        self.notify(&mut state);
                    }
                    drop(state);
                    if nobody_stands_by {
                        self.start(threads);
                    }
                    run(job);
                    state = self.state.lock();
                    state.busy.retain(|other| !Arc::ptr_eq(other, &me));
                    continue;
                }
            }
            let before = state.taken;
            let ticked;
            (state, ticked) = self.stand_by(state);
            if state.taken != before || state.jobs.is_empty() {
                stalled = 0;
            } else if ticked {
                stalled += 1;
                let busy = state.busy.clone();
                drop(state);
                let blocked = count_blocked(&busy, stalled > PATIENCE);
                state = self.state.lock();
                state.extra = extra_for(busy.len(), blocked);
                if stalled >= LONG {
                    state.extra = state.extra.max((busy.len() + 1).saturating_sub(cores()));
                }
            }
        }
    }

    /// Waits for news; while jobs wait, no longer than a tick: then it says so.
    fn stand_by<'a>(
        &self,
        mut state: MutexGuard<'a, State<'scope>>,
    ) -> (MutexGuard<'a, State<'scope>>, bool) {
        state.idle += 1;
        let condvar = &self.news.condvar;
        let (mut state, ticked) = if state.jobs.is_empty() {
            let state = condvar.wait(state);
            (state.unwrap_or_else(PoisonError::into_inner), false)
        } else {
            let waited = condvar.wait_timeout(state, TICK);
            let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            (state, timeout.timed_out())
        };
        state.idle -= 1;
        state.notified = state.notified.saturating_sub(1);
        (state, ticked)
    }

    /// Wakes one more of those who stand by.
    fn notify(&self, state: &mut State<'scope>) {
        if state.idle > state.notified {
            state.notified += 1;
            self.news.condvar.notify_one();
        }
    }

    /// Whether one more may run.
    fn has_room(&self, state: &State<'scope>) -> bool {
        let blocked = self.news.blocked.load(Ordering::Relaxed);
        state.busy.len() < cores() + blocked.max(state.extra)
    }
}

impl<'scope> State<'scope> {
    /// The next job that nobody has started.
    fn take(&mut self) -> Option<Job<'scope>> {
        while let Some(job) = self.jobs.pop_front() {
            // A stale entry holds nothing of a user's any more.
            if job.is_fresh() {
                self.taken += 1;
                return Some(job);
            }
        }
        // Nothing waits: who runs too many at the next time is seen then.
        self.extra = 0;
        None
    }
}

/// Runs a job, and drops it: that may be the end of its value.
fn run(job: Job<'_>) {
    quietly(move || {
        job.run();
        drop(job);
    });
}

/// How many are blocked; `presumed`: those too that can't be asked.
fn count_blocked(busy: &[Arc<Option<OsThread>>], presumed: bool) -> usize {
    busy.iter()
        .filter(|thread| {
            let asked = thread.as_ref().as_ref().and_then(OsThread::is_blocked);
            asked.unwrap_or(presumed)
        })
        .count()
}

/// How many more may run than cores: as many as are blocked, and twice as many if all are, those who
/// came to help as well.
fn extra_for(busy: usize, blocked: usize) -> usize {
    if blocked == busy { 2 * busy } else { blocked }
}

fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}
