//! What a value costs on its way from four producers to one consumer, through buffers of several sizes.

use std::sync::mpsc;
use std::thread;

use tokio::runtime::Runtime;

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

pub(crate) fn blocking() -> impl Iterator<Item = Workload> {
    BUFFERS
        .map(|(buffer, count, [name, _])| blocking_through(name, buffer, count))
        .into_iter()
}

pub(crate) fn awaiting() -> impl Iterator<Item = Workload> {
    BUFFERS
        .map(|(buffer, count, [_, name])| awaiting_through(name, buffer, count))
        .into_iter()
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

fn awaiting_through(name: &'static str, buffer: usize, count: u64) -> Workload {
    Workload::new(
        name,
        "4 tokio tasks send, one receives, through a bounded buffer",
        "value",
    )
    .contestant("letgo", move |s| {
        let fan = letgo::FanIn::bounded(buffer);
        let senders = [(); PRODUCERS as usize].map(|()| fan.sender());
        tasks(
            s,
            count,
            senders,
            move |out, count| async move {
                for n in 0..count {
                    out.send_async(n).await.unwrap();
                }
            },
            async move {
                let mut sum = 0;
                while let Some(n) = fan.recv_async().await {
                    sum += n;
                }
                sum
            },
        );
    })
    .contestant("async-channel", move |s| {
        let (out, values) = async_channel::bounded(buffer);
        tasks(
            s,
            count,
            clones(out),
            move |out, count| async move {
                for n in 0..count {
                    out.send(n).await.unwrap();
                }
            },
            async move {
                let mut sum = 0;
                while let Ok(n) = values.recv().await {
                    sum += n;
                }
                sum
            },
        );
    })
    .contestant("flume", move |s| {
        let (out, values) = flume::bounded(buffer);
        tasks(
            s,
            count,
            clones(out),
            move |out, count| async move {
                for n in 0..count {
                    out.send_async(n).await.unwrap();
                }
            },
            async move {
                let mut sum = 0;
                while let Ok(n) = values.recv_async().await {
                    sum += n;
                }
                sum
            },
        );
    })
    .contestant("tokio::mpsc", move |s| {
        let (out, mut values) = tokio::sync::mpsc::channel(buffer);
        tasks(
            s,
            count,
            clones(out),
            move |out, count| async move {
                for n in 0..count {
                    out.send(n).await.unwrap();
                }
            },
            async move {
                let mut sum = 0;
                while let Some(n) = values.recv().await {
                    sum += n;
                }
                sum
            },
        );
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

fn tasks<S, P, Fut>(
    samples: &mut Samples,
    count: u64,
    senders: [S; PRODUCERS as usize],
    produce: P,
    sum: impl Future<Output = u64> + Send + 'static,
) where
    P: Fn(S, u64) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let runtime: &Runtime = tokio_runtime();
    samples.per_op((PRODUCERS * count) as usize, || {
        for sender in senders {
            runtime.spawn(produce(sender, count));
        }
        assert_eq!(
            runtime.block_on(runtime.spawn(sum)).unwrap(),
            expected(count)
        );
    });
}

fn expected(count: u64) -> u64 {
    PRODUCERS * (count * (count - 1) / 2)
}
