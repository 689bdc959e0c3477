//! Panics, in the task and in the odd places: they reach who asks, hang nobody, and kill no thread.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use letgo::{Executor, JoinError, JoinHandle, Pool, promise, spawn_future, spawn_value};

use crate::common::{Counted, Drops, Queue, Wakes, must_end, panic_text, poll};

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

type Joins = fn(JoinHandle<i32>) -> Result<i32, JoinError>;

/// Every way a task's panic may show, of a closure and of a future.
fn all_ways(panics: fn() -> i32) -> Vec<Box<dyn std::any::Any + Send>> {
    let unwinds: [fn(JoinHandle<i32>) -> i32; 4] = [
        JoinHandle::get,
        |handle| block_on(handle),
        |handle| handle.map(|n| n).get(),
        |handle| handle.get_timeout(Duration::MAX).unwrap(),
    ];
    let errors: [Joins; 3] = [
        JoinHandle::join,
        |handle| handle.settle().get(),
        |handle| block_on(handle.settle()),
    ];
    let mut seen = Vec::new();
    for spawn in [
        |panics: fn() -> i32| spawn_value(panics),
        |panics: fn() -> i32| spawn_future(async move { panics() }),
    ] {
        for unwind in unwinds {
            let handle = spawn(panics);
            seen.push(catch_unwind(AssertUnwindSafe(|| unwind(handle))).unwrap_err());
        }
        for error in errors {
            let error = error(spawn(panics)).unwrap_err();
            assert!(error.is_panic() && !error.is_cancelled());
            seen.push(error.into_panic());
        }
    }
    seen
}

#[test]
fn the_payload_reaches_whoever_asks() {
    must_end(|| {
        for payload in all_ways(|| panic!("no luck")) {
            assert_eq!(*payload.downcast::<&str>().unwrap(), "no luck");
        }
        for payload in all_ways(|| panic!("no luck {}", std::hint::black_box(7))) {
            assert_eq!(*payload.downcast::<String>().unwrap(), "no luck 7");
        }
        for payload in all_ways(|| panic_any(7_u8)) {
            assert_eq!(*payload.downcast::<u8>().unwrap(), 7);
        }
    });
}

#[test]
fn an_error_tells_what_it_knows() {
    must_end(|| {
        let error = |panics: fn()| spawn_value(panics).join().unwrap_err();
        let text = error(|| panic!("no {}", "luck"));
        assert_eq!(text.message(), Some("no luck"));
        assert_eq!(text.to_string(), "task panicked: no luck");
        assert!(format!("{text:?}").contains("no luck"));
        let number = error(|| panic_any(7));
        assert_eq!(number.message(), None);
        assert_eq!(
            number.to_string(),
            "task panicked with a payload that is no text"
        );
        let (resolver, handle) = promise::<()>();
        drop(resolver);
        let cancelled = handle.join().unwrap_err();
        assert_eq!(cancelled.message(), None);
        assert_eq!(cancelled.to_string(), "task was cancelled");
        let text = panic_text(|| cancelled.into_panic());
        assert!(text.contains("no panic: task was cancelled"), "{text}");
    });
}

#[test]
fn a_panic_takes_no_thread_with_it() {
    must_end(|| {
        let pool = Pool::builder().threads(1).max_threads(1).build().unwrap();
        let on_pool = || pool.spawn_value(|| thread::current().id());
        let before = on_pool().get_timeout(Duration::MAX).unwrap();
        let (resolver, mut bad_waker) = promise();
        assert!(poll(&mut bad_waker, &Waker::from(Arc::new(PanicsWhenWoken))).is_pending());
        pool.spawn_value(|| panic!("in the closure")).detach();
        pool.spawn_value(|| Bomb("in the value's drop")).detach();
        pool.spawn_value(|| panic_any(Bomb("in the payload's drop")))
            .detach();
        let captured = Bomb("in the drop of what it captured");
        pool.spawn_value(move || _ = &captured).detach();
        pool.spawn_value(move || _ = resolver.resolve(())).detach();
        pool.spawn_future(async { panic!("in the future") })
            .detach();
        pool.spawn_future(async { Bomb("in the value's drop") })
            .detach();
        let captured = Bomb("in the future's drop");
        pool.spawn_future(async move { _ = &captured }).detach();
        let after = on_pool().get_timeout(Duration::MAX).unwrap();
        assert_eq!(before, after);
        bad_waker.get();
        pool.shutdown();
    });
}

