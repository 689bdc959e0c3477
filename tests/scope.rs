//! Tasks that borrow: `scope`.

mod common;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use common::{Crowd, Drops, Gate, compute, must_end, panic_text, until};
use letgo::{Scope, ScopedJoinHandle, scope, spawn_value};

#[test]
fn tasks_borrow_what_outlives_the_scope() {
    must_end(|| {
        let mut numbers = vec![1, 2, 3, 4];
        let text = String::from("four");
        let (sum, length) = scope(|s| {
            let sum = s.spawn_value(|| numbers.iter().sum::<i32>());
            let length = s.spawn_value(|| text.len());
            (sum.get(), length.get())
        });
        assert_eq!((sum, length), (10, 4));
        scope(|s| {
            for number in &mut numbers {
                s.spawn_value(move || *number *= 2);
            }
        });
        assert_eq!(numbers, [2, 4, 6, 8]);
        let slices: Vec<&str> = scope(|s| {
            let halves = [s.spawn_value(|| &text[..2]), s.spawn_value(|| &text[2..])];
            halves.into_iter().map(ScopedJoinHandle::get).collect()
        });
        assert_eq!(slices, ["fo", "ur"], "values may borrow as well");
    });
}

#[test]
fn no_task_outlives_its_scope() {
    must_end(|| {
        for _ in 0..100 {
            let ended = AtomicUsize::new(0);
            scope(|s| {
                for _ in 0..20 {
                    // Dropped handles: the tasks go on.
                    drop(s.spawn_value(|| ended.fetch_add(1, Ordering::Relaxed)));
                }
            });
            assert_eq!(ended.into_inner(), 20);
        }
    });
}

#[test]
fn a_scope_of_nothing_ends() {
    must_end(|| assert_eq!(scope(|_| 1), 1));
}

#[test]
fn a_task_spawns_further_ones() {
    fn count<'scope>(s: &'scope Scope<'scope, '_>, counter: &'scope AtomicUsize, depth: u32) {
        counter.fetch_add(1, Ordering::Relaxed);
        if depth > 0 {
            for _ in 0..2 {
                drop(s.spawn_value(move || count(s, counter, depth - 1)));
            }
        }
    }
    must_end(|| {
        let counter = AtomicUsize::new(0);
        scope(|s| count(s, &counter, 10));
        assert_eq!(counter.into_inner(), (1 << 11) - 1);
    });
}

fn fib<'scope>(s: &'scope Scope<'scope, '_>, n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let left = s.spawn_value(move || fib(s, n - 1));
    let right = fib(s, n - 2);
    left.get() + right
}

#[test]
fn a_task_need_not_move_its_scope() {
    must_end(|| {
        let text = String::from("let go");
        let lengths: Vec<usize> = scope(|s| {
            let words = s.spawn_value(|| {
                let words = text.split(' ');
                let lengths = words.map(|word| s.spawn_value(|| word.len()));
                lengths.collect::<Vec<_>>()
            });
            words.get().into_iter().map(ScopedJoinHandle::get).collect()
        });
        assert_eq!(lengths, [3, 2]);
    });
}

#[test]
fn fork_and_join_nest() {
    must_end(|| assert_eq!(scope(|s| fib(s, 18)), 2584));
}

#[test]
fn a_get_claims_what_no_thread_has_started() {
    must_end(|| {
        scope(|s| {
            let here = thread::current().id();
            // A thread of the scope may be faster, but not each time.
            while s.spawn_value(|| thread::current().id()).get() != here {}
        });
    });
}

#[test]
fn deep_nesting_does_not_use_up_the_stack() {
    fn deep<'scope>(s: &'scope Scope<'scope, '_>, depth: u32) -> u32 {
        if depth == 0 {
            return 0;
        }
        s.spawn_value(move || deep(s, depth - 1)).get() + 1
    }
    must_end(|| assert_eq!(scope(|s| deep(s, 20_000)), 20_000));
}

#[test]
fn a_panic_that_is_joined_is_the_joiners() {
    must_end(|| {
        let message = scope(|s| {
            let unlucky = s.spawn_value(|| -> i32 { panic!("no luck") });
            unlucky.join().unwrap_err().message().map(str::to_owned)
        });
        assert_eq!(message.unwrap(), "no luck");
        scope(|s| {
            let unlucky = s.spawn_value(|| -> i32 { panic!("no luck") });
            assert_eq!(panic_text(|| unlucky.get()), "no luck");
            let unlucky = s.spawn_value(|| -> i32 { panic!("no luck") });
            until("it has panicked", || unlucky.is_finished());
            assert_eq!(panic_text(|| unlucky.try_get()), "no luck");
        });
    });
}

