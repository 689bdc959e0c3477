//! The pool at work: it computes on as many threads as it was built with, and grows while they block.

mod common;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use common::{Crowd, Gate, compute, must_end, threads_named, until};
use letgo::{JoinHandle, Pool, promise};

fn pool(threads: usize) -> Pool {
    Pool::builder().threads(threads).build().unwrap()
}

/// Waits for the value without claiming.
fn wait<T>(handle: JoinHandle<T>) -> T {
    handle.get_timeout(Duration::MAX).ok().unwrap()
}

fn nest(pool: &Pool, depth: usize) -> usize {
    if depth == 0 {
        return 0;
    }
    let inner = pool.clone();
    pool.spawn_value(move || nest(&inner, depth - 1)).get() + 1
}

#[test]
fn gets_nest_on_a_pool_of_one_thread() {
    must_end(|| {
        let pool = pool(1);
        let inner = pool.clone();
        assert_eq!(wait(pool.spawn_value(move || nest(&inner, 500))), 500);
    });
}

#[test]
fn a_long_chain_of_handles_each_getting_the_one_before_overflows_no_stack() {
    const LINKS: usize = 50_000;
    must_end(|| {
        let pool = pool(1);
        let chain = |last: JoinHandle<usize>| {
            (0..LINKS).fold(last, |before, _| pool.spawn_value(move || before.get() + 1))
        };
        assert_eq!(chain(pool.spawn_value(|| 0)).get(), LINKS);
        assert_eq!(wait(chain(pool.spawn_value(|| 0))), LINKS);
        // None of them can be run before the first has its value.
        let (resolver, first) = promise();
        let last = chain(first);
        resolver.resolve(0).unwrap();
        assert_eq!(last.get(), LINKS);
    });
}

#[test]
fn closures_that_meet_at_a_barrier_all_come() {
    must_end(|| {
        for threads in [1, 2] {
            let pool = pool(threads);
            let barrier = Arc::new(Barrier::new(64));
            let meet = |_| {
                let barrier = Arc::clone(&barrier);
                pool.spawn_value(move || barrier.wait().is_leader())
            };
            let all: Vec<_> = (0..64).map(meet).collect();
            let leaders = all.into_iter().map(wait).filter(|leader| *leader).count();
            assert_eq!(leaders, 1);
        }
    });
}

#[test]
fn a_thousand_closures_that_sleep_sleep_at_the_same_time() {
    must_end(|| {
        let (pool, asleep) = (pool(2), Crowd::new());
        let all: Vec<_> = (0..1000)
            .map(|_| {
                let asleep = asleep.clone();
                pool.spawn_value(move || {
                    // For 300 ms, and for as long as it takes the others to be asleep as well.
                    asleep.inside(|| {
                        thread::sleep(Duration::from_millis(300));
                        while asleep.most() < 1000 {
                            thread::sleep(Duration::from_millis(10));
                        }
                    });
                })
            })
            .collect();
        all.into_iter().for_each(wait);
        assert_eq!(asleep.most(), 1000);
    });
}

fn computing_never_grows(pool: &Pool) {
    const CLOSURES: usize = 10_000;
    let size = pool.threads();
    let (crowd, done) = (Crowd::new(), Arc::new(AtomicUsize::new(0)));
    for _ in 0..CLOSURES {
        let (crowd, done) = (crowd.clone(), Arc::clone(&done));
        pool.spawn_value(move || {
            crowd.inside(compute);
            done.fetch_add(1, Ordering::SeqCst);
        })
        .detach();
    }
    let mut most = 0;
    until("all have computed", || {
        most = most.max(pool.threads());
        thread::sleep(Duration::from_micros(100)); // not to compute along
        done.load(Ordering::SeqCst) == CLOSURES
    });
    assert!(most <= size + 1, "{most} threads for {size}");
    assert!(crowd.most() <= size + 1, "{} ran at once", crowd.most());
}

#[test]
fn computing_never_grows_the_pool() {
    must_end(|| {
        computing_never_grows(&pool(1));
        computing_never_grows(&pool(2));
        computing_never_grows(&pool(3));
    });
}

