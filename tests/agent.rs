//! Agents: order, claims, taking over, fairness.

mod common;

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt::Debug;
use std::panic::UnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use common::{Gate, HANGS, Queue, must_end, occupy, one_thread, until_blocked_for};
use letgo::{Agent, Job, JoinHandle, Pool, join, spawn_future, spawn_value_on};

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
    let held = Queue::new();
    let agent = Agent::on(held.clone(), 0);
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
        let held = Queue::new();
        let agent = Agent::on(held.clone(), Vec::new());
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
    let held = Queue::new();
    let agent = Agent::on(held.clone(), 0);
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
        let held = Queue::new();
        let agent = Agent::on(held.clone(), Vec::new());
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
fn who_stands_by_is_woken_though_an_earlier_one_came_later() {
    must_end(|| {
        let held = Queue::new();
        let agent = Agent::on(held.clone(), 0);
        let (gate, first) = occupy(&agent);
        let calls = [agent.call(|n| *n += 1), agent.call(|n| *n += 1)];
        let blocked: Vec<_> = calls
            .into_iter()
            .rev()
            .map(|call| {
                let place = call.spawned_at();
                let thread = thread::spawn(move || call.get());
                until_blocked_for(place);
                thread
            })
            .collect();
        gate.open();
        for thread in blocked {
            thread.join().unwrap();
        }
        first.join().unwrap();
        assert_eq!(agent.stop().get(), 2);
        drop(held);
    });
}

#[test]
fn where_the_stack_ends_a_call_is_served_on_a_fresh_one() {
    fn dive(depth: u32, held: &Queue, agent: &Agent<u32>) {
        if depth > 0 {
            agent.call(|n| *n += 1).get();
            let (inner, other) = (held.clone(), agent.clone());
            spawn_value_on(held, move || dive(depth - 1, &inner, &other)).get();
        }
    }
    must_end(|| {
        let held = Queue::new();
        let agent = Agent::on(held.clone(), 0);
        dive(5000, &held, &agent);
        assert_eq!(agent.stop().get(), 5000);
    });
}

#[test]
fn many_threads_that_block_need_no_executor() {
    must_end(|| {
        let held = Queue::new();
        let agent = Agent::on(held.clone(), 0);
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
    let held = Queue::new();
    let agent = Agent::on(held.clone(), 0);
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
    let held = Queue::new();
    let agent = Agent::on(held.clone(), 1);
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

#[test]
fn a_message_that_blocks_for_a_task_does_not_hold_that_task_up() {
    must_end(|| {
        let pool = Pool::builder().threads(1).build().unwrap();
        let agent = Agent::on(pool.clone(), ());
        for _ in 0..3_000 {
            // A worker comes for the call, and finds it done, mostly.
            agent.call(|()| ()).get();
            let (send, receive) = channel();
            agent.cast(move |()| receive.recv().unwrap());
            pool.spawn_value(move || send.send(()).unwrap()).detach();
            agent.call(|()| ()).get_timeout(HANGS).unwrap();
        }
    });
}

#[test]
fn an_executor_that_runs_jobs_inline_nests_no_turns() {
    must_end(|| {
        const MANY: usize = 300_000;
        let agent = Agent::on(|job: Job| job.run(), 0);
        let inner = agent.clone();
        agent.cast(move |_| {
            for _ in 0..MANY {
                inner.cast(|n| *n += 1);
            }
        });
        assert_eq!(agent.stop().get(), MANY);
    });
}

#[test]
fn its_executor_has_one_job_of_it_at_a_time() {
    let queue = Queue::new();
    let agent = Agent::on(queue.clone(), 0);
    // More than are served in one go.
    let many = 1000;
    (0..many).for_each(|_| agent.cast(|n| *n += 1));
    let mut turns = 0;
    while let Some(job) = queue.pop() {
        job.run();
        turns += 1;
        // There is more to do, and more comes.
        if turns < 3 {
            agent.cast(|_| ());
            assert_eq!(queue.len(), 1);
        }
    }
    assert!(turns > 1);
    assert_eq!(agent.call(|n| *n).get(), many);
}
