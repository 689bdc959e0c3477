//! A pool that is shut down, or dropped, by whatever runs on it.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::time::Duration;

use letgo::{Agent, FanIn, JoinHandle, Pool, SingleFlight, promise};

use crate::common::{Gate, Runs, must_end, poll, until};

/// Ends a pool: by a shutdown, or as its last handle.
type Ends = Box<dyn FnOnce() + Send>;

/// Runs it, sooner or later, on a worker of the pool.
type OnWorker = (&'static str, fn(&Pool, Ends));

struct Last(Option<Ends>);

impl Drop for Last {
    fn drop(&mut self) {
        if let Some(ends) = self.0.take() {
            ends();
        }
    }
}

impl Last {
    fn new(ends: Ends) -> Self {
        Self(Some(ends))
    }
}

const WAYS: &[OnWorker] = &[
    ("a closure", |pool, ends| pool.spawn_value(ends).detach()),
    ("a future", |pool, ends| {
        pool.spawn_future(async { ends() }).detach();
    }),
    ("a future that was woken", |pool, ends| {
        let (resolver, answer) = promise();
        let waits = async {
            answer.await;
            ends();
        };
        pool.spawn_future(waits).detach();
        pool.spawn_value(move || resolver.resolve(()).unwrap())
            .detach();
    }),
    ("a closure within a claim", |pool, ends| {
        let inner = pool.clone();
        pool.spawn_value(move || inner.spawn_value(ends).get())
            .detach();
    }),
    ("the drop of a value that nobody wants", |pool, ends| {
        let (last, detached) = (Last::new(ends), Gate::new());
        let passes = detached.clone();
        // Who detaches what has ended drops it himself.
        let gives = move || {
            passes.pass();
            last
        };
        pool.spawn_value(gives).detach();
        detached.open();
    }),
    (
        "the drop of what a closure that panics has",
        |pool, ends| {
            let last = Last::new(ends);
            pool.spawn_value(move || {
                let _last = &last;
                panic!("on purpose");
            })
            .detach();
        },
    ),
    ("the drop of what a cancelled future has", |pool, ends| {
        let last = Last::new(ends);
        let ((resolver, answer), begun) = (promise::<()>(), Gate::new());
        let begins = begun.clone();
        let waits = pool.spawn_future(async move {
            let _last = last;
            begins.open();
            answer.await;
        });
        // Who cancels what has not begun drops it himself.
        begun.pass();
        waits.cancel();
        drop(resolver);
    }),
    ("a waker", |pool, ends| {
        /// Has the handle as well: dropped, it would take the waker along.
        #[derive(Default)]
        struct Rings(Mutex<Option<(Ends, JoinHandle<()>)>>);
        impl Wake for Rings {
            fn wake(self: Arc<Self>) {
                let rings = self.0.lock().unwrap().take();
                if let Some((ends, _handle)) = rings {
                    ends();
                }
            }
        }
        let (gate, rings) = (Gate::new(), Arc::<Rings>::default());
        let passes = gate.clone();
        let mut handle = pool.spawn_value(move || passes.pass());
        assert!(poll(&mut handle, &Waker::from(Arc::clone(&rings))).is_pending());
        *rings.0.lock().unwrap() = Some((ends, handle));
        gate.open();
    }),
    ("an agent's job", |pool, ends| {
        Agent::on(pool.clone(), ()).cast(|()| ends());
    }),
    ("the drop of an agent's state", |pool, ends| {
        let (agent, dropped) = (Agent::on(pool.clone(), Last::new(ends)), Gate::new());
        let passes = dropped.clone();
        // Who drops an agent that is idle drops its state himself.
        agent.cast(move |_| passes.pass());
        drop(agent);
        dropped.open();
    }),
    ("a producer", |pool, ends| {
        FanIn::bounded(1).sender().spawn_value_on(pool, ends);
    }),
    ("a single flight", |pool, ends| {
        let ends = Mutex::new(Some(ends));
        drop(SingleFlight::new().run_on(pool, 1, move || {
            if let Some(ends) = ends.lock().unwrap().take() {
                ends();
            }
        }));
    }),
];

fn pool(threads: usize) -> Pool {
    Pool::builder().threads(threads).build().unwrap()
}

/// Each way, on pools of a few sizes, while others' work is queued before and after it.
fn each_way(test: impl Fn(Pool, fn(&Pool, Ends)) + Send + 'static) {
    must_end(move || {
        for (name, way) in WAYS {
            for threads in [1, 2, 3] {
                println!("{name}, {threads}");
                test(pool(threads), *way);
            }
        }
    });
}

#[test]
fn a_pool_shut_down_by_what_runs_on_it_runs_what_was_queued_and_ends() {
    each_way(|pool, on_worker| {
        let (ran, (tell, told)) = (Runs::new(), channel());
        let queue_some = |pool: &Pool| {
            for _ in 0..50 {
                let (first, second) = (ran.clone(), ran.clone());
                pool.spawn_value(move || first.one_more()).detach();
                pool.spawn_future(async move { second.one_more() }).detach();
            }
        };
        queue_some(&pool);
        let inner = pool.clone();
        on_worker(
            &pool,
            Box::new(move || {
                inner.shutdown();
                tell.send(inner.spawn_value(|| 1).join()).unwrap();
            }),
        );
        let late = told.recv().unwrap();
        assert!(late.unwrap_err().is_cancelled());
        pool.shutdown();
        assert_eq!(ran.count(), 100);
        assert_eq!((pool.threads(), pool.queued()), (0, 0));
    });
}

#[test]
fn a_pool_dropped_by_what_runs_on_it_runs_what_was_queued_and_ends() {
    each_way(|pool, on_worker| {
        let (ran, gate, (tell, told)) = (Runs::new(), Gate::new(), channel());
        let (inner, passes) = (pool.clone(), gate.clone());
        on_worker(
            &pool,
            Box::new(move || {
                passes.pass();
                drop(inner);
                tell.send(()).unwrap();
            }),
        );
        for _ in 0..50 {
            let runs = ran.clone();
            pool.spawn_value(move || runs.one_more()).detach();
        }
        drop(pool);
        gate.open();
        told.recv().unwrap();
        until("all have run", || ran.count() == 50);
    });
}

#[test]
fn a_pool_is_shut_down_by_all_its_workers_at_once() {
    must_end(|| {
        for _ in 0..50 {
            let pool = pool(3);
            let all: Vec<_> = (0..20)
                .map(|_| {
                    let inner = pool.clone();
                    pool.spawn_value(move || inner.shutdown())
                })
                .collect();
            for ended in all {
                match ended.settle().get_timeout(Duration::MAX).ok().unwrap() {
                    Ok(()) => {}
                    Err(error) => assert!(error.is_cancelled()),
                }
            }
            pool.shutdown();
            assert_eq!(pool.threads(), 0);
        }
    });
}
