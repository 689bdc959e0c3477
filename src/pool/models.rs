//! The sleep protocol: the pool itself, its workers and its monitor, as threads of a model. No wake-up is lost
//! with the last searcher, the monitor, growth and retirement.
//!
//! A lost wake-up is a job that nobody runs while everybody sleeps: who waits for it waits for ever, and that is
//! what a model finds. So nobody claims here. Time is no help either: the monitor sleeps at the first look in vain, and
//! whatever is awake for a while only ends its naps as soon as nobody else has anything to do.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use loom::thread;

use super::monitor::Monitor;
use super::seat::{Doing, Seat};
use super::worker::Hosted;
use super::{Builder, Pool};
use crate::agent::Agent;
use crate::handle::JoinHandle;
use crate::models::{Bed, explore, explore_some};
use crate::promise::promise;
use crate::sync::thread::allow;
use crate::sync::{Arc, parker};
use crate::wait::Host;

fn builder(threads: usize, max_threads: usize) -> Builder {
    // A model has five threads at the most.
    allow(4);
    Builder::default()
        .threads(threads)
        .max_threads(max_threads)
        .keep_alive(Duration::MAX)
        .stack_size(64 * 1024)
}

fn pool(threads: usize, max_threads: usize) -> Pool {
    builder(threads, max_threads).build().unwrap()
}

/// Waits for what others are to run.
#[track_caller]
fn wait<T>(handle: JoinHandle<T>) -> T {
    let Ok(value) = handle.get_timeout(Duration::MAX) else {
        unreachable!("it was waited for without end");
    };
    value
}

/// Two jobs: the first blocks until the second runs, and nobody can see that it blocks.
fn blocks_unseen() -> (impl FnOnce() + Send, impl FnOnce() + Send) {
    let bed = Arc::new(Bed::new());
    let other = Arc::clone(&bed);
    (move || bed.sleep(), move || other.wake())
}

/// The same, and the pool is told that it blocks.
fn blocks_seen() -> (impl FnOnce() + Send, impl FnOnce() + Send) {
    let (resolver, answer) = promise();
    (move || answer.get(), move || resolver.resolve(()).unwrap())
}

#[test]
fn a_push_meets_a_worker_that_falls_asleep() {
    explore(2, || {
        let pool = pool(1, 1);
        assert_eq!(wait(pool.spawn_value(|| 1)), 1);
        assert_eq!(wait(pool.spawn_value(|| 2)), 2);
    });
}

#[test]
fn two_pushes_meet_and_the_last_searcher_wakes_the_other() {
    explore(1, || {
        let pool = pool(2, 2);
        let (first, second) = blocks_unseen();
        let first = pool.spawn_value(first);
        let second = pool.spawn_value(second);
        wait(first);
        wait(second);
    });
}

#[test]
fn a_push_of_a_worker_meets_another_that_falls_asleep() {
    explore(1, || {
        let pool = pool(2, 2);
        let (first, second) = blocks_unseen();
        let inner = pool.clone();
        wait(pool.spawn_value(move || {
            inner.spawn_value(second).detach();
            first();
        }));
    });
}

#[test]
fn a_future_woken_by_a_worker_meets_another_that_falls_asleep() {
    explore_some(1, 4, || {
        let pool = pool(2, 2);
        let (first, second) = blocks_unseen();
        let (resolver, mut answer) = promise();
        let inner = pool.clone();
        let mut wakes = Some(move || {
            resolver.resolve(()).unwrap();
            first();
        });
        wait(pool.spawn_future(async move {
            poll_fn(|cx| {
                let polled = Pin::new(&mut answer).poll(cx);
                if let Some(wakes) = wakes.take() {
                    inner.spawn_value(wakes).detach();
                }
                polled
            })
            .await;
            second();
        }));
    });
}

