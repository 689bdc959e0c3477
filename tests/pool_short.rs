//! No thread can be made: nothing is lost, everything still gets its value.

mod common;
#[path = "common/limit.rs"]
mod limit;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use common::{Gate, Runs, ended_well, in_a_process_by, must_end, until};
use letgo::{JoinHandle, Pool, join_all, promise};
use limit::{Limit, as_nobody};

/// A pool that never gets a thread: no stack is that large.
fn without_threads() -> Pool {
    let pool = Pool::builder()
        .threads(2)
        .stack_size(usize::MAX / 2)
        .build()
        .unwrap();
    assert_eq!(pool.threads(), 0);
    pool
}

fn wait<T>(handle: JoinHandle<T>) -> T {
    handle.get_timeout(Duration::MAX).ok().unwrap()
}

fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let std::task::Poll::Ready(value) =
            future.as_mut().poll(&mut Context::from_waker(&waker))
        {
            return value;
        }
        thread::park();
    }
}

fn nest(pool: &Pool, depth: usize) -> usize {
    if depth == 0 {
        return 0;
    }
    let inner = pool.clone();
    wait(pool.spawn_value(move || nest(&inner, depth - 1))) + 1
}

/// All the ways to a value that need no second thread at the same time.
fn all_ways(pool: &Pool) {
    assert_eq!(pool.spawn_value(|| 1).get(), 1);
    assert_eq!(wait(pool.spawn_value(|| 2)), 2);
    assert_eq!(wait(pool.spawn_future(async { 3 })), 3);
    assert_eq!(pool.spawn_future(async { 4 }).get(), 4);
    let many: Vec<_> = (0..1000).map(|n| pool.spawn_value(move || n)).collect();
    assert!((0..).zip(many).all(|(n, handle)| wait(handle) == n));
    let many = (0..1000).map(|n| pool.spawn_future(async move { n }));
    assert!(join_all(many).get().into_iter().eq(0..1000));
    let inner = pool.clone();
    assert_eq!(wait(pool.spawn_value(move || nest(&inner, 50))), 50);
    // One waits for what another one resolves, each within the one before.
    let (first, first_answer) = promise();
    let (second, second_answer) = promise();
    let all = [
        pool.spawn_value(move || first_answer.get()),
        pool.spawn_value(move || {
            let value = second_answer.get();
            first.resolve(value).unwrap();
            value
        }),
        pool.spawn_value(move || {
            second.resolve(1).unwrap();
            1
        }),
    ];
    assert_eq!(all.map(wait), [1; 3]);
    assert_eq!(block_on(pool.spawn_value(|| 5)), 5);
    assert_eq!(block_on(pool.spawn_future(async { 6 })), 6);
    let many = (0..1000).map(|n| pool.spawn_value(move || n));
    assert!(block_on(join_all(many)).into_iter().eq(0..1000));
    assert_eq!(block_on(pool.spawn_value(|| 7).shared()), 7);
    assert_eq!(pool.spawn_value(|| 7).map(|seven| seven + 1).get(), 8);
}

#[test]
fn a_pool_without_threads_still_gives_every_value() {
    must_end(|| all_ways(&without_threads()));
}

