//! Runtimes: a handle is awaited, selected, timed out and joined wherever futures are.

use std::time::Duration;

use futures::executor::{LocalPool, block_on};
use futures::stream::{FuturesOrdered, FuturesUnordered, StreamExt};
use futures::{FutureExt, select};
use letgo::{Executor, JoinHandle, promise, spawn_future, spawn_value};

use crate::common::{Gate, Queue, must_end};

/// What every runtime must bear.
async fn lives_here() {
    assert_eq!(spawn_value(|| 1).await, 1);
    assert_eq!(spawn_future(async { 2 }).await, 2);
    let (resolver, answer) = promise();
    let resolves = spawn_value(move || resolver.resolve(3));
    assert_eq!(answer.await, 3);
    resolves.await.unwrap();
    let unlucky = spawn_value(|| -> i32 { panic!("no luck") }).settle().await;
    assert_eq!(unlucky.unwrap_err().message(), Some("no luck"));

    let (a, b) = futures::join!(spawn_value(|| 1), spawn_future(async { "b" }));
    assert_eq!((a, b), (1, "b"));
    let many: FuturesUnordered<_> = (0..50).map(|n| spawn_value(move || n)).collect();
    let mut values: Vec<i32> = many.collect().await;
    values.sort_unstable();
    assert!(values.into_iter().eq(0..50));
    let many: FuturesOrdered<_> = (0..50).map(|n| spawn_value(move || n)).collect();
    assert!(many.collect::<Vec<_>>().await.into_iter().eq(0..50));

    select_and_get_later().await;
}

async fn select_and_get_later() {
    let gate = Gate::new();
    let passes = gate.clone();
    let mut slow = spawn_value(move || {
        passes.pass();
        "slow"
    });
    let (resolver, mut quick) = promise();
    resolver.resolve("quick").unwrap();
    let first = select! {
        value = slow => value,
        value = quick => value,
    };
    assert_eq!(first, "quick");
    // The winner is done for and skipped; the loser goes on.
    gate.open();
    let second = select! {
        value = slow => value,
        value = quick => value,
    };
    assert_eq!(second, "slow");
    select! {
        _ = slow => unreachable!("it has given its value"),
        _ = quick => unreachable!("it has given its value"),
        complete => {}
    }
}

#[test]
fn in_tokio_of_one_thread() {
    must_end(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(lives_here());
    });
}

#[test]
fn in_tokio_of_many_threads() {
    must_end(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        runtime.block_on(async { tokio::spawn(lives_here()).await.unwrap() });
    });
}

#[test]
fn in_async_executor() {
    must_end(|| {
        let executor = async_executor::Executor::new();
        let task = executor.spawn(lives_here());
        block_on(executor.run(task));
        let executor = async_executor::LocalExecutor::new();
        let task = executor.spawn(lives_here());
        block_on(executor.run(task));
    });
}

#[test]
fn in_the_executors_of_futures() {
    must_end(|| {
        block_on(lives_here());
        LocalPool::new().run_until(lives_here());
    });
}

#[test]
fn in_a_future_on_letgos_own_pool() {
    must_end(|| spawn_future(lives_here()).get());
}

#[test]
fn tokios_select_leaves_the_loser_usable() {
    must_end(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let (resolver, mut slow) = promise();
        runtime.block_on(async {
            let (tell, quick) = tokio::sync::oneshot::channel();
            tell.send("quick").unwrap();
            tokio::select! {
                _ = &mut slow => unreachable!("it is not resolved"),
                value = quick => assert_eq!(value, Ok("quick")),
            }
        });
        drop(runtime);
        // Got later, on no runtime, though the one that polled it last is gone.
        let resolves = spawn_value(move || resolver.resolve("slow").unwrap());
        assert_eq!(slow.get(), "slow");
        resolves.get();
    });
}

#[test]
fn a_handle_that_timed_out_in_tokio_is_got_later() {
    must_end(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (resolver, mut handle) = promise();
        runtime.block_on(async {
            let timed = tokio::time::timeout(Duration::from_millis(2), &mut handle).await;
            assert!(timed.is_err());
        });
        resolver.resolve(1).unwrap();
        assert_eq!(handle.get(), 1);
        let in_time = runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(3600), spawn_value(|| 2)).await
        });
        assert_eq!(in_time, Ok(2));
    });
}

#[test]
fn now_or_never_gives_what_is_there() {
    let queue = Queue::new();
    let mut handle = queue.spawn_value(|| 1);
    assert_eq!((&mut handle).now_or_never(), None);
    queue.run_all();
    assert_eq!((&mut handle).now_or_never(), Some(1));
}

#[test]
fn a_handle_that_waits_in_one_runtime_is_moved_to_another() {
    must_end(|| {
        let (resolver, mut handle) = promise();
        let first = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        first.block_on(async {
            let polled = futures::poll!(&mut handle);
            assert!(polled.is_pending());
        });
        let other = async_executor::Executor::new();
        let task = other.spawn(handle);
        let resolves = spawn_value(move || resolver.resolve(1).unwrap());
        assert_eq!(block_on(other.run(task)), 1);
        resolves.get();
        drop(first);
    });
}

#[test]
fn got_inside_a_runtime_a_closure_runs_in_its_context() {
    must_end(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let queue = Queue::new();
        let inside = || queue.spawn_value(|| tokio::runtime::Handle::try_current().is_ok());
        assert!(runtime.block_on(async { inside().get() }));
        assert!(!inside().get());
    });
}

#[test]
fn generic_code_takes_a_handle_for_a_future() {
    fn twice(future: impl Future<Output = i32> + Unpin + Send + 'static) -> JoinHandle<i32> {
        spawn_future(async move { future.await * 2 })
    }
    must_end(|| assert_eq!(twice(spawn_value(|| 21)).get(), 42));
}