#[test]
fn a_closure_need_not_be_unwind_safe() {
    must_end(|| {
        let (tell, told) = std::sync::mpsc::channel::<Box<dyn FnOnce() -> i32 + Send>>();
        tell.send(Box::new(|| 1)).unwrap();
        assert_eq!(spawn_value(move || told.recv().unwrap()()).get(), 1);
        let boxed: Box<dyn FnOnce() -> i32 + Send> = Box::new(|| panic!("no luck"));
        assert!(spawn_value(boxed).join().unwrap_err().is_panic());
    });
}

struct PanicsWhenWoken;

impl Wake for PanicsWhenWoken {
    fn wake(self: Arc<Self>) {
        panic!("in the waker");
    }
}

struct PanicsWhenDropped(#[expect(dead_code, reason = "for its drop")] Bomb);

impl Wake for PanicsWhenDropped {
    fn wake(self: Arc<Self>) {}
}

/// A waker of which a handle that is polled with it has the only reference.
fn poll_with_bomb<T>(handle: &mut JoinHandle<T>) {
    let waker = Waker::from(Arc::new(PanicsWhenDropped(Bomb("in the waker's drop"))));
    assert!(poll(handle, &waker).is_pending());
    // The last reference but the handle's.
    drop(waker);
}

#[test]
fn a_waker_that_panics_when_woken_harms_nobody() {
    must_end(|| {
        let (resolver, mut handle) = promise();
        assert!(poll(&mut handle, &Waker::from(Arc::new(PanicsWhenWoken))).is_pending());
        assert_eq!(resolver.resolve(1), Ok(()));
        assert_eq!(handle.get(), 1);
        let (resolver, mut handle) = promise::<i32>();
        assert!(poll(&mut handle, &Waker::from(Arc::new(PanicsWhenWoken))).is_pending());
        drop(resolver);
        assert!(handle.join().unwrap_err().is_cancelled());
        let (resolver, mut handle) = promise::<i32>();
        assert!(poll(&mut handle, &Waker::from(Arc::new(PanicsWhenWoken))).is_pending());
        handle.cancel();
        assert!(resolver.is_abandoned());
    });
}

#[test]
fn a_waker_that_panics_when_dropped_harms_nobody() {
    must_end(|| {
        let queue = Queue::new();
        // Woken, and thus dropped.
        let (resolver, mut handle) = promise();
        poll_with_bomb(&mut handle);
        assert_eq!(resolver.resolve(1), Ok(()));
        assert_eq!(handle.get(), 1);
        // Replaced by another.
        let (resolver, mut handle) = promise();
        poll_with_bomb(&mut handle);
        let (wakes, waker) = Wakes::pair();
        assert!(poll(&mut handle, &waker).is_pending());
        assert_eq!(resolver.resolve(1), Ok(()));
        assert_eq!(wakes.count(), 1);
        assert_eq!(handle.get(), 1);
        // Replaced by a waiting thread's.
        let (resolver, mut handle) = promise();
        poll_with_bomb(&mut handle);
        let waiter = thread::spawn(move || handle.get());
        assert_eq!(resolver.resolve(1), Ok(()));
        assert_eq!(waiter.join().unwrap(), 1);
        // Claimed.
        let mut handle = queue.spawn_value(|| 1);
        poll_with_bomb(&mut handle);
        assert_eq!(handle.get(), 1);
        // Detached, before the start and after it.
        let mut handle = queue.spawn_value(|| 1);
        poll_with_bomb(&mut handle);
        drop(handle);
        let (resolver, mut handle) = promise();
        poll_with_bomb(&mut handle);
        drop(handle);
        assert_eq!(resolver.resolve(1), Err(1));
    });
}

#[test]
fn what_a_closure_captured_may_panic_when_dropped() {
    must_end(|| {
        let queue = Queue::new();
        let spawn = || {
            let captured = Bomb("captured");
            queue.spawn_value(move || _ = &captured)
        };
        // As it ends. (A value that was there by then is not dropped: so the language has it.)
        let handle = spawn();
        queue.run_all();
        assert_eq!(handle.join().unwrap_err().message(), Some("captured"));
        assert_eq!(spawn().join().unwrap_err().message(), Some("captured"));
        queue.run_all();
        // As it is cancelled.
        let handle = spawn();
        handle.cancel();
        assert_eq!(handle.join().unwrap_err().message(), Some("captured"));
        // As the executor drops its job.
        let handle = spawn();
        queue.drop_all();
        assert_eq!(handle.join().unwrap_err().message(), Some("captured"));
    });
}

/// A future that panics when dropped, after it gave its value or without.
struct Explosive(
    Option<Counted>,
    #[expect(dead_code, reason = "for its drop")] Bomb,
);

impl Future for Explosive {
    type Output = Counted;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<Self::Output> {
        self.0.take().map_or(Poll::Pending, Poll::Ready)
    }
}

type Ends = fn(&JoinHandle<Counted>, &Queue);

#[test]
fn a_future_may_panic_when_dropped() {
    must_end(|| {
        let queue = Queue::new();
        let drops = Drops::new();
        let spawn = |value| queue.spawn_future(Explosive(value, Bomb("the future")));
        let ends: [(bool, Ends); 4] = [
            (true, |_, queue| queue.run_all()),
            (false, |handle, queue| {
                queue.run_all();
                handle.cancel();
                queue.run_all();
            }),
            (true, |handle, _| handle.cancel()),
            (true, |_, queue| queue.drop_all()),
        ];
        for (gives, end) in ends {
            let handle = spawn(gives.then(|| drops.one()));
            end(&handle, &queue);
            let error = handle.join().map(drop).unwrap_err();
            assert_eq!(error.message(), Some("the future"));
        }
        assert_eq!(drops.count(), 3);
    });
}

#[test]
fn a_maps_closure_may_panic() {
    must_end(|| {
        let unlucky = || spawn_value(|| 1).map(|_| -> i32 { panic!("in the map") });
        assert_eq!(panic_text(|| unlucky().get()), "in the map");
        assert_eq!(panic_text(|| block_on(unlucky())), "in the map");
        let timed = panic_text(|| unlucky().get_timeout(Duration::MAX));
        assert_eq!(timed, "in the map");
    });
}

#[test]
fn a_then_passes_a_panic_on_and_drops_its_closure() {
    must_end(|| {
        let drops = Drops::new();
        let captured = drops.one();
        let chained = spawn_value(|| -> i32 { panic!("at the source") }).then(move |n| {
            let _captured = captured;
            n
        });
        assert_eq!(chained.join().unwrap_err().message(), Some("at the source"));
        assert_eq!(drops.count(), 1);
        let chained = spawn_value(|| 1).then(|_| -> i32 { panic!("in the chain") });
        assert_eq!(chained.join().unwrap_err().message(), Some("in the chain"));
    });
}

#[test]
fn a_thens_closure_that_panics_when_dropped_hangs_nobody() {
    must_end(|| {
        let captured = Bomb("captured");
        let (resolver, source) = promise::<()>();
        let chained = source.then(move |()| _ = &captured);
        drop(resolver);
        // Not claimed: it is to end where it was started.
        let settled = block_on(chained.settle());
        assert!(settled.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_handle_is_dropped_in_peace_whatever_its_value_does() {
    let ends: [fn(&Queue, JoinHandle<Bomb>); 2] = [
        |queue, handle| {
            queue.run_all();
            drop(handle);
        },
        |queue, handle| {
            drop(handle);
            queue.run_all();
        },
    ];
    for end in ends {
        let queue = Queue::new();
        end(&queue, queue.spawn_value(|| Bomb("the value")));
        end(&queue, queue.spawn_value(|| panic_any(Bomb("the payload"))));
        end(&queue, queue.spawn_future(async { Bomb("the value") }));
    }
    // A panic more, in a thread that unwinds, would end the process.
    let (resolver, handle) = promise();
    assert!(resolver.resolve(Bomb("the value")).is_ok());
    let text = panic_text(|| {
        let _handle = handle;
        panic!("unwinds");
    });
    assert_eq!(text, "unwinds");
}

#[test]
fn a_payload_that_panics_when_dropped_is_delivered() {
    must_end(|| {
        let bombed = || spawn_value(|| -> i32 { panic_any(Bomb("the payload")) });
        let error = bombed().join().unwrap_err();
        assert_eq!(panic_text(|| drop(error)), "the payload");
        let handle = bombed();
        let payload = catch_unwind(AssertUnwindSafe(|| handle.get())).unwrap_err();
        let bomb = payload.downcast::<Bomb>().unwrap();
        assert_eq!(panic_text(|| drop(bomb)), "the payload");
    });
}

#[test]
fn a_handle_dropped_as_its_task_ends_drops_quietly() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("in the value's drop"));
        }
    }
    must_end(|| {
        let pool = Pool::builder().threads(1).build().unwrap();
        for spins in 0..20_000 {
            let handle = pool.spawn_value(|| Bomb);
            (0..spins % 400).for_each(|_| std::hint::spin_loop());
            drop(handle);
        }
        pool.shutdown();
    });
}
