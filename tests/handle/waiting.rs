//! Waiting for a value: every way of it, one after another, and what is said of a spent handle.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::future::FusedFuture;
use letgo::{Executor, JoinHandle, promise, spawn_future, spawn_value};

use crate::common::{Gate, Queue, Wakes, must_end, panic_text, poll, until};

#[test]
fn a_value_is_got_joined_and_awaited() {
    must_end(|| {
        assert_eq!(spawn_value(|| 1).get(), 1);
        assert_eq!(spawn_value(|| 2).join().unwrap(), 2);
        assert_eq!(block_on(spawn_value(|| 3)), 3);
        assert_eq!(spawn_future(async { 4 }).get(), 4);
        assert_eq!(spawn_future(async { 5 }).join().unwrap(), 5);
        assert_eq!(block_on(spawn_future(async { 6 })), 6);
    });
}

#[test]
fn spawning_returns_at_once() {
    must_end(|| {
        let gate = Gate::new();
        let theirs = gate.clone();
        let handle = spawn_value(move || theirs.pass());
        gate.open(); // had it run inline, nobody would ever get here
        handle.get();
    });
}

#[test]
fn looking_and_timed_waiting_never_claim() {
    must_end(|| {
        let queue = Queue::new();
        let ran = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&ran);
        let mut handle = queue.spawn_value(move || theirs.store(true, Ordering::SeqCst));

        handle = handle.try_get().unwrap_err();
        handle = handle.get_timeout(Duration::ZERO).unwrap_err();
        handle = handle.get_timeout(Duration::from_millis(2)).unwrap_err();
        handle = handle.get_deadline(Instant::now()).unwrap_err();
        handle = handle
            .get_deadline(Instant::now() + Duration::from_millis(2))
            .unwrap_err();
        assert!(poll(&mut handle, Waker::noop()).is_pending());
        assert!(!handle.is_finished());
        assert!(!ran.load(Ordering::SeqCst), "one of them claimed");

        queue.run_all();
        assert!(handle.is_finished());
        assert!(handle.try_get().is_ok());
    });
}

#[test]
fn get_timeout_of_the_longest_duration_waits_without_claiming() {
    must_end(|| {
        let queue = Queue::new();
        let handle = queue.spawn_value(|| thread::current().id());
        let waiter = thread::spawn(move || handle.get_timeout(Duration::MAX).unwrap());
        queue.run_all();
        assert_eq!(waiter.join().unwrap(), thread::current().id());
    });
}

#[test]
fn a_timed_get_takes_what_is_there_whatever_the_time() {
    must_end(|| {
        let ready = || {
            let (resolver, handle) = promise();
            resolver.resolve(1).unwrap();
            handle
        };
        assert_eq!(ready().get_timeout(Duration::ZERO).unwrap(), 1);
        assert_eq!(ready().get_deadline(Instant::now()).unwrap(), 1);
        let Some(long_ago) = Instant::now().checked_sub(Duration::from_millis(1)) else {
            return;
        };
        assert_eq!(ready().get_deadline(long_ago).unwrap(), 1);
    });
}

#[test]
fn a_timed_get_ends_when_the_value_comes() {
    must_end(|| {
        let (resolver, handle) = promise();
        let waiter = thread::spawn(move || handle.get_timeout(Duration::from_secs(3600)).unwrap());
        resolver.resolve(1).unwrap();
        assert_eq!(waiter.join().unwrap(), 1);
        let (resolver, handle) = promise();
        let end = Instant::now() + Duration::from_secs(3600);
        let waiter = thread::spawn(move || handle.get_deadline(end).unwrap());
        resolver.resolve(2).unwrap();
        assert_eq!(waiter.join().unwrap(), 2);
    });
}

/// Every way of asking an ended task that is not `join` or `settle`.
fn asks<T: Send + 'static>() -> [fn(JoinHandle<T>); 5] {
    [
        |handle| _ = handle.get(),
        |handle| _ = handle.try_get(),
        |handle| _ = handle.get_timeout(Duration::ZERO),
        |handle| _ = handle.get_deadline(Instant::now()),
        |handle| _ = block_on(handle),
    ]
}

#[test]
fn of_an_ended_task_every_ask_does_as_get_does() {
    must_end(|| {
        for ask in asks() {
            let queue = Queue::new();
            let handle = queue.spawn_value(|| -> i32 { panic!("no luck") });
            queue.run_all();
            assert_eq!(panic_text(|| ask(handle)), "no luck");
        }
        for ask in asks::<i32>() {
            let line = line!() + 1;
            let (resolver, handle) = promise();
            drop(resolver);
            let text = panic_text(|| ask(handle));
            assert!(
                text.contains(&format!("{}:{line}", file!())),
                "it does not name the place of the promise: {text}"
            );
        }
    });
}

