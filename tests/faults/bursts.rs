//! Bursts of closures that block, far more of them than a pool may have threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use letgo::{FanIn, JoinHandle, Pool, Shared, join_all, promise};

use crate::common::{Crowd, Gate, must_end, one_thread, until};

const BURST: usize = 10_000;

const MOST: usize = 16;

fn pool() -> Pool {
    let pool = Pool::builder().threads(2).max_threads(MOST);
    pool.build().unwrap()
}

fn wait<T>(handle: JoinHandle<T>) -> T {
    handle.get_timeout(Duration::MAX).ok().unwrap()
}

/// Each of them spawns two, and waits.
fn fork(pool: &Pool, left: &Arc<AtomicUsize>, waits: &Arc<dyn Fn() + Send + Sync>) {
    for _ in 0..2 {
        let taken = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if taken.is_ok() {
            let (inner, left, waits) = (pool.clone(), Arc::clone(left), Arc::clone(waits));
            pool.spawn_value(move || {
                fork(&inner, &left, &waits);
                waits();
            })
            .detach();
        }
    }
}

/// So many forks that wait so: all have run in the end, and never more than may at a time.
fn burst_of(waits: impl Fn() + Send + Sync + 'static, is_full: impl FnOnce(&Pool, &Crowd)) {
    let (pool, crowd) = (pool(), Crowd::new());
    let ended = Arc::new(AtomicUsize::new(0));
    let (inside, ends) = (crowd.clone(), Arc::clone(&ended));
    let waits: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
        inside.inside(&waits);
        ends.fetch_add(1, Ordering::SeqCst);
    });
    fork(&pool, &Arc::new(AtomicUsize::new(BURST)), &waits);
    is_full(&pool, &crowd);
    until("all have ended", || ended.load(Ordering::SeqCst) == BURST);
    assert!(crowd.most() <= MOST, "{} at a time", crowd.most());
    assert!(pool.threads() <= MOST);
    assert_eq!(wait(pool.spawn_value(|| 1)), 1);
    pool.shutdown();
    assert_eq!((pool.threads(), pool.queued()), (0, 0));
}

#[test]
fn ten_thousand_forks_that_wait_for_a_value_fill_the_pool_and_all_end() {
    must_end(|| {
        let (resolver, answer) = promise();
        let answer: Shared<i32> = answer.shared();
        burst_of(
            move || assert_eq!(answer.clone().get(), 1),
            |pool, crowd| {
                until("the pool is full", || crowd.now() == MOST);
                assert_eq!(pool.threads(), MOST);
                resolver.resolve(1).unwrap();
            },
        );
    });
}

#[test]
fn ten_thousand_forks_that_block_unseen_fill_the_pool_and_all_end() {
    must_end(|| {
        let gate = Gate::new();
        let passes = gate.clone();
        burst_of(
            move || passes.pass(),
            |pool, crowd| {
                until("the pool is full", || crowd.now() == MOST);
                assert_eq!(pool.threads(), MOST);
                gate.open();
            },
        );
    });
}

/// What they wait for is behind them in the queue: whoever asks for it runs it.
#[test]
fn what_ten_thousand_wait_for_can_be_claimed_from_behind_them() {
    must_end(|| {
        let (resolver, answer) = promise();
        let answer: Shared<usize> = answer.shared();
        let pool = pool();
        let waiting: Vec<_> = (0..BURST)
            .map(|n| {
                let answer = answer.clone();
                pool.spawn_value(move || answer.get() + n)
            })
            .collect();
        until("the pool is full", || pool.threads() == MOST);
        let resolves = pool.spawn_value(move || resolver.resolve(1).unwrap());
        resolves.get();
        for (n, handle) in waiting.into_iter().enumerate() {
            assert_eq!(wait(handle), n + 1);
        }
    });
}

/// A full pool of closures that wait for each other by `get` is never stuck: what is not started is claimed.
#[test]
fn ten_thousand_forks_that_get_what_they_spawned_need_no_thread_more() {
    fn sum(pool: &Pool, from: usize, to: usize) -> usize {
        if to - from == 1 {
            return from;
        }
        let (inner, middle) = (pool.clone(), from.midpoint(to));
        let half = pool.spawn_value(move || sum(&inner, from, middle));
        sum(pool, middle, to) + half.get()
    }
    must_end(|| {
        for most in [1, 2, MOST] {
            let pool = Pool::builder().threads(1).max_threads(most);
            let pool = pool.build().unwrap();
            let inner = pool.clone();
            let all = pool.spawn_value(move || sum(&inner, 0, BURST));
            assert_eq!(wait(all), BURST * (BURST - 1) / 2);
            assert!(pool.threads() <= most);
        }
    });
}

#[test]
fn ten_thousand_producers_that_are_held_back_fill_the_pool_and_all_arrive() {
    must_end(|| {
        let (pool, fan) = (pool(), FanIn::bounded(1));
        for n in 0..BURST {
            fan.spawn_value_on(&pool, move || n);
        }
        until("the pool is full", || pool.threads() == MOST);
        let sum: usize = fan.iter().sum();
        assert_eq!(sum, BURST * (BURST - 1) / 2);
        assert!(pool.threads() <= MOST);
    });
}

#[test]
fn ten_thousand_futures_that_wait_need_no_thread() {
    must_end(|| {
        let pool = one_thread();
        let (resolver, answer) = promise();
        let answer: Shared<usize> = answer.shared();
        let all: Vec<_> = (0..BURST)
            .map(|_| pool.spawn_future(answer.clone()))
            .collect();
        until("all wait", || pool.queued() == 0);
        resolver.resolve(1).unwrap();
        assert_eq!(join_all(all).get().into_iter().sum::<usize>(), BURST);
    });
}
