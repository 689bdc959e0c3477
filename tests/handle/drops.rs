//! Drops: what a task captured and what it gave are dropped exactly once, whatever becomes of it.

use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use letgo::{Executor, JoinHandle, Pool, promise};

use crate::common::{Counted, Drops, Gate, Queue, must_end, poll};

/// What a test has in hand.
#[derive(Default)]
struct Rig {
    queue: Queue,
    captured: Drops,
    values: Drops,
}

impl Rig {
    fn closure(&self) -> JoinHandle<Counted> {
        let (captured, values) = (self.captured.one(), self.values.clone());
        self.queue.spawn_value(move || {
            let _captured = captured;
            values.one()
        })
    }

    fn future(&self) -> JoinHandle<Counted> {
        let (captured, values) = (self.captured.one(), self.values.clone());
        self.queue.spawn_future(async move {
            let _captured = captured;
            values.one()
        })
    }
}

/// Sends a closure and a future down the same path; whatever is queued afterwards is dropped.
/// `values` is how many values come to be on it.
#[track_caller]
fn each(values: usize, path: impl Fn(&Queue, JoinHandle<Counted>)) {
    for spawn in [Rig::closure, Rig::future] {
        let rig = Rig::default();
        let handle = spawn(&rig);
        assert_eq!(rig.captured.count(), 0);
        path(&rig.queue, handle);
        rig.queue.drop_all();
        assert_eq!((rig.captured.count(), rig.values.count()), (1, values));
    }
}

#[test]
fn got_joined_tried_and_awaited() {
    must_end(|| {
        let asks: [fn(JoinHandle<Counted>); 6] = [
            |handle| drop(handle.get()),
            |handle| drop(handle.join().unwrap()),
            |handle| drop(handle.try_get().unwrap()),
            |handle| drop(handle.get_timeout(Duration::ZERO).unwrap()),
            |handle| drop(block_on(handle)),
            |handle| drop(block_on(handle.settle()).unwrap()),
        ];
        for ask in asks {
            each(1, |queue, handle| {
                queue.run_all();
                ask(handle);
            });
        }
    });
}

#[test]
fn claimed() {
    must_end(|| {
        let rig = Rig::default();
        drop(rig.closure().get());
        assert_eq!((rig.captured.count(), rig.values.count()), (1, 1));
        rig.queue.run_all();
        assert_eq!((rig.captured.count(), rig.values.count()), (1, 1));
    });
}

#[test]
fn dropped_before_it_runs() {
    must_end(|| {
        each(1, |queue, handle| {
            drop(handle);
            queue.run_all();
        });
    });
}

#[test]
fn dropped_after_it_ran() {
    must_end(|| {
        each(1, |queue, handle| {
            queue.run_all();
            drop(handle);
        });
    });
}

#[test]
fn polled_and_then_dropped() {
    must_end(|| {
        each(1, |queue, mut handle| {
            assert!(poll(&mut handle, Waker::noop()).is_pending());
            drop(handle);
            queue.run_all();
        });
    });
}

#[test]
fn timed_out_and_then_dropped_or_got() {
    must_end(|| {
        each(1, |queue, handle| {
            let handle = handle.get_timeout(Duration::from_millis(1)).map(drop);
            drop(handle.unwrap_err());
            queue.run_all();
        });
        each(1, |queue, handle| {
            let handle = handle.get_timeout(Duration::from_millis(1)).map(drop);
            queue.run_all();
            drop(handle.unwrap_err().get());
        });
    });
}

#[test]
fn cancelled_before_it_runs() {
    must_end(|| {
        each(0, |_, handle| {
            handle.cancel();
            assert!(handle.join().is_err());
        });
        each(0, |queue, handle| {
            handle.cancel();
            drop(handle);
            queue.run_all();
        });
    });
}

#[test]
fn cancelled_after_it_ran() {
    must_end(|| {
        each(1, |queue, handle| {
            queue.run_all();
            handle.cancel();
            drop(handle.get());
        });
    });
}

