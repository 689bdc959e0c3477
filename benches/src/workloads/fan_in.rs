//! What a value costs on its way from four producers to one consumer, through buffers of several sizes.

use std::sync::mpsc;
use std::thread;

use futures::executor::block_on;

use crate::measure::{Samples, Workload};
use crate::rivals::tokio_runtime;

const PRODUCERS: u64 = 4;

/// The buffers, and how many values each producer sends through them.
const BUFFERS: [(usize, u64, [&str; 2]); 4] = [
    (1, 2_000, ["fan-in-1", "fan-in-async-1"]),
    (16, 10_000, ["fan-in-16", "fan-in-async-16"]),
    (128, 20_000, ["fan-in-128", "fan-in-async-128"]),
    (1024, 20_000, ["fan-in-1024", "fan-in-async-1024"]),
];

/// Threads that block.
pub(crate) fn blocking() -> impl Iterator<Item = Workload> {
    BUFFERS
        .into_iter()
        .map(|(buffer, count, [name, _])| blocking_through(name, buffer, count))
}

/// Threads that await, each in an executor of its own.
pub(crate) fn awaiting() -> impl Iterator<Item = Workload> {
    BUFFERS.into_iter().map(|(buffer, count, [_, name])| {
        let what = "4 threads send and await, one awaits, through a bounded buffer";
        awaiting_through(
            Workload::new(name, what, "value"),
            buffer,
            count,
            on_threads,
        )
    })
}

/// Tasks of one runtime.
pub(crate) fn tasks() -> Workload {
    let what = "4 tokio tasks send, one receives, through a buffer of 128";
    awaiting_through(
        Workload::new("fan-in-tasks", what, "value"),
        128,
        20_000,
        on_tokio,
    )
}

fn blocking_through(name: &'static str, buffer: usize, count: u64) -> Workload {
    Workload::new(
        name,
        "4 threads send, one receives, through a bounded buffer",
        "value",
    )
    .contestant("letgo", move |s| {
        let fan = letgo::FanIn::bounded(buffer);
        let senders = [(); PRODUCERS as usize].map(|()| fan.sender());
        threads(
            s,
            count,
            senders,
            |out, n| out.send(n).unwrap(),
            || fan.iter().sum(),
        );
    })
    .contestant("crossbeam-channel", move |s| {
        let (out, values) = crossbeam_channel::bounded(buffer);
        threads(
            s,
            count,
            clones(out),
            |out, n| out.send(n).unwrap(),
            || values.iter().sum(),
        );
    })
    .contestant("flume", move |s| {
        let (out, values) = flume::bounded(buffer);
        threads(
            s,
            count,
            clones(out),
            |out, n| out.send(n).unwrap(),
            || values.iter().sum(),
        );
    })
    .contestant("std::sync_channel", move |s| {
        let (out, values) = mpsc::sync_channel(buffer);
        threads(
            s,
            count,
            clones(out),
            |out, n| out.send(n).unwrap(),
            || values.iter().sum(),
        );
    })
}

type Producer = futures::future::BoxFuture<'static, ()>;
type Consumer = futures::future::BoxFuture<'static, u64>;
type Run = fn([Producer; PRODUCERS as usize], Consumer) -> u64;

fn awaiting_through(workload: Workload, buffer: usize, count: u64, run: Run) -> Workload {
    workload
        .contestant("letgo", move |s| {
            let fan = letgo::FanIn::bounded(buffer);
            let senders = [(); PRODUCERS as usize].map(|()| fan.sender());
            let producers = senders.map(|out| -> Producer {
                Box::pin(async move {
                    for n in 0..count {
                        out.send_async(n).await.unwrap();
                    }
                })
            });
            turn(s, count, run, producers, async move {
                let mut sum = 0;
                while let Some(n) = fan.recv_async().await {
                    sum += n;
                }
                sum
            });
        })
        .contestant("async-channel", move |s| {
            let (out, values) = async_channel::bounded(buffer);
            let producers = clones(out).map(|out| -> Producer {
                Box::pin(async move {
                    for n in 0..count {
                        out.send(n).await.unwrap();
                    }
                })
            });
            turn(s, count, run, producers, async move {
                let mut sum = 0;
                while let Ok(n) = values.recv().await {
                    sum += n;
                }
                sum
            });
        })
        .contestant("flume", move |s| {
            let (out, values) = flume::bounded(buffer);
            let producers = clones(out).map(|out| -> Producer {
                Box::pin(async move {
                    for n in 0..count {
                        out.send_async(n).await.unwrap();
                    }
                })
            });
            turn(s, count, run, producers, async move {
                let mut sum = 0;
                while let Ok(n) = values.recv_async().await {
                    sum += n;
                }
                sum
            });
        })
        .contestant("tokio::mpsc", move |s| {
            let (out, mut values) = tokio::sync::mpsc::channel(buffer);
            let producers = clones(out).map(|out| -> Producer {
                Box::pin(async move {
                    for n in 0..count {
                        out.send(n).await.unwrap();
                    }
                })
            });
            turn(s, count, run, producers, async move {
                let mut sum = 0;
                while let Some(n) = values.recv().await {
                    sum += n;
                }
                sum
            });
        })
}

/// As many senders as there are producers, and none besides: the channel ends with them.
fn clones<S: Clone>(sender: S) -> [S; PRODUCERS as usize] {
    [(); PRODUCERS as usize].map(|()| sender.clone())
}

fn threads<S: Send>(
    samples: &mut Samples,
    count: u64,
    senders: [S; PRODUCERS as usize],
    send: fn(&S, u64),
    sum: impl FnOnce() -> u64,
) {
    samples.per_op((PRODUCERS * count) as usize, || {
        let got = thread::scope(|scope| {
            for sender in senders {
                scope.spawn(move || (0..count).for_each(|n| send(&sender, n)));
            }
            sum()
        });
        assert_eq!(got, expected(count));
    });
}

fn turn(
    samples: &mut Samples,
    count: u64,
    run: Run,
    producers: [Producer; PRODUCERS as usize],
    sum: impl Future<Output = u64> + Send + 'static,
) {
    let sum = Box::pin(sum);
    samples.per_op((PRODUCERS * count) as usize, || {
        assert_eq!(run(producers, sum), expected(count));
    });
}

fn on_threads(producers: [Producer; PRODUCERS as usize], sum: Consumer) -> u64 {
    thread::scope(|scope| {
        for producer in producers {
            scope.spawn(|| block_on(producer));
        }
        block_on(sum)
    })
}

fn on_tokio(producers: [Producer; PRODUCERS as usize], sum: Consumer) -> u64 {
    let runtime = tokio_runtime();
    for producer in producers {
        runtime.spawn(producer);
    }
    runtime.block_on(runtime.spawn(sum)).unwrap()
}

fn expected(count: u64) -> u64 {
    PRODUCERS * (count * (count - 1) / 2)
}
