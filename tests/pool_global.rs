//! The default pool, each time in a process of its own: its size, its peace, its guests' queues.

mod common;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::{Drops, Runs, ended_well, in_a_process, must_end, players, threads_named, until};
use letgo::{JoinHandle, Pool, promise, spawn_future, spawn_value};

fn wait<T>(handle: JoinHandle<T>) -> T {
    handle.get_timeout(Duration::MAX).ok().unwrap()
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[test]
fn its_size_is_what_the_environment_says() {
    const NAME: &str = "its_size_is_what_the_environment_says";
    let sizes = [("1", 1), ("3", 3), (" 7\n", 7), ("", cores())];
    for (text, size) in sizes {
        let sizes = |size| {
            move || {
                assert_eq!(spawn_value(|| 1).get(), 1);
                assert_eq!(Pool::global().threads(), size);
                assert_eq!(Pool::global().max_threads(), 10_000);
            }
        };
        // In the child the first round is the one that comes here: it is told its size.
        let told = std::env::var("SIZE").map_or(size, |size| size.parse().unwrap());
        let env = [("LETGO_THREADS", text), ("SIZE", &size.to_string())];
        ended_well(&in_a_process(NAME, &env, sizes(told)));
    }
}

#[test]
fn without_a_word_in_the_environment_it_has_a_thread_per_core() {
    let output = in_a_process(
        "without_a_word_in_the_environment_it_has_a_thread_per_core",
        &[],
        || assert_eq!(Pool::global().threads(), cores()),
    );
    ended_well(&output);
}

#[test]
fn nonsense_in_the_environment_panics_and_says_what_is_allowed() {
    for text in ["0", "-1", "many", "1.5", "10001", "99999999999999999999"] {
        let output = in_a_process(
            "nonsense_in_the_environment_panics_and_says_what_is_allowed",
            &[("LETGO_THREADS", text)],
            || {
                let again = std::panic::catch_unwind(|| spawn_value(|| 1).get());
                assert!(again.is_err(), "the first use panics");
                drop(spawn_value(|| 1)); // and so does every other
            },
        );
        assert!(!output.status.success(), "{text}");
        let says = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            says.matches("a whole number from 1 to 10000").count(),
            2,
            "{says}"
        );
        assert!(says.contains(&format!("{text:?}")), "{says}");
    }
}

#[test]
fn nothing_of_it_exists_before_its_first_use() {
    let output = in_a_process("nothing_of_it_exists_before_its_first_use", &[], || {
        let (resolver, answer) = promise();
        resolver.resolve(1).unwrap();
        assert_eq!(answer.get(), 1);
        assert_eq!(threads_named("letgo-"), 0);
        assert_eq!(spawn_value(|| 1).get(), 1);
        until("its threads are there", || {
            threads_named("letgo-") >= cores()
        });
    });
    ended_well(&output);
}

/// The CPU time this process has used, in ticks of the system's clock (100 a second).
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let fields = after_name.split(' ');
    // utime and stime are the 14th and 15th field, the name is the second.
    fields
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum()
}

#[test]
#[cfg(target_os = "linux")]
fn an_idle_process_burns_no_time() {
    let output = in_a_process("an_idle_process_burns_no_time", &[], || {
        must_end(|| {
            // It was busy, it has grown, threads wait for a promise, futures sleep, stale entries
            // were left behind.
            let sleeps = (0..50).map(|_| spawn_value(|| thread::sleep(Duration::from_millis(5))));
            sleeps.collect::<Vec<_>>().into_iter().for_each(wait);
            (0..1000)
                .map(spawn_value_of)
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|n| _ = n.get());
            let (resolver, answer) = promise::<u32>();
            let answer = answer.shared();
            let waits: Vec<_> = (0..10)
                .map(|_| {
                    let (blocks, awaits) = (answer.clone(), answer.clone());
                    (spawn_value(move || blocks.get()), spawn_future(awaits))
                })
                .collect();
            // What it grew by has left after a second.
            until("it has grown by the waiting threads only", || {
                thread::sleep(Duration::from_millis(10));
                Pool::global().threads() - Pool::global().idle_threads() == 10
                    && Pool::global().threads() <= 10 + cores()
            });
            thread::sleep(Duration::from_millis(100)); // the monitor falls asleep
            let before = ticks();
            thread::sleep(Duration::from_secs(10));
            let burnt = ticks() - before;
            // A thread that looks around once a millisecond burns some 10 ticks in that time, and one
            // that spins 1000. Two may be rounding.
            assert!(burnt <= 2, "{burnt} ticks");
            resolver.resolve(1).unwrap();
            for (blocks, awaits) in waits {
                assert_eq!(wait(blocks) + wait(awaits), 2);
            }
        });
    });
    ended_well(&output);
}

fn spawn_value_of(n: u32) -> JoinHandle<u32> {
    spawn_value(move || n)
}

#[test]
fn threads_that_spawn_and_end_leave_nothing_behind() {
    let output = in_a_process(
        "threads_that_spawn_and_end_leave_nothing_behind",
        &[],
        || {
            must_end(|| {
                let ran = Runs::new();
                for round in 0..300 {
                    let threads: Vec<_> = (0..10)
                        .map(|n| {
                            let ran = ran.clone();
                            thread::spawn(move || {
                                for _ in 0..10 {
                                    let runs = ran.clone();
                                    spawn_value(move || runs.one_more()).detach();
                                }
                                let runs = ran.clone();
                                spawn_future(async move { runs.one_more() }).detach();
                                n
                            })
                        })
                        .collect();
                    threads
                        .into_iter()
                        .for_each(|thread| _ = thread.join().unwrap());
                    assert!(ran.count() <= (round + 1) * 110);
                }
                until("all have run", || ran.count() == 300 * 110);
            });
        },
    );
    ended_well(&output);
}

