//! How soon a closure starts if its spawner goes on computing, and nobody was awake.

use std::hint::spin_loop;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::measure::{Samples, Workload};
use crate::rivals::*;

const TIMES: usize = 20;
/// Long enough for idle threads to fall asleep.
const QUIET: Duration = Duration::from_millis(1);
/// Who takes longer will not start it before its spawner is done.
const TOO_LONG: Duration = Duration::from_secs(10);

pub(crate) fn workload() -> Workload {
    Workload::new(
        "start-delay",
        "until a closure starts while its spawner goes on computing",
        "start",
    )
    .contestant(Letgo::NAME, turn::<Letgo>)
    .contestant(TokioSpawn::NAME, turn::<TokioSpawn>)
    .contestant(TokioSpawnBlocking::NAME, turn::<TokioSpawnBlocking>)
    .contestant(RayonSpawn::NAME, turn::<RayonSpawn>)
    .contestant(Unblock::NAME, turn::<Unblock>)
    .contestant(AsyncExecutor::NAME, turn::<AsyncExecutor>)
    .contestant(FuturesPool::NAME, turn::<FuturesPool>)
    .contestant(FixedPool::NAME, turn::<FixedPool>)
    .contestant(May::NAME, turn::<May>)
    .contestant(StdThread::NAME, turn::<StdThread>)
}

fn turn<S: Spawns>(samples: &mut Samples) {
    for _ in 0..TIMES {
        thread::sleep(QUIET);
        let stamp = Arc::new(OnceLock::new());
        let theirs = Arc::clone(&stamp);
        let spawned = Instant::now();
        let handle = S::spawn(move || theirs.set(Instant::now()).is_ok());
        let started = loop {
            if let Some(started) = stamp.get() {
                break *started;
            }
            spin_loop();
            assert!(
                spawned.elapsed() < TOO_LONG,
                "{} starts nothing while its spawner computes",
                S::NAME
            );
        };
        assert!(S::get(handle));
        samples.push(started - spawned);
    }
}
