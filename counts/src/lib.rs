//! What is counted. `.ci/counts` says how, and what for.
//!
//! Only what one thread does inside of [`Meter::collect`] counts, and no other thread can take a part of its
//! work: what needs a pool runs as a job on a pool's only worker, the rest on an executor that runs
//! nothing by itself. So the counts are the same each time, however loaded the machine is.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use letgo::{Agent, Executor, FanIn, Job, JoinHandle, Pool, promise};

/// How often most operations are counted.
const ROUNDS: u32 = 1024;

/// How often they are done before: queues have grown, and what is made at the first use is there.
const WARM_UP: u32 = 256;

/// Runs one closure, and counts what that costs.
pub trait Meter: Copy + Send + 'static {
    fn collect(self, f: impl FnOnce());
}

/// Sets an operation up, hands what counts to the meter, and says how many times the operation was done
/// there.
pub type Operation<M> = fn(M) -> u32;

/// All there are, by their names in the baseline.
pub fn operations<M: Meter>() -> [(&'static str, Operation<M>); 8] {
    [
        ("spawn-get", spawn_get),
        ("fork", fork),
        ("claim", claim),
        ("run-get", run_get),
        ("future", future),
        ("promise", resolved_promise),
        ("fan-in", fan_in),
        ("agent-call", agent_call),
    ]
}

/// Counts the operation that the first argument of the program names; prints it, how often it was done,
/// and what else there is to tell.
pub fn main_with<M: Meter>(meter: M, tell: impl FnOnce() -> String) {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let found = operations().into_iter().find(|(name, _)| *name == wanted);
    let Some((name, operation)) = found else {
        let names = operations::<M>().map(|(name, _)| name).join(" ");
        println!("{names}");
        return;
    };
    println!("{name} {} {}", operation(meter), tell());
}

/// A closure goes to the worker's own queue, and `get` claims it.
fn spawn_get(meter: impl Meter) -> u32 {
    on_the_only_worker(move |pool| repeat(meter, ROUNDS, |n| _ = pool.spawn_value(move || n).get()))
}

/// A tree of calls, each of which spawns one, does another, and gets: claims in claims.
fn fork(meter: impl Meter) -> u32 {
    const DEPTH: u32 = 16;
    // Gives the number of forks.
    fn calls(pool: Pool, depth: u32) -> u32 {
        if depth < 2 {
            return 0;
        }
        let own = pool.clone();
        let there = pool.spawn_value(move || calls(own, depth - 1));
        let here = calls(pool, depth - 2);
        there.get() + here + 1
    }
    on_the_only_worker(move |pool| {
        let forks = calls(pool.clone(), DEPTH);
        meter.collect(|| _ = black_box(calls(pool, black_box(DEPTH))));
        forks
    })
}

/// Nothing but the claim: what was spawned before is got.
fn claim(meter: impl Meter) -> u32 {
    let queue = Queue::default();
    let spawned = |count| -> Vec<JoinHandle<u32>> {
        let handles = (0..count).map(|n| queue.spawn_value(move || n));
        handles.collect()
    };
    let get_all = |handles: Vec<JoinHandle<u32>>| {
        for handle in handles {
            black_box(handle.get());
        }
    };
    get_all(spawned(WARM_UP));
    let handles = spawned(ROUNDS);
    meter.collect(|| get_all(handles));
    ROUNDS
}

/// A closure is spawned, its executor runs it, its value is got.
fn run_get(meter: impl Meter) -> u32 {
    let queue = Queue::default();
    repeat(meter, ROUNDS, |n| {
        let handle = queue.spawn_value(move || n);
        queue.run_one();
        black_box(handle.get());
    })
}

/// The same with a future that is ready at once.
fn future(meter: impl Meter) -> u32 {
    let queue = Queue::default();
    repeat(meter, ROUNDS, |n| {
        let handle = queue.spawn_future(async move { n });
        queue.run_one();
        black_box(handle.get());
    })
}

/// A promise is made and resolved, its value is got.
fn resolved_promise(meter: impl Meter) -> u32 {
    repeat(meter, ROUNDS, |n| {
        let (resolver, handle) = promise();
        resolver.resolve(n).unwrap();
        black_box(handle.get());
    })
}

/// A value is sent and received; the buffer is filled and emptied by turns.
fn fan_in(meter: impl Meter) -> u32 {
    const BOUND: u32 = 16;
    let fan = FanIn::bounded(BOUND as usize);
    let sender = fan.sender();
    repeat(meter, ROUNDS / BOUND, |n| {
        for _ in 0..BOUND {
            sender.send(n).unwrap();
        }
        for _ in 0..BOUND {
            black_box(fan.recv());
        }
    }) * BOUND
}

/// State is called, and the call's result is got.
fn agent_call(meter: impl Meter) -> u32 {
    on_the_only_worker(move |pool| {
        let agent = Agent::on(pool, 0_u32);
        repeat(meter, ROUNDS, |n| {
            let sum = agent.call(move |sum| {
                *sum ^= n;
                *sum
            });
            black_box(sum.get());
        })
    })
}

/// Warms up, then counts so many times.
fn repeat(meter: impl Meter, times: u32, mut operation: impl FnMut(u32)) -> u32 {
    let mut run = |times| (0..times).for_each(|n| operation(black_box(n)));
    run(WARM_UP);
    meter.collect(|| run(times));
    times
}

/// Runs it as a job of a pool that has one worker and may not have more.
fn on_the_only_worker(f: impl FnOnce(Pool) -> u32 + Send + 'static) -> u32 {
    let pool = Pool::builder().threads(1).max_threads(1).build().unwrap();
    let own = pool.clone();
    let handle = pool.spawn_value(move || f(own));
    // To `get` it would be to run it here.
    let times = handle.get_timeout(Duration::MAX);
    times.unwrap_or_else(|_| unreachable!("that was long"))
}

/// An executor that keeps its jobs.
#[derive(Clone, Default)]
struct Queue(Arc<Mutex<Vec<Job>>>);

impl Executor for Queue {
    fn execute(&self, job: Job) {
        self.0.lock().unwrap().push(job);
    }
}

impl Queue {
    fn run_one(&self) {
        let job = self.0.lock().unwrap().pop();
        job.unwrap().run();
    }
}
