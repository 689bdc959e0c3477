//! Executors that run inline, late, out of order or at once, drop, leak, or panic, under everything that
//! can be spawned on them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use letgo::{
    Agent, Eventual, Executor, FanIn, Job, JoinHandle, SingleFlight, as_completed, join, join_all,
    promise, race, spawn_value_on, try_join_all,
};

use crate::common::{Drops, Queue, must_end, panic_text};

#[derive(Clone)]
struct Unruly(Arc<dyn Fn(Job) + Send + Sync>);

impl Executor for Unruly {
    fn execute(&self, job: Job) {
        (self.0)(job);
    }
}

impl Unruly {
    fn new(execute: impl Fn(Job) + Send + Sync + 'static) -> Self {
        Self(Arc::new(execute))
    }

    /// Does `bad` with every so-manieth job, and leaves the others to `good`.
    fn each(
        nth: usize,
        bad: impl Fn(Job) + Send + Sync + 'static,
        good: impl Fn(Job) + Send + Sync + 'static,
    ) -> Self {
        let count = AtomicUsize::new(0);
        Self::new(
            move |job| match count.fetch_add(1, Ordering::SeqCst) % nth {
                0 => bad(job),
                _ => good(job),
            },
        )
    }
}

/// How a value is asked for.
#[derive(Clone, Copy)]
enum Ask {
    /// May claim.
    Get,
    /// Never claims.
    Wait,
}

impl Ask {
    const BOTH: [Self; 2] = [Self::Get, Self::Wait];

    fn of<E: Eventual>(self, eventual: E) -> E::Output {
        match self {
            Self::Get => eventual.get(),
            Self::Wait => eventual.get_timeout(Duration::MAX).ok().unwrap(),
        }
    }
}

/// Asks for what comes of it: 7, or a panic.
type Asks = Box<dyn FnOnce(Ask) -> i32>;

fn asks(eventual: impl Eventual<Output = i32> + 'static) -> Asks {
    Box::new(|ask| ask.of(eventual))
}

