//! What a pending closure asks of the allocator, apart from what its queue does.

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::machine::cores;
use crate::rivals::*;

const PENDING: usize = 100_000;
/// Long enough for all threads of a pool to start.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was asked of the allocator until now.
#[derive(Clone, Copy, Debug)]
pub struct Allocated {
    /// How often it was asked for memory.
    pub count: usize,
    /// For how many bytes.
    pub bytes: usize,
    /// How many it got back.
    pub freed: usize,
}

type Meter = fn() -> Allocated;

/// One row for each way to spawn.
pub(crate) fn table(meter: Meter) -> String {
    let busy = cores();
    let rows = [
        row::<Letgo>(meter, busy),
        row::<BoxedCall>(meter, 0),
        row::<TokioSpawn>(meter, busy),
        row::<TokioSpawnBlocking>(meter, busy),
        row::<RayonSpawn>(meter, busy),
        row::<Unblock>(meter, busy),
        row::<AsyncExecutor>(meter, busy),
        row::<FuturesPool>(meter, busy),
        row::<FixedPool>(meter, busy),
    ];
    "| a closure of 8 bytes, which will give 8 | allocations | bytes | with its part of the queue, of 100,000 |\n\
     |---|---|---|---|\n"
        .to_owned()
        + &rows.concat()
}

fn row<S: Spawns>(meter: Meter, busy: usize) -> String {
    let occupied = Occupied::<S>::new(busy);
    // What threads and queues need once is there by then.
    let (_, mut handles) = spawn_all::<S>(1_000, meter);
    let (moments, more) = spawn_all::<S>(PENDING, meter);
    occupied.release();
    // The next one is measured when all is quiet again.
    handles.extend(more);
    for handle in handles {
        S::get(handle);
    }
    let costs = Costs::of(&moments);
    format!(
        "| {} | {} | {} B | {:.3}, {:.1} B |\n",
        S::NAME,
        costs.own.count,
        costs.own.bytes,
        costs.count,
        costs.held,
    )
}

/// Spawns closures of which none is started meanwhile: the moments before, between and after.
fn spawn_all<S: Spawns>(count: usize, meter: Meter) -> (Vec<Allocated>, Vec<S::Handle<usize>>) {
    let mut moments = Vec::with_capacity(count + 1);
    let mut handles = Vec::with_capacity(count);
    moments.push(meter());
    for number in 0..count {
        let number = black_box(number);
        handles.push(S::spawn(move || number + 1));
        moments.push(meter());
    }
    (moments, handles)
}

/// What nearly every closure costs.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Own {
    count: usize,
    bytes: usize,
}

#[derive(Debug, PartialEq)]
struct Costs {
    own: Own,
    /// How often one asks for memory on average: now and then the queue has to grow.
    count: f64,
    /// The bytes that are held in the end for each, the queue's and what it has yet to free among them.
    held: f64,
}

impl Costs {
    fn of(moments: &[Allocated]) -> Self {
        let (first, last) = (moments[0], moments[moments.len() - 1]);
        let mut each: Vec<_> = moments
            .windows(2)
            .map(|pair| Own {
                count: pair[1].count - pair[0].count,
                bytes: pair[1].bytes - pair[0].bytes,
            })
            .collect();
        each.sort_unstable();
        let held = (last.bytes - first.bytes) as f64 - (last.freed - first.freed) as f64;
        Self {
            count: (last.count - first.count) as f64 / each.len() as f64,
            held: held / each.len() as f64,
            own: each.swap_remove(each.len() / 2),
        }
    }
}

/// Threads that compute, so that they can't start what is spawned, and no pool thinks that they block.
struct Occupied<S: Spawns> {
    released: Arc<AtomicBool>,
    handles: Vec<S::Handle<()>>,
}

impl<S: Spawns> Occupied<S> {
    fn new(threads: usize) -> Self {
        let released = Arc::new(AtomicBool::new(false));
        let started = Arc::new(AtomicUsize::new(0));
        let mut handles = Vec::new();
        for _ in 0..threads {
            let (released, started) = (Arc::clone(&released), Arc::clone(&started));
            handles.push(S::spawn(move || {
                started.fetch_add(1, Ordering::Relaxed);
                while !released.load(Ordering::Relaxed) {
                    spin_loop();
                }
            }));
        }
        // A pool that was told to be smaller has no thread for all of them.
        let begin = Instant::now();
        while started.load(Ordering::Relaxed) < threads && begin.elapsed() < PATIENCE {
            thread::yield_now();
        }
        Self { released, handles }
    }

    fn release(self) {
        self.released.store(true, Ordering::Relaxed);
        self.handles.into_iter().for_each(|handle| S::get(handle));
    }
}

#[cfg(test)]
mod tests {
    use super::{Allocated, Costs, Own};

    #[test]
    fn the_own_cost_is_the_usual_one_and_the_queue_grows_now_and_then() {
        // Something was there before; a closure is 88 bytes, the second makes the queue double.
        let moment = |count, bytes, freed| Allocated {
            count,
            bytes,
            freed,
        };
        let moments = [
            moment(10, 5_000, 300),
            moment(11, 5_088, 300),
            moment(13, 5_576, 500),
            moment(14, 5_664, 500),
            moment(15, 5_752, 500),
        ];
        let expected = Costs {
            own: Own {
                count: 1,
                bytes: 88,
            },
            count: 1.25,
            held: 138.0,
        };
        assert_eq!(Costs::of(&moments), expected);
    }
}
