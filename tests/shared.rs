//! One value for many: `shared`.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::{Drops, Gate, Queue, Wakes, must_end, panic_text, poll, until};
use futures::executor::block_on;
use futures::future::FusedFuture;
use letgo::{Executor, Job, join, join_all, promise, spawn_future, spawn_value};

/// Counts its clones and its drops.
struct Cloned(Arc<AtomicUsize>, Arc<AtomicUsize>);

impl Clone for Cloned {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(&self.0), Arc::clone(&self.1))
    }
}

impl Drop for Cloned {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn many_waiters_block_and_await_and_all_get_it() {
    must_end(|| {
        let gate = Gate::new();
        let (clones, drops) = (Arc::default(), Arc::default());
        let (value, passes) = (
            Cloned(Arc::clone(&clones), Arc::clone(&drops)),
            gate.clone(),
        );
        let shared = spawn_value(move || {
            passes.pass();
            value
        })
        .shared();
        let blocked: Vec<_> = (0..8)
            .map(|_| shared.clone())
            .map(|shared| thread::spawn(move || drop(shared.get())))
            .collect();
        let awaiting = (0..8).map(|_| {
            let shared = shared.clone();
            spawn_future(async move { drop(shared.await) })
        });
        let awaiting: Vec<_> = awaiting.collect();
        gate.open();
        blocked
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        join_all(awaiting).get();
        assert_eq!(clones.load(Ordering::SeqCst), 16);
        assert_eq!(drops.load(Ordering::SeqCst), 16, "the value itself is held");
        drop(shared.clone().get());
        drop(shared);
        assert_eq!(drops.load(Ordering::SeqCst), 18, "and the value itself");
    });
}

#[test]
fn everybody_sees_the_message_of_a_panic() {
    must_end(|| {
        let shared = spawn_value(|| -> i32 { panic!("told {}", "all") }).shared();
        let waiters: Vec<_> = (0..3)
            .map(|_| shared.clone())
            .map(|shared| thread::spawn(move || panic_text(|| shared.get())))
            .collect();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), "told all");
        }
        assert_eq!(panic_text(|| block_on(shared.clone())), "told all");
        assert_eq!(panic_text(|| shared.clone().try_get()), "told all");
        assert_eq!(shared.join().unwrap_err().message(), Some("told all"));
    });
}

#[test]
fn everybody_sees_a_cancellation() {
    let (resolver, promised) = promise::<i32>();
    let shared = promised.shared();
    drop(resolver);
    assert!(shared.clone().join().unwrap_err().is_cancelled());
    assert!(
        panic_text(|| shared.get()).contains(file!()),
        "it names the place"
    );
}

#[test]
fn one_who_gets_it_claims_for_all() {
    must_end(|| {
        let queue = Queue::new();
        let here = thread::current().id();
        let spawn = || queue.spawn_value(|| thread::current().id());
        let shared = spawn().shared();
        let shared = shared.try_get().unwrap_err();
        assert_eq!(shared.clone().get(), here);
        assert_eq!(shared.try_get().unwrap(), here);
        let shared = spawn().shared();
        assert_eq!(join!(shared.clone(), shared).get(), (here, here));
    });
}

#[test]
fn a_claimed_closure_wakes_those_who_wait_already() {
    must_end(|| {
        let queue = Queue::new();
        let mut shared = queue.spawn_value(|| 1).shared();
        let wakes = Wakes::new();
        assert!(poll(&mut shared, &wakes.waker()).is_pending());
        let other = shared.clone();
        let waits = thread::spawn(move || other.get_timeout(Duration::MAX).unwrap());
        assert_eq!(shared.clone().get(), 1);
        assert!(wakes.count() > 0);
        assert_eq!(waits.join().unwrap(), 1);
        assert_eq!(block_on(shared), 1);
    });
}