type Kind = (&'static str, fn(&Unruly) -> Asks);

/// Everything that runs on an executor.
const KINDS: &[Kind] = &[
    ("a closure", |executor| asks(executor.spawn_value(|| 7))),
    ("a future", |executor| {
        asks(executor.spawn_future(async { 7 }))
    }),
    ("a future that waits", |executor| {
        let (resolver, answer) = promise();
        let waits = executor.spawn_future(async { answer.await + 1 });
        // Nobody is there any more if it was dropped.
        let _ = resolver.resolve(6);
        asks(waits)
    }),
    ("a chained closure", |executor| {
        asks(executor.spawn_value(|| 6).then(|n| n + 1))
    }),
    ("a shared value", |executor| {
        let shared = executor.spawn_value(|| 7).shared();
        let other = shared.clone();
        Box::new(move |ask| {
            let seven = ask.of(shared);
            assert_eq!(ask.of(other), seven);
            seven
        })
    }),
    ("a join", |executor| {
        let both = join!(
            executor.spawn_value(|| 3),
            executor.spawn_future(async { 4 })
        );
        asks(both.map(|(three, four)| three + four))
    }),
    ("a join of many", |executor| {
        asks(join_all(ones(executor)).map(|ones| ones.into_iter().sum()))
    }),
    ("a join of many that may fail", |executor| {
        let all = (0..7).map(|_| executor.spawn_value(|| Ok::<_, ()>(1)));
        let all: Vec<_> = all.collect();
        asks(try_join_all(all).map(|ones| ones.unwrap().into_iter().sum()))
    }),
    ("a race", |executor| {
        asks(race([
            executor.spawn_value(|| 7),
            executor.spawn_future(async { 7 }),
        ]))
    }),
    ("values as they are completed", |executor| {
        let all = as_completed(ones(executor));
        Box::new(|_| all.into_iter().sum())
    }),
    ("a fan-in", |executor| {
        let fan = FanIn::bounded(8);
        for _ in 0..7 {
            fan.spawn_value_on(executor, || 1);
        }
        Box::new(move |_| {
            let settled: Vec<_> = std::iter::from_fn(|| fan.recv_settled()).collect();
            assert_eq!(settled.len(), 7, "each producer arrives");
            let failed = settled.iter().flat_map(|settled| settled.as_ref().err());
            match failed.into_iter().find(|error| !error.is_cancelled()) {
                Some(error) => panic!("{error}"),
                None => settled
                    .into_iter()
                    .map(|one| one.unwrap_or_else(|_| panic!("{NO_VALUE}")))
                    .sum(),
            }
        })
    }),
    ("calls to an agent", |executor| {
        let agent = Agent::on(executor.clone(), 0);
        let calls = [(); 7].map(|()| {
            agent.call(|n| {
                *n += 1;
                *n
            })
        });
        asks(join_all(calls).map(|calls| *calls.last().unwrap()))
    }),
    ("the end of an agent", |executor| {
        let agent = Agent::on(executor.clone(), 6);
        let call = agent.call(|n| *n += 1);
        asks(join!(call, agent.stop()).map(|((), n)| n))
    }),
    ("a single flight", |executor| {
        let flights = SingleFlight::new();
        let one = flights.run_on(executor, 1, || 7);
        asks(join!(one, flights.run_on(executor, 1, || 7)).map(|(seven, _)| seven))
    }),
];

fn ones(executor: &Unruly) -> Vec<JoinHandle<i32>> {
    (0..7).map(|_| executor.spawn_value(|| 1)).collect()
}

const NO_VALUE: &str = "gives no value";

/// What came of it; `Err` is what the panic says.
fn caught<R>(f: impl FnOnce() -> R) -> Result<R, String> {
    let mut result = None;
    let text = catch_unwind(AssertUnwindSafe(|| result = Some(f())));
    match (result, text) {
        (Some(value), Ok(())) => Ok(value),
        (_, text) => Err(panic_text(|| {
            if let Err(payload) = text {
                std::panic::resume_unwind(payload);
            }
        })),
    }
}

/// Spawns everything of a kind, lets time pass, asks, and says what came of it.
fn follow(
    executor: &Unruly,
    in_between: &dyn Fn(),
    mut judge: impl FnMut(&str, Result<i32, String>),
) {
    for ask in Ask::BOTH {
        for (name, spawn) in KINDS {
            let spawned = caught(|| spawn(executor));
            in_between();
            judge(name, spawned.and_then(|asks| caught(|| asks(ask))));
        }
    }
}

fn is_seven(name: &str, outcome: Result<i32, String>) {
    assert_eq!(outcome, Ok(7), "{name}");
}

fn is_seven_or_cancelled(name: &str, outcome: Result<i32, String>) {
    match outcome {
        Ok(value) => assert_eq!(value, 7, "{name}"),
        Err(text) => assert!(text.contains(NO_VALUE), "{name}: {text}"),
    }
}

/// Takes the next of so many.
fn in_order_of(pick: impl Fn(usize) -> usize) -> (Unruly, impl Fn()) {
    let queue = Queue::new();
    let enqueues = queue.clone();
    let runs = move || {
        let mut jobs = queue.take();
        while !jobs.is_empty() {
            let next = pick(jobs.len());
            jobs.remove(next).run();
            jobs.append(&mut queue.take());
        }
    };
    (Unruly::new(move |job| enqueues.execute(job)), runs)
}

#[test]
fn whatever_runs_inline_gives_its_value() {
    must_end(|| follow(&Unruly::new(Job::run), &|| (), is_seven));
}

#[test]
fn whatever_runs_late_gives_its_value_in_whatever_order_it_runs() {
    must_end(|| {
        let (executor, runs) = in_order_of(|_| 0);
        follow(&executor, &runs, is_seven);
        let (executor, runs) = in_order_of(|count| count - 1);
        follow(&executor, &runs, is_seven);
        for seed in 0..50 {
            let state = AtomicUsize::new(seed);
            let (executor, runs) = in_order_of(move |count| {
                let next = state.load(Ordering::Relaxed).wrapping_mul(6_364_136_223) ^ 0x5bd1;
                state.store(next, Ordering::Relaxed);
                (next >> 7) % count
            });
            follow(&executor, &runs, is_seven);
        }
    });
}

#[test]
fn whatever_runs_while_it_is_asked_for_gives_its_value() {
    must_end(|| {
        let on_threads = Unruly::new(|job| {
            thread::spawn(move || {
                thread::yield_now();
                job.run();
            });
        });
        for _ in 0..20 {
            follow(&on_threads, &|| (), is_seven);
        }
    });
}

#[test]
fn whatever_is_dropped_is_cancelled() {
    must_end(|| {
        let drops = Unruly::new(drop);
        follow(&drops, &|| (), |name, outcome| {
            let text = outcome.expect_err(name);
            assert!(text.contains(NO_VALUE), "{name}: {text}");
        });
    });
}

#[test]
fn whatever_is_dropped_now_and_then_gives_its_value_or_is_cancelled() {
    must_end(|| {
        for nth in 2..9 {
            let drops = Unruly::each(nth, drop, Job::run);
            follow(&drops, &|| (), is_seven_or_cancelled);
            let queue = Queue::new();
            let enqueues = queue.clone();
            let drops = Unruly::each(nth, drop, move |job| enqueues.execute(job));
            follow(&drops, &|| queue.run_all(), is_seven_or_cancelled);
            // Late as well.
            let (queue, enqueues) = (Queue::new(), Queue::new());
            let executor = enqueues.clone();
            let executor = Unruly::new(move |job| executor.execute(job));
            let drops_some = || {
                for (count, job) in (0..).zip(enqueues.take()) {
                    match count % nth {
                        0 => drop(job),
                        _ => queue.execute(job),
                    }
                }
                queue.run_all();
                enqueues.run_all();
            };
            follow(&executor, &drops_some, is_seven_or_cancelled);
        }
    });
}

#[test]
fn an_executor_that_panics_now_and_then_panics_in_its_spawner_or_cancels() {
    must_end(|| {
        for nth in 1..9 {
            let panics = Unruly::each(nth, |_| panic!("no more tasks"), Job::run);
            follow(&panics, &|| (), |name, outcome| match outcome {
                Err(text) if text == "no more tasks" => {}
                outcome => is_seven_or_cancelled(name, outcome),
            });
        }
    });
}

#[test]
fn what_is_leaked_can_be_claimed_given_up_and_cancelled() {
    must_end(|| {
        let leaks = Queue::new();
        let claimable: [fn(&Queue) -> JoinHandle<i32>; 4] = [
            |leaks| leaks.spawn_value(|| 7),
            |leaks| leaks.spawn_value(|| 6).then(|n| n + 1),
            |leaks| Agent::on(leaks.clone(), 7).call(|n| *n),
            |leaks| Agent::on(leaks.clone(), 7).stop(),
        ];
        for spawn in claimable {
            assert_eq!(spawn(&leaks).get(), 7);
            assert_eq!(spawn(&leaks).shared().get(), 7);
            assert_eq!(join_all([spawn(&leaks), spawn(&leaks)]).get(), [7, 7]);
            ends_when_it_is_cancelled(spawn(&leaks));
        }
        let flights = SingleFlight::new();
        assert_eq!(flights.run_on(&leaks, 1, || 7).get(), 7);
        assert!(flights.is_empty());
        ends_when_it_is_cancelled(leaks.spawn_future(async { 7 }));
        let racers = [leaks.spawn_value(|| 7), leaks.spawn_future(async { 7 })];
        let raced = race(racers).get_timeout(Duration::ZERO).unwrap_err();
        raced.cancel();
        assert!(caught(|| raced.get()).unwrap_err().contains(NO_VALUE));
        // A producer that is leaked may always come: there is no end to wait for.
        let (fan, drops) = (FanIn::bounded(1), Drops::new());
        let value = drops.one();
        fan.spawn_value_on(&leaks, move || value);
        let waited = fan.recv_timeout(Duration::from_millis(1)).err().unwrap();
        assert_eq!(waited, letgo::RecvTimeoutError::Timeout);
        drop(fan);
        // What is leaked here is only held: had it been run at last, it would have been in time.
        leaks.run_all();
        assert_eq!(drops.count(), 1);
    });
}

#[track_caller]
fn ends_when_it_is_cancelled(handle: JoinHandle<i32>) {
    let handle = handle.get_timeout(Duration::ZERO).unwrap_err();
    handle.cancel();
    assert!(handle.is_finished());
    assert!(handle.join().unwrap_err().is_cancelled());
}

/// A call has its value if and only if it was run, whatever became of the agent's jobs.
#[test]
fn an_agent_runs_what_it_gives_values_for_and_nothing_else() {
    must_end(|| {
        for nth in 1..9 {
            let drops = Unruly::each(nth as usize, drop, Job::run);
            let agent = Agent::on(drops, 0);
            let mut ran = 0;
            for _ in 0..50 {
                let call = agent.call(|n| *n += 1);
                ran += i32::from(call.settle().get_timeout(Duration::MAX).unwrap().is_ok());
            }
            assert_eq!(agent.call(|n| *n).join().unwrap_or(ran), ran);
            assert_eq!(ran, 50 - (50 + nth - 1) / nth);
        }
    });
}

#[test]
fn an_executor_that_never_comes_keeps_nobody_who_may_claim() {
    must_end(|| {
        let never = Unruly::new(std::mem::forget);
        let sum: i32 = (0..100)
            .map(|n| spawn_value_on(&never, move || n).get())
            .sum();
        assert_eq!(sum, 4950);
    });
}
