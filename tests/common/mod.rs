//! What tests of all areas share: gates instead of sleeps, drops that are counted, hangs that fail.

// Each test binary uses some of it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test binary compiles it, none uses all of it"
)]

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use letgo::{Agent, Executor, Job, Pool, waiting};

/// Far longer than anything here takes on a loaded machine: whoever takes longer hangs.
pub const HANGS: Duration = Duration::from_secs(60);

/// Runs a test on a thread of its own, and fails it if it does not end.
pub fn must_end<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
    let (tell, told) = channel();
    let thread = thread::spawn(move || _ = tell.send(test()));
    match told.recv_timeout(HANGS) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(payload) => std::panic::resume_unwind(payload),
            Ok(()) => unreachable!("a test that ends tells so"),
        },
    }
}

/// Lets others pass once it is opened. Clones are the same gate.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub fn pass(&self) {
        let mut open = self.0.0.lock().unwrap();
        while !*open {
            open = self.0.1.wait(open).unwrap();
        }
    }
}

/// Makes [`Counted`]s, and knows how many of them were dropped.
#[derive(Clone, Default)]
pub struct Drops(Arc<AtomicUsize>);

impl Drops {
    pub fn new() -> Self {
        Self::default()
    }

    /// A value whose drop is counted.
    pub fn one(&self) -> Counted {
        Counted(self.clone())
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Counts its drop.
pub struct Counted(Drops);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Yields until it is so; fails if it never is.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !is_so() {
        assert!(start.elapsed() < HANGS, "it is never so that {what}");
        thread::yield_now();
    }
}

/// An executor that runs nothing by itself: jobs wait until the test runs or drops them. Clones are
/// the same queue. When the one that was made by `new` goes, it drops what is there: an agent would be
/// kept for ever by its own job, in the queue that the agent holds.
#[derive(Default)]
pub struct Queue {
    jobs: Arc<Mutex<VecDeque<Job>>>,
    is_clone: bool,
}

impl Executor for Queue {
    fn execute(&self, job: Job) {
        self.jobs.lock().unwrap().push_back(job);
    }
}

impl Clone for Queue {
    fn clone(&self) -> Self {
        Self {
            jobs: Arc::clone(&self.jobs),
            is_clone: true,
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        if !self.is_clone {
            self.drop_all();
        }
    }
}

impl Queue {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn len(&self) -> usize {
        self.jobs.lock().unwrap().len()
    }

    pub fn pop(&self) -> Option<Job> {
        self.jobs.lock().unwrap().pop_front()
    }

    /// All there is.
    pub fn take(&self) -> Vec<Job> {
        self.jobs.lock().unwrap().drain(..).collect()
    }

    /// Runs what is there and what comes of it.
    pub fn run_all(&self) {
        while let Some(job) = self.pop() {
            job.run();
        }
    }

    /// Drops what is there, unrun.
    pub fn drop_all(&self) {
        while let Some(job) = self.pop() {
            drop(job);
        }
    }
}

/// Counts how often its wakers are woken. Clones are the same count.
#[derive(Clone, Default)]
pub struct Wakes(Arc<AtomicUsize>);

impl Wakes {
    pub fn new() -> Self {
        Self::default()
    }

    /// A count, and a waker of it.
    pub fn pair() -> (Self, Waker) {
        let wakes = Self::new();
        let waker = wakes.waker();
        (wakes, waker)
    }