/// An executor may run a woken future at once, within its waker.
#[test]
fn a_waker_may_come_back_for_the_value_at_once() {
    must_end(|| {
        let inline = |job: Job| job.run();
        let (resolver, promised) = promise();
        let shared = promised.shared();
        let futures: Vec<_> = (0..3)
            .map(|_| shared.clone())
            .map(|shared| inline.spawn_future(async move { (shared.clone().await, shared.await) }))
            .collect();
        resolver.resolve(1).unwrap();
        for future in futures {
            assert_eq!(future.try_get().unwrap(), (1, 1));
        }
    });
}

#[test]
fn the_last_clone_detaches_the_task() {
    must_end(|| {
        let (drops, gate) = (Drops::new(), Gate::new());
        let (counted, passes) = (Arc::new(drops.one()), gate.clone());
        let shared = spawn_value(move || {
            passes.pass();
            counted
        })
        .shared();
        drop(shared.clone());
        drop(shared);
        assert_eq!(drops.count(), 0, "it goes on");
        gate.open();
        until("the value is dropped", || drops.count() == 1);
    });
}

#[test]
fn only_who_is_alone_cancels() {
    let (resolver, promised) = promise();
    let shared = promised.shared();
    let other = shared.clone();
    other.cancel();
    assert!(!resolver.is_abandoned());
    drop(other);
    shared.cancel();
    assert_eq!(resolver.resolve(1), Err(1));
    assert!(shared.is_finished());
    assert!(shared.join().unwrap_err().is_cancelled());
}

#[test]
fn a_wait_given_up_hands_it_back_and_leaves_no_waker() {
    let (resolver, promised) = promise();
    let mut shared = promised.shared();
    let wakes = Wakes::new();
    assert!(poll(&mut shared, &wakes.waker()).is_pending());
    let mut other = shared.clone();
    let waker = Arc::new(wakes.clone());
    assert!(poll(&mut other, &Arc::clone(&waker).into()).is_pending());
    assert_eq!(Arc::strong_count(&waker), 2);
    drop(other);
    assert_eq!(Arc::strong_count(&waker), 1, "its waker goes with it");
    let shared = shared.get_timeout(Duration::ZERO).unwrap_err();
    assert!(!shared.is_finished());
    resolver.resolve(1).unwrap();
    assert!(shared.is_finished());
    assert_eq!(shared.try_get().unwrap(), 1);
}

#[test]
fn the_last_waker_counts() {
    let (one, other) = (Wakes::new(), Wakes::new());
    let (resolver, promised) = promise();
    let mut shared = promised.shared();
    assert!(poll(&mut shared, &one.waker()).is_pending());
    assert!(poll(&mut shared, &other.waker()).is_pending());
    resolver.resolve(1).unwrap();
    assert_eq!((one.count(), other.count()), (0, 1));
    assert!(poll(&mut shared, &one.waker()).is_ready());
    assert!(shared.is_terminated());
    assert!(panic_text(|| shared.get()).contains("given away already"));
}

#[test]
fn clones_are_operands() {
    must_end(|| {
        let a = spawn_value(|| 6).shared();
        assert_eq!((a.clone() * (a.clone() + spawn_value(|| 1))).get(), 42);
        assert_eq!((spawn_value(|| 1) + a.clone()).get(), 7);
        assert_eq!((-a).get(), -6);
    });
}

#[test]
fn no_wake_up_is_lost_however_arrival_and_waiting_interleave() {
    must_end(|| {
        for round in 0..300 {
            let (resolver, promised) = promise();
            let shared = promised.shared();
            let waiters: Vec<_> = (0..3)
                .map(|_| shared.clone())
                .map(|shared| match round % 2 {
                    0 => thread::spawn(move || shared.get()),
                    _ => thread::spawn(move || block_on(shared)),
                })
                .collect();
            resolver.resolve(round).unwrap();
            for waiter in waiters {
                assert_eq!(waiter.join().unwrap(), round);
            }
        }
    });
}
