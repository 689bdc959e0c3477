//! Executors: every recipe of the docs, and what becomes of jobs that are run late, inline or never.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use futures::task::SpawnExt;
use letgo::{Executor, Job, JoinHandle, Pool, promise, spawn_value_on};

use crate::common::{Drops, Queue, Wakes, must_end, panic_text, poll};

/// Closures, futures, futures that are woken, and panics, none of them claimed by the waiter.
fn serves(executor: impl Executor + Clone + Send + Sync + 'static) {
    let here = thread::current().id();
    let value = executor.spawn_value(|| thread::current().id());
    assert_ne!(value.get_timeout(Duration::MAX).unwrap(), here);
    let value = spawn_value_on(&executor, || 1);
    assert_eq!(value.get_timeout(Duration::MAX).unwrap(), 1);

    let future = executor.spawn_future(async { thread::current().id() });
    assert_ne!(future.get(), here);
    let (resolver, first) = promise();
    let (tell, second) = promise();
    let future = executor.spawn_future(async move {
        tell.resolve(()).unwrap();
        first.await + 1
    });
    second.get(); // it waits now, or is about to
    resolver.resolve(1).unwrap();
    assert_eq!(future.get(), 2);

    let unlucky = executor
        .spawn_value(|| -> i32 { panic!("no luck") })
        .settle();
    let error = unlucky.get_timeout(Duration::MAX).unwrap();
    assert_eq!(error.unwrap_err().message(), Some("no luck"));
    let unlucky: JoinHandle<i32> = executor.spawn_future(async { panic!("no luck") });
    assert_eq!(unlucky.join().unwrap_err().message(), Some("no luck"));
    assert_eq!(
        executor.spawn_future(async { 3 }).get(),
        3,
        "a panic took its thread"
    );
}

#[test]
fn tokio_serves() {
    must_end(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let tokio_handle = runtime.handle().clone();
        serves(move |job: Job| {
            tokio_handle.spawn_blocking(move || job.run());
        });
        // A future may as well be polled by the runtime's own threads.
        let tokio_handle = runtime.handle().clone();
        serves(move |job: Job| {
            tokio_handle.spawn(async { job.run() });
        });
    });
}

