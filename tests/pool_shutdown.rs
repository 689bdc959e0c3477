//! The end of a pool: what is queued runs, what comes afterwards is cancelled, nobody hangs.

mod common;

use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use common::{Drops, Gate, Runs, must_end, threads_named, until};
use letgo::{JoinHandle, Pool, promise};

fn pool(threads: usize) -> Pool {
    Pool::builder().threads(threads).build().unwrap()
}

fn wait<T>(handle: JoinHandle<T>) -> T {
    handle.get_timeout(Duration::MAX).ok().unwrap()
}

#[test]
fn shutdown_waits_until_what_is_queued_has_run_and_the_threads_have_left() {
    must_end(|| {
        let pool = Pool::builder().threads(2).name("leaves").build().unwrap();
        let (gate, ran) = (Gate::new(), Runs::new());
        for _ in 0..2 {
            let gate = gate.clone();
            pool.spawn_value(move || gate.pass()).detach();
        }
        for n in 0..1000 {
            let runs = ran.clone();
            if n % 2 == 0 {
                pool.spawn_value(move || runs.one_more()).detach();
            } else {
                pool.spawn_future(async move { runs.one_more() }).detach();
            }
        }
        let opens = thread::spawn({
            let gate = gate.clone();
            move || gate.open()
        });
        pool.shutdown();
        assert_eq!(ran.count(), 1000);
        assert_eq!(pool.threads(), 0);
        assert_eq!(pool.queued(), 0);
        until("no thread is left", || threads_named("leaves-") == 0);
        opens.join().unwrap();
    });
}

#[test]
fn what_is_spawned_after_a_shutdown_is_cancelled() {
    must_end(|| {
        let pool = pool(2);
        let drops = Drops::new();
        let (resolver, answer) = promise::<i32>();
        let counted = drops.one();
        let sleeps = pool.spawn_future(async move {
            let _counted = counted;
            answer.await
        });
        // It has been polled, and waits, once what was queued behind it has run.
        until("it waits", || {
            pool.queued() == 0 && pool.idle_threads() == 2
        });
        pool.shutdown();
        let counted = drops.one();
        let closure = pool.spawn_value(move || drop(counted));
        assert!(closure.is_finished());
        assert!(closure.join().unwrap_err().is_cancelled());
        let counted = drops.one();
        let future = pool.spawn_future(async move { drop(counted) });
        assert!(future.join().unwrap_err().is_cancelled());
        assert_eq!(drops.count(), 2);
        // A future that waits is cancelled when it is woken.
        assert!(!sleeps.is_finished());
        let _ = resolver.resolve(1);
        assert!(sleeps.join().unwrap_err().is_cancelled());
        assert_eq!(drops.count(), 3);
    });
}

#[test]
fn dropping_the_last_handle_lets_what_is_queued_finish() {
    must_end(|| {
        let pool = Pool::builder().threads(1).name("orphan").build().unwrap();
        let (gate, ran) = (Gate::new(), Runs::new());
        let first = gate.clone();
        pool.spawn_value(move || first.pass()).detach();
        for _ in 0..100 {
            let runs = ran.clone();
            pool.spawn_value(move || runs.one_more()).detach();
        }
        let last = pool.spawn_value(|| 1);
        let future = pool.spawn_future(async { 2 });
        drop(pool);
        assert_eq!(ran.count(), 0);
        gate.open();
        assert_eq!(wait(last), 1);
        assert_eq!(wait(future), 2);
        until("all have run", || ran.count() == 100);
        until("no thread is left", || threads_named("orphan-") == 0);
    });
}

#[test]
fn the_last_handle_may_go_on_a_thread_of_the_pool() {
    must_end(|| {
        let pool = Pool::builder().threads(1).name("within").build().unwrap();
        let gate = Gate::new();
        let (inner, passes) = (pool.clone(), gate.clone());
        let last = pool.spawn_value(move || {
            passes.pass();
            drop(inner);
        });
        drop(pool);
        gate.open();
        wait(last);
        until("no thread is left", || threads_named("within-") == 0);
    });
}

#[test]
fn every_one_of_several_shutdowns_waits() {
    must_end(|| {
        for _ in 0..20 {
            let pool = pool(2);
            let (gate, ran) = (Gate::new(), Runs::new());
            for _ in 0..2 {
                let (gate, runs) = (gate.clone(), ran.clone());
                pool.spawn_value(move || {
                    gate.pass();
                    thread::yield_now();
                    runs.one_more();
                })
                .detach();
            }
            let enter = Arc::new(Barrier::new(4));
            let all: Vec<_> = (0..3)
                .map(|_| {
                    let (pool, ran, enter) = (pool.clone(), ran.clone(), Arc::clone(&enter));
                    thread::spawn(move || {
                        enter.wait();
                        pool.shutdown();
                        assert_eq!(ran.count(), 2);
                        assert_eq!(pool.threads(), 0);
                    })
                })
                .collect();
            enter.wait();
            thread::sleep(Duration::from_millis(1)); // so that they most likely wait
            gate.open();
            all.into_iter().for_each(|thread| thread.join().unwrap());
            pool.shutdown();
        }
    });
}