#[test]
fn its_job_dropped_by_the_executor() {
    must_end(|| {
        each(0, |queue, handle| {
            queue.drop_all();
            assert!(handle.join().is_err());
        });
        each(0, |queue, handle| {
            drop(handle);
            queue.drop_all();
        });
    });
}

#[test]
fn a_closures_handle_dropped_or_cancelled_while_it_runs() {
    must_end(|| {
        for cancels in [true, false] {
            let (captured, values) = (Drops::new(), Drops::new());
            let (held, makes) = (captured.one(), values.clone());
            let (started, gate) = (Gate::new(), Gate::new());
            let (starts, passes) = (started.clone(), gate.clone());
            let queue = Queue::new();
            let handle = queue.spawn_value(move || {
                let _held = held;
                starts.open();
                passes.pass();
                makes.one()
            });
            let job = queue.pop().unwrap();
            let runner = thread::spawn(move || job.run());
            started.pass();
            if cancels {
                handle.cancel();
                gate.open();
                drop(handle.get());
            } else {
                drop(handle);
                gate.open();
            }
            runner.join().unwrap();
            assert_eq!((captured.count(), values.count()), (1, 1));
        }
    });
}

#[test]
fn a_futures_handle_dropped_or_cancelled_while_it_waits() {
    for (cancels, made) in [(true, 0), (false, 1)] {
        let (captured, values) = (Drops::new(), Drops::new());
        let (held, makes) = (captured.one(), values.clone());
        let (resolver, answer) = promise::<()>();
        let queue = Queue::new();
        let handle = queue.spawn_future(async move {
            let _held = held;
            answer.await;
            makes.one()
        });
        queue.run_all();
        if cancels {
            handle.cancel();
        }
        drop(handle);
        queue.run_all();
        assert_eq!(resolver.resolve(()).is_err(), cancels);
        queue.run_all();
        assert_eq!((captured.count(), values.count()), (1, made));
    }
}

#[test]
fn a_detached_future_that_was_woken_and_can_be_no_more_is_dropped() {
    let rig = Rig::default();
    let (resolver, answer) = promise::<i32>();
    let captured = rig.captured.one();
    let future = async move {
        let _captured = captured;
        answer.await;
        std::future::pending::<()>().await;
    };
    rig.queue.spawn_future(future).detach();
    rig.queue.run_all();
    assert_eq!(rig.captured.count(), 0);
    resolver.resolve(1).unwrap();
    rig.queue.run_all();
    assert_eq!(rig.captured.count(), 1, "nobody is left who could wake it");
}

#[test]
fn a_future_that_is_detached_while_it_is_polled_is_dropped_if_nobody_can_wake_it() {
    let rig = Rig::default();
    let captured = rig.captured.one();
    let slot = Arc::new(Mutex::new(None::<JoinHandle<()>>));
    let own = Arc::clone(&slot);
    let future = async move {
        let _captured = captured;
        drop(own.lock().unwrap().take());
        drop(own);
        std::future::pending::<()>().await;
    };
    *slot.lock().unwrap() = Some(rig.queue.spawn_future(future));
    rig.queue.run_all();
    assert_eq!(rig.captured.count(), 1);
}

#[test]
fn a_detached_future_that_nobody_wakes_again_is_dropped() {
    let drops = Drops::new();
    let captured = drops.one();
    let queue = Queue::new();
    let handle = queue.spawn_future(async move {
        let _captured = captured;
        std::future::poll_fn(|_| Poll::<()>::Pending).await;
    });
    queue.run_all();
    assert_eq!(drops.count(), 0, "a handle waits for it");
    drop(handle);
    queue.run_all();
    assert_eq!(drops.count(), 1);
}

