//! Single flight: one computation for all who want the same at the same time.

mod common;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use common::{Drops, Gate, must_end, until};
use letgo::{Job, SingleFlight};

static_assertions::assert_impl_all!(SingleFlight<String, i32>: Send, Sync, Clone);

#[test]
fn many_threads_that_want_one_key_run_one_computation() {
    must_end(|| {
        const CALLERS: usize = 16;
        let flights = SingleFlight::new();
        let (gate, all_called) = (Gate::new(), Arc::new(Barrier::new(CALLERS + 1)));
        let runs = Arc::new(AtomicUsize::new(0));
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (flights, gate) = (flights.clone(), gate.clone());
                let (all_called, runs) = (Arc::clone(&all_called), Arc::clone(&runs));
                thread::spawn(move || {
                    let value = flights.run("key", move || {
                        gate.pass();
                        runs.fetch_add(1, Ordering::SeqCst)
                    });
                    all_called.wait();
                    value.get()
                })
            })
            .collect();
        all_called.wait();
        assert_eq!(flights.len(), 1);
        assert!(!flights.is_empty());
        gate.open();
        for caller in callers {
            assert_eq!(caller.join().unwrap(), 0);
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        assert!(flights.is_empty());
    });
}

#[test]
fn who_asks_after_the_end_starts_anew() {
    must_end(|| {
        let flights = SingleFlight::new();
        assert_eq!(flights.run(1, || "first").get(), "first");
        assert_eq!(flights.run(1, || "second").get(), "second");
    });
}

#[test]
fn other_keys_fly_by_themselves() {
    must_end(|| {
        let (flights, gate) = (SingleFlight::new(), Gate::new());
        let held = gate.clone();
        let one = flights.run(1, move || {
            held.pass();
            "one"
        });
        assert_eq!(flights.run(2, || "two").get(), "two");
        gate.open();
        assert_eq!(one.get(), "one");
    });
}

#[test]
fn a_caller_that_gives_up_hurts_no_other() {
    must_end(|| {
        let (flights, gate, started) = (SingleFlight::new(), Gate::new(), Gate::new());
        let (held, starts) = (gate.clone(), started.clone());
        let first = flights.run("key", move || {
            starts.open();
            held.pass();
            7
        });
        let stays = flights.run("key", || 0);
        let cancels = flights.run("key", || 0);
        let times_out = flights.run("key", || 0);
        started.pass();
        cancels.cancel();
        drop(cancels);
        drop(times_out.get_timeout(Duration::ZERO).unwrap_err());
        drop(first);
        gate.open();
        assert_eq!(stays.get(), 7);
    });
}

#[test]
fn a_cancel_before_the_start_leaves_the_others_their_computation() {
    must_end(|| {
        let queue = Mutex::new(Vec::new());
        let later = |job: Job| queue.lock().unwrap().push(job);
        let flights = SingleFlight::new();
        let first = flights.run_on(&later, "key", || 7);
        let second = flights.run_on(&later, "key", || 0);
        first.cancel();
        drop(first);
        assert_eq!(queue.lock().unwrap().len(), 1);
        queue.lock().unwrap().drain(..).for_each(Job::run);
        assert_eq!(second.get(), 7);
    });
}

#[test]
fn it_runs_to_its_end_though_all_give_up() {
    must_end(|| {
        let (flights, gate) = (SingleFlight::new(), Gate::new());
        let (held, drops) = (gate.clone(), Drops::new());
        let value = Arc::new(drops.one());
        drop(flights.run("key", move || {
            held.pass();
            value
        }));
        assert_eq!((flights.len(), drops.count()), (1, 0));
        gate.open();
        until("the flight has landed and its value is gone", || {
            flights.is_empty() && drops.count() == 1
        });
    });
}

#[test]
fn no_result_is_kept() {
    must_end(|| {
        let (flights, drops) = (SingleFlight::new(), Drops::new());
        let value = Arc::new(drops.one());
        drop(flights.run("key", move || value).get());
        until("nothing holds the value", || drops.count() == 1);
    });
}

#[test]
fn a_panic_is_everybodys_and_the_next_caller_starts_anew() {
    must_end(|| {
        let (flights, gate) = (SingleFlight::new(), Gate::new());
        let held = gate.clone();
        let first = flights.run("key", move || -> i32 {
            held.pass();
            panic!("no luck")
        });
        let second = flights.run("key", || 0);
        gate.open();
        for value in [first, second] {
            assert_eq!(value.join().unwrap_err().message(), Some("no luck"));
        }
        assert!(flights.is_empty());
        assert_eq!(flights.run("key", || 7).get(), 7);
    });
}

#[test]
fn an_executor_that_drops_the_job_frees_the_key() {
    must_end(|| {
        let flights = SingleFlight::new();
        let value = flights.run_on(&drop::<Job>, "key", || 1);
        assert!(value.join().unwrap_err().is_cancelled());
        assert!(flights.is_empty());
        assert_eq!(flights.run("key", || 7).get(), 7);
    });
}

#[test]
fn an_executor_that_panics_frees_the_key() {
    must_end(|| {
        let flights = SingleFlight::new();
        let broken = |_: Job| panic!("no room");
        let run = AssertUnwindSafe(|| flights.run_on(&broken, "key", || 1));
        assert!(catch_unwind(run).is_err());
        assert!(flights.is_empty());
    });
}

#[test]
fn the_flights_may_go_before_the_flight_lands() {
    must_end(|| {
        let (flights, gate) = (SingleFlight::new(), Gate::new());
        let held = gate.clone();
        let value = flights.run("key", move || {
            held.pass();
            7
        });
        drop(flights);
        gate.open();
        assert_eq!(value.get(), 7);
    });
}

#[test]
fn in_a_crowd_no_key_is_computed_twice_at_a_time() {
    must_end(|| {
        const KEYS: usize = 3;
        let flights = SingleFlight::new();
        let flying: Arc<[AtomicBool; KEYS]> = Arc::default();
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let (flights, flying) = (flights.clone(), Arc::clone(&flying));
                thread::spawn(move || {
                    let mut seen = HashMap::<usize, usize>::new();
                    for round in 0..500 {
                        let key = (thread + round) % KEYS;
                        let flying = Arc::clone(&flying);
                        let value = flights.run(key, move || {
                            assert!(!flying[key].swap(true, Ordering::SeqCst), "two fly");
                            thread::yield_now();
                            flying[key].store(false, Ordering::SeqCst);
                            key
                        });
                        // Now and then somebody loses patience.
                        if round % 5 != 0 {
                            assert_eq!(value.get(), key);
                            *seen.entry(key).or_default() += 1;
                        }
                    }
                    seen.values().sum::<usize>()
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), 400);
        }
        until("all have landed", || flights.is_empty());
    });
}