#[test]
fn a_panic_that_nobody_joined_is_the_scopes_once_all_have_ended() {
    must_end(|| {
        let ended = AtomicUsize::new(0);
        let (panicked, has_panicked) = channel::<()>();
        let message = panic_text(|| {
            scope(|s| {
                drop(s.spawn_value(|| {
                    // Its end, the panic, drops the sender.
                    let _panicked = panicked;
                    panic!("no luck");
                }));
                let ended = &ended;
                drop(s.spawn_value(move || {
                    assert!(has_panicked.recv().is_err());
                    ended.fetch_add(1, Ordering::Relaxed);
                }));
            });
        });
        assert!(message.contains("scoped task panicked"), "{message}");
        assert_eq!(ended.into_inner(), 1, "the other one went on");

        let message = panic_text(|| {
            scope(|s| {
                let unlucky = s.spawn_value(|| panic!("no luck"));
                until("it has panicked", || unlucky.is_finished());
                // Dropped, not joined.
            });
        });
        assert!(message.contains("scoped task panicked"), "{message}");
    });
}

#[test]
fn the_owners_panic_comes_when_all_tasks_have_ended() {
    must_end(|| {
        let ended = AtomicUsize::new(0);
        let message = panic_text(|| {
            scope(|s| {
                for _ in 0..20 {
                    drop(s.spawn_value(|| ended.fetch_add(1, Ordering::Relaxed)));
                }
                panic!("the owner's");
            })
        });
        assert_eq!(message, "the owner's");
        assert_eq!(ended.into_inner(), 20);
    });
}

#[test]
fn tasks_that_wait_for_each_other_all_get_threads() {
    const MANY: usize = 64;
    must_end(|| {
        let barrier = Barrier::new(MANY);
        let leaders = AtomicUsize::new(0);
        scope(|s| {
            for _ in 0..MANY {
                drop(s.spawn_value(|| {
                    if barrier.wait().is_leader() {
                        leaders.fetch_add(1, Ordering::Relaxed);
                    }
                }));
            }
        });
        assert_eq!(leaders.into_inner(), 1);
    });
}

#[test]
fn tasks_that_wait_for_their_owner_do_not_keep_others_from_starting() {
    const MANY: usize = 16;
    must_end(|| {
        let gate = Gate::new();
        scope(|s| {
            let waits: Vec<_> = (0..MANY).map(|_| s.spawn_value(|| gate.pass())).collect();
            let (tell, told) = channel();
            drop(s.spawn_value(move || tell.send(())));
            told.recv().unwrap();
            gate.open();
            waits.into_iter().for_each(ScopedJoinHandle::get);
        });
    });
}

#[test]
fn tasks_that_spin_until_others_have_started_all_get_threads() {
    must_end(|| {
        let many = thread::available_parallelism().map_or(1, usize::from) + 1;
        let started = AtomicUsize::new(0);
        scope(|s| {
            let (tell, told) = channel();
            for _ in 0..many {
                let (started, tell) = (&started, tell.clone());
                drop(s.spawn_value(move || {
                    started.fetch_add(1, Ordering::SeqCst);
                    while started.load(Ordering::SeqCst) < many {
                        thread::yield_now();
                    }
                    tell.send(()).unwrap();
                }));
            }
            // The owner is of no help.
            for _ in 0..many {
                told.recv().unwrap();
            }
        });
    });
}

#[test]
fn tasks_that_wait_for_tasks_of_tasks_end() {
    must_end(|| {
        let total = AtomicUsize::new(0);
        scope(|s| {
            for _ in 0..20 {
                let total = &total;
                drop(s.spawn_value(move || {
                    let (tell, told) = channel();
                    drop(s.spawn_value(move || tell.send(1).unwrap()));
                    total.fetch_add(told.recv().unwrap(), Ordering::Relaxed);
                }));
            }
        });
        assert_eq!(total.into_inner(), 20);
    });
}

#[test]
fn scopes_nest() {
    must_end(|| {
        let numbers: Vec<u64> = (0..100).collect();
        let sum: u64 = scope(|s| {
            let sums: Vec<_> = numbers
                .chunks(10)
                .map(|chunk| {
                    s.spawn_value(move || {
                        scope(|inner| {
                            let (left, right) = chunk.split_at(5);
                            let left = inner.spawn_value(|| left.iter().sum::<u64>());
                            let right = inner.spawn_value(|| right.iter().sum::<u64>());
                            left.get() + right.get()
                        })
                    })
                })
                .collect();
            sums.into_iter().map(ScopedJoinHandle::get).sum()
        });
        assert_eq!(sum, 4950);
    });
}