#[test]
fn computing_never_grows_the_pool_while_others_take_its_cores() {
    must_end(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let load: Vec<_> = (0..cores * 4)
            .map(|_| {
                let stop = Arc::clone(&stop);
                thread::spawn(move || while !stop.load(Ordering::Relaxed) {})
            })
            .collect();
        computing_never_grows(&pool(2));
        stop.store(true, Ordering::Relaxed);
        load.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn after_a_burst_of_blocked_threads_the_pool_shrinks_to_its_size() {
    must_end(|| {
        let pool = Pool::builder()
            .threads(2)
            .name("burst")
            .keep_alive(Duration::from_millis(50))
            .build()
            .unwrap();
        let (gate, crowd) = (Gate::new(), Crowd::new());
        for _ in 0..1000 {
            let (gate, crowd) = (gate.clone(), crowd.clone());
            pool.spawn_value(move || crowd.inside(|| gate.pass()))
                .detach();
        }
        until("all are blocked", || crowd.now() == 1000);
        assert!(pool.threads() >= 1000);
        gate.open();
        until("it is as small as before", || pool.threads() == 2);
        until("its threads have left", || threads_named("burst-") <= 3);
        assert_eq!(pool.spawn_value(|| 1).get(), 1);
    });
}

#[test]
fn a_closure_starts_though_its_spawner_goes_on_computing() {
    must_end(|| {
        let pool = pool(2);
        let spawn_and_spin = |pool: &Pool| {
            let started = Arc::new(AtomicBool::new(false));
            let start = Arc::clone(&started);
            pool.spawn_value(move || start.store(true, Ordering::SeqCst))
                .detach();
            while !started.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
        };
        for _ in 0..200 {
            spawn_and_spin(&pool);
        }
        let inner = pool.clone();
        wait(pool.spawn_value(move || (0..200).for_each(|_| spawn_and_spin(&inner))));
    });
}

#[test]
fn panics_kill_no_worker() {
    must_end(|| {
        let pool = pool(2);
        let panics: Vec<_> = (0..1000_u32)
            .map(|n| pool.spawn_value(move || -> u32 { std::panic::resume_unwind(Box::new(n)) }))
            .collect();
        for (n, panic) in (0_u32..).zip(panics) {
            let payload = loop {
                if panic.is_finished() {
                    break panic.join().unwrap_err().into_panic();
                }
                thread::yield_now();
            };
            assert_eq!(payload.downcast_ref(), Some(&n));
        }
        // One more, perhaps: a worker that waited for a lock of std's panic machinery looked blocked.
        assert!(pool.threads() >= 2);
        assert_eq!(wait(pool.spawn_value(|| 1)), 1);
    });
}

#[test]
fn a_worker_that_waits_is_replaced() {
    must_end(|| {
        let pool = pool(1);
        for timed in [false, true] {
            let (resolver, answer) = promise();
            let waits = pool.spawn_value(move || if timed { wait(answer) } else { answer.get() });
            let resolves = pool.spawn_value(move || resolver.resolve(1).unwrap());
            assert_eq!(wait(waits), 1);
            wait(resolves);
        }
    });
}

#[test]
fn a_worker_that_waits_within_a_wait_is_replaced() {
    must_end(|| {
        let pool = pool(1);
        let (first, first_answer) = promise();
        let (second, second_answer) = promise();
        let asks = Gate::new();
        let asked = asks.clone();
        let waits = pool.spawn_value(move || {
            let both = first_answer.map(move |a: i32| {
                asked.open();
                a + second_answer.get()
            });
            both.get()
        });
        until("it waits", || {
            pool.idle_threads() == 0 && pool.queued() == 0
        });
        // The naps make it likely that it waits by then; if it does not, that is right as well.
        thread::sleep(Duration::from_millis(20));
        first.resolve(1).unwrap();
        asks.pass();
        thread::sleep(Duration::from_millis(20));
        pool.spawn_value(move || second.resolve(2).unwrap())
            .detach();
        assert_eq!(wait(waits), 3);
    });
}

#[test]
fn max_threads_is_never_exceeded_and_what_starves_runs_once_a_place_is_free() {
    must_end(|| {
        let pool = Pool::builder()
            .threads(1)
            .max_threads(4)
            .name("capped")
            .build()
            .unwrap();
        let (gate, crowd) = (Gate::new(), Crowd::new());
        let all: Vec<_> = (0..20)
            .map(|_| {
                let (gate, crowd) = (gate.clone(), crowd.clone());
                pool.spawn_value(move || crowd.inside(|| gate.pass()))
            })
            .collect();
        until("as many are blocked as may be", || crowd.now() == 4);
        let (resolver, answer) = promise();
        let starves = pool.spawn_value(move || resolver.resolve(1).unwrap());
        for _ in 0..50 {
            assert_eq!(pool.threads(), 4);
            assert!(threads_named("capped-") <= 5, "with the monitor");
            thread::sleep(Duration::from_millis(1)); // the monitor ticks meanwhile
        }
        let answer = answer.try_get().unwrap_err();
        gate.open();
        assert_eq!(answer.get(), 1);
        wait(starves);
        all.into_iter().for_each(wait);
        assert_eq!(crowd.most(), 4);
        assert_eq!(pool.max_threads(), 4);
    });
}

#[test]
fn a_pool_that_was_blocked_at_its_cap_for_long_still_grows_afterwards() {
    must_end(|| {
        let pool = Pool::builder()
            .threads(1)
            .max_threads(3)
            .keep_alive(Duration::ZERO)
            .build()
            .unwrap();
        let gate = Gate::new();
        for _ in 0..4 {
            let gate = gate.clone();
            pool.spawn_value(move || gate.pass()).detach();
        }
        // Far more ticks of the monitor than a number has bits.
        thread::sleep(Duration::from_millis(300));
        gate.open();
        until("it is as small as before", || pool.threads() == 1);
        let barrier = Arc::new(Barrier::new(3));
        let meet = |_| {
            let barrier = Arc::clone(&barrier);
            pool.spawn_value(move || _ = barrier.wait())
        };
        (0..3)
            .map(meet)
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(wait);
    });
}

#[test]
fn a_spawn_that_meets_a_worker_falling_asleep_wakes_it() {
    must_end(|| {
        for threads in [1, 2] {
            let pool = pool(threads);
            for n in 0..30_000 {
                let handle = pool.spawn_value(move || n);
                while !handle.is_finished() {
                    std::hint::spin_loop();
                }
                assert_eq!(handle.get(), n);
                // A worker falls asleep some time after its last job: the next comes a bit later
                // each time.
                (0..n % 600).for_each(|_| std::hint::spin_loop());
            }
        }
    });
}

#[test]
fn a_wait_as_a_worker_leaves_is_not_counted() {
    struct WaitsAtTheEnd(Option<JoinHandle<()>>, Gate);
    impl Drop for WaitsAtTheEnd {
        fn drop(&mut self) {
            if let Some(handle) = self.0.take() {
                self.1.open();
                wait(handle);
            }
        }
    }
    thread_local! {
        static END: RefCell<Option<WaitsAtTheEnd>> = const { RefCell::new(None) };
    }
    must_end(|| {
        let pool = Pool::builder()
            .threads(1)
            .keep_alive(Duration::ZERO)
            .build()
            .unwrap();
        let (barrier, leaves) = (Arc::new(Barrier::new(2)), Gate::new());
        let (resolvers, all): (Vec<_>, Vec<_>) = (0..2)
            .map(|_| {
                let (resolver, answer) = promise();
                let (barrier, leaves) = (Arc::clone(&barrier), leaves.clone());
                let meets = pool.spawn_value(move || {
                    END.set(Some(WaitsAtTheEnd(Some(answer), leaves)));
                    barrier.wait();
                });
                (resolver, meets)
            })
            .unzip();
        all.into_iter().for_each(wait);
        leaves.pass();
        thread::sleep(Duration::from_millis(20)); // so that it most likely waits
        for n in 0..100 {
            assert_eq!(wait(pool.spawn_value(move || n)), n);
        }
        drop(pool);
        for resolver in resolvers {
            resolver.resolve(()).unwrap();
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn closures_got_in_the_order_of_their_spawns_leave_the_memory_where_it_was() {
    const MILLION: usize = 1_000_000;
    // A million entries would be a hundred megabytes.
    const MARGIN: usize = 24 << 20;
    fn resident() -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    }
    fn window(pool: &Pool) {
        let before = resident();
        let mut pending = VecDeque::new();
        for n in 0..MILLION {
            pending.push_back(pool.spawn_value(move || n));
            if pending.len() > 100 {
                assert_eq!(pending.pop_front().unwrap().get(), n - 100);
            }
        }
        let left = resident().saturating_sub(before);
        assert!(left < MARGIN, "{left} bytes are left");
    }
    // Nobody else is there to clear up.
    let pool = Pool::builder().threads(1).max_threads(1).build().unwrap();
    let inner = pool.clone();
    wait(pool.spawn_value(move || window(&inner)));
    // Others may, at their leisure.
    window(Pool::global());
}
