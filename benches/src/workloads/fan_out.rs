//! What a task costs if many are spawned before the first is asked for.

use std::hint::black_box;

use crate::measure::{Samples, Workload};
use crate::peers::{GO, JAVA, Peer};
use crate::rivals::*;

const TASKS: usize = 10_000;
/// For a thread each.
const THREADS: usize = 1_000;

pub(crate) fn workload() -> Workload {
    Workload::new(
        "fan-out",
        "spawn 10,000 tiny closures, then get them all in that order (1,000 threads)",
        "task",
    )
    .contestant(Letgo::NAME, |s| turn::<Letgo>(s, TASKS))
    .contestant(BoxedCall::NAME, |s| turn::<BoxedCall>(s, TASKS))
    .contestant(TokioSpawn::NAME, |s| turn::<TokioSpawn>(s, TASKS))
    .contestant(TokioSpawnBlocking::NAME, |s| {
        turn::<TokioSpawnBlocking>(s, TASKS)
    })
    .contestant(RayonSpawn::NAME, |s| turn::<RayonSpawn>(s, TASKS))
    .contestant(Unblock::NAME, |s| turn::<Unblock>(s, TASKS))
    .contestant(AsyncExecutor::NAME, |s| turn::<AsyncExecutor>(s, TASKS))
    .contestant(FuturesPool::NAME, |s| turn::<FuturesPool>(s, TASKS))
    .contestant(FixedPool::NAME, |s| turn::<FixedPool>(s, TASKS))
    .contestant(May::NAME, |s| turn::<May>(s, TASKS))
    .contestant(StdThread::NAME, |s| turn::<StdThread>(s, THREADS))
    .contestant("go", |s| turn_of(&GO, s, "fan-out"))
    .contestant("java::ForkJoinPool", |s| {
        turn_of(&JAVA, s, "fan-out/ForkJoinPool")
    })
    .contestant("java::CompletableFuture", |s| {
        turn_of(&JAVA, s, "fan-out/CompletableFuture");
    })
}

fn turn_of(peer: &Peer, samples: &mut Samples, workload: &str) {
    let sum = TASKS * (TASKS + 1) / 2;
    peer.turn(samples, &format!("{workload} {TASKS}"), TASKS, sum as u64);
}

fn turn<S: Spawns>(samples: &mut Samples, count: usize) {
    samples.per_op(count, || {
        let handles: Vec<_> = (0..count)
            .map(|number| {
                let number = black_box(number);
                S::spawn(move || number + 1)
            })
            .collect();
        let sum: usize = handles.into_iter().map(S::get).sum();
        assert_eq!(sum, count * (count + 1) / 2);
    });
}
