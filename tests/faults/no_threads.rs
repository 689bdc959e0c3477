//! Thread creation that fails at the n-th call, whoever makes it: workers, the monitor, fresh stacks, the
//! timer, a scope's crew.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use letgo::{Agent, FanIn, Pool, SendError, promise, spawn_future, spawn_value, spawn_value_on};

use crate::common::{Gate, Queue, Runs, threads_named, until};
use crate::limit::{Limit, as_somebody_new, threads_there};
use crate::ways::all_ways;

/// So many that the last ones are more than are ever wanted.
const MOST: usize = 8;

#[test]
fn a_process_that_may_make_n_threads_has_exactly_so_many() {
    as_somebody_new(
        "no_threads::a_process_that_may_make_n_threads_has_exactly_so_many",
        |_| (),
        |mut limit| {
            let at_first = threads_there();
            for n in 0..MOST {
                // A thread that was joined is there for a moment still.
                until("those of before are gone", || threads_there() == at_first);
                limit.allow_more(n);
                let gate = Gate::new();
                let made = (0..2 * MOST)
                    .map_while(|_| {
                        let gate = gate.clone();
                        thread::Builder::new().spawn(move || gate.pass()).ok()
                    })
                    .collect::<Vec<_>>();
                gate.open();
                assert_eq!(made.len(), n);
                made.into_iter().for_each(|thread| thread.join().unwrap());
            }
        },
    );
}

/// One process for each n: the global pool's threads are made once.
fn for_each_n(name: &str, test: fn(&mut Limit, usize)) {
    // In the process itself the number is known.
    const N: &str = "LETGO_TEST_N";
    let known = std::env::var(N).ok().map(|n| n.parse::<usize>().unwrap());
    let numbers = known.map_or(0..MOST, |n| n..n + 1);
    for n in numbers {
        // Inherited by the process.
        let change = move |command: &mut Command| _ = command.env(N, n.to_string());
        as_somebody_new(name, change, move |mut limit| {
            limit.allow_more(n);
            test(&mut limit, n);
        });
    }
}

#[test]
fn everything_is_got_however_many_threads_can_be_made() {
    for_each_n(
        "no_threads::everything_is_got_however_many_threads_can_be_made",
        |_, n| {
            for _ in 0..10 {
                all_ways();
                assert!(threads_named("letgo") <= n);
            }
        },
    );
}

#[test]
fn what_is_awaited_is_reached_beyond_stale_entries() {
    for_each_n(
        "no_threads::what_is_awaited_is_reached_beyond_stale_entries",
        |_, _| {
            for stale in [1, 10, 1000] {
                let handles: Vec<_> = (0..=stale).map(|n| spawn_value(move || n)).collect();
                for (n, handle) in handles.into_iter().enumerate() {
                    let value = if n == stale {
                        futures::executor::block_on(handle)
                    } else {
                        handle.get()
                    };
                    assert_eq!(value, n);
                }
            }
        },
    );
}

#[test]
fn a_thread_that_runs_a_sender_and_is_to_receive_from_it_does_both() {
    for_each_n(
        "no_threads::a_thread_that_runs_a_sender_and_is_to_receive_from_it_does_both",
        |_, _| {
            let fan = FanIn::bounded(1);
            for first in [0, 10, 20] {
                let sender = fan.sender();
                spawn_value(move || {
                    for n in first..first + 10 {
                        sender.send(n).unwrap();
                    }
                })
                .detach();
            }
            fan.spawn_value(|| 30);
            let mut all = fan.into_iter().collect::<Vec<_>>();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..=30));
            // A receiver that is gone.
            let fan = FanIn::bounded(1);
            let sender = fan.sender();
            drop(fan);
            let sends = spawn_future(async move { [sender.send(1), sender.send(2)] });
            assert_eq!(sends.get(), [Err(SendError(1)), Err(SendError(2))]);
        },
    );
}