#[test]
fn panicking() {
    must_end(|| {
        let queue = Queue::new();
        let drops = Drops::new();
        let (first, second, third) = (drops.one(), drops.one(), drops.one());
        let run = queue.spawn_value(move || {
            let _first = first;
            panic!("no luck")
        });
        let polled = queue.spawn_future(async move {
            let _second = second;
            panic!("no luck")
        });
        queue.run_all();
        let claimed = queue.spawn_value(move || {
            let _third = third;
            panic!("no luck")
        });
        let handles: [JoinHandle<()>; 3] = [run, polled, claimed];
        for handle in handles {
            assert!(handle.join().unwrap_err().is_panic());
        }
        assert_eq!(drops.count(), 3);
    });
}

#[test]
fn spawned_on_a_pool_that_was_shut_down() {
    must_end(|| {
        let pool = Pool::builder().threads(1).build().unwrap();
        let (captured, values) = (Drops::new(), Drops::new());
        let (before, makes) = ([captured.one(), captured.one()], values.clone());
        let [first, second] = before;
        let closure = pool.spawn_value(move || {
            let _first = first;
            makes.one()
        });
        let makes = values.clone();
        let future = pool.spawn_future(async move {
            let _second = second;
            makes.one()
        });
        pool.shutdown();
        assert_eq!(captured.count(), 2, "what was queued has run");
        drop((closure.get(), future.get()));
        assert_eq!(values.count(), 2);

        let (late, later) = (captured.one(), captured.one());
        let closure = pool.spawn_value(move || drop(late));
        let future = pool.spawn_future(async move { drop(later) });
        assert_eq!(captured.count(), 4);
        assert!(closure.join().unwrap_err().is_cancelled());
        assert!(future.join().unwrap_err().is_cancelled());
    });
}

/// Writes down what happens.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    fn add(&self, event: &'static str) {
        self.0.lock().unwrap().push(event);
    }

    fn read(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

struct Named(&'static str, Log);

impl Drop for Named {
    fn drop(&mut self) {
        self.1.add(self.0);
    }
}

struct Woken(Log);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.add("woken");
    }
}

#[test]
fn what_a_task_captured_is_dropped_before_its_value_shows() {
    let queue = Queue::new();
    let log = Log::default();
    let captured = || Named("captured", log.clone());
    let value = || Named("value", log.clone());
    let (held, gives, held_too, gives_too) = (captured(), value(), captured(), value());
    let handles = [
        queue.spawn_value(move || {
            let _held = held;
            gives
        }),
        // Held by the future itself, not by its body: it goes when the future does.
        queue.spawn_future(HoldsAfterReady(Some(gives_too), held_too)),
    ];
    for mut handle in handles {
        let waker = Waker::from(Arc::new(Woken(log.clone())));
        assert!(poll(&mut handle, &waker).is_pending());
        queue.pop().unwrap().run();
        assert_eq!(log.read(), ["captured", "woken"]);
        drop(handle);
        assert_eq!(log.read(), ["captured", "woken", "value"]);
        log.0.lock().unwrap().clear();
    }
}

struct HoldsAfterReady(
    Option<Named>,
    #[expect(dead_code, reason = "for its drop")] Named,
);

impl Future for HoldsAfterReady {
    type Output = Named;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<Self::Output> {
        Poll::Ready(self.0.take().unwrap())
    }
}

#[test]
fn what_a_cancelled_task_captured_is_dropped_before_anybody_is_woken() {
    let queue = Queue::new();
    let log = Log::default();
    let (held, held_too) = (
        Named("captured", log.clone()),
        Named("captured", log.clone()),
    );
    let handles = [
        queue.spawn_value(move || drop(held)),
        queue.spawn_future(async move { drop(held_too) }),
    ];
    for mut handle in handles {
        let waker = Waker::from(Arc::new(Woken(log.clone())));
        assert!(poll(&mut handle, &waker).is_pending());
        handle.cancel();
        assert_eq!(log.read(), ["captured", "woken"]);
        log.0.lock().unwrap().clear();
    }
}
