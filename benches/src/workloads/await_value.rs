//! What it costs to spawn one closure and to await its value, on a thread that does nothing else.

use std::hint::black_box;

use futures::executor::block_on;

use crate::measure::{Samples, Workload};
use crate::rivals::*;

const TASKS: usize = 1_000;

pub(crate) fn workload() -> Workload {
    Workload::new("await", "spawn a tiny closure, await its value", "task")
        .contestant(Letgo::NAME, turn::<Letgo>)
        .contestant(TokioSpawn::NAME, turn::<TokioSpawn>)
        .contestant(TokioSpawnBlocking::NAME, turn::<TokioSpawnBlocking>)
        .contestant(RayonSpawn::NAME, turn::<RayonSpawn>)
        .contestant(Unblock::NAME, turn::<Unblock>)
        .contestant(AsyncExecutor::NAME, turn::<AsyncExecutor>)
        .contestant(FuturesPool::NAME, turn::<FuturesPool>)
}

fn turn<S: Awaited>(samples: &mut Samples) {
    samples.per_op(TASKS, || {
        block_on(async {
            for number in 0..TASKS {
                let number = black_box(number);
                let handle = S::spawn(move || number + 1);
                assert_eq!(S::value(handle).await, number + 1);
            }
        });
    });
}
