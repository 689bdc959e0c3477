//! What it costs to spawn one closure and to block for its value.

use std::hint::black_box;

use crate::measure::{Samples, Workload};
use crate::peers::{GO, JAVA, Peer};
use crate::rivals::*;

pub(crate) fn workload() -> Workload {
    Workload::new("spawn-get", "spawn a tiny closure, get its value", "task")
        .contestant(Letgo::NAME, |s| turn::<Letgo>(s, 50_000))
        .contestant(BoxedCall::NAME, |s| turn::<BoxedCall>(s, 50_000))
        .contestant(TokioSpawn::NAME, |s| turn::<TokioSpawn>(s, 1_000))
        .contestant(TokioSpawnBlocking::NAME, |s| {
            turn::<TokioSpawnBlocking>(s, 1_000)
        })
        .contestant(RayonSpawn::NAME, |s| turn::<RayonSpawn>(s, 1_000))
        .contestant(Unblock::NAME, |s| turn::<Unblock>(s, 1_000))
        .contestant(AsyncExecutor::NAME, |s| turn::<AsyncExecutor>(s, 1_000))
        .contestant(FuturesPool::NAME, |s| turn::<FuturesPool>(s, 1_000))
        .contestant(FixedPool::NAME, |s| turn::<FixedPool>(s, 1_000))
        .contestant(May::NAME, |s| turn::<May>(s, 1_000))
        .contestant(StdThread::NAME, |s| turn::<StdThread>(s, 300))
        .contestant("go", |s| turn_of(&GO, s, "spawn-get", 10_000))
        .contestant("java::ForkJoinPool", |s| {
            turn_of(&JAVA, s, "spawn-get/ForkJoinPool", 1_000);
        })
        .contestant("java::CompletableFuture", |s| {
            turn_of(&JAVA, s, "spawn-get/CompletableFuture", 1_000);
        })
}

fn turn_of(peer: &Peer, samples: &mut Samples, workload: &str, count: usize) {
    let sum = count * (count + 1) / 2;
    peer.turn(samples, &format!("{workload} {count}"), count, sum as u64);
}

fn turn<S: Spawns>(samples: &mut Samples, count: usize) {
    samples.per_op(count, || {
        for number in 0..count {
            let number = black_box(number);
            assert_eq!(S::get(S::spawn(move || number + 1)), number + 1);
        }
    });
}
