//! How a pool bears closures that block without telling anybody: a thousand that sleep.

use std::thread;
use std::time::Duration;

use crate::measure::{Samples, Workload};
use crate::rivals::*;

const SLEEPERS: usize = 1_000;
const NAP: Duration = Duration::from_millis(100);

pub(crate) fn workload() -> Workload {
    Workload::new(
        "sleepers",
        "1,000 closures that sleep 100 ms each, all got",
        "run",
    )
    .rounds(7)
    .contestant(Letgo::NAME, |s| turn::<Letgo>(s, Letgo::get))
    // Waits for the pool instead of taking closures over.
    .contestant("letgo::get_timeout", |s| {
        turn::<Letgo>(s, |handle| handle.get_timeout(Duration::MAX).unwrap());
    })
    .contestant(StdThread::NAME, |s| turn::<StdThread>(s, StdThread::get))
    .contestant(TokioSpawnBlocking::NAME, |s| {
        turn::<TokioSpawnBlocking>(s, TokioSpawnBlocking::get);
    })
    .contestant(Unblock::NAME, |s| turn::<Unblock>(s, Unblock::get))
}

fn turn<S: Spawns>(samples: &mut Samples, get: fn(S::Handle<usize>) -> usize) {
    samples.per_op(1, || {
        let handles: Vec<_> = (0..SLEEPERS)
            .map(|number| {
                S::spawn(move || {
                    thread::sleep(NAP);
                    number
                })
            })
            .collect();
        let sum: usize = handles.into_iter().map(get).sum();
        assert_eq!(sum, SLEEPERS * (SLEEPERS - 1) / 2);
    });
}
