//! What futures cost: one that is ready at once, and one that yields a hundred times.

use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::executor::block_on;

use crate::measure::{Samples, Workload};
use crate::rivals::*;

const TASKS: usize = 1_000;
const YIELDING_TASKS: usize = 200;
const YIELDS: usize = 100;

pub(crate) fn got() -> Workload {
    Workload::new("futures-get", "spawn a ready future, get its value", "task")
        .contestant(Letgo::NAME, get::<Letgo>)
        .contestant(TokioSpawn::NAME, get::<TokioSpawn>)
        .contestant(AsyncExecutor::NAME, get::<AsyncExecutor>)
        .contestant(FuturesPool::NAME, get::<FuturesPool>)
}

pub(crate) fn awaited() -> Workload {
    Workload::new(
        "futures-await",
        "spawn a ready future, await its value",
        "task",
    )
    .contestant(Letgo::NAME, await_value::<Letgo>)
    .contestant(TokioSpawn::NAME, await_value::<TokioSpawn>)
    .contestant(AsyncExecutor::NAME, await_value::<AsyncExecutor>)
    .contestant(FuturesPool::NAME, await_value::<FuturesPool>)
}

/// Futures that yield 100 times each: one at a time, and 200.
pub(crate) fn yielding() -> [Workload; 2] {
    [
        yielding_at_once(
            "futures-yield-1",
            "a future that yields 100 times, got, and the next",
            1,
        ),
        yielding_at_once(
            "futures-yield-200",
            "200 futures that yield 100 times each, all got",
            YIELDING_TASKS,
        ),
    ]
}

fn yielding_at_once(name: &'static str, what: &'static str, at_once: usize) -> Workload {
    Workload::new(name, what, "yield")
        .contestant(Letgo::NAME, move |s| get_yielding::<Letgo>(s, at_once))
        .contestant(TokioSpawn::NAME, move |s| {
            get_yielding::<TokioSpawn>(s, at_once);
        })
        .contestant(AsyncExecutor::NAME, move |s| {
            get_yielding::<AsyncExecutor>(s, at_once);
        })
        .contestant(FuturesPool::NAME, move |s| {
            get_yielding::<FuturesPool>(s, at_once);
        })
}

fn get<S: SpawnsFutures>(samples: &mut Samples) {
    samples.per_op(TASKS, || {
        for number in 0..TASKS {
            let number = black_box(number);
            assert_eq!(
                S::get(S::spawn_future(async move { number + 1 })),
                number + 1
            );
        }
    });
}

fn await_value<S: SpawnsFutures>(samples: &mut Samples) {
    samples.per_op(TASKS, || {
        block_on(async {
            for number in 0..TASKS {
                let number = black_box(number);
                let handle = S::spawn_future(async move { number + 1 });
                assert_eq!(S::value(handle).await, number + 1);
            }
        });
    });
}

fn get_yielding<S: SpawnsFutures>(samples: &mut Samples, at_once: usize) {
    samples.per_op(YIELDING_TASKS * YIELDS, || {
        let mut sum = 0;
        for first in (0..YIELDING_TASKS).step_by(at_once) {
            let handles: Vec<_> = (first..first + at_once)
                .map(|number| {
                    S::spawn_future(async move {
                        for _ in 0..YIELDS {
                            Yield(false).await;
                        }
                        number
                    })
                })
                .collect();
            sum += handles.into_iter().map(S::get).sum::<usize>();
        }
        assert_eq!(sum, YIELDING_TASKS * (YIELDING_TASKS - 1) / 2);
    });
}

/// Lets others go first, once.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
