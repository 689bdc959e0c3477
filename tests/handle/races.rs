//! Races: run, get, cancel, drop and resolve at once; nothing is lost, doubled or left waiting.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use letgo::{Executor, Job, JoinHandle, Pool, Resolver, promise};

use crate::common::{Counted, Drops, Queue, Wakes, must_end, poll, until};

const ROUNDS: usize = 2_000;

/// Sends what `make` makes to two threads, round after round; both begin each round together.
fn race<A: Send + 'static, B: Send + 'static>(
    mut make: impl FnMut(usize) -> (A, B),
    mut first: impl FnMut(usize, A) + Send + 'static,
    mut second: impl FnMut(usize, B),
) {
    let start = Arc::new(Barrier::new(2));
    let (tell, told) = mpsc::channel::<A>();
    let starts = Arc::clone(&start);
    let thread = thread::spawn(move || {
        for (round, a) in told.into_iter().enumerate() {
            starts.wait();
            first(round, a);
        }
    });
    for round in 0..ROUNDS {
        let (a, b) = make(round);
        tell.send(a).unwrap();
        start.wait();
        // Now one is a little ahead, now the other.
        for _ in 0..round % 64 {
            std::hint::spin_loop();
        }
        second(round, b);
    }
    drop(tell);
    thread.join().unwrap();
}

/// Counts what tasks captured, and what they made.
#[derive(Clone, Default)]
struct Counts {
    captured: Drops,
    made: Arc<AtomicUsize>,
    dropped: Drops,
}

impl Counts {
    fn value(&self) -> Counted {
        self.made.fetch_add(1, Ordering::SeqCst);
        self.dropped.one()
    }

    /// Closures and futures in turn.
    fn task(&self, queue: &Queue, round: usize) -> JoinHandle<Counted> {
        let (held, counts) = (self.captured.one(), self.clone());
        if round % 2 == 0 {
            queue.spawn_value(move || {
                let _held = held;
                counts.value()
            })
        } else {
            queue.spawn_future(async move {
                let _held = held;
                counts.value()
            })
        }
    }
}

/// A job that is run or dropped, against what `asks` does with its handle: it says whether it had
/// the value.
fn job_against(asks: fn(usize, JoinHandle<Counted>) -> bool, runs: fn(usize, Job)) {
    must_end(move || {
        let (queue, counts, had) = (
            Queue::new(),
            Counts::default(),
            Arc::new(AtomicUsize::new(0)),
        );
        let (makes, counts_had) = (counts.clone(), Arc::clone(&had));
        race(
            move |round| {
                let handle = makes.task(&queue, round);
                (queue.pop().unwrap(), handle)
            },
            runs,
            move |round, handle| {
                let had = asks(round, handle);
                counts_had.fetch_add(usize::from(had), Ordering::SeqCst);
            },
        );
        let (made, had) = (
            counts.made.load(Ordering::SeqCst),
            had.load(Ordering::SeqCst),
        );
        assert_eq!(
            counts.captured.count(),
            ROUNDS,
            "captured variables dropped"
        );
        assert_eq!(counts.dropped.count(), made, "values dropped");
        assert!(had <= made);
    });
}

fn run(_: usize, job: Job) {
    job.run();
}

fn run_or_drop(round: usize, job: Job) {
    if round % 3 != 0 {
        job.run();
    }
}

#[test]
fn a_get_against_a_run() {
    job_against(
        |_, handle| {
            drop(handle.get()); // panics if it is cancelled
            true
        },
        run,
    );
}

#[test]
fn a_timed_get_against_a_run() {
    job_against(
        |_, handle| {
            let mut handle = Err(handle);
            while let Err(again) = handle {
                handle = again.get_timeout(Duration::from_micros(20));
            }
            true
        },
        run,
    );
}

#[test]
fn a_cancel_and_a_join_against_a_run_or_a_drop() {
    job_against(
        |round, handle| {
            if round % 4 < 2 {
                handle.cancel();
            }
            handle.join().is_ok()
        },
        run_or_drop,
    );
}

#[test]
fn a_drop_against_a_run_or_a_drop() {
    job_against(
        |round, handle| {
            if round % 4 < 2 {
                handle.cancel();
            }
            drop(handle);
            false
        },
        run_or_drop,
    );
}

#[test]
fn wakers_that_change_against_a_completion() {
    must_end(|| {
        let values = Drops::new();
        let gives = values.clone();
        race(
            |_| promise::<Counted>(),
            move |_, resolver: Resolver<Counted>| assert!(resolver.resolve(gives.one()).is_ok()),
            |_, mut handle| {
                let mut wakers = Vec::new();
                let value = loop {
                    let (wakes, waker) = Wakes::pair();
                    match poll(&mut handle, &waker) {
                        Poll::Ready(value) => break Some(value),
                        Poll::Pending => wakers.push(wakes),
                    }
                    if wakers.len() == 8 {
                        break None;
                    }
                };
                if value.is_none() {
                    let last = wakers.last().unwrap();
                    until("the last waker is woken", || last.count() == 1);
                    drop(handle.try_get().unwrap());
                }
                let woken: usize = wakers.iter().map(|wakes| wakes.count()).sum();
                assert!(woken <= 1, "{woken} were woken for one completion");
                let before_last = wakers.len().saturating_sub(1);
                assert!(value.is_some() || wakers[..before_last].iter().all(|w| w.count() == 0));
            },
        );
        assert_eq!(values.count(), ROUNDS);
    });
}

