//! Whether two jobs of 5 ms run side by side, or one after the other.

use std::hint::black_box;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::measure::{Samples, Workload};
use crate::peers::{GO, JAVA, Peer};
use crate::rivals::*;

const JOB: Duration = Duration::from_millis(5);
const TIMES: usize = 4;

pub(crate) fn workload() -> Workload {
    Workload::new(
        "two-jobs",
        "two jobs of 5 ms each: spawn both, get both",
        "pair",
    )
    .contestant(Letgo::NAME, |s| turn(s, spawn_both::<Letgo>))
    .sequential("one-after-the-other", |s| {
        turn(s, |steps| (job(steps), job(steps)));
    })
    .contestant(TokioSpawn::NAME, |s| turn(s, spawn_both::<TokioSpawn>))
    .contestant("rayon::join", |s| {
        turn(s, |steps| rayon::join(|| job(steps), || job(steps)));
    })
    .contestant(RayonSpawn::NAME, |s| turn(s, spawn_both::<RayonSpawn>))
    .contestant(Unblock::NAME, |s| turn(s, spawn_both::<Unblock>))
    .contestant(FixedPool::NAME, |s| turn(s, spawn_both::<FixedPool>))
    .contestant(May::NAME, |s| turn(s, spawn_both::<May>))
    .contestant(StdThread::NAME, |s| turn(s, spawn_both::<StdThread>))
    .contestant("go", |s| turn_of(&GO, s))
    .contestant("java::ForkJoinPool", |s| turn_of(&JAVA, s))
}

/// How many steps a job has on this machine, and what it comes to: worked out before the clock runs.
static JOB_OF_THIS_MACHINE: LazyLock<(u64, u64)> = LazyLock::new(|| {
    let steps = steps();
    (steps, job(steps))
});

fn turn_of(peer: &Peer, samples: &mut Samples) {
    let (steps, answer) = *JOB_OF_THIS_MACHINE;
    for _ in 0..TIMES {
        thread::sleep(JOB);
        peer.turn(samples, &format!("two-jobs {steps}"), 1, answer);
    }
}

fn turn(samples: &mut Samples, both: fn(u64) -> (u64, u64)) {
    let (steps, answer) = *JOB_OF_THIS_MACHINE;
    for _ in 0..TIMES {
        // The threads of the time before are asleep by then.
        thread::sleep(JOB);
        samples.per_op(1, || assert_eq!(both(steps), (answer, answer)));
    }
}

fn spawn_both<S: Spawns>(steps: u64) -> (u64, u64) {
    let one = S::spawn(move || job(steps));
    let other = S::spawn(move || job(steps));
    (S::get(one), S::get(other))
}

/// Computes without memory, calls or luck.
fn job(steps: u64) -> u64 {
    let mut state = black_box(88_172_645_463_325_252_u64);
    for _ in 0..steps {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    state
}

/// How many steps take 5 ms here, undisturbed: the fastest of some tries tells.
fn steps() -> u64 {
    const TRIAL: u64 = 1_000_000;
    let fastest = (0..20)
        .map(|_| {
            let start = Instant::now();
            black_box(job(TRIAL));
            start.elapsed()
        })
        .min()
        .unwrap_or(JOB);
    (JOB.as_secs_f64() / fastest.as_secs_f64() * TRIAL as f64) as u64
}
