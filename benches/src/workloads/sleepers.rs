//! How a pool bears closures that block without telling anybody: a thousand that sleep.

use std::thread;
use std::time::Duration;

use crate::measure::{Samples, Workload};
use crate::peers::{GO, JAVA, Peer};
use crate::rivals::*;

const SLEEPERS: usize = 1_000;
const SUM: usize = SLEEPERS * (SLEEPERS - 1) / 2;

/// How long they sleep, in milliseconds: about as long as it takes to make a thread for each, and
/// longer.
pub(crate) fn workloads() -> [Workload; 2] {
    [
        workload(
            "sleepers-100",
            "1,000 closures that sleep 100 ms each, all got",
            100,
        ),
        workload(
            "sleepers-300",
            "1,000 closures that sleep 300 ms each, all got",
            300,
        ),
    ]
}

fn workload(name: &'static str, what: &'static str, nap: u64) -> Workload {
    Workload::new(name, what, "run")
        .rounds(7)
        .contestant(Letgo::NAME, move |s| turn::<Letgo>(s, nap, Letgo::get))
        // Waits for the pool instead of taking closures over.
        .contestant("letgo::get_timeout", move |s| {
            turn::<Letgo>(s, nap, |handle| handle.get_timeout(Duration::MAX).unwrap());
        })
        .contestant(StdThread::NAME, move |s| {
            turn::<StdThread>(s, nap, StdThread::get);
        })
        .contestant(TokioSpawnBlocking::NAME, move |s| {
            turn::<TokioSpawnBlocking>(s, nap, TokioSpawnBlocking::get);
        })
        .contestant(Unblock::NAME, move |s| {
            turn::<Unblock>(s, nap, Unblock::get);
        })
        // Its sleeps block no thread.
        .contestant("go", move |s| turn_of(&GO, s, nap))
        .contestant("java::newCachedThreadPool", move |s| turn_of(&JAVA, s, nap))
}

fn turn<S: Spawns>(samples: &mut Samples, nap: u64, get: fn(S::Handle<usize>) -> usize) {
    let nap = Duration::from_millis(nap);
    samples.per_op(1, || {
        let handles: Vec<_> = (0..SLEEPERS)
            .map(|number| {
                S::spawn(move || {
                    thread::sleep(nap);
                    number
                })
            })
            .collect();
        let sum: usize = handles.into_iter().map(get).sum();
        assert_eq!(sum, SUM);
    });
}

fn turn_of(peer: &Peer, samples: &mut Samples, nap: u64) {
    let request = format!("sleepers {SLEEPERS} {nap}");
    peer.turn(samples, &request, 1, SUM as u64);
}