#[test]
fn get_of_a_cancelled_task_names_the_place_it_was_spawned_at() {
    must_end(|| {
        let queue = Queue::new();
        let here = |line: u32| format!("{}:{line}:", file!());
        let spawned = [
            (line!(), queue.spawn_value(|| ())),
            (line!(), queue.spawn_future(async {})),
            (line!(), letgo::spawn_value_on(&queue, || ())),
        ];
        for (line, handle) in spawned {
            assert_eq!(handle.spawned_at().file(), file!());
            assert_eq!(handle.spawned_at().line(), line);
            handle.cancel();
            let text = panic_text(|| handle.get());
            assert!(text.contains(&here(line)), "no {} in: {text}", here(line));
        }
        let (line, handle) = (line!(), spawn_value(|| ()));
        assert_eq!(handle.spawned_at().line(), line);
        let (line, handle) = (line!(), spawn_future(async {}));
        assert_eq!(handle.spawned_at().line(), line);
        let (line, (_resolver, handle)) = (line!(), promise::<()>());
        assert_eq!(handle.spawned_at().line(), line);
        let (line, handle) = (line!(), handle.then(|()| ()));
        assert_eq!(handle.spawned_at().line(), line);
    });
}

#[test]
fn a_polled_handle_is_got() {
    must_end(|| {
        // Not started: `get` claims it, and nobody is woken for it.
        let queue = Queue::new();
        let mut handle = queue.spawn_value(|| thread::current().id());
        let (wakes, waker) = Wakes::pair();
        assert!(poll(&mut handle, &waker).is_pending());
        assert_eq!(handle.get(), thread::current().id());
        drop(waker);
        assert_eq!(wakes.count(), 0);
        assert!(!wakes.is_held(), "the cell kept the waker");

        // Started: `get` waits, on another thread than it was polled on.
        let gate = Gate::new();
        let (theirs, started) = (gate.clone(), Gate::new());
        let starts = started.clone();
        let mut handle = spawn_value(move || {
            starts.open();
            theirs.pass();
            1
        });
        started.pass();
        assert!(poll(&mut handle, Waker::noop()).is_pending());
        let waiter = thread::spawn(move || handle.get());
        gate.open();
        assert_eq!(waiter.join().unwrap(), 1);
    });
}

#[test]
fn only_the_last_waker_is_woken_and_only_once() {
    let (resolver, mut handle) = promise();
    let wakers: Vec<_> = (0..5).map(|_| Wakes::pair()).collect();
    for (_, waker) in &wakers {
        // Twice each: to be polled by the same one again changes nothing.
        assert!(poll(&mut handle, waker).is_pending());
        assert!(poll(&mut handle, waker).is_pending());
    }
    resolver.resolve(1).unwrap();
    let counts: Vec<_> = wakers.iter().map(|(wakes, _)| wakes.count()).collect();
    assert_eq!(counts, [0, 0, 0, 0, 1]);
    assert_eq!(poll(&mut handle, &wakers[0].1), Poll::Ready(1));
    assert_eq!(wakers[4].0.count(), 1, "it was woken again after the end");
}

#[test]
fn each_end_wakes_once() {
    must_end(|| {
        let spawns: [fn(&Queue) -> JoinHandle<i32>; 4] = [
            |queue| queue.spawn_value(|| 1),
            |queue| queue.spawn_value(|| panic!("no luck")),
            |queue| queue.spawn_future(async { 1 }),
            |queue| queue.spawn_future(async { panic!("no luck") }),
        ];
        let ends: [fn(&Queue, &JoinHandle<i32>); 3] = [
            |queue, _| queue.run_all(),
            |queue, _| queue.drop_all(),
            |_, handle| handle.cancel(),
        ];
        for spawn in spawns {
            for end in ends {
                let queue = Queue::new();
                let mut handle = spawn(&queue);
                let (wakes, waker) = Wakes::pair();
                assert!(poll(&mut handle, &waker).is_pending());
                end(&queue, &handle);
                assert!(handle.is_finished());
                assert_eq!(wakes.count(), 1);
                drop(handle.join());
                queue.run_all();
                assert_eq!(wakes.count(), 1);
            }
        }
    });
}

