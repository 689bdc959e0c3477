//! Whether a task costs the same however many there are: beside each other, before each other, inside
//! each other.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::machine::cores;
use crate::measure::{Samples, Workload};
use crate::rivals::{Letgo, Spawns};

/// At every point a turn spawns this many closures in all, or a little more.
const TASKS: usize = 100_000;

const SPAWNERS: [(usize, &str); 5] = [
    (1, "letgo::1"),
    (2, "letgo::2"),
    (4, "letgo::4"),
    (8, "letgo::8"),
    (16, "letgo::16"),
];

const PENDING: [(usize, &str); 5] = [
    (1_000, "letgo::10^3"),
    (10_000, "letgo::10^4"),
    (100_000, "letgo::10^5"),
    (1_000_000, "letgo::10^6"),
    (10_000_000, "letgo::10^7"),
];

const DEPTHS: [(usize, &str); 5] = [
    (1, "letgo::1"),
    (10, "letgo::10"),
    (100, "letgo::100"),
    (1_000, "letgo::1,000"),
    (10_000, "letgo::10,000"),
];

/// What is a box as large as a task's cell, at the ends of the two scales: memory costs more the more of it there is.
const BOXED_PENDING: [(usize, &str); 2] =
    [(1_000, "boxed-call::10^3"), (1_000_000, "boxed-call::10^6")];

const BOXED_DEPTHS: [(usize, &str); 2] = [(1, "boxed-call::1"), (10_000, "boxed-call::10,000")];

type Boxed = Box<dyn FnOnce() -> usize + Send>;

/// With the number that is added: 80 bytes, as a cell has.
type Filling = [usize; 10];

/// Each spawner gets a closure before it spawns the next.
pub(crate) fn spawners() -> Workload {
    spawners_of(
        "spawners",
        "1 … 16 threads spawn a closure, get it, and again; time × busy cores",
        1,
    )
}

/// Each spawner has a hundred closures pending, so that the queues and the pool have a part in it.
pub(crate) fn spawners_of_many() -> Workload {
    spawners_of(
        "spawners-100",
        "1 … 16 threads spawn 100 closures, get them, and again; time × busy cores",
        100,
    )
}

fn spawners_of(name: &'static str, what: &'static str, batch: usize) -> Workload {
    points(
        Workload::new(name, what, "task"),
        &SPAWNERS,
        move |s, threads| spawn_on(s, threads, batch),
    )
}

/// `long`: ten million at a time as well, which takes a gigabyte.
pub(crate) fn pending(long: bool) -> Workload {
    let (workload, points_of) = if long {
        let what = "spawn 10^3 … 10^7 closures, then get them all";
        (
            Workload::new("pending", what, "task").rounds(5),
            &PENDING[..],
        )
    } else {
        let what = "spawn 10^3 … 10^6 closures, then get them all (10^7: `--long`)";
        (
            Workload::new("pending", what, "task").rounds(7),
            &PENDING[..4],
        )
    };
    let workload = points(workload, points_of, |s, pending| {
        spawn_all(s, pending, spawn_and_get_all)
    });
    more_points(workload, &BOXED_PENDING, |s, pending| {
        spawn_all(s, pending, box_and_call_all)
    })
}

pub(crate) fn depth() -> Workload {
    let what = "a chain of 1 … 10,000 handles, each got by the next one's closure";
    let workload = Workload::new("depth", what, "task").rounds(11);
    let workload = points(workload, &DEPTHS, chain);
    more_points(workload, &BOXED_DEPTHS, boxed_chain)
}

/// A contestant for each point, the first of which the others are compared with.
fn points(
    workload: Workload,
    points: &'static [(usize, &'static str)],
    turn: impl Fn(&mut Samples, usize) + Copy + 'static,
) -> Workload {
    more_points(workload.base(points[0].1), points, turn)
}

fn more_points(
    workload: Workload,
    points: &'static [(usize, &'static str)],
    turn: impl Fn(&mut Samples, usize) + Copy + 'static,
) -> Workload {
    points.iter().fold(workload, |workload, &(point, name)| {
        workload.contestant(name, move |s| turn(s, point))
    })
}

fn spawn_on(samples: &mut Samples, threads: usize, batch: usize) {
    let (ready, go) = (Barrier::new(threads + 1), Barrier::new(threads + 1));
    let times = TASKS / threads / batch;
    let elapsed = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    spawn_and_get_all(batch);
                    ready.wait();
                    go.wait();
                    (0..times).for_each(|_| spawn_and_get_all(batch));
                })
            })
            .collect();
        ready.wait();
        let start = Instant::now();
        go.wait();
        for thread in threads {
            thread.join().unwrap();
        }
        start.elapsed()
    });
    let busy = threads.min(cores()) as u32;
    samples.push_many(elapsed * busy, times * threads * batch);
}

fn spawn_all(samples: &mut Samples, pending: usize, all: impl Fn(usize)) {
    let times = TASKS.div_ceil(pending);
    samples.per_op(times * pending, || {
        (0..times).for_each(|_| all(pending));
    });
}

fn spawn_and_get_all(count: usize) {
    let handles: Vec<_> = (0..count)
        .map(|number| {
            let number = black_box(number);
            Letgo::spawn(move || number + 1)
        })
        .collect();
    let sum: usize = handles.into_iter().map(Letgo::get).sum();
    assert_eq!(sum, count * (count + 1) / 2);
}

fn chain(samples: &mut Samples, depth: usize) {
    let times = TASKS / depth;
    samples.per_op(times * depth, || {
        for _ in 0..times {
            let first = Letgo::spawn(|| black_box(1));
            let last = (1..depth).fold(first, |before, _| {
                Letgo::spawn(move || Letgo::get(before) + 1)
            });
            assert_eq!(Letgo::get(last), depth);
        }
    });
}

fn box_and_call_all(count: usize) {
    let boxes: Vec<_> = (0..count)
        .map(|number| {
            let filling: Filling = black_box([number; 10]);
            black_box(Box::new(move || filling[9] + 1) as Boxed)
        })
        .collect();
    let sum: usize = boxes.into_iter().map(|boxed| boxed()).sum();
    assert_eq!(sum, count * (count + 1) / 2);
}

fn boxed_chain(samples: &mut Samples, depth: usize) {
    let times = TASKS / depth;
    samples.per_op(times * depth, || {
        for _ in 0..times {
            let filling: Filling = black_box([1; 10]);
            let first: Boxed = black_box(Box::new(move || filling[9]));
            let last = (1..depth).fold(first, |before, _| {
                let filling: [usize; 8] = black_box([1; 8]);
                black_box(Box::new(move || before() + filling[7]))
            });
            assert_eq!(last(), depth);
        }
    });
}