#[test]
fn a_scope_within_a_pools_task_does_not_starve_the_pool() {
    must_end(|| {
        let pool = letgo::Pool::builder().threads(1).build().unwrap();
        let gate = Gate::new();
        let (opens, passes) = (gate.clone(), gate);
        let waits = pool.spawn_value(move || scope(|s| drop(s.spawn_value(|| passes.pass()))));
        let opened = pool.spawn_value(move || opens.open());
        waits.get_timeout(Duration::MAX).unwrap();
        opened.get();
    });
}

#[test]
fn few_threads_run_what_does_not_block() {
    must_end(|| {
        let threads = Mutex::new(HashSet::new());
        scope(|s| {
            for _ in 0..10_000 {
                drop(s.spawn_value(|| {
                    threads.lock().unwrap().insert(thread::current().id());
                }));
            }
        });
        let threads = threads.into_inner().unwrap().len();
        assert!(threads < 1000, "{threads} threads for 10,000 tasks");
    });
}

#[test]
fn a_handle_is_tried_until_it_is_there() {
    must_end(|| {
        let gate = Gate::new();
        scope(|s| {
            let handle = s.spawn_value(|| {
                gate.pass();
                7
            });
            let mut handle = handle.try_get().unwrap_err();
            assert!(!handle.is_finished());
            gate.open();
            let value = loop {
                match handle.try_get() {
                    Ok(value) => break value,
                    Err(not_yet) => handle = not_yet,
                }
                thread::yield_now();
            };
            assert_eq!(value, 7);
        });
    });
}

#[test]
fn every_value_and_closure_is_dropped_once() {
    must_end(|| {
        let drops = Drops::new();
        scope(|s| {
            for kept in [true, false] {
                let (captured, value) = (drops.one(), drops.one());
                let handle = s.spawn_value(move || {
                    let _captured = captured;
                    value
                });
                if kept {
                    drop(handle.get());
                }
            }
        });
        assert_eq!(drops.count(), 4);
    });
}

#[test]
fn handles_go_to_other_tasks() {
    must_end(|| {
        let text = String::from("text");
        let length = scope(|s| {
            let length = s.spawn_value(|| text.len());
            let doubled = s.spawn_value(move || length.get() * 2);
            spawn_value(|| ()).get();
            doubled.get()
        });
        assert_eq!(length, 8);
    });
}

#[test]
fn they_are_send_and_tell_what_they_are() {
    fn is_shareable<T: Send + Sync + std::fmt::Debug>(_: &T) {}
    let gate = Gate::new();
    scope(|s| {
        is_shareable(s);
        assert_eq!(format!("{s:?}"), "Scope { pending: 0, .. }");
        let handle = s.spawn_value(|| gate.pass());
        is_shareable(&handle);
        assert_eq!(format!("{s:?}"), "Scope { pending: 1, .. }");
        gate.open();
        assert!(format!("{handle:?}").contains(file!()));
    });
}

#[test]
fn computing_brings_no_more_threads_than_there_are_cores() {
    must_end(|| {
        let crowd = Crowd::new();
        scope(|s| {
            for _ in 0..1000 {
                s.spawn_value(|| crowd.inside(compute));
            }
        });
        // The owner helps. The rest is for a machine that is so busy that nothing seems to go on.
        let cores = thread::available_parallelism().unwrap().get();
        let most = crowd.most();
        assert!(most <= cores + 1 + 4, "{most} at the same time");
    });
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new("in the drop"));
    }
}

#[test]
fn a_handle_that_is_dropped_keeps_the_panic_of_its_values_drop_from_its_owner() {
    must_end(|| {
        scope(|s| {
            let handle = s.spawn_value(|| Bomb);
            until("it has ended", || handle.is_finished());
            drop(handle);
        });
    });
}

#[test]
fn a_value_that_panics_when_dropped_hangs_no_scope() {
    must_end(|| {
        for _ in 0..200 {
            let ran = AtomicUsize::new(0);
            scope(|s| {
                for _ in 0..4 {
                    drop(s.spawn_value(|| {
                        ran.fetch_add(1, Ordering::SeqCst);
                        Bomb
                    }));
                }
            });
            assert_eq!(ran.into_inner(), 4);
        }
    });
}
