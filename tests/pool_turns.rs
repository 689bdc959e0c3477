//! Turns: whoever is always ready, futures or closures, leaves room for others.

mod common;

use std::future::poll_fn;
use std::hint;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use common::{must_end, players};
use letgo::{Executor, Job, JoinHandle, Pool, promise};

fn pool(threads: usize) -> Pool {
    Pool::builder().threads(threads).build().unwrap()
}

/// Waits for the value without claiming.
fn wait<T>(handle: JoinHandle<T>) -> T {
    handle.get_timeout(Duration::MAX).ok().unwrap()
}

#[test]
fn futures_that_wake_each_other_for_ever_leave_room_for_others() {
    must_end(|| {
        let pool = pool(1);
        let stop = Arc::new(AtomicBool::new(false));
        let players = players(&stop).map(|player| pool.spawn_future(player));
        for n in 0..100 {
            assert_eq!(wait(pool.spawn_value(move || n)), n);
            assert_eq!(wait(pool.spawn_future(async move { n })), n);
        }
        stop.store(true, Ordering::SeqCst);
        players.into_iter().for_each(wait);
    });
}

#[test]
fn futures_are_woken_from_threads_outside() {
    must_end(|| {
        let pool = pool(2);
        let (resolvers, sums): (Vec<_>, Vec<_>) = (0..100)
            .map(|_| {
                let (resolver, answer) = promise::<u32>();
                (resolver, pool.spawn_future(async move { answer.await + 1 }))
            })
            .unzip();
        let threads: Vec<_> = resolvers
            .into_iter()
            .map(|resolver| thread::spawn(move || resolver.resolve(1).unwrap()))
            .collect();
        assert_eq!(sums.into_iter().map(wait).sum::<u32>(), 200);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

/// A future that yields so often before it gives its value.
fn yields<T: Copy>(times: usize, value: T) -> impl Future<Output = T> {
    let mut left = times;
    poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(value);
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

#[test]
fn ten_thousand_futures_yield_to_each_other() {
    must_end(|| {
        let pool = pool(2);
        let all: Vec<_> = (0..10_000)
            .map(|n| pool.spawn_future(yields(10, n)))
            .collect();
        assert!((0..).zip(all).all(|(n, handle)| wait(handle) == n));
    });
}

fn respawn(pool: &Pool, stop: &Arc<AtomicBool>) {
    if !stop.load(Ordering::SeqCst) {
        let (again, still) = (pool.clone(), Arc::clone(stop));
        pool.spawn_value(move || respawn(&again, &still)).detach();
    }
}

#[test]
fn a_thread_with_endless_work_of_its_own_serves_others_too() {
    must_end(|| {
        let pool = pool(1);
        let stop = Arc::new(AtomicBool::new(false));
        respawn(&pool, &stop);
        for n in 0..100 {
            assert_eq!(wait(pool.spawn_value(move || n)), n);
        }
        stop.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_thread_with_endless_closures_of_its_own_comes_back_to_its_futures() {
    must_end(|| {
        let pool = pool(1);
        let stop = Arc::new(AtomicBool::new(false));
        respawn(&pool, &stop);
        assert_eq!(wait(pool.spawn_future(yields(20, 0))), 0);
        stop.store(true, Ordering::SeqCst);
    });
}

#[test]
fn what_comes_from_outside_takes_turns_with_futures_that_are_always_ready() {
    const TIMES: usize = 100;
    must_end(|| {
        let pool = Pool::builder().threads(1).max_threads(1).build().unwrap();
        let polls = Arc::new(AtomicUsize::new(0));
        let (tell, told) = channel();
        let futures: Vec<_> = (0..3)
            .map(|_| {
                let (inner, polls, tell) = (pool.clone(), Arc::clone(&polls), tell.clone());
                pool.spawn_future(poll_fn(move |cx| {
                    let before = polls.fetch_add(1, Ordering::SeqCst);
                    if before >= 7 * TIMES {
                        return Poll::Ready(());
                    }
                    if before % 7 == 0 {
                        let (inner, polls, tell) =
                            (inner.clone(), Arc::clone(&polls), tell.clone());
                        let outside = thread::spawn(move || {
                            let meanwhile = move || polls.load(Ordering::SeqCst) - before;
                            inner
                                .spawn_value(move || tell.send(meanwhile()).unwrap())
                                .detach();
                        });
                        outside.join().unwrap();
                    }
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }))
            })
            .collect();
        drop(tell);
        futures.into_iter().for_each(wait);
        let longest = told.iter().max().unwrap();
        assert!(longest <= 10, "it waited for {longest} polls");
    });
}

/// Computes for a while, then waits for nothing, for half that time, so that the pool replaces this thread.
fn computes_and_blocks() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(2) {
        hint::spin_loop();
    }
    let (resolver, never) = promise::<()>();
    assert!(never.get_timeout(Duration::from_millis(1)).is_err());
    drop(resolver);
}

#[test]
fn threads_that_take_turns_in_being_blocked_serve_others_too() {
    must_end(|| {
        let pool = pool(1);
        let stop = Arc::new(AtomicBool::new(false));
        let futures = [(); 2].map(|()| {
            let still = Arc::clone(&stop);
            pool.spawn_future(poll_fn(move |cx| {
                computes_and_blocks();
                if still.load(Ordering::SeqCst) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }))
        });
        for n in 0..3 {
            assert_eq!(wait(pool.spawn_value(move || n)), n);
        }
        stop.store(true, Ordering::SeqCst);
        futures.into_iter().for_each(wait);
    });
}

fn respawn_and_block(pool: &Pool, stop: &Arc<AtomicBool>) {
    if !stop.load(Ordering::SeqCst) {
        let (again, still) = (pool.clone(), Arc::clone(stop));
        pool.spawn_value(move || respawn_and_block(&again, &still))
            .detach();
        computes_and_blocks();
    }
}

#[test]
fn threads_that_take_turns_in_being_blocked_serve_others_beside_closures_too() {
    must_end(|| {
        let pool = pool(1);
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..2 {
            respawn_and_block(&pool, &stop);
        }
        for n in 0..3 {
            assert_eq!(wait(pool.spawn_value(move || n)), n);
        }
        stop.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_long_queue_of_one_thread_does_not_hold_up_another_threads() {
    const MANY: usize = 1000;
    must_end(|| {
        let pool = pool(1);
        let ran = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (end, ended) = promise::<()>();
        let ended = ended.shared();
        let (tell, told) = channel();
        let (spawner, all_ran, still) = (pool.clone(), Arc::clone(&ran), Arc::clone(&stop));
        let many = pool.spawn_value(move || {
            // Each of the two leaves its thread's queue to others; the last has endless work of its own.
            let (inner, counted, blocked) = (spawner.clone(), Arc::clone(&all_ran), ended.clone());
            let one = spawner.spawn_value(move || {
                let before = inner.spawn_value(move || counted.load(Ordering::SeqCst));
                tell.send(before).unwrap();
                blocked.get();
            });
            let inner = spawner.clone();
            let endless = spawner.spawn_value(move || respawn(&inner, &still));
            for _ in 0..MANY {
                let all_ran = Arc::clone(&all_ran);
                spawner
                    .spawn_value(move || all_ran.fetch_add(1, Ordering::SeqCst))
                    .detach();
            }
            ended.get();
            (one, endless)
        });
        let before = wait(told.recv().unwrap());
        assert!(before < MANY, "all of the longer queue came first");
        stop.store(true, Ordering::SeqCst);
        end.resolve(()).unwrap();
        let (one, endless) = wait(many);
        wait(one);
        wait(endless);
    });
}

/// A thread with `many` tasks in its queue, which waits till they have run; each is given its number.
fn long_queue(pool: &Pool, many: usize, task: impl Fn(usize) + Clone + Send + 'static) {
    let spawner = pool.clone();
    wait(pool.spawn_value(move || {
        let tasks: Vec<_> = (0..many)
            .map(|number| {
                let task = task.clone();
                spawner.spawn_value(move || task(number))
            })
            .collect();
        tasks.into_iter().for_each(wait);
    }));
}

#[test]
fn of_a_long_queue_the_oldest_task_comes_first_and_each_once() {
    const MANY: usize = 1000;
    must_end(|| {
        let order = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&order);
        long_queue(&pool(1), MANY, move |number| {
            seen.lock().unwrap().push(number)
        });
        let mut order = order.lock().unwrap().clone();
        assert_eq!(order[0], 0);
        order.sort_unstable();
        assert!(order.into_iter().eq(0..MANY));
    });
}

#[test]
fn tasks_that_a_thread_has_taken_over_are_found_while_it_blocks_unseen() {
    const MANY: usize = 1000;
    must_end(|| {
        let (tell, told) = channel();
        let told = Arc::new(Mutex::new(told));
        long_queue(&pool(1), MANY, move |number| {
            if number > 0 {
                tell.send(()).unwrap();
                return;
            }
            for _ in 1..MANY {
                told.lock().unwrap().recv().unwrap();
            }
        });
    });
}

#[test]
fn a_future_that_a_closure_polls_does_not_wait_for_the_closure() {
    must_end(|| {
        let pool = pool(2);
        let (jobs, polled_here) = channel::<Job>();
        // The first poll is the closure's, the next one the pool's.
        let first = AtomicBool::new(true);
        let (executor, jobs) = (pool.clone(), Mutex::new(jobs));
        let executor = Arc::new(move |job: Job| {
            if first.swap(false, Ordering::SeqCst) {
                jobs.lock().unwrap().send(job).unwrap();
            } else {
                executor.execute(job);
            }
        });
        let (ends, end) = channel();
        let closure = pool.spawn_value(move || {
            polled_here.recv().unwrap().run();
            // Nobody sees that it blocks.
            end.recv().unwrap();
        });
        let mut polls = 0;
        let executor = move |job: Job| executor(job);
        let future = executor.spawn_future(poll_fn(move |cx| {
            polls += 1;
            if polls == 2 {
                ends.send(()).unwrap();
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        wait(future);
        wait(closure);
    });
}

#[test]
fn futures_that_an_executor_hands_on_by_twos_are_all_run() {
    must_end(|| {
        let pool = pool(2);
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (keeps, inner) = (Arc::clone(&kept), pool.clone());
        let by_twos = move |job: Job| {
            let mut kept = keeps.lock().unwrap();
            kept.push(job);
            if kept.len() == 2 {
                kept.drain(..).for_each(|job| inner.execute(job));
            }
        };
        for _ in 0..1_000 {
            let [a, b] = [(); 2].map(|()| by_twos.clone().spawn_future(yields(1, ())));
            wait(a);
            wait(b);
        }
    });
}

#[test]
fn a_future_does_not_wait_for_what_its_executor_does_next() {
    must_end(|| {
        let pool = pool(2);
        let (polled, second_poll) = channel();
        let (inner, second_poll) = (pool.clone(), Arc::new(Mutex::new(second_poll)));
        let rescheduled = Arc::new(AtomicBool::new(false));
        let executor = move |job: Job| {
            inner.execute(job);
            if rescheduled.swap(true, Ordering::SeqCst) {
                // Nobody sees that it blocks.
                second_poll.lock().unwrap().recv().unwrap();
            }
        };
        let first = yields(1, ());
        wait(executor.spawn_future(async move {
            first.await;
            polled.send(()).unwrap();
        }));
    });
}
