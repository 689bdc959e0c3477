//! The question's program on executors of all kinds: a closure that takes a `Job` is one.

mod question;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::{ThreadPool, block_on};
use futures::task::SpawnExt;
use letgo::{Executor, Job};
use question::{assert_they_overlapped, get_a, get_b};

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    ask("tokio", |job: Job| {
        runtime.spawn_blocking(move || job.run());
    });

    ask("rayon", |job: Job| rayon::spawn(move || job.run()));

    let executor = Arc::new(async_executor::Executor::new());
    let driven = Arc::clone(&executor);
    thread::spawn(move || block_on(driven.run(std::future::pending::<()>())));
    ask("async-executor", |job: Job| {
        executor.spawn(async { job.run() }).detach();
    });

    let spawner = ThreadPool::new().unwrap(); // or whatever else is a `futures::task::Spawn`
    ask("futures::task::Spawn", |job: Job| {
        spawner.spawn(async { job.run() }).unwrap();
    });

    ask("a thread per task", |job: Job| {
        thread::spawn(move || job.run());
    });

    run_queue();
}

fn ask(name: &str, executor: impl Executor) {
    println!("--- {name}");
    let start = Instant::now();

    // What no thread has started when the sum is got runs on this one, so that the two overlap
    // even where the executor has a single thread.
    let c = (executor.spawn_value(get_a) + executor.spawn_value(get_b)).get();

    println!("Result: {c}");
    println!("All done!");

    assert_eq!(c, 300);
    assert_they_overlapped(start);
}

/// The main thread alone, and its loop: a GUI's, or a browser's. Here the two can't overlap.
fn run_queue() {
    println!("--- a run queue on the main thread");
    let start = Instant::now();

    let queue = RefCell::new(VecDeque::new());
    let executor = |job: Job| queue.borrow_mut().push_back(job);
    let c = executor.spawn_value(get_a) + executor.spawn_value(get_b);

    let next_job = || queue.borrow_mut().pop_front();
    while let Some(job) = next_job() {
        job.run();
    }

    let c = c.try_get().expect("both jobs have run");
    println!("Result: {c}");
    println!("All done!");

    assert_eq!(c, 300);
    assert!(start.elapsed() >= Duration::from_millis(300 + 400));
}
