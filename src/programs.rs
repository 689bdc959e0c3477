//! Whole programs, under schedules that shuttle draws by lot: the pool with its monitor, and all that runs on it.
//!
//! Other than the [models](crate::models) they try only some orders, and every access to an atomic shows the latest
//! value; but there may be any number of threads. They run with `.ci/run programs`. `LETGO_SCHEDULES` says how
//! many schedules are tried; a failing one is printed, for `shuttle::replay`.

use std::time::Duration;

use shuttle::thread;

use crate::agent::Agent;
use crate::fan_in::FanIn;
use crate::handle::JoinHandle;
use crate::pool::Pool;
use crate::promise::promise;
use crate::promise_map::PromiseMap;
use crate::sync::parker;

/// Tries a program under schedules that are random, and under such as prefer few switches at odd places.
fn try_out(program: impl Fn() + Send + Sync + Clone + 'static) {
    let schedules = std::env::var("LETGO_SCHEDULES").map_or(300, |text| text.parse().unwrap());
    shuttle::check_random(program.clone(), schedules);
    shuttle::check_pct(program, schedules, 3);
}

fn pool(threads: usize, max_threads: usize, keep_alive: Duration) -> Pool {
    let builder = Pool::builder().threads(threads).max_threads(max_threads);
    builder
        .keep_alive(keep_alive)
        .stack_size(256 * 1024)
        .build()
        .unwrap()
}

/// Waits without claiming.
#[track_caller]
fn wait<T>(handle: JoinHandle<T>) -> T {
    let Ok(value) = handle.get_timeout(Duration::MAX) else {
        unreachable!("it was waited for without end");
    };
    value
}

#[track_caller]
fn ends(pool: &Pool) {
    pool.shutdown();
    assert_eq!(pool.idle_threads(), 0);
    assert_eq!((pool.threads(), pool.queued()), (0, 0));
}

fn sum(pool: &Pool, from: u32, to: u32) -> u32 {
    if to - from == 1 {
        return from;
    }
    let middle = from.midpoint(to);
    let inner = pool.clone();
    let left = pool.spawn_value(move || sum(&inner, from, middle));
    let right = sum(pool, middle, to);
    left.get() + right
}

#[test]
fn a_tree_of_tasks() {
    try_out(|| {
        let pool = pool(2, 8, Duration::MAX);
        assert_eq!(sum(&pool, 0, 6), 15);
        let inner = pool.clone();
        assert_eq!(wait(pool.spawn_value(move || sum(&inner, 0, 6))), 15);
        ends(&pool);
    });
}

#[test]
fn tasks_that_block_seen_and_unseen_and_threads_that_retire() {
    try_out(|| {
        let pool = pool(1, 8, Duration::ZERO);
        let mut all = Vec::new();
        for _ in 0..2 {
            let (resolver, answer) = promise();
            all.push(pool.spawn_value(move || answer.get()));
            let (parker, unparker) = parker();
            all.push(pool.spawn_value(move || parker.park()));
            all.push(pool.spawn_value(move || resolver.resolve(()).unwrap()));
            all.push(pool.spawn_value(move || _ = unparker.unpark()));
        }
        all.into_iter().for_each(wait);
        wait(pool.spawn_value(|| ()));
        ends(&pool);
    });
}

#[test]
fn futures_that_wait_for_each_other() {
    try_out(|| {
        let pool = pool(2, 4, Duration::MAX);
        let (there, here) = promise();
        let (back, again) = promise();
        let first = pool.spawn_future(async move {
            there.resolve(1).unwrap();
            again.await + 1
        });
        let second = pool.spawn_future(async move {
            back.resolve(here.await + 1).unwrap();
        });
        let third = pool.spawn_future(std::future::pending::<()>());
        let cancels = thread::spawn(move || {
            third.cancel();
            assert!(third.join().unwrap_err().is_cancelled());
        });
        assert_eq!(first.get(), 3);
        second.get();
        cancels.join().unwrap();
        ends(&pool);
    });
}

#[test]
fn producers_agents_and_answers_on_one_pool() {
    try_out(|| {
        let pool = pool(2, 8, Duration::ZERO);
        let agent = Agent::on(pool.clone(), 0);
        let fan = FanIn::bounded(1);
        for n in 1..=2 {
            let agent = agent.clone();
            fan.spawn_value_on(&pool, move || {
                agent
                    .call(move |total| {
                        *total += n;
                        n
                    })
                    .get()
            });
        }
        let replies = PromiseMap::new();
        let reply = replies.insert("key").unwrap();
        let given_up = replies.insert("other").unwrap();
        let answers = pool.spawn_value(move || {
            let delivered = replies.resolve("key", 10).is_delivered();
            (delivered, replies.resolve("other", 11).is_delivered())
        });
        drop(given_up);
        assert_eq!(fan.iter().sum::<i32>(), 3);
        assert_eq!(reply.get(), 10);
        assert!(wait(answers).0);
        assert_eq!(wait(agent.call(|total| *total)), 3);
        assert_eq!(agent.stop().get(), 3);
        ends(&pool);
    });
}

#[test]
fn cancels_drops_and_panics_while_the_pool_ends() {
    try_out(|| {
        let pool = pool(2, 4, Duration::MAX);
        let handles: Vec<_> = (0..6).map(|n| pool.spawn_value(move || n)).collect();
        let other = pool.clone();
        let spawns = thread::spawn(move || {
            let panics = other.spawn_value(|| -> i32 { std::panic::resume_unwind(Box::new(1)) });
            assert!(panics.join().is_err());
        });
        for (n, handle) in handles.into_iter().enumerate() {
            match n % 3 {
                0 => drop(handle),
                1 => handle.cancel(),
                _ => assert_eq!(handle.join().unwrap(), n),
            }
        }
        pool.shutdown();
        // What it was about to push as the pool closed is cancelled by itself.
        spawns.join().unwrap();
        ends(&pool);
    });
}
