//! Claims: who asks for a closure's value runs it, if nobody has started it.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use letgo::{Executor, Job, JoinHandle, Pool, promise, spawn_value};

use crate::common::{Gate, Queue, must_end, panic_text};

/// How long a chain is that would need far more stack than any thread has.
const CHAIN: usize = 50_000;

#[test]
fn get_and_join_run_a_closure_that_nobody_has_started() {
    must_end(|| {
        let queue = Queue::new();
        let here = thread::current().id();
        assert_eq!(queue.spawn_value(|| thread::current().id()).get(), here);
        let joined = queue.spawn_value(|| thread::current().id()).join();
        assert_eq!(joined.unwrap(), here);
        assert_eq!(queue.len(), 2, "the jobs are still queued");
        queue.run_all(); // and have nothing left to do
    });
}

#[test]
fn a_claim_runs_only_that_closure_and_only_once() {
    must_end(|| {
        let queue = Queue::new();
        let runs: Arc<[AtomicUsize; 3]> = Arc::default();
        let counted = |index: usize| {
            let runs = Arc::clone(&runs);
            queue.spawn_value(move || runs[index].fetch_add(1, Ordering::SeqCst))
        };
        let seen = || [0, 1, 2].map(|index| runs[index].load(Ordering::SeqCst));
        let (before, claimed, after) = (counted(0), counted(1), counted(2));
        claimed.get();
        assert_eq!(seen(), [0, 1, 0], "a get ran other work");
        queue.run_all();
        assert_eq!(seen(), [1, 1, 1]);
        before.get();
        after.get();
        assert_eq!(seen(), [1, 1, 1]);
    });
}

#[test]
fn a_get_of_a_started_closure_waits_for_it() {
    must_end(|| {
        let (started, gate) = (Gate::new(), Gate::new());
        let (starts, passes) = (started.clone(), gate.clone());
        let handle = spawn_value(move || {
            starts.open();
            passes.pass();
            thread::current().id()
        });
        started.pass();
        let waiter = thread::spawn(move || (handle.get(), thread::current().id()));
        gate.open();
        let (ran_on, got_on) = waiter.join().unwrap();
        assert_ne!(ran_on, got_on);
    });
}

#[test]
fn a_claimed_closure_meets_the_thread_locals_of_the_caller() {
    must_end(|| {
        thread_local! {
            static MINE: Cell<i32> = const { Cell::new(0) };
        }
        let queue = Queue::new();
        MINE.set(7);
        assert_eq!(queue.spawn_value(|| MINE.replace(8)).get(), 7);
        assert_eq!(MINE.get(), 8);
    });
}

#[test]
fn the_panic_of_a_claimed_closure_reaches_the_claimer() {
    must_end(|| {
        let queue = Queue::new();
        let unlucky = || queue.spawn_value(|| -> i32 { panic!("no luck") });
        assert_eq!(panic_text(|| unlucky().get()), "no luck");
        assert_eq!(unlucky().join().unwrap_err().message(), Some("no luck"));
        queue.run_all();
        assert_eq!(
            queue.spawn_value(|| 1).get(),
            1,
            "the next claim is none the worse"
        );
    });
}

#[test]
fn a_dropped_job_leaves_nothing_to_claim() {
    must_end(|| {
        let queue = Queue::new();
        let handle = queue.spawn_value(|| 1);
        queue.drop_all();
        assert!(handle.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn futures_and_promises_are_not_claimed() {
    must_end(|| {
        let queue = Queue::new();
        let handle = queue.spawn_future(async { thread::current().id() });
        let waiter = thread::spawn(move || (handle.get(), thread::current().id()));
        queue.run_all();
        let (ran_on, got_on) = waiter.join().unwrap();
        assert_eq!(ran_on, thread::current().id());
        assert_ne!(ran_on, got_on);
        let (resolver, handle) = promise();
        let waiter = thread::spawn(move || handle.get());
        resolver.resolve(1).unwrap();
        assert_eq!(waiter.join().unwrap(), 1);
    });
}

#[test]
fn a_get_of_a_then_claims_its_source_too() {
    must_end(|| {
        let queue = Queue::new();
        let here = thread::current().id();
        let ids = queue
            .spawn_value(|| thread::current().id())
            .then(|source| (source, thread::current().id()));
        assert_eq!(ids.get(), (here, here));
    });
}

fn nest(pool: &Pool, depth: usize) -> usize {
    if depth == 0 {
        return 0;
    }
    let inner = pool.clone();
    1 + pool.spawn_value(move || nest(&inner, depth - 1)).get()
}

#[test]
fn gets_nest_500_deep_in_a_pool_that_may_have_one_thread() {
    must_end(|| {
        let pool = Pool::builder().threads(1).max_threads(1).build().unwrap();
        let inner = pool.clone();
        let outermost = pool.spawn_value(move || nest(&inner, 500));
        // Not claimed here: it is to run on the pool's thread.
        assert_eq!(outermost.get_timeout(Duration::MAX).unwrap(), 500);
        assert_eq!(pool.threads(), 1);
        pool.shutdown();
    });
}

/// The last of a chain of closures each of which gets the one before.
fn chain(executor: &impl Executor, links: usize) -> JoinHandle<usize> {
    (0..links).fold(executor.spawn_value(|| 0), |before, _| {
        executor.spawn_value(move || before.get() + 1)
    })
}

#[test]
fn a_long_chain_of_gets_ends_on_a_pool_of_one_thread() {
    must_end(|| {
        let pool = Pool::builder().threads(1).max_threads(1).build().unwrap();
        let inner = pool.clone();
        let last = pool.spawn_value(move || chain(&inner, CHAIN).get());
        assert_eq!(last.get_timeout(Duration::MAX).unwrap(), CHAIN);
        pool.shutdown();
    });
}

#[test]
fn a_long_chain_of_gets_ends_on_a_thread_with_a_small_stack() {
    must_end(|| {
        let thread = thread::Builder::new().stack_size(512 * 1024).spawn(|| {
            assert_eq!(chain(&Queue::new(), CHAIN).get(), CHAIN);
            assert_eq!(chain(Pool::global(), CHAIN).get(), CHAIN);
        });
        thread.unwrap().join().unwrap();
    });
}

#[test]
fn a_long_chain_of_gets_ends_on_a_foreign_executor_of_one_thread() {
    must_end(|| {
        let (queue, jobs) = mpsc::channel::<Job>();
        let only_thread = thread::spawn(move || jobs.into_iter().for_each(Job::run));
        let executor = move |job: Job| queue.send(job).unwrap();
        let inner = executor.clone();
        // Within that thread, which is thus not free to run any of it as a job.
        let last = executor.spawn_value(move || chain(&inner, CHAIN).get());
        assert_eq!(last.get_timeout(Duration::MAX).unwrap(), CHAIN);
        // From outside, claims and jobs racing.
        assert_eq!(chain(&executor, CHAIN).get(), CHAIN);
        drop(executor);
        only_thread.join().unwrap();
    });
}

#[test]
fn a_panic_at_the_bottom_of_a_chain_comes_up_through_fresh_stacks() {
    must_end(|| {
        let queue = Queue::new();
        let first = queue.spawn_value(|| -> usize { panic!("at the bottom") });
        let last = (0..1000).fold(first, |before, _| {
            queue.spawn_value(move || {
                let padding = std::hint::black_box([0_u8; 4096]);
                before.get() + usize::from(padding[0])
            })
        });
        assert_eq!(last.join().unwrap_err().message(), Some("at the bottom"));
    });
}
