//! What a fork costs: Fibonacci by two calls, one of them spawned each time.

use std::pin::Pin;

use crate::measure::{Samples, Workload};
use crate::peers::{GO, JAVA};
use crate::rivals::{Letgo, Spawns, TokioSpawn, tokio_runtime};

const N: u32 = 25;
const FIB: u64 = 75_025;
/// How many calls have an `n` of 2 or more.
const FORKS: usize = 121_392;

pub(crate) fn workload() -> Workload {
    Workload::new(
        "fib",
        "fib(25): spawn one half, compute the other, get",
        "fork",
    )
    .contestant(Letgo::NAME, |s| turn(s, || fork(N)))
    .contestant(TokioSpawn::NAME, |s| {
        turn(s, || {
            tokio_runtime()
                .block_on(tokio_runtime().spawn(fork_async(N)))
                .unwrap()
        })
    })
    .contestant("go", |s| GO.turn(s, &format!("fib {N}"), FORKS, FIB))
    .contestant("java::ForkJoinPool", |s| {
        JAVA.turn(s, &format!("fib {N}"), FORKS, FIB);
    })
    .contestant("rayon::join", |s| turn(s, || fork_on_stack(N)))
    .contestant("chili", |s| {
        turn(s, || fork_on_beat(&mut chili::Scope::global(), N))
    })
}

fn turn(samples: &mut Samples, fib: impl FnOnce() -> u64) {
    samples.per_op(FORKS, || assert_eq!(fib(), FIB));
}

fn fork(n: u32) -> u64 {
    if n < 2 {
        return n.into();
    }
    let one = letgo::spawn_value(move || fork(n - 1));
    let other = fork(n - 2);
    one.get() + other
}

fn fork_async(n: u32) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n.into();
        }
        let one = tokio::spawn(fork_async(n - 1));
        let other = fork_async(n - 2).await;
        one.await.unwrap() + other
    })
}

fn fork_on_stack(n: u32) -> u64 {
    if n < 2 {
        return n.into();
    }
    let (one, other) = rayon::join(|| fork_on_stack(n - 1), || fork_on_stack(n - 2));
    one + other
}

fn fork_on_beat(scope: &mut chili::Scope<'_>, n: u32) -> u64 {
    if n < 2 {
        return n.into();
    }
    let (one, other) = scope.join(|s| fork_on_beat(s, n - 1), |s| fork_on_beat(s, n - 2));
    one + other
}
