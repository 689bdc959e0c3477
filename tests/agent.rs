//! Agents: order, claims, panics, the end, and waits that would never end.

mod common;

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use common::{Drops, Gate, must_end, until};
use letgo::{Agent, Executor, Job, JoinHandle, Pool, join, spawn_future, spawn_value};

/// Holds its jobs until they are asked for.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<Vec<Job>>>);

impl Held {
    fn executor(&self) -> impl Executor + Send + Sync + use<> {
        let jobs = self.clone();
        move |job: Job| jobs.0.lock().unwrap().push(job)
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn take(&self) -> Vec<Job> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn run_all(&self) {
        loop {
            let jobs = self.take();
            if jobs.is_empty() {
                return;
            }
            jobs.into_iter().for_each(Job::run);
        }
    }
}

fn one_thread() -> Pool {
    Pool::builder().threads(1).max_threads(1).build().unwrap()
}

fn panic_message(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
    }
}

static_assertions::assert_impl_all!(Agent<Cell<i32>>: Send, Sync, Clone, Debug, Unpin, UnwindSafe);
static_assertions::assert_not_impl_any!(Agent<std::rc::Rc<i32>>: Send, Sync);

#[test]
fn calls_and_casts_run_in_the_order_they_were_made() {
    must_end(|| {
        let agent = Agent::new(Vec::new());
        let calls: Vec<_> = (0..1000)
            .map(|n| {
                agent.cast(move |all| all.push(2 * n));
                agent.call(move |all| {
                    all.push(2 * n + 1);
                    all.len()
                })
            })
            .collect();
        for (n, call) in calls.into_iter().enumerate() {
            assert_eq!(call.get(), 2 * n + 2);
        }
        assert_eq!(agent.stop().get(), (0..2000).collect::<Vec<_>>());
    });
}