    pub fn waker(&self) -> Waker {
        Waker::from(Arc::new(self.clone()))
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Whether somebody still has one of its wakers, or a clone of this.
    pub fn is_held(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls once.
pub fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// What a panic says; fails if there is none.
#[track_caller]
pub fn panic_text<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it was to panic"),
        Err(payload) => match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
        },
    }
}

const CHILD: &str = "LETGO_TEST_CHILD";

/// Runs `test` in a process of its own, with these environment variables: the test binary starts
/// itself once more, for the test of this `name` only, which comes here again. Gives what became
/// of the process; in that process it does not come back.
pub fn in_a_process(name: &str, env: &[(&str, &str)], test: impl FnOnce()) -> std::process::Output {
    in_a_process_by(name, |command| _ = command.envs(env.iter().copied()), test)
}

/// Whether this is the process that [`in_a_process`] started for the test of this name.
pub fn is_the_process(name: &str) -> bool {
    std::env::var_os(CHILD).is_some_and(|child| child == name)
}

/// As [`in_a_process`], with a change of the command first.
pub fn in_a_process_by(
    name: &str,
    change: impl FnOnce(&mut std::process::Command),
    test: impl FnOnce(),
) -> std::process::Output {
    if is_the_process(name) {
        test();
        std::process::exit(0);
    }
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env_remove("LETGO_THREADS")
        .env(CHILD, name);
    change(&mut command);
    command.output().unwrap()
}

/// Fails unless the process ended well.
#[track_caller]
pub fn ended_well(output: &std::process::Output) {
    assert!(
        output.status.success(),
        "the process failed: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

/// How many threads of this process have a name that begins so (15 bytes are kept of a name).
pub fn threads_named(prefix: &str) -> usize {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return 0;
    };
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with(prefix))
        .count()
}

/// Counts those who are inside at the same time.
#[derive(Clone, Default)]
pub struct Crowd(Arc<(AtomicUsize, AtomicUsize)>);

impl Crowd {
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes in while `f` runs.
    pub fn inside<R>(&self, f: impl FnOnce() -> R) -> R {
        let now = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(now, Ordering::SeqCst);
        let result = f();
        self.0.0.fetch_sub(1, Ordering::SeqCst);
        result
    }

    pub fn now(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    /// The most there were at the same time.
    pub fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// Some 100 µs of computing without optimisation, whatever the load.
pub fn compute() -> u64 {
    (0..10_000_u64).fold(1, |hash, n| std::hint::black_box(hash.wrapping_mul(31) ^ n))
}

/// Counts what was run (a drop is no proof: what is cancelled is dropped, too). Clones are the same.
#[derive(Clone, Default)]
pub struct Runs(Arc<AtomicUsize>);

impl Runs {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn one_more(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A pool that can't grow.
pub fn one_thread() -> Pool {
    Pool::builder().threads(1).max_threads(1).build().unwrap()
}

/// Two futures that wake each other for ever, until they are told to `stop`.
pub fn players(stop: &Arc<AtomicBool>) -> [impl Future<Output = ()> + Send + use<>; 2] {
    let seats: Arc<[Mutex<Option<Waker>>; 2]> = Arc::default();
    [0, 1].map(|me| {
        let (stop, seats) = (Arc::clone(stop), Arc::clone(&seats));
        std::future::poll_fn(move |cx: &mut Context<'_>| {
            // First of all: who stops finds it here, or we see that we are to stop.
            *seats[me].lock().unwrap() = Some(cx.waker().clone());
            if stop.load(Ordering::SeqCst) {
                if let Some(other) = seats[1 - me].lock().unwrap().take() {
                    other.wake();
                }
                return Poll::Ready(());
            }
            let other = seats[1 - me].lock().unwrap().clone();
            match other {
                Some(other) => other.wake(),
                None => cx.waker().wake_by_ref(),
            }
            Poll::Pending
        })
    })
}

/// Has another thread serve a call that holds the agent's state until the gate opens.
pub fn occupy<S: Send + 'static>(agent: &Agent<S>) -> (Gate, thread::JoinHandle<()>) {
    let (entered, gate) = (Gate::new(), Gate::new());
    let first = {
        let (entered, gate) = (entered.clone(), gate.clone());
        agent.call(move |_| {
            entered.open();
            gate.pass();
        })
    };
    let first = thread::spawn(move || first.get());
    entered.pass();
    (gate, first)
}

/// Waits until a thread blocks for what was spawned there.
pub fn until_blocked_for(place: &'static Location<'static>) {
    until("somebody blocks for it", || {
        let waits = waiting();
        waits
            .iter()
            .any(|wait| wait.places().any(|other| other == place))
    });
}