#[test]
fn a_shutdown_runs_what_no_thread_could() {
    must_end(|| {
        let pool = without_threads();
        let ran = Runs::new();
        for _ in 0..100 {
            let runs = ran.clone();
            pool.spawn_value(move || runs.one_more()).detach();
        }
        let last = pool.spawn_value(|| 1);
        pool.shutdown();
        assert_eq!(ran.count(), 100);
        assert_eq!(last.try_get().unwrap(), 1);
        assert!(pool.spawn_value(|| 1).join().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_handle_of_a_dropped_pool_without_threads_comes_to_an_end() {
    must_end(|| {
        let pool = without_threads();
        let (claimed, waited) = (pool.spawn_value(|| 1), pool.spawn_value(|| 2));
        drop(pool);
        match claimed.join() {
            Ok(value) => assert_eq!(value, 1),
            Err(error) => assert!(error.is_cancelled()),
        }
        match waited.settle().get_timeout(Duration::MAX).ok().unwrap() {
            Ok(value) => assert_eq!(value, 2),
            Err(error) => assert!(error.is_cancelled()),
        }
    });
}

fn pool(threads: usize) -> Pool {
    Pool::builder().threads(threads).build().unwrap()
}

#[test]
fn a_pool_that_is_built_when_no_thread_can_be_made_does_all_the_same() {
    as_nobody(
        "a_pool_that_is_built_when_no_thread_can_be_made_does_all_the_same",
        |mut limit| {
            limit.forbid_threads();
            let own = pool(2);
            assert_eq!(own.threads(), 0);
            all_ways(&own);
            all_ways(Pool::global());
            assert_eq!(Pool::global().threads(), 0);
        },
    );
}

#[test]
fn a_pool_that_can_not_grow_any_more_does_all_the_same() {
    as_nobody(
        "a_pool_that_can_not_grow_any_more_does_all_the_same",
        |mut limit| {
            let pool = pool(1);
            limit.forbid_threads();
            assert_eq!(pool.threads(), 1);
            for _ in 0..20 {
                all_ways(&pool);
            }
        },
    );
}

/// The only thread blocks where nobody sees it, on what a job behind it gives.
fn blocks_unseen(pool: &Pool, forbid: impl FnOnce()) {
    let (tell, told) = channel();
    let blocks = pool.spawn_value(move || told.recv().unwrap());
    until("it runs", || pool.queued() == 0);
    forbid();
    let tells = pool.spawn_value(move || tell.send(1).unwrap());
    wait(tells);
    assert_eq!(wait(blocks), 1);
}

#[test]
fn who_waits_helps_when_no_monitor_can_be_made() {
    as_nobody(
        "who_waits_helps_when_no_monitor_can_be_made",
        |mut limit| {
            let pool = pool(1);
            blocks_unseen(&pool, || limit.forbid_threads());
        },
    );
}

#[test]
fn who_waits_already_is_asked_for_help() {
    as_nobody("who_waits_already_is_asked_for_help", |mut limit| {
        let pool = pool(1);
        // The monitor is made while it can be.
        let gate = Gate::new();
        let (opens, passes) = (gate.clone(), gate.clone());
        let both = [
            pool.spawn_value(move || passes.pass()),
            pool.spawn_value(move || opens.open()),
        ];
        both.into_iter().for_each(wait);
        until("it is one thread again", || pool.threads() == 1);
        // Three who wait for something else, before anything is stranded.
        let (resolver, answer) = promise::<i32>();
        let answer = answer.shared();
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let answer = answer.clone();
                thread::spawn(move || answer.get())
            })
            .collect();
        thread::sleep(Duration::from_millis(50)); // so that they most likely wait
        blocks_unseen(&pool, || limit.forbid_threads());
        // And nobody else waits: only they can run it.
        let (tell, told) = channel();
        pool.spawn_value(move || told.recv().unwrap()).detach();
        until("it runs", || pool.queued() == 0);
        let ran = Runs::new();
        let runs = ran.clone();
        pool.spawn_value(move || runs.one_more()).detach();
        until("one of them has helped", || ran.count() == 1);
        tell.send(()).unwrap();
        resolver.resolve(1).unwrap();
        waiters
            .into_iter()
            .for_each(|thread| assert_eq!(thread.join().unwrap(), 1));
    });
}

#[test]
fn a_pool_that_ran_short_takes_up_its_work_when_threads_can_be_made_again() {
    as_nobody(
        "a_pool_that_ran_short_takes_up_its_work_when_threads_can_be_made_again",
        |mut limit| {
            let pool = pool(1);
            let gate = Gate::new();
            let (opens, passes) = (gate.clone(), gate.clone());
            pool.spawn_value(move || passes.pass()).detach();
            pool.spawn_value(move || opens.open()).detach();
            until("it is one thread again", || {
                pool.threads() == 1 && pool.queued() == 0
            });
            limit.forbid_threads();
            let (tell, told) = channel();
            pool.spawn_value(move || told.recv().unwrap()).detach();
            pool.spawn_value(move || tell.send(()).unwrap()).detach();
            until("the first one has started", || pool.queued() < 2);
            // Nobody waits, nobody spawns.
            thread::sleep(Duration::from_millis(50));
            assert_eq!(pool.queued(), 1);
            limit.allow_threads();
            until("it has grown", || pool.queued() == 0);
            // Nothing is stranded any more: who waits does no strangers' work.
            let here = thread::current().id();
            let all: Vec<_> = (0..100)
                .map(|_| pool.spawn_value(|| thread::current().id()))
                .collect();
            assert!(all.into_iter().all(|handle| wait(handle) != here));
            until("all sleep", || pool.idle_threads() == pool.threads());
        },
    );
}

#[test]
fn help_that_nests_too_deep_for_the_stack_goes_on_once_threads_can_be_made() {
    as_nobody(
        "help_that_nests_too_deep_for_the_stack_goes_on_once_threads_can_be_made",
        |mut limit| {
            // Allows threads a while after it was told to, when the help most likely is stuck.
            let told = Gate::new();
            let tell = told.clone();
            let (lend, lent) = channel::<Limit>();
            let allower = thread::spawn(move || {
                let mut limit = lent.recv().unwrap();
                told.pass();
                thread::sleep(Duration::from_millis(100));
                limit.allow_threads();
            });
            limit.forbid_threads();
            lend.send(limit).unwrap();
            let pool = pool(1);
            assert_eq!(pool.threads(), 0);
            tell.open();
            let inner = pool.clone();
            assert_eq!(wait(pool.spawn_value(move || nest(&inner, 1000))), 1000);
            allower.join().unwrap();
        },
    );
}

/// How often the calling thread has slept so far.
fn sleeps() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn who_waits_sleeps_in_peace_once_nothing_is_stranded_any_more() {
    let output = in_a_process_by(
        "who_waits_sleeps_in_peace_once_nothing_is_stranded_any_more",
        |_| (),
        || {
            must_end(|| {
                let (used, dropped) = (without_threads(), without_threads());
                assert_eq!(wait(used.spawn_value(|| 1)), 1);
                let left = dropped.spawn_value(|| 1);
                drop(dropped);
                let (_resolver, answer) = promise::<()>();
                let before = sleeps();
                let answer = answer.get_timeout(Duration::from_secs(1));
                assert!(answer.is_err());
                // To look around every 5 ms would be 200.
                assert!(sleeps() - before < 50, "{} times", sleeps() - before);
                drop(left);
            });
        },
    );
    ended_well(&output);
}