#[test]
fn a_handle_that_gave_its_value_away_says_so() {
    must_end(|| {
        let spent = || {
            let (resolver, mut handle) = promise();
            resolver.resolve(1).unwrap();
            assert_eq!(poll(&mut handle, Waker::noop()), Poll::Ready(1));
            handle
        };
        let again: [fn(JoinHandle<i32>); 8] = [
            |mut handle| _ = poll(&mut handle, Waker::noop()),
            |handle| _ = handle.get(),
            |handle| _ = handle.join(),
            |handle| _ = handle.try_get(),
            |handle| _ = handle.get_timeout(Duration::ZERO),
            |handle| _ = handle.settle().get(),
            |handle| _ = handle.then(|n| n),
            |handle| _ = handle.spawned_at(),
        ];
        for again in again {
            let text = panic_text(|| again(spent()));
            assert!(text.contains("given its value away"), "{text}");
        }
        let handle = spent();
        assert!(handle.is_finished() && handle.is_terminated());
        handle.cancel();
        assert!(format!("{handle:?}").contains("value taken"));
    });
}

#[test]
fn a_handle_is_fused_once_it_gave_its_value_or_its_panic() {
    let (resolver, mut handle) = promise::<i32>();
    assert!(!handle.is_terminated());
    assert!(poll(&mut handle, Waker::noop()).is_pending());
    drop(resolver);
    assert!(!handle.is_terminated(), "it has not told its end yet");
    panic_text(|| poll(&mut handle, Waker::noop()));
    assert!(handle.is_terminated());
}

#[test]
fn a_handle_names_its_task() {
    let queue = Queue::new();
    let (a, b) = (queue.spawn_value(|| 1), queue.spawn_value(|| 2));
    assert_eq!(a.id(), a.id());
    assert_ne!(a.id(), b.id());
    let text = format!("{a:?}");
    for part in [file!(), &format!("{:?}", a.id()), "finished: false"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    let id = a.id();
    queue.run_all();
    assert_eq!(a.id(), id, "an id is for life");
    assert!(format!("{a:?}").contains("finished: true"));
}

#[test]
fn a_dropped_or_detached_handle_lets_its_task_go_on() {
    let queue = Queue::new();
    let (tell, told) = mpsc::channel();
    let (first, second, third) = (tell.clone(), tell.clone(), tell);
    drop(queue.spawn_value(move || first.send(1).unwrap()));
    queue.spawn_value(move || second.send(2).unwrap()).detach();
    drop(queue.spawn_future(async move { third.send(3).unwrap() }));
    queue.run_all();
    assert_eq!(told.iter().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_detached_future_goes_on_after_its_first_await() {
    let queue = Queue::new();
    let (resolver, answer) = promise();
    let (tell, told) = mpsc::channel();
    let handle = queue.spawn_future(async move { tell.send(answer.await).unwrap() });
    queue.run_all();
    drop(handle);
    assert_eq!(queue.len(), 0, "to be detached wakes nobody");
    resolver.resolve(1).unwrap();
    queue.run_all();
    assert_eq!(told.recv(), Ok(1));
}

#[test]
fn a_thread_that_ends_may_spawn_and_get() {
    struct Last(mpsc::Sender<i32>);
    impl Drop for Last {
        fn drop(&mut self) {
            let (resolver, waited_for) = promise();
            let claimed = spawn_value(|| 1).get();
            let pooled = spawn_value(move || resolver.resolve(2)).get_timeout(Duration::MAX);
            pooled.unwrap().unwrap();
            self.0.send(claimed + waited_for.get()).unwrap();
        }
    }
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    must_end(|| {
        // Whichever is destroyed first, the thread's tie to the pool or this.
        for letgo_first in [false, true] {
            let (tell, told) = mpsc::channel();
            let thread = thread::spawn(move || {
                if letgo_first {
                    spawn_value(|| ()).get_timeout(Duration::MAX).unwrap();
                }
                LAST.set(Some(Last(tell)));
                if !letgo_first {
                    spawn_value(|| ()).get_timeout(Duration::MAX).unwrap();
                }
            });
            thread.join().unwrap();
            assert_eq!(told.recv(), Ok(3));
        }
    });
}

#[test]
fn a_thread_that_unwinds_may_get() {
    struct Unwinds(mpsc::Sender<i32>);
    impl Drop for Unwinds {
        fn drop(&mut self) {
            let value = spawn_value(|| 1).get() + spawn_future(async { 2 }).get();
            let failed = spawn_value(|| -> i32 { panic!("while it unwinds") }).join();
            assert!(failed.is_err_and(|error| error.is_panic()));
            self.0.send(value).unwrap();
        }
    }
    must_end(|| {
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            let _unwinds = Unwinds(tell);
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        assert_eq!(told.recv(), Ok(3));
    });
}

#[test]
fn a_handle_may_be_looked_at_by_many_threads() {
    must_end(|| {
        let (resolver, handle) = promise();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| until("it is finished", || handle.is_finished()));
            }
            resolver.resolve(1).unwrap();
        });
        assert_eq!(handle.get(), 1);
    });
}
