//! What a call to state with one owner costs, alone and among many callers.

use std::collections::VecDeque;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;

use letgo::Agent;
use tokio::sync::{mpsc, oneshot};
use try_lock::TryLock;

use crate::measure::{Samples, Workload};
use crate::rivals::tokio_runtime;

const CALLS: u64 = 20_000;
const FEW_CALLS: u64 = 2_000;
const CALLERS: u64 = 8;

pub(crate) fn alone() -> Workload {
    Workload::new(
        "agent-call",
        "add to a number that has one owner, get the sum",
        "call",
    )
    .contestant("letgo", |s| {
        let agent = Agent::new(0);
        calls(s, CALLS, |n| agent.call(move |sum| add(sum, n)).get());
    })
    .contestant("mutex+boxed-call", |s| {
        let sum = Mutex::new(0);
        calls(s, CALLS, |n| {
            let call: Box<dyn FnOnce(&mut u64) -> u64> =
                black_box(Box::new(move |sum| add(sum, n)));
            call(&mut sum.lock().unwrap())
        });
    })
    .contestant("five-locks", |s| {
        let floor = Floor::default();
        calls(s, CALLS, |n| floor.call(n));
    })
    .contestant("tokio-actor", |s| {
        let actor = Actor::start();
        calls(s, FEW_CALLS, |n| actor.call(n));
    })
}

pub(crate) fn among_many() -> Workload {
    Workload::new("agent-callers", "the same from 8 threads", "call")
        .rounds(11)
        .contestant("letgo", |s| {
            let agent = Agent::new(0);
            callers(s, CALLS, move || {
                let agent = agent.clone();
                move |n| agent.call(move |sum| add(sum, n)).get()
            });
        })
        .contestant("mutex+boxed-call", |s| {
            let sum = Arc::new(Mutex::new(0));
            callers(s, CALLS, move || {
                let sum = Arc::clone(&sum);
                move |n| {
                    let call: Box<dyn FnOnce(&mut u64) -> u64> =
                        black_box(Box::new(move |sum| add(sum, n)));
                    call(&mut sum.lock().unwrap())
                }
            });
        })
        .contestant("tokio-actor", |s| {
            let actor = Actor::start();
            callers(s, FEW_CALLS, move || {
                let actor = actor.clone();
                move |n| actor.call(n)
            });
        })
}

fn add(sum: &mut u64, n: u64) -> u64 {
    *sum += n;
    *sum
}

/// What a call takes at least, if others may serve, await or cancel it: its closure is put in a cell and taken out
/// under a lock, the call put in line, the state taken and put back under another. One cell is used again and again;
/// no owner is counted, nobody told, no wait looked into.
#[derive(Default)]
struct Floor(TryLock<Mailbox>);

#[derive(Default)]
struct Mailbox {
    line: VecDeque<Arc<dyn Serve>>,
    state: Option<Box<u64>>,
    kept: Option<(Arc<Cell>, Arc<dyn Serve>)>,
}

#[derive(Default)]
struct Cell(TryLock<Option<u64>>);

trait Serve: Send + Sync {
    fn start(&self) -> Option<u64>;
}

impl Serve for Cell {
    fn start(&self) -> Option<u64> {
        self.0.try_lock()?.take()
    }
}

impl Floor {
    fn call(&self, n: u64) -> u64 {
        self.try_call(n).expect("nobody else calls")
    }

    fn try_call(&self, n: u64) -> Option<u64> {
        let mut mailbox = self.0.try_lock()?;
        let (cell, in_line) = mailbox.kept.take().unwrap_or_else(|| {
            let cell = Arc::new(Cell::default());
            (Arc::clone(&cell), cell)
        });
        *cell.0.try_lock()? = Some(n);
        mailbox.line.push_back(in_line);
        drop(mailbox);
        let cell = black_box(cell);

        let mut mailbox = self.0.try_lock()?;
        let mut state = mailbox.state.take().unwrap_or_default();
        let in_line = mailbox.line.pop_front()?;
        drop(mailbox);
        let n = in_line.start()?;
        let sum = catch_unwind(AssertUnwindSafe(|| add(&mut state, n))).ok();

        let mut mailbox = self.0.try_lock()?;
        mailbox.state = Some(state);
        mailbox.kept = Some((cell, in_line));
        sum
    }
}

/// The usual actor: a task with a mailbox, and a oneshot for each answer.
#[derive(Clone)]
struct Actor(mpsc::Sender<(u64, oneshot::Sender<u64>)>);

impl Actor {
    fn start() -> Self {
        let (sender, mut mailbox) = mpsc::channel::<(u64, oneshot::Sender<u64>)>(128);
        tokio_runtime().spawn(async move {
            let mut sum = 0;
            while let Some((n, answer)) = mailbox.recv().await {
                // An `Err` says that nobody waits for the answer.
                let _ = answer.send(add(&mut sum, n));
            }
        });
        Self(sender)
    }

    fn call(&self, n: u64) -> u64 {
        let (sender, answer) = oneshot::channel();
        self.0.blocking_send((n, sender)).unwrap();
        answer.blocking_recv().unwrap()
    }
}

fn calls(samples: &mut Samples, count: u64, call: impl Fn(u64) -> u64) {
    let mut last = 0;
    samples.per_op(count as usize, || {
        for n in 1..=count {
            last = call(n);
        }
    });
    assert_eq!(last, count * (count + 1) / 2);
}

fn callers<C>(samples: &mut Samples, count: u64, caller: impl Fn() -> C)
where
    C: Fn(u64) -> u64 + Send,
{
    samples.per_op((CALLERS * count) as usize, || {
        let last = thread::scope(|scope| {
            let threads = [(); CALLERS as usize].map(|()| {
                let call = caller();
                scope.spawn(move || (1..=count).fold(0, |_, n| call(n)))
            });
            threads.map(|thread| thread.join().unwrap())
        });
        let all = CALLERS * (count * (count + 1) / 2);
        assert_eq!(last.into_iter().max(), Some(all));
    });
}
