//! Turns: whoever is always ready, futures or closures, leaves room for others.

mod common;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use common::{must_end, players};
use letgo::{JoinHandle, Pool, promise};

fn pool(threads: usize) -> Pool {
    Pool::builder().threads(threads).build().unwrap()
}

/// Waits for the value without claiming.
fn wait<T>(handle: JoinHandle<T>) -> T {
    handle.get_timeout(Duration::MAX).ok().unwrap()
}

#[test]
fn futures_that_wake_each_other_for_ever_leave_room_for_others() {
    must_end(|| {
        let pool = pool(1);
        let stop = Arc::new(AtomicBool::new(false));
        let players = players(&stop).map(|player| pool.spawn_future(player));
        for n in 0..100 {
            assert_eq!(wait(pool.spawn_value(move || n)), n);
            assert_eq!(wait(pool.spawn_future(async move { n })), n);
        }
        stop.store(true, Ordering::SeqCst);
        players.into_iter().for_each(wait);
    });
}

#[test]
fn futures_are_woken_from_threads_outside() {
    must_end(|| {
        let pool = pool(2);
        let (resolvers, sums): (Vec<_>, Vec<_>) = (0..100)
            .map(|_| {
                let (resolver, answer) = promise::<u32>();
                (resolver, pool.spawn_future(async move { answer.await + 1 }))
            })
            .unzip();
        let threads: Vec<_> = resolvers
            .into_iter()
            .map(|resolver| thread::spawn(move || resolver.resolve(1).unwrap()))
            .collect();
        assert_eq!(sums.into_iter().map(wait).sum::<u32>(), 200);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn ten_thousand_futures_yield_to_each_other() {
    must_end(|| {
        let pool = pool(2);
        let all: Vec<_> = (0..10_000)
            .map(|n| {
                let mut yields = 10;
                pool.spawn_future(poll_fn(move |cx| {
                    if yields == 0 {
                        return Poll::Ready(n);
                    }
                    yields -= 1;
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }))
            })
            .collect();
        assert!((0..).zip(all).all(|(n, handle)| wait(handle) == n));
    });
}

fn respawn(pool: &Pool, stop: &Arc<AtomicBool>) {
    if !stop.load(Ordering::SeqCst) {
        let (again, still) = (pool.clone(), Arc::clone(stop));
        pool.spawn_value(move || respawn(&again, &still)).detach();
    }
}

#[test]
fn a_thread_with_endless_work_of_its_own_serves_others_too() {
    must_end(|| {
        let pool = pool(1);
        let stop = Arc::new(AtomicBool::new(false));
        respawn(&pool, &stop);
        for n in 0..100 {
            assert_eq!(wait(pool.spawn_value(move || n)), n);
        }
        stop.store(true, Ordering::SeqCst);
    });
}