#[test]
fn one_job_at_a_time_touches_the_state_whoever_calls() {
    must_end(|| {
        let agent = Agent::new(0);
        let inside = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (agent, inside) = (agent.clone(), Arc::clone(&inside));
                thread::spawn(move || {
                    for n in 0..2000 {
                        let inside = Arc::clone(&inside);
                        let add = move |total: &mut usize| {
                            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                            *total += 1;
                            assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                        };
                        match n % 3 {
                            0 => agent.cast(add),
                            1 => agent.call(add).get(),
                            _ => agent.call(add).detach(),
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(agent.stop().get(), 16_000);
    });
}

#[test]
fn ten_thousand_agents_are_called_from_eight_threads() {
    must_end(|| {
        let agents: Arc<[_]> = (0..10_000).map(|_| Agent::new(0)).collect();
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let agents = Arc::clone(&agents);
                thread::spawn(move || {
                    let calls: Vec<_> = agents.iter().map(|a| a.call(|n| *n += 1)).collect();
                    if number % 2 == 0 {
                        calls.into_iter().for_each(JoinHandle::get);
                    } else {
                        futures::executor::block_on(futures::future::join_all(calls));
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert!(agents.iter().all(|agent| agent.call(|n| *n).get() == 8));
    });
}

#[test]
fn it_is_awaited_from_async_code() {
    must_end(|| {
        let agent = Agent::new(1);
        let inner = agent.clone();
        let sum = spawn_future(async move {
            let a = inner.call(|n| *n).await;
            a + inner.call(|n| *n + 1).await
        });
        assert_eq!(sum.get(), 3);
        futures::executor::block_on(async {
            assert_eq!(agent.call(|n| *n).await, 1);
        });
    });
}

#[test]
fn one_job_of_an_agent_is_queued_however_many_messages() {
    let held = Held::default();
    let agent = Agent::on(held.executor(), 0);
    assert_eq!(held.len(), 0);
    for _ in 0..10 {
        agent.cast(|n| *n += 1);
    }
    assert_eq!(held.len(), 1);
    held.run_all();
    let all = agent.call(|n| *n);
    assert_eq!(held.len(), 1);
    held.run_all();
    assert_eq!(all.try_get().unwrap(), 10);
}

#[test]
fn a_get_on_a_queue_that_nobody_runs_serves_up_to_its_call_and_not_past_it() {
    must_end(|| {
        let held = Held::default();
        let agent = Agent::on(held.executor(), Vec::new());
        let me = thread::current().id();
        let first = agent.call(move |s: &mut Vec<_>| {
            assert_eq!(thread::current().id(), me);
            s.push(1);
        });
        agent.cast(|s| s.push(2));
        let third = agent.call(|s| {
            s.push(3);
            s.clone()
        });
        let fourth = agent.call(|s| s.push(4));
        assert_eq!(third.get(), [1, 2, 3]);
        assert!(first.is_finished());
        assert!(!fourth.is_finished());
        held.run_all();
        assert!(fourth.is_finished());
        assert_eq!(agent.stop().get(), [1, 2, 3, 4]);
    });
}

#[test]
fn calls_that_are_got_at_once_leave_one_job_standing() {
    let held = Held::default();
    let agent = Agent::on(held.executor(), 0);
    for n in 1..100 {
        let count = agent.call(|n| {
            *n += 1;
            *n
        });
        assert_eq!(count.get(), n);
    }
    assert_eq!(held.len(), 1);
    held.run_all();
    agent.cast(|n| *n = 0);
    assert_eq!(held.len(), 1, "a used-up job is replaced");
    held.run_all();
    assert_eq!(agent.stop().get(), 0);
}

#[test]
fn a_pool_of_one_thread_can_not_hang_on_nested_agents() {
    must_end(|| {
        let pool = one_thread();
        let inner = Agent::on(pool.clone(), 1);
        let outer = Agent::on(pool.clone(), 10);
        let task = {
            let (inner, outer) = (inner.clone(), outer.clone());
            pool.spawn_value(move || outer.call(move |n| *n + inner.call(|n| *n).get()).get())
        };
        // Not claimed here: the pool's only thread has to do it all.
        assert_eq!(task.get_timeout(Duration::MAX).unwrap(), 11);
    });
}

#[test]
fn who_blocks_for_a_served_agent_takes_over_when_its_executor_never_comes() {
    must_end(|| {
        let held = Held::default();
        let agent = Agent::on(held.executor(), Vec::new());
        let (entered, gate) = (Gate::new(), Gate::new());
        let first = {
            let (entered, gate) = (entered.clone(), gate.clone());
            agent.call(move |s: &mut Vec<_>| {
                entered.open();
                gate.pass();
                s.push(0);
            })
        };
        let first = thread::spawn(move || first.get());
        entered.pass();
        // A job starts when the one before it has told the pool that it is blocked.
        let pool = Pool::builder().threads(1).build().unwrap();
        let blocked: Vec<_> = (1..=4)
            .map(|n| {
                let call = agent.call(move |s| s.push(n));
                pool.spawn_value(move || call.get())
            })
            .collect();
        // So do those that wait through a combinator.
        let (a, b) = (agent.call(|s| s.push(5)), agent.call(|s| s.len()));
        let joined = pool.spawn_value(move || join!(a, b).get());
        pool.spawn_value(move || gate.open()).detach();
        first.join().unwrap();
        for blocked in blocked {
            blocked.get_timeout(Duration::MAX).unwrap();
        }
        assert_eq!(joined.get_timeout(Duration::MAX).unwrap(), ((), 6));
        assert_eq!(agent.stop().get(), [0, 1, 2, 3, 4, 5]);
        drop(held);
    });
}

#[test]
fn many_threads_that_block_need_no_executor() {
    must_end(|| {
        let held = Held::default();
        let agent = Agent::on(held.executor(), 0);
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let agent = agent.clone();
                thread::spawn(move || {
                    for _ in 0..3000 {
                        agent.call(|n| *n += 1).get();
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(agent.call(|n| *n).get(), 24_000);
        drop(held);
    });
}

#[test]
fn a_call_within_a_job_of_the_same_agent_that_is_joined_is_a_deadlock() {
    must_end(|| {
        let agent = Agent::new(0);
        let inner = agent.clone();
        let error = agent.call(move |_| inner.call(|n| *n += 1).join()).get();
        let error = error.unwrap_err();
        assert!(error.is_deadlock() && !error.is_cancelled() && !error.is_panic());
        assert!(error.to_string().contains("its own agent"), "{error}");
        assert_eq!(error.message(), None);
        assert_eq!(
            agent.stop().get(),
            0,
            "the call that could not be waited for ran"
        );
    });
}

#[test]
fn every_way_to_block_for_the_own_agent_says_that_it_is_a_deadlock() {
    must_end(|| {
        type Wait = fn(JoinHandle<i32>);
        let waits: [Wait; 6] = [
            |call| _ = call.get(),
            |call| _ = call.get_timeout(Duration::MAX),
            |call| _ = call.get_timeout(Duration::from_secs(1000)),
            |call| _ = join!(call, spawn_value(|| 1)).get(),
            |call| _ = (call + spawn_value(|| 1)).get(),
            |call| _ = call.shared().get(),
        ];
        let add = |n: &mut i32| {
            *n += 1;
            *n
        };
        for wait in waits {
            let agent = Agent::new(1);
            let inner = agent.clone();
            let message = agent.call(move |_| panic_message(|| wait(inner.call(add))));
            let message = message.get();
            assert!(message.contains("deadlock"), "{message}");
            // The call has not run, and the agent serves on.
            assert_eq!(agent.call(|n| *n).get(), 1);
        }
    });
}

#[test]
fn a_deadlock_is_seen_through_agents_and_claims_in_between_and_on_the_last_of_the_stack() {
    must_end(|| {
        // Held, so that it is this thread that serves both.
        let held = Held::default();
        let a = Agent::on(held.executor(), ());
        let b = Agent::on(held.executor(), ());
        let (a2, b2) = (a.clone(), b.clone());
        let error = a.call(move |()| b2.call(move |()| a2.call(|()| ()).join()).get());
        assert!(error.get().unwrap_err().is_deadlock());

        // The innermost claims run on fresh threads, which stand in for this one.
        fn deep(depth: u32, agent: Agent<()>) -> bool {
            if depth == 0 {
                return agent.call(|()| ()).join().unwrap_err().is_deadlock();
            }
            let held = Held::default();
            let next = held.executor().spawn_value(move || deep(depth - 1, agent));
            next.get()
        }
        let a2 = a.clone();
        assert!(a.call(move |()| deep(20_000, a2)).get());
        drop((held, b));
    });
}

#[test]
fn a_job_that_waits_for_its_own_handle_or_a_later_call_is_a_deadlock() {
    must_end(|| {
        let held = Held::default();
        let agent = Agent::on(held.executor(), ());
        let (to_own, own) = channel::<JoinHandle<bool>>();
        let first = agent.call(move |()| own.recv().unwrap().join().unwrap_err().is_deadlock());
        let (to_first, later) = channel::<JoinHandle<()>>();
        let second = agent.call(move |()| later.recv().unwrap().join().unwrap_err().is_deadlock());
        to_first.send(agent.call(|()| ())).unwrap();
        // The job itself: nothing can come of it but the error that it sees.
        let (tell, told) = channel();
        let (to_third, own_too) = channel::<JoinHandle<()>>();
        let third = agent.call(move |()| {
            let own: JoinHandle<()> = own_too.recv().unwrap();
            tell.send(own.join().unwrap_err().is_deadlock()).unwrap();
        });
        to_third.send(third).unwrap();
        to_own.send(agent.call(|()| false)).unwrap();
        held.run_all();
        assert!(first.get());
        assert!(second.get());
        assert!(told.recv().unwrap());
    });
}

#[test]
fn to_wait_for_another_agent_or_for_a_finished_call_is_no_deadlock() {
    must_end(|| {
        let agent = Agent::new(1);
        let other = Agent::new(2);
        let before = agent.call(|n| *n);
        until("it is finished", || before.is_finished());
        let sum = agent.call(move |n| *n + before.get() + other.call(|n| *n).get());
        assert_eq!(sum.get(), 4);
        // To cast into the own agent is fine.
        let inner = agent.clone();
        agent.call(move |_| inner.cast(|n| *n = 7)).get();
        assert_eq!(agent.call(|n| *n).get(), 7);
    });
}

#[test]
fn an_agent_flooded_by_one_caller_does_not_starve_the_pool() {
    must_end(|| {
        // An agent that never runs dry: each message sends the next one.
        fn again(agent: &Agent<u64>, stop: &Arc<AtomicBool>) {
            let (inner, stop) = (agent.clone(), Arc::clone(stop));
            agent.cast(move |n| {
                *n += 1;
                if !stop.load(Ordering::SeqCst) {
                    again(&inner, &stop);
                }
            });
        }
        let pool = one_thread();
        let stop = Arc::new(AtomicBool::new(false));
        let agent = Agent::on(pool.clone(), 0);
        again(&agent, &stop);
        let progress = agent.call(|n| *n).get();
        for _ in 0..10 {
            // Never claimed: it is the pool's only thread that has to come to it.
            let other = pool.spawn_value(|| ());
            let in_time = other.get_timeout(Duration::from_secs(100));
            in_time.expect("the pool starves");
        }
        assert!(agent.call(|n| *n).get() >= progress);
        // What is on the worker's own queue has its turn as well.
        let inner = pool.clone();
        let local = agent.call(move |_| inner.spawn_value(|| 1));
        let local = local.get_timeout(Duration::MAX).unwrap();
        assert_eq!(local.get_timeout(Duration::from_secs(100)).unwrap(), 1);
        stop.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_batch_ends_and_the_rest_goes_to_the_end_of_the_line() {
    let held = Held::default();
    let agent = Agent::on(held.executor(), 0);
    for _ in 0..1000 {
        agent.cast(|n| *n += 1);
    }
    let mut runs = 0;
    loop {
        let jobs = held.take();
        assert!(jobs.len() <= 1);
        let Some(job) = jobs.into_iter().next() else {
            break;
        };
        job.run();
        runs += 1;
    }
    assert!((5..1000).contains(&runs), "{runs} batches");
    assert_eq!(agent.call(|n| *n).get(), 1000);
}

#[test]
fn a_panicking_call_goes_to_its_handle_and_leaves_the_state_as_it_was_then() {
    must_end(|| {
        let held = Held::default();
        for claimed in [false, true] {
            let agent = Agent::on(held.executor(), vec![1]);
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
    let held = Held::default();
    let drops = Drops::new();
    let agent = Agent::on(held.executor(), 0);
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
    let held = Held::default();
    let agent = Agent::on(held.executor(), 0);
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
        let held = Held::default();
        let agent = Agent::on(held.executor(), 0);
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
        let held = Held::default();
        let drops = Drops::new();
        let agent = Agent::on(held.executor(), 0);
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
        let held = Held::default();
        let agent = Agent::on(held.executor(), 0);
        let (entered, gate) = (Gate::new(), Gate::new());
        let first = {
            let (entered, gate) = (entered.clone(), gate.clone());
            agent.call(move |_| {
                entered.open();
                gate.pass();
            })
        };
        let first = thread::spawn(move || first.get());
        entered.pass();
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
        let message = panic_message(|| {
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
        for held in [None, Some(Held::default())] {
            let agent = match &held {
                Some(held) => Agent::on(held.executor(), Vec::new()),
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
    let held = Held::default();
    for cancel in [false, true] {
        let drops = Drops::new();
        let agent = Agent::on(held.executor(), drops.one());
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
        let held = Held::default();
        let drops = Drops::new();
        let agent = Agent::on(held.executor(), (drops.one(), 0));
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
        let agent = Agent::on(held.executor(), drops.one());
        agent.call(|_| ()).get();
        drop(agent);
        assert_eq!(drops.count(), 2);
        held.run_all();

        // Claimed: the one who claims it serves the last message.
        let agent = Agent::on(held.executor(), drops.one());
        let call = agent.call(|_| ());
        drop(agent);
        call.get();
        assert_eq!(drops.count(), 3);
        held.run_all();

        // The executor drops the job: nothing is left.
        let agent = Agent::on(held.executor(), drops.one());
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

#[test]
fn a_cast_after_calls_that_were_got_at_once_is_never_forgotten() {
    must_end(|| {
        // Idle and busy phases in turn: the pool's worker comes for nothing, lets go, and must come back.
        let agent = Agent::new(0_u64);
        for round in 0..2000_u64 {
            for _ in 0..round % 50 {
                agent.call(|_| ()).get();
            }
            let (tell, told) = channel();
            agent.cast(move |n| tell.send(*n).unwrap());
            assert_eq!(told.recv().unwrap(), round);
            agent.cast(|n| *n += 1);
        }
    });
}

#[test]
fn a_call_that_is_only_awaited_is_started_by_the_pool() {
    must_end(|| {
        let agent = Agent::new(0);
        for round in 0..2000 {
            for _ in 0..round % 20 {
                agent.call(|_| ()).get();
            }
            futures::executor::block_on(agent.call(|n| *n += 1));
        }
        assert_eq!(agent.stop().get(), 2000);
    });
}

#[test]
fn callers_meet_only_at_their_own_agent() {
    must_end(|| {
        // A blocked agent holds up nobody else.
        let (blocked, free) = (Agent::new(()), Agent::new(()));
        let both = Arc::new(Barrier::new(2));
        let at = Arc::clone(&both);
        let held_up = blocked.call(move |()| _ = at.wait());
        let held_up = thread::spawn(move || held_up.get());
        for _ in 0..100 {
            free.call(|()| ()).get();
        }
        both.wait();
        held_up.join().unwrap();
    });
}

#[test]
fn handles_of_an_agent_are_like_others() {
    let held = Held::default();
    let agent = Agent::on(held.executor(), 1);
    let line = line!() + 1;
    let (a, b) = (agent.call(|n| *n), agent.call(|n| *n));
    assert_eq!(a.spawned_at().line(), line);
    let ids: HashSet<_> = [a.id(), b.id()].into();
    assert_eq!(ids.len(), 2);
    assert!(a.try_get().is_err_and(|a| !a.is_finished()));
    assert!(b.get_timeout(Duration::ZERO).is_err());
    assert!(format!("{agent:?}").contains("queued: 2"), "{agent:?}");
    let sum = (agent.call(|n| *n) + agent.call(|n| *n)).map(|sum| sum * 10);
    assert_eq!(sum.get(), 20);
    let then = agent.call(|n| *n).then(|n| n + 1);
    assert_eq!(then.get(), 2);
}

#[test]
fn a_job_is_two_words() {
    assert_eq!(size_of::<Job>(), 2 * size_of::<usize>());
}