#[test]
fn a_tokio_runtime_that_is_shut_down_cancels() {
    must_end(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let tokio_handle = runtime.handle().clone();
        let executor = move |job: Job| {
            tokio_handle.spawn_blocking(move || job.run());
        };
        let (_resolver, never) = promise::<()>();
        let waits = executor.spawn_future(never);
        drop(runtime);
        let late = executor.spawn_value(|| 1);
        assert!(late.join().unwrap_err().is_cancelled());
        waits.cancel(); // its last job is dropped too
        assert!(waits.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn rayon_serves() {
    must_end(|| {
        serves(|job: Job| rayon::spawn(move || job.run()));
        let pool = Arc::new(
            rayon::ThreadPoolBuilder::new()
                .num_threads(1)
                .build()
                .unwrap(),
        );
        serves(move |job: Job| pool.spawn(move || job.run()));
    });
}

#[test]
fn async_executor_serves() {
    must_end(|| {
        let executor = Arc::new(async_executor::Executor::new());
        let runs = Arc::clone(&executor);
        let (stop, stopped) = promise::<()>();
        let thread = thread::spawn(move || futures::executor::block_on(runs.run(stopped)));
        serves(move |job: Job| executor.spawn(async { job.run() }).detach());
        stop.resolve(()).unwrap();
        thread.join().unwrap();
    });
}

#[test]
fn what_implements_the_futures_spawn_serves() {
    must_end(|| {
        let spawner = futures::executor::ThreadPool::builder()
            .pool_size(1)
            .create()
            .unwrap();
        serves(move |job: Job| spawner.spawn(async { job.run() }).unwrap());
    });
}

#[test]
fn a_thread_per_task_serves() {
    must_end(|| {
        serves(|job: Job| {
            thread::spawn(move || job.run());
        });
    });
}

#[test]
fn a_pool_and_a_reference_to_one_serve() {
    must_end(|| {
        let pool = Pool::builder().threads(1).build().unwrap();
        serves(pool.clone());
        serves(Pool::global());
        let shared = Arc::new(pool);
        serves(move |job: Job| shared.execute(job));
    });
}

#[test]
fn a_run_queue_of_a_single_thread_serves() {
    must_end(|| {
        let queue = Rc::new(RefCell::new(VecDeque::new()));
        let enqueues = Rc::clone(&queue);
        let executor = move |job: Job| enqueues.borrow_mut().push_back(job);
        let values = [1, 2, 3].map(|n| executor.spawn_value(move || n));
        let chained = executor.spawn_value(|| 4);
        let next = || queue.borrow_mut().pop_front();
        while let Some(job) = next() {
            job.run();
        }
        assert!(values.iter().all(|value| value.is_finished()));
        assert_eq!(values.map(|value| value.get()), [1, 2, 3]);
        assert_eq!(chained.get(), 4);
    });
}

#[test]
fn a_run_queue_that_can_be_sent_serves_futures_too() {
    must_end(|| {
        let queue = Queue::new();
        let (resolver, answer) = promise();
        let mut sum = queue.spawn_future(async move { answer.await + 1 });
        queue.run_all();
        let (wakes, waker) = Wakes::pair();
        assert!(poll(&mut sum, &waker).is_pending());
        resolver.resolve(1).unwrap();
        assert_eq!(
            (queue.len(), wakes.count()),
            (1, 0),
            "woken, but not run yet"
        );
        queue.run_all();
        assert_eq!(wakes.count(), 1);
        assert_eq!(sum.get(), 2);
    });
}

#[test]
fn an_executor_that_runs_inline_serves() {
    must_end(|| {
        let inline = |job: Job| job.run();
        let value = inline.spawn_value(|| 1);
        assert!(value.is_finished());
        assert_eq!(value.get(), 1);
        let (resolver, answer) = promise();
        let future = inline.spawn_future(async move { answer.await + 1 });
        resolver.resolve(1).unwrap();
        assert_eq!(future.get(), 2);
        let unlucky = inline.spawn_value(|| -> i32 { panic!("no luck") });
        assert!(unlucky.join().unwrap_err().is_panic());
    });
}

#[test]
fn an_executor_behind_a_trait_object_serves() {
    let queue = Queue::new();
    let executors: [Box<dyn Executor>; 2] =
        [Box::new(queue.clone()), Box::new(|job: Job| job.run())];
    let handles = executors.map(|executor| spawn_value_on(&*executor, || 1));
    queue.run_all();
    assert_eq!(handles.map(|handle| handle.try_get().unwrap()), [1, 1]);
}

#[test]
fn an_executor_that_panics_panics_in_the_spawner_and_the_task_is_cancelled() {
    must_end(|| {
        let drops = Drops::new();
        let refuses = |_: Job| panic!("no more tasks");
        let captured = drops.one();
        assert_eq!(
            panic_text(|| refuses.spawn_value(move || drop(captured))),
            "no more tasks"
        );
        assert_eq!(drops.count(), 1);
        let captured = drops.one();
        let text = panic_text(|| refuses.spawn_future(async move { drop(captured) }));
        assert_eq!(text, "no more tasks");
        assert_eq!(drops.count(), 2);
    });
}

#[test]
fn an_executor_that_panics_when_a_future_is_woken_cancels_it_and_spares_the_waker() {
    must_end(|| {
        // Runs one job; clones are counted, and dropped with the future.
        let (clones, left) = (Arc::new(()), Arc::new(AtomicUsize::new(1)));
        let held = Arc::clone(&clones);
        let runs_one = move |job: Job| {
            let _held = &held;
            assert_eq!(left.swap(0, Ordering::SeqCst), 1, "no more tasks");
            job.run();
        };
        let drops = Drops::new();
        let (captured, (resolver, answer)) = (drops.one(), promise::<i32>());
        let handle = runs_one.spawn_future(async move {
            let _captured = captured;
            answer.await
        });
        drop(runs_one);
        assert_eq!((drops.count(), Arc::strong_count(&clones)), (0, 2));
        resolver.resolve(1).unwrap();
        assert_eq!(drops.count(), 1);
        assert!(handle.join().unwrap_err().is_cancelled());
        assert_eq!(Arc::strong_count(&clones), 1, "the executor was leaked");

        // Woken by somebody else than a promise, who would not catch it.
        let (waker, left) = (Arc::new(Mutex::new(None::<Waker>)), AtomicUsize::new(1));
        let (theirs, left) = (Arc::clone(&waker), Arc::new(left));
        let runs_one = move |job: Job| {
            assert_eq!(left.swap(0, Ordering::SeqCst), 1, "no more tasks");
            job.run();
        };
        let handle = runs_one.spawn_future(std::future::poll_fn(move |cx| {
            *theirs.lock().unwrap() = Some(cx.waker().clone());
            Poll::<()>::Pending
        }));
        let waker = waker.lock().unwrap().take().unwrap();
        waker.wake();
        assert!(handle.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_dropped_executor_job_cancels_its_task() {
    must_end(|| {
        let drops_jobs = |job: Job| drop(job);
        let drops = Drops::new();
        let (first, second) = (drops.one(), drops.one());
        let closure = drops_jobs.spawn_value(move || drop(first));
        let future = drops_jobs.spawn_future(async move { drop(second) });
        assert_eq!(drops.count(), 2);
        assert!(closure.is_finished() && future.is_finished());
        assert!(closure.join().unwrap_err().is_cancelled());
        assert!(future.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_job_dropped_late_wakes_who_waits() {
    must_end(|| {
        let queue = Queue::new();
        let mut handle = queue.spawn_value(|| 1);
        let (wakes, waker) = Wakes::pair();
        assert!(poll(&mut handle, &waker).is_pending());
        queue.drop_all();
        assert_eq!(wakes.count(), 1);
        let waits = queue.spawn_future(async { 1 });
        let waiter = thread::spawn(move || waits.join());
        queue.drop_all();
        assert!(waiter.join().unwrap().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_job_dropped_after_its_task_was_claimed_or_cancelled_changes_nothing() {
    must_end(|| {
        let queue = Queue::new();
        assert_eq!(queue.spawn_value(|| 1).get(), 1);
        let cancelled = queue.spawn_value(|| 2);
        cancelled.cancel();
        queue.drop_all();
        assert!(cancelled.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_job_that_runs_never_unwinds() {
    must_end(|| {
        let queue = Queue::new();
        let closure = queue.spawn_value(|| panic!("no luck"));
        let future = queue.spawn_future(async { panic!("no luck") });
        let run = catch_unwind(AssertUnwindSafe(|| queue.run_all()));
        assert!(run.is_ok());
        let outcomes =
            [closure.join(), future.join()].map(|outcome: Result<(), _>| outcome.unwrap_err());
        assert!(outcomes.iter().all(|error| error.is_panic()));
    });
}

#[test]
fn a_foreign_thread_may_die_with_its_jobs() {
    must_end(|| {
        let (queue, jobs) = std::sync::mpsc::channel::<Job>();
        let executor = move |job: Job| queue.send(job).unwrap();
        let handles = [(); 3].map(|()| executor.spawn_value(|| 1));
        thread::spawn(move || {
            let _dies_with_the_thread = jobs;
            panic!("on purpose");
        });
        let handles = handles.map(|handle| handle.settle().get_timeout(Duration::MAX).unwrap());
        assert!(
            handles
                .into_iter()
                .all(|end| end.is_err_and(|error| error.is_cancelled()))
        );
    });
}