struct SpawnsAtTheEnd(Runs, bool);

impl Drop for SpawnsAtTheEnd {
    fn drop(&mut self) {
        let runs = self.0.clone();
        let spawned = spawn_value(move || runs.one_more());
        if self.1 {
            wait(spawned);
        }
        let runs = self.0.clone();
        spawn_value(move || runs.one_more()).get();
    }
}

thread_local! {
    static FIRST: RefCell<Option<SpawnsAtTheEnd>> = const { RefCell::new(None) };
    static LAST: RefCell<Option<SpawnsAtTheEnd>> = const { RefCell::new(None) };
}

#[test]
fn destructors_of_a_threads_end_may_spawn_and_wait() {
    let output = in_a_process(
        "destructors_of_a_threads_end_may_spawn_and_wait",
        &[],
        || {
            must_end(|| {
                let ran = Runs::new();
                let fill = |place: &'static thread::LocalKey<_>, wait| {
                    let at_the_end = SpawnsAtTheEnd(ran.clone(), wait);
                    place.with(|place: &RefCell<_>| *place.borrow_mut() = Some(at_the_end));
                };
                for n in 0..200 {
                    // One is dropped after the thread's queue, one before.
                    let threads = thread::scope(|s| {
                        s.spawn(|| {
                            fill(&FIRST, n % 2 == 0);
                            spawn_value(|| ()).detach();
                            fill(&LAST, n % 2 == 1);
                        })
                        .join()
                    });
                    threads.unwrap();
                }
                until("all have run", || ran.count() == 200 * 4);
                // On threads of a pool as well, when they leave.
                let pool = Pool::builder().threads(2).build().unwrap();
                for wait in [false, true] {
                    let ran = ran.clone();
                    pool.spawn_value(move || {
                        FIRST.set(Some(SpawnsAtTheEnd(ran.clone(), wait)));
                    })
                    .detach();
                }
                pool.shutdown();
                until("all have run", || (802..=804).contains(&ran.count()));
            });
        },
    );
    ended_well(&output);
}

/// On one thread, kept busy for ever: by futures that wake each other, or by a closure that spawns the
/// next. What another thread has spawned into its own queue must have its turn.
#[test]
fn an_endless_supply_of_work_does_not_starve_the_queues_of_others() {
    let output = in_a_process(
        "an_endless_supply_of_work_does_not_starve_the_queues_of_others",
        &[("LETGO_THREADS", "1")],
        || {
            must_end(|| {
                fn respawn(stop: &Arc<AtomicBool>) {
                    if !stop.load(Ordering::SeqCst) {
                        let stop = Arc::clone(stop);
                        spawn_value(move || respawn(&stop)).detach();
                    }
                }
                let stop = Arc::new(AtomicBool::new(false));
                respawn(&stop);
                for n in 0..100 {
                    assert_eq!(wait(spawn_value(move || n)), n);
                }
                stop.store(true, Ordering::SeqCst);
                wait(spawn_value(|| ()));

                let stop = Arc::new(AtomicBool::new(false));
                let players = players(&stop).map(spawn_future);
                for n in 0..100 {
                    assert_eq!(wait(spawn_value(move || n)), n);
                    assert_eq!(wait(spawn_future(async move { n })), n);
                }
                stop.store(true, Ordering::SeqCst);
                players.into_iter().for_each(wait);
            });
        },
    );
    ended_well(&output);
}

#[test]
fn eight_threads_spawn_get_and_drop_and_nothing_is_lost() {
    const EACH: usize = 20_000;
    let output = in_a_process(
        "eight_threads_spawn_get_and_drop_and_nothing_is_lost",
        &[],
        || {
            must_end(|| {
                let (drops, ran) = (Drops::new(), Arc::new(AtomicUsize::new(0)));
                let threads: Vec<_> = (0..8)
                    .map(|_| {
                        let (drops, ran) = (drops.clone(), Arc::clone(&ran));
                        thread::spawn(move || {
                            let mut kept = Vec::new();
                            for n in 0..EACH {
                                let (counted, runs) = (drops.one(), Arc::clone(&ran));
                                let run = move || {
                                    let _counted = counted;
                                    runs.fetch_add(1, Ordering::SeqCst);
                                    n
                                };
                                match n % 7 {
                                    0 => assert_eq!(spawn_value(run).get(), n),
                                    1 => drop(spawn_value(run)),
                                    2 => assert_eq!(wait(spawn_future(async move { run() })), n),
                                    3 => spawn_future(async move { run() }).detach(),
                                    4 => assert_eq!(wait(spawn_value(run)), n),
                                    _ => kept.push((n, spawn_value(run))),
                                }
                                if kept.len() == 100 {
                                    assert!(kept.drain(..).all(|(n, handle)| handle.get() == n));
                                }
                            }
                            assert!(
                                kept.into_iter()
                                    .all(|(n, handle)| handle.join().unwrap() == n)
                            );
                        })
                    })
                    .collect();
                threads
                    .into_iter()
                    .for_each(|thread| thread.join().unwrap());
                until("each has run", || ran.load(Ordering::SeqCst) == 8 * EACH);
                until("each was dropped", || drops.count() == 8 * EACH);
                until("all sleep", || {
                    Pool::global().idle_threads() == Pool::global().threads()
                });
                assert_eq!(Pool::global().queued(), 0);
            });
        },
    );
    ended_well(&output);
}