#[test]
fn what_blocks_for_the_one_who_waits_is_left_to_a_thread_if_there_is_one() {
    for_each_n(
        "no_threads::what_blocks_for_the_one_who_waits_is_left_to_a_thread_if_there_is_one",
        |_, n| {
            // With none it could not end well.
            for _ in 0..100 * n {
                let (resolver, answer) = promise();
                let blocks = spawn_value(move || answer.get());
                assert_eq!(spawn_future(async { 1 }).get(), 1);
                resolver.resolve(2).unwrap();
                assert_eq!(blocks.get(), 2);
            }
        },
    );
}

#[test]
fn everything_is_got_while_threads_can_be_made_now_and_then() {
    as_somebody_new(
        "no_threads::everything_is_got_while_threads_can_be_made_now_and_then",
        |_| (),
        |mut limit| {
            let done = Arc::new(AtomicBool::new(false));
            let is_done = Arc::clone(&done);
            let toggles = thread::spawn(move || {
                for n in (0..MOST).cycle() {
                    limit.allow_more(n);
                    if is_done.load(Ordering::SeqCst) {
                        return;
                    }
                }
            });
            for _ in 0..100 {
                all_ways();
            }
            done.store(true, Ordering::SeqCst);
            toggles.join().unwrap();
        },
    );
}

#[test]
fn what_is_left_alone_runs_once_threads_can_be_made() {
    for_each_n(
        "no_threads::what_is_left_alone_runs_once_threads_can_be_made",
        |limit, _| {
            let ran = Runs::new();
            let runs = ran.clone();
            let own = Pool::builder().threads(2).build().unwrap();
            for _ in 0..10 {
                let (first, second) = (runs.clone(), runs.clone());
                spawn_value(move || first.one_more()).detach();
                own.spawn_value(move || second.one_more()).detach();
                let (first, second) = (runs.clone(), runs.clone());
                spawn_future(async move { first.one_more() }).detach();
                own.spawn_future(async move { second.one_more() }).detach();
            }
            let agent = Agent::new(runs.clone());
            agent.cast(|runs| runs.one_more());
            let fan = FanIn::bounded(1);
            fan.spawn_value(move || runs.one_more());
            limit.allow_threads();
            // Where there is no thread at all the work is taken up at whatever comes next.
            until("all have run", || {
                spawn_value(|| ()).detach();
                own.spawn_value(|| ()).detach();
                ran.count() == 42
            });
            assert_eq!(fan.recv(), Some(()));
        },
    );
}

#[test]
fn a_closure_that_blocks_for_another_gets_it_when_threads_run_short_in_between() {
    for_each_n(
        "no_threads::a_closure_that_blocks_for_another_gets_it_when_threads_run_short_in_between",
        |_, _| {
            // Each waits for the next, and the last one for nobody.
            let pool = Pool::builder().threads(1).build().unwrap();
            let (mut resolver, answer) = promise();
            let mut all = vec![pool.spawn_value(move || answer.get())];
            for _ in 0..20 {
                let (next, answer) = promise();
                let resolves = std::mem::replace(&mut resolver, next);
                all.push(pool.spawn_value(move || {
                    let value: i32 = answer.get();
                    resolves.resolve(value + 1).unwrap();
                    value
                }));
            }
            resolver.resolve(0).unwrap();
            let values = all
                .into_iter()
                .map(|handle| handle.get_timeout(Duration::MAX).ok().unwrap());
            assert!(values.eq((0..21).rev()));
        },
    );
}

#[test]
fn a_claim_past_the_stack_goes_on_once_a_thread_can_be_made() {
    as_somebody_new(
        "no_threads::a_claim_past_the_stack_goes_on_once_a_thread_can_be_made",
        |_| (),
        |mut limit| {
            let (tell, told) = channel();
            let allows = thread::spawn(move || {
                limit.forbid_threads();
                tell.send(()).unwrap();
                // Most likely it is past the stack by then; if not, this tests less.
                thread::sleep(Duration::from_millis(100));
                limit.allow_threads();
            });
            told.recv().unwrap();
            let nobody = Queue::new();
            let links = 50_000;
            let mut last = spawn_value_on(&nobody, || 0);
            for _ in 0..links {
                last = spawn_value_on(&nobody, move || last.get() + 1);
            }
            assert_eq!(last.get(), links);
            allows.join().unwrap();
        },
    );
}
