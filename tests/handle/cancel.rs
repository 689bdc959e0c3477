//! Cancelling, in every state a task can be in.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Poll;

use letgo::{Executor, JoinHandle, promise, spawn_value};

use crate::common::{Drops, Gate, Queue, Wakes, must_end, poll};

#[test]
fn a_closure_not_yet_started_never_runs_and_drops_what_it_captured_there_and_then() {
    must_end(|| {
        let queue = Queue::new();
        let drops = Drops::new();
        let (captured, ran) = (drops.one(), Arc::new(AtomicUsize::new(0)));
        let runs = Arc::clone(&ran);
        let mut handle = queue.spawn_value(move || {
            let _captured = captured;
            runs.fetch_add(1, Ordering::SeqCst);
        });
        let (wakes, waker) = Wakes::pair();
        assert!(poll(&mut handle, &waker).is_pending());
        handle.cancel();
        assert_eq!(drops.count(), 1, "what it captured is still there");
        assert!(handle.is_finished());
        assert_eq!(wakes.count(), 1);
        handle.cancel();
        assert_eq!(queue.len(), 1, "the executor has its job still");
        queue.run_all();
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        assert!(handle.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_future_not_yet_polled_is_dropped_there_and_then() {
    must_end(|| {
        let queue = Queue::new();
        let drops = Drops::new();
        let captured = drops.one();
        let mut handle = queue.spawn_future(async move { drop(captured) });
        let (wakes, waker) = Wakes::pair();
        assert!(poll(&mut handle, &waker).is_pending());
        handle.cancel();
        assert_eq!(drops.count(), 1);
        assert!(handle.is_finished());
        assert_eq!(wakes.count(), 1);
        queue.run_all();
        assert!(handle.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_closure_that_runs_goes_on_and_its_value_arrives() {
    must_end(|| {
        let (started, gate) = (Gate::new(), Gate::new());
        let (starts, passes) = (started.clone(), gate.clone());
        let handle = spawn_value(move || {
            starts.open();
            passes.pass();
            1
        });
        started.pass();
        handle.cancel();
        assert!(!handle.is_finished());
        gate.open();
        assert_eq!(handle.get(), 1);
    });
}

#[test]
fn after_the_end_a_cancel_changes_nothing() {
    must_end(|| {
        let queue = Queue::new();
        let (resolver, promised) = promise();
        resolver.resolve(3).unwrap();
        let ended = [
            queue.spawn_value(|| 1),
            queue.spawn_future(async { 2 }),
            promised,
        ];
        queue.run_all();
        for (handle, value) in ended.into_iter().zip(1..) {
            handle.cancel();
            assert_eq!(handle.get(), value);
        }
        let panicked = queue.spawn_value(|| panic!("no luck"));
        queue.run_all();
        panicked.cancel();
        assert!(panicked.join().unwrap_err().is_panic());
    });
}

#[test]
fn a_future_that_waits_is_dropped_by_its_executor() {
    must_end(|| {
        let queue = Queue::new();
        let drops = Drops::new();
        let (captured, (resolver, answer)) = (drops.one(), promise::<i32>());
        let mut handle = queue.spawn_future(async move {
            let _captured = captured;
            answer.await
        });
        queue.run_all();
        let (wakes, waker) = Wakes::pair();
        assert!(poll(&mut handle, &waker).is_pending());
        handle.cancel();
        handle.cancel();
        assert_eq!(queue.len(), 1, "one job more, to drop it");
        queue.run_all();
        assert_eq!((drops.count(), wakes.count()), (1, 1));
        assert!(
            resolver.is_abandoned(),
            "what it awaited was dropped with it"
        );
        assert!(handle.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_future_whose_last_job_is_dropped_is_cancelled_all_the_same() {
    must_end(|| {
        let queue = Queue::new();
        let drops = Drops::new();
        let (captured, (_resolver, answer)) = (drops.one(), promise::<i32>());
        let handle = queue.spawn_future(async move {
            let _captured = captured;
            answer.await
        });
        queue.run_all();
        handle.cancel();
        queue.drop_all();
        assert_eq!(drops.count(), 1);
        assert!(handle.join().unwrap_err().is_cancelled());
    });
}

/// A future that cancels itself while it is polled, and ends then or waits then.
fn cancels_itself(queue: &Queue, ends: bool) -> (Arc<JoinHandle<i32>>, Drops) {
    let drops = Drops::new();
    let captured = drops.one();
    let itself = Arc::new(OnceLock::<Weak<JoinHandle<i32>>>::new());
    let told = Arc::clone(&itself);
    let handle = queue.spawn_future(async move {
        let _captured = captured;
        told.get().unwrap().upgrade().unwrap().cancel();
        std::future::poll_fn(|_| if ends { Poll::Ready(1) } else { Poll::Pending }).await
    });
    let handle = Arc::new(handle);
    itself.set(Arc::downgrade(&handle)).unwrap();
    queue.run_all();
    (handle, drops)
}

#[test]
fn a_future_that_cancels_itself_is_dropped_at_its_next_await() {
    must_end(|| {
        let queue = Queue::new();
        let (handle, drops) = cancels_itself(&queue, false);
        assert_eq!(drops.count(), 1);
        let error = Arc::into_inner(handle).unwrap().join().unwrap_err();
        assert!(error.is_cancelled());
        let (handle, drops) = cancels_itself(&queue, true);
        assert_eq!(drops.count(), 1);
        assert_eq!(
            Arc::into_inner(handle).unwrap().get(),
            1,
            "it had no further await"
        );
    });
}

#[test]
fn a_cancelled_promise_is_abandoned() {
    must_end(|| {
        let (resolver, mut handle) = promise();
        let (wakes, waker) = Wakes::pair();
        assert!(poll(&mut handle, &waker).is_pending());
        handle.cancel();
        assert_eq!(wakes.count(), 1);
        assert!(handle.is_finished() && resolver.is_abandoned());
        assert_eq!(resolver.resolve(1), Err(1));
        assert!(handle.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_waiting_thread_hears_of_the_cancellation() {
    must_end(|| {
        let queue = Queue::new();
        let (_resolver, answer) = promise::<i32>();
        let handle = queue.spawn_future(answer);
        queue.run_all();
        let cancelled = handle.then(|n| n + 1);
        cancelled.cancel(); // passes through to the future
        let waiter = std::thread::spawn(move || cancelled.join());
        queue.run_all();
        assert!(waiter.join().unwrap().unwrap_err().is_cancelled());
    });
}

#[test]
fn cancelling_a_then_drops_both_closures_and_runs_neither() {
    must_end(|| {
        let queue = Queue::new();
        let drops = Drops::new();
        let (first, second) = (drops.one(), drops.one());
        let handle = queue
            .spawn_value(move || drop(first))
            .then(move |()| drop(second));
        handle.cancel();
        assert_eq!(drops.count(), 2);
        assert!(handle.is_finished());
        assert!(handle.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_cancelled_source_cancels_its_then() {
    must_end(|| {
        let drops = Drops::new();
        let (captured, (resolver, source)) = (drops.one(), promise::<i32>());
        let handle = source.then(move |_| drop(captured));
        drop(resolver);
        assert!(handle.join().unwrap_err().is_cancelled());
        assert_eq!(drops.count(), 1);
    });
}
