//! Agents: panics, cancels, and the end.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use common::{Drops, Gate, Queue, must_end, occupy, one_thread, panic_text, until};
use letgo::{Agent, Job};

#[test]
fn a_panicking_call_goes_to_its_handle_and_leaves_the_state_as_it_was_then() {
    must_end(|| {
        let held = Queue::new();
        for claimed in [false, true] {
            let agent = Agent::on(held.clone(), vec![1]);
            let call = agent.call(|s| -> i32 {
                s.push(2);
                panic!("half way")
            });
            agent.cast(|s| {
                s.push(3);
                panic!("a cast's own")
            });
            let after = agent.call(|s| s.clone());
            if !claimed {
                held.run_all();
            }
            assert_eq!(call.join().unwrap_err().message(), Some("half way"));
            assert_eq!(after.get(), [1, 2, 3]);
        }
    });
}

#[test]
fn a_cancelled_call_never_runs_and_drops_its_closure_at_once() {
    let held = Queue::new();
    let drops = Drops::new();
    let agent = Agent::on(held.clone(), 0);
    let captured = drops.one();
    let call = agent.call(move |n| {
        let _captured = captured;
        *n += 1;
    });
    call.cancel();
    assert_eq!(drops.count(), 1);
    assert!(call.is_finished());
    assert!(call.join().unwrap_err().is_cancelled());
    held.run_all();
    assert_eq!(agent.stop().get(), 0);
}

#[test]
fn a_dropped_handle_lets_its_call_run() {
    let held = Queue::new();
    let agent = Agent::on(held.clone(), 0);
    drop(agent.call(|n| *n += 1));
    agent.call(|n| *n += 1).detach();
    held.run_all();
    assert_eq!(agent.stop().get(), 2);
}

#[test]
fn values_that_nobody_asks_for_may_panic_when_they_drop() {
    must_end(|| {
        struct Bad;
        impl Drop for Bad {
            fn drop(&mut self) {
                panic!("a bad drop");
            }
        }
        let held = Queue::new();
        let agent = Agent::on(held.clone(), 0);
        agent.call(|_| Bad).detach();
        let captured = Bad;
        agent.cast(move |_| drop(captured));
        let last = agent.call(|n| *n);
        held.run_all();
        assert_eq!(last.get(), 0);
    });
}

#[test]
fn a_dropped_executor_job_cancels_what_is_queued() {
    must_end(|| {
        let held = Queue::new();
        let drops = Drops::new();
        let agent = Agent::on(held.clone(), 0);
        let captured = drops.one();
        let call = agent.call(move |n| {
            let _captured = captured;
            *n += 1;
        });
        let captured = drops.one();
        agent.cast(move |_| drop(captured));
        drop(held.take());
        assert_eq!(drops.count(), 2);
        assert!(call.join().unwrap_err().is_cancelled());
        // The next call gets another chance.
        agent.cast(|n| *n += 10);
        held.run_all();
        assert_eq!(agent.call(|n| *n).get(), 10);
    });
}

#[test]
fn a_thread_that_stands_by_hears_of_a_dropped_job() {
    must_end(|| {
        let held = Queue::new();
        let agent = Agent::on(held.clone(), 0);
        let (gate, first) = occupy(&agent);
        let second = agent.call(|_| ());
        let second = thread::spawn(move || second.join());
        drop(held.take());
        assert!(second.join().unwrap().unwrap_err().is_cancelled());
        gate.open();
        first.join().unwrap();
        assert_eq!(agent.call(|n| *n).get(), 0);
    });
}

#[test]
fn an_executor_that_panics_panics_in_the_caller_and_cancels() {
    must_end(|| {
        let broken = Arc::new(AtomicBool::new(true));
        let is_broken = Arc::clone(&broken);
        let executor = move |job: Job| {
            assert!(!is_broken.load(Ordering::SeqCst), "no more room");
            job.run();
        };
        let drops = Drops::new();
        let agent = Agent::on(executor, 0);
        let captured = drops.one();
        let message = panic_text(|| {
            agent.call(move |_| drop(captured)).detach();
        });
        assert_eq!(message, "no more room");
        assert_eq!(drops.count(), 1);
        broken.store(false, Ordering::SeqCst);
        let call = agent.call(|n| *n);
        assert!(call.is_finished(), "an inline executor has run it");
        assert_eq!(call.get(), 0);
    });
}