#[test]
fn a_shutdown_on_a_thread_of_the_pool_does_not_wait() {
    must_end(|| {
        let pool = pool(1);
        let inner = pool.clone();
        let after = wait(pool.spawn_value(move || {
            inner.shutdown();
            inner.spawn_value(|| 1).join()
        }));
        assert!(after.unwrap_err().is_cancelled());
        pool.shutdown();
        assert_eq!(pool.threads(), 0);
    });
}

#[test]
fn a_shutdown_on_a_thread_of_another_pool_waits_and_is_replaced() {
    must_end(|| {
        let (outer, inner) = (pool(1), pool(1));
        let gate = Gate::new();
        let passes = gate.clone();
        inner.spawn_value(move || passes.pass()).detach();
        let shut = inner.clone();
        let shuts = outer.spawn_value(move || shut.shutdown());
        outer.spawn_value(move || gate.open()).detach();
        wait(shuts);
        assert_eq!(inner.threads(), 0);
    });
}

#[test]
fn a_shutdown_while_tasks_spawn_tasks_loses_none() {
    fn grow(pool: &Pool, depth: usize, ended: &Arc<AtomicUsize>) {
        struct Ended(Arc<AtomicUsize>);
        impl Drop for Ended {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        if depth == 0 {
            return;
        }
        for _ in 0..2 {
            let (inner, count, one) = (pool.clone(), Arc::clone(ended), Ended(Arc::clone(ended)));
            let spawned = pool.spawn_value(move || {
                grow(&inner, depth - 1, &count);
                drop(one);
            });
            // Some are got within, some are left alone.
            if depth % 2 == 0 {
                let _ = spawned.join();
            }
        }
    }
    must_end(|| {
        for round in 0..200 {
            let pool = pool(1 + round % 3);
            let ended = Arc::new(AtomicUsize::new(0));
            let (outside, count) = (pool.clone(), Arc::clone(&ended));
            let spawner = thread::spawn(move || (0..20).for_each(|_| grow(&outside, 4, &count)));
            // A yield may take as long as others please.
            for _ in 0..100 * round {
                hint::spin_loop();
            }
            pool.shutdown();
            spawner.join().unwrap();
            assert_eq!(pool.queued(), 0);
            assert_eq!(pool.threads(), 0);
            let before = ended.load(Ordering::SeqCst);
            drop(pool);
            assert_eq!(ended.load(Ordering::SeqCst), before);
        }
    });
}

/// Every handle gets an end, whatever comes first: its spawn or the end of the pool.
#[test]
fn a_spawn_that_meets_the_shutdown_ends_in_a_value_or_a_cancellation() {
    must_end(|| {
        for _ in 0..300 {
            let pool = pool(1);
            let enter = Arc::new(Barrier::new(3));
            let spawners: Vec<_> = (0..2)
                .map(|_| {
                    let (pool, enter) = (pool.clone(), Arc::clone(&enter));
                    thread::spawn(move || {
                        enter.wait();
                        let all: Vec<_> = (0..50).map(|n| pool.spawn_value(move || n)).collect();
                        for (n, handle) in (0..).zip(all) {
                            until("it has ended", || handle.is_finished());
                            match handle.join() {
                                Ok(value) => assert_eq!(value, n),
                                Err(error) => assert!(error.is_cancelled()),
                            }
                        }
                    })
                })
                .collect();
            enter.wait();
            pool.shutdown();
            spawners
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        }
    });
}

#[test]
fn a_closure_that_waits_while_its_pool_closes_still_gets_its_value() {
    must_end(|| {
        let pool = pool(1);
        let (gate, (resolver, answer)) = (Gate::new(), promise());
        let passes = gate.clone();
        let waits = pool.spawn_value(move || {
            passes.pass();
            answer.get()
        });
        let resolves = pool.spawn_value(move || resolver.resolve(1).unwrap());
        let shutting = pool.clone();
        let shuts = thread::spawn(move || shutting.shutdown());
        gate.open();
        shuts.join().unwrap();
        assert_eq!(waits.try_get().unwrap(), 1);
        resolves.try_get().unwrap();
    });
}

#[test]
fn a_shutdown_deep_within_claims_does_not_wait_for_itself() {
    fn nest(pool: &Pool, depth: usize) {
        if depth == 0 {
            return pool.shutdown();
        }
        let inner = pool.clone();
        pool.spawn_value(move || nest(&inner, depth - 1)).get();
    }
    must_end(|| {
        // So small a stack that the inner claims are on threads made for them.
        let pool = Pool::builder()
            .threads(1)
            .stack_size(64 * 1024)
            .build()
            .unwrap();
        let inner = pool.clone();
        wait(pool.spawn_value(move || nest(&inner, 300)));
        pool.shutdown();
        assert_eq!(pool.threads(), 0);
    });
}