#[test]
fn a_resolve_against_a_drop_or_a_cancel_or_a_get() {
    must_end(|| {
        let values = Drops::new();
        let (gives, takes) = (values.clone(), values.clone());
        let delivered = Arc::new(AtomicUsize::new(0));
        let (counts, seen) = (Arc::clone(&delivered), Arc::new(AtomicUsize::new(0)));
        let got = Arc::clone(&seen);
        race(
            |_| promise::<Counted>(),
            move |round, resolver: Resolver<Counted>| match round % 5 {
                0 => drop(resolver),
                _ => match resolver.resolve(gives.one()) {
                    Ok(()) => _ = counts.fetch_add(1, Ordering::SeqCst),
                    Err(back) => drop(back),
                },
            },
            move |round, handle| match round % 3 {
                0 => drop(handle),
                1 => {
                    handle.cancel();
                    got.fetch_add(usize::from(handle.join().is_ok()), Ordering::SeqCst);
                }
                _ => _ = got.fetch_add(usize::from(handle.join().is_ok()), Ordering::SeqCst),
            },
        );
        assert_eq!(takes.count(), ROUNDS - ROUNDS / 5, "values dropped");
        assert!(seen.load(Ordering::SeqCst) <= delivered.load(Ordering::SeqCst));
    });
}

#[test]
fn a_cancel_against_a_future_that_is_woken() {
    must_end(|| {
        let drops = Drops::new();
        let held = drops.clone();
        race(
            move |_| {
                let (captured, (resolver, answer)) = (held.one(), promise());
                let inline = |job: Job| job.run();
                let handle = inline.spawn_future(async move {
                    let _captured = captured;
                    answer.await
                });
                (resolver, handle)
            },
            |_, resolver: Resolver<usize>| _ = resolver.resolve(1),
            |_, handle: JoinHandle<usize>| {
                handle.cancel();
                match handle.join() {
                    Ok(value) => assert_eq!(value, 1),
                    Err(error) => assert!(error.is_cancelled(), "{error}"),
                }
            },
        );
        assert_eq!(drops.count(), ROUNDS);
    });
}

#[test]
fn gets_cancels_and_drops_against_a_pool() {
    must_end(|| {
        let pool = Pool::builder().threads(2).build().unwrap();
        let (captured, made) = (Drops::new(), Arc::new(AtomicUsize::new(0)));
        let values = Drops::new();
        thread::scope(|scope| {
            for asker in 0..2 {
                let (pool, captured, values, made) = (&pool, &captured, &values, &made);
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let (held, gives, made) =
                            (captured.one(), values.clone(), Arc::clone(made));
                        let task = move || {
                            let _held = held;
                            made.fetch_add(1, Ordering::SeqCst);
                            gives.one()
                        };
                        let handle = if round % 3 == asker {
                            pool.spawn_future(async move { task() })
                        } else {
                            pool.spawn_value(task)
                        };
                        match round % 7 {
                            0 => handle.cancel(),
                            1 => handle.detach(),
                            2 => _ = handle.try_get().map(drop),
                            3 => {
                                handle.cancel();
                                drop(handle.join());
                            }
                            4 => drop(handle.get_timeout(Duration::MAX)),
                            _ => drop(handle.get()),
                        }
                    }
                });
            }
        });
        pool.shutdown();
        assert_eq!(captured.count(), 2 * ROUNDS);
        assert_eq!(values.count(), made.load(Ordering::SeqCst));
    });
}

#[test]
fn a_chained_task_against_its_source() {
    must_end(|| {
        let drops = Drops::new();
        let (held, made) = (drops.clone(), Arc::new(AtomicUsize::new(0)));
        let (makes, passed) = (Arc::clone(&made), drops.clone());
        race(
            move |_| {
                let (captured, gives, made) = (held.one(), passed.clone(), Arc::clone(&makes));
                let (resolver, source) = promise::<usize>();
                let chained = source.then(move |n| {
                    let _captured = captured;
                    made.fetch_add(1, Ordering::SeqCst);
                    (n, gives.one())
                });
                (resolver, chained)
            },
            |round, resolver: Resolver<usize>| {
                if round % 5 != 0 {
                    _ = resolver.resolve(round);
                }
            },
            |round, chained: JoinHandle<(usize, Counted)>| {
                if round % 4 == 0 {
                    chained.cancel();
                }
                match chained.join() {
                    Ok((n, _)) => assert_eq!(n, round),
                    Err(error) => assert!(error.is_cancelled(), "{error}"),
                }
            },
        );
        let all = || ROUNDS + made.load(Ordering::SeqCst);
        until("everything is dropped", || drops.count() == all());
    });
}
