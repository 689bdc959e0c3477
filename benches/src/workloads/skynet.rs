//! What a task costs in a wide tree of them: ten children each, a million leaves.

use std::array;
use std::pin::Pin;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::measure::{Samples, Workload};
use crate::peers::{GO, JAVA, Peer};
use crate::rivals::{Letgo, Spawns, TokioSpawn, tokio_runtime};

const LEAVES: u64 = 1_000_000;

pub(crate) fn workload() -> Workload {
    Workload::new(
        "skynet",
        "a tree of tasks, 10 children each, 1,000,000 leaves",
        "task",
    )
    .rounds(11)
    .contestant(Letgo::NAME, |s| turn(s, tree))
    .contestant(TokioSpawn::NAME, |s| {
        turn(s, |first, leaves| {
            tokio_runtime()
                .block_on(tokio_runtime().spawn(tree_async(first, leaves)))
                .unwrap()
        })
    })
    .contestant("go", |s| turn_of(&GO, s))
    .contestant("java::ForkJoinPool", |s| turn_of(&JAVA, s))
    .contestant("rayon::par_iter", |s| turn(s, tree_on_stack))
    .contestant("chili", |s| {
        turn(s, |first, leaves| {
            tree_on_beat(&mut chili::Scope::global(), first, leaves)
        })
    })
}

/// All levels but the root: 10 + 100 + … + leaves.
const TASKS: usize = (LEAVES as usize * 10 - 10) / 9;
const SUM: u64 = LEAVES * (LEAVES - 1) / 2;

fn turn(samples: &mut Samples, sum: impl FnOnce(u64, u64) -> u64) {
    samples.per_op(TASKS, || assert_eq!(sum(0, LEAVES), SUM));
}

fn turn_of(peer: &Peer, samples: &mut Samples) {
    peer.turn(samples, &format!("skynet {LEAVES}"), TASKS, SUM);
}

/// Where the ten parts begin, and how many leaves each has.
fn parts(first: u64, leaves: u64) -> [(u64, u64); 10] {
    let part = leaves / 10;
    array::from_fn(|index| (first + index as u64 * part, part))
}

fn tree(first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        return first;
    }
    parts(first, leaves)
        .map(|(first, leaves)| letgo::spawn_value(move || tree(first, leaves)))
        .into_iter()
        .map(letgo::JoinHandle::get)
        .sum()
}

fn tree_async(first: u64, leaves: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if leaves == 1 {
            return first;
        }
        let children =
            parts(first, leaves).map(|(first, leaves)| tokio::spawn(tree_async(first, leaves)));
        let mut sum = 0;
        for child in children {
            sum += child.await.unwrap();
        }
        sum
    })
}

fn tree_on_stack(first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        return first;
    }
    parts(first, leaves)
        .into_par_iter()
        .map(|(first, leaves)| tree_on_stack(first, leaves))
        .sum()
}

fn tree_on_beat(scope: &mut chili::Scope<'_>, first: u64, leaves: u64) -> u64 {
    if leaves == 1 {
        return first;
    }
    halves(scope, &parts(first, leaves))
}

/// The sum of these trees: what joins two at a time joins ten by halves.
fn halves(scope: &mut chili::Scope<'_>, parts: &[(u64, u64)]) -> u64 {
    match parts {
        [] => 0,
        [(first, leaves)] => tree_on_beat(scope, *first, *leaves),
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            let (left, right) = scope.join(|s| halves(s, left), |s| halves(s, right));
            left + right
        }
    }
}