#[test]
fn stop_gives_the_state_after_what_was_called_before_it() {
    must_end(|| {
        for held in [None, Some(Queue::new())] {
            let agent = match &held {
                Some(held) => Agent::on(held.clone(), Vec::new()),
                None => Agent::new(Vec::new()),
            };
            let other = agent.clone();
            let drops = Drops::new();
            for n in 0..100 {
                agent.cast(move |s| s.push(n));
            }
            let stopped = agent.stop();
            let captured = drops.one();
            other.cast(move |s| {
                let _captured = captured;
                s.push(1000);
            });
            assert_eq!(drops.count(), 1, "a cast after the stop is dropped");
            let call = other.call(|s| s.len());
            assert!(call.is_finished());
            assert!(call.join().unwrap_err().is_cancelled());
            assert!(other.clone().stop().join().unwrap_err().is_cancelled());
            if let Some(held) = &held {
                held.run_all();
                assert!(stopped.is_finished());
            }
            assert_eq!(stopped.get(), (0..100).collect::<Vec<_>>());
            assert!(other.call(|s| s.len()).join().unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn a_state_that_nobody_wants_from_a_stop_drops_with_the_stop() {
    let held = Queue::new();
    for cancel in [false, true] {
        let drops = Drops::new();
        let agent = Agent::on(held.clone(), drops.one());
        let other = agent.clone();
        let ran = Arc::new(AtomicBool::new(false));
        let run = Arc::clone(&ran);
        agent.cast(move |_| run.store(true, Ordering::SeqCst));
        let stopped = agent.stop();
        if cancel {
            stopped.cancel();
        }
        drop(stopped);
        assert_eq!(drops.count(), 0);
        held.run_all();
        assert!(ran.load(Ordering::SeqCst));
        assert_eq!(drops.count(), 1);
        drop(other);
        assert_eq!(drops.count(), 1);
    }
}

#[test]
fn when_the_last_handle_goes_what_is_queued_still_runs_and_then_the_state_drops() {
    must_end(|| {
        let held = Queue::new();
        let drops = Drops::new();
        let agent = Agent::on(held.clone(), (drops.one(), 0));
        let last = agent.clone();
        agent.cast(|s| s.1 += 1);
        let call = agent.call(|s| s.1 + 1);
        drop(agent);
        drop(last);
        assert_eq!(drops.count(), 0);
        held.run_all();
        assert_eq!(
            drops.count(),
            1,
            "a handle of a call does not keep the state"
        );
        assert_eq!(call.get(), 2);

        // Nothing queued: it drops there and then, though a used-up job may still be around.
        let agent = Agent::on(held.clone(), drops.one());
        agent.call(|_| ()).get();
        drop(agent);
        assert_eq!(drops.count(), 2);
        held.run_all();

        // Claimed: the one who claims it serves the last message.
        let agent = Agent::on(held.clone(), drops.one());
        let call = agent.call(|_| ());
        drop(agent);
        call.get();
        assert_eq!(drops.count(), 3);
        held.run_all();

        // The executor drops the job: nothing is left.
        let agent = Agent::on(held.clone(), drops.one());
        agent.cast(|_| ());
        drop(agent);
        drop(held.take());
        assert_eq!(drops.count(), 4);
    });
}

#[test]
fn a_panic_in_the_drop_of_the_state_kills_no_worker() {
    must_end(|| {
        struct Bad;
        impl Drop for Bad {
            fn drop(&mut self) {
                panic!("a bad drop");
            }
        }
        let pool = one_thread();
        let agent = Agent::on(pool.clone(), Bad);
        let (entered, gate) = (Gate::new(), Gate::new());
        {
            let (entered, gate) = (entered.clone(), gate.clone());
            agent.cast(move |_| {
                entered.open();
                gate.pass();
            });
        }
        entered.pass();
        drop(agent);
        gate.open();
        let alive = pool.spawn_value(|| 1);
        assert_eq!(alive.get_timeout(Duration::MAX).unwrap(), 1);
    });
}

#[test]
fn a_pool_that_shuts_down_runs_what_an_agent_has_queued() {
    must_end(|| {
        let pool = one_thread();
        let drops = Drops::new();
        let agent = Agent::on(pool.clone(), 0);
        let gate = Gate::new();
        let pass = gate.clone();
        agent.cast(move |_| pass.pass());
        for _ in 0..1000 {
            let captured = drops.one();
            agent.cast(move |n| {
                let _captured = captured;
                *n += 1;
            });
        }
        let all = agent.call(|n| *n);
        let shut = thread::spawn({
            let pool = pool.clone();
            move || pool.shutdown()
        });
        until("the pool is closed", || {
            pool.spawn_value(|| ()).is_finished()
        });
        gate.open();
        shut.join().unwrap();
        assert_eq!(drops.count(), 1000);
        assert_eq!(all.try_get().unwrap(), 1000);
        let late = agent.call(|n| *n);
        assert!(late.join().unwrap_err().is_cancelled());
    });
}