/// A future that yields twice, and runs `f` in between.
fn yields(f: impl FnOnce()) -> impl Future<Output = ()> {
    let (mut polls, mut f) = (0, Some(f));
    poll_fn(move |cx| {
        polls += 1;
        if polls == 3 {
            return Poll::Ready(());
        }
        if polls == 2 {
            f.take().into_iter().for_each(|f| f());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

#[test]
fn a_future_that_yields_does_not_wait_behind_another_job() {
    explore_some(1, 4, || {
        let pool = pool(2, 2);
        let (first, second) = blocks_unseen();
        let inner = pool.clone();
        let spawns = move || inner.spawn_value(first).detach();
        wait(pool.spawn_future(async move {
            yields(spawns).await;
            second();
        }));
    });
}

#[test]
fn a_future_that_yields_is_left_to_others_by_a_worker_that_is_one_too_many() {
    explore_some(1, 20, || {
        let pool = pool(1, 2);
        let (first, second) = blocks_seen();
        let (then, end) = blocks_unseen();
        let blocked = pool.spawn_value(move || {
            first();
            then();
        });
        wait(pool.spawn_future(yields(second)));
        end();
        wait(blocked);
    });
}

#[test]
fn what_a_thief_has_taken_over_meets_another_that_falls_asleep() {
    explore(1, || {
        // Who spawns has a stack of its own, as with the global pool.
        let pool = builder(2, 2).start(true);
        let (first, second) = blocks_unseen();
        let first = pool.spawn_value(first);
        pool.spawn_value(second).detach();
        wait(first);
    });
}

#[test]
fn a_worker_that_blocks_is_replaced() {
    explore_some(1, 20, || {
        let pool = pool(1, 2);
        let (first, second) = blocks_seen();
        let first = pool.spawn_value(first);
        pool.spawn_value(second).detach();
        wait(first);
    });
}

#[test]
fn a_worker_that_blocks_unseen_is_replaced_by_the_monitor() {
    explore(1, || {
        let pool = pool(1, 2);
        let (first, second) = blocks_unseen();
        let first = pool.spawn_value(first);
        pool.spawn_value(second).detach();
        wait(first);
    });
}

#[test]
fn a_worker_that_blocks_meets_a_monitor_that_falls_asleep() {
    explore_some(1, 20, || {
        let pool = pool(1, 2);
        // As after a time with work, which is over.
        pool.core().wake(pool.core().sleep.wake_monitor());
        let (first, second) = blocks_seen();
        let inner = pool.clone();
        wait(pool.spawn_value(move || {
            inner.spawn_value(second).detach();
            first();
        }));
    });
}

#[test]
fn a_worker_that_goes_on_meets_a_monitor_that_presumes_it_blocked() {
    explore(3, || {
        // No thread can be made: this one stands in for the worker.
        let builder = builder(1, 1);
        allow(0);
        let pool = builder.build().unwrap();
        let core = Arc::clone(pool.core());
        let seat = Arc::new(Seat::new(parker().1, None));
        core.seats.lock().push(Arc::clone(&seat));
        core.sleep.goes_on();
        seat.works_on(1);
        let host = Hosted {
            core: Arc::clone(&core),
            seat: Arc::clone(&seat),
            job: Rc::new(Cell::new(1)),
        };
        let looks = thread::spawn(move || {
            let mut monitor = Monitor::default();
            monitor.look(&core);
        });
        assert!(host.blocks());
        host.goes_on();
        looks.join().unwrap();
        let presumed = seat.status().doing == Doing::Presumed;
        assert_eq!(pool.core().sleep.counts().active(), usize::from(!presumed));
    });
}

#[test]
fn a_push_meets_a_worker_that_retires() {
    explore_some(1, 20, || {
        let pool = builder(1, 2).keep_alive(Duration::ZERO).build().unwrap();
        let (first, second) = blocks_seen();
        let first = pool.spawn_value(first);
        pool.spawn_value(second).detach();
        wait(first);
        wait(pool.spawn_value(|| ()));
    });
}

#[test]
fn a_push_meets_the_end() {
    explore(2, || {
        let pool = pool(1, 1);
        let other = pool.clone();
        let pushes = thread::spawn(move || {
            let outcome = other.spawn_value(|| 1).settle().get_timeout(Duration::MAX);
            let outcome = outcome.unwrap_or_else(|_| unreachable!("it was waited for without end"));
            assert!(matches!(outcome, Ok(1)) || outcome.is_err_and(|error| error.is_cancelled()));
        });
        pool.core().close();
        pushes.join().unwrap();
    });
}

#[test]
fn a_job_that_is_on_its_way_while_the_queue_is_cleared_up_meets_the_end() {
    explore(2, || {
        let pool = pool(1, 1);
        let task = pool.spawn_value(|| 1);
        let core = Arc::clone(pool.core());
        let clears_up = thread::spawn(move || {
            core.queues.clear_up();
            core.notify();
        });
        pool.core().close();
        assert_eq!(wait(task), 1);
        clears_up.join().unwrap();
    });
}

#[test]
fn a_thread_that_cannot_be_made_is_not_waited_for() {
    explore(2, || {
        let builder = builder(1, 1);
        allow(0);
        let pool = builder.build().unwrap();
        assert_eq!(wait(pool.spawn_value(|| 1)), 1);
    });
}

#[test]
fn a_thread_that_cannot_be_made_to_replace_another_is_not_waited_for() {
    explore(1, || {
        let builder = builder(1, 2);
        allow(1);
        let pool = builder.build().unwrap();
        let (first, second) = blocks_seen();
        let first = pool.spawn_value(first);
        pool.spawn_value(second).detach();
        wait(first);
    });
}

#[test]
fn a_call_meets_a_worker_that_lets_go_of_the_agent() {
    explore(2, || {
        let pool = pool(1, 1);
        let agent = Agent::on(pool.clone(), 0);
        wait(agent.call(|n| *n += 1));
        assert_eq!(wait(agent.call(|n| *n)), 1);
    });
}
