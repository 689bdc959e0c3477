//! Random scripts on a fan-in, beside a model of it that has no threads, locks or wakers.

mod common;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use common::{Counted, Drops};
use letgo::{FanIn, FanInSender, Job, JoinError, SendError, TryRecvError, TrySendError};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Op {
    CloneSender,
    DropSender,
    TrySend,
    /// A send that waits if it has to, polled once.
    Send,
    /// Of those that wait, one is given up.
    GiveUpSend(usize),
    SpawnValue,
    SpawnPanic,
    SpawnDropped,
    TryRecv,
    /// A receive that waits if it has to, polled once.
    Recv,
    GiveUpRecv(usize),
    /// Polled without having been woken, as in a `select!`.
    PollRecv(usize),
}

/// Each with whether those who are woken get to run before the next.
fn ops() -> impl Strategy<Value = Vec<(Op, bool)>> {
    let op = prop_oneof![
        1 => Just(Op::CloneSender),
        2 => Just(Op::DropSender),
        5 => Just(Op::TrySend),
        2 => Just(Op::Send),
        2 => any::<usize>().prop_map(Op::GiveUpSend),
        2 => Just(Op::SpawnValue),
        1 => Just(Op::SpawnPanic),
        1 => Just(Op::SpawnDropped),
        4 => Just(Op::TryRecv),
        8 => Just(Op::Recv),
        3 => any::<usize>().prop_map(Op::GiveUpRecv),
        2 => any::<usize>().prop_map(Op::PollRecv),
    ];
    proptest::collection::vec((op, any::<bool>()), 0..120)
}

/// What arrives: the number of a value, a panic, or a cancellation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Arrives {
    Value(usize),
    Panic,
    Cancellation,
}

type Value = (usize, Counted);
type Sent = Result<(), SendError<Value>>;

fn arrival(item: Result<Value, JoinError>) -> Arrives {
    match item {
        Ok((number, _)) => Arrives::Value(number),
        Err(error) if error.is_panic() => Arrives::Panic,
        Err(_) => Arrives::Cancellation,
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A future that waits, polled only when it was woken, as an executor would.
struct Waiting<R> {
    future: Pin<Box<dyn Future<Output = R>>>,
    bell: Arc<Bell>,
}

impl<R> Waiting<R> {
    fn poll(&mut self) -> Poll<R> {
        self.bell.0.store(0, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.bell));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    fn was_woken(&self) -> bool {
        self.bell.0.load(Ordering::Relaxed) > 0
    }
}

fn waiting<R>(future: impl Future<Output = R> + 'static) -> Waiting<R> {
    Waiting {
        future: Box::pin(future),
        bell: Arc::default(),
    }
}

/// A model: two queues and a count.
struct Model {
    bound: usize,
    buffer: VecDeque<Arrives>,
    line: VecDeque<Arrives>,
    senders: usize,
}

impl Model {
    fn has_room(&self) -> bool {
        self.buffer.len() < self.bound && self.line.is_empty()
    }

    fn push(&mut self, item: Arrives) {
        if self.has_room() {
            &mut self.buffer
        } else {
            &mut self.line
        }
        .push_back(item);
    }

    fn pop(&mut self) -> Option<Arrives> {
        let item = self.buffer.pop_front()?;
        self.buffer.extend(self.line.pop_front());
        Some(item)
    }

    fn is_in_line(&self, number: usize) -> bool {
        self.line.contains(&Arrives::Value(number))
    }
}

struct World {
    model: Model,
    fan: Arc<FanIn<Value>>,
    senders: Vec<FanInSender<Value>>,
    /// By the numbers of the values.
    sends: Vec<(usize, Waiting<Sent>)>,
    receives: Vec<Waiting<Option<Arrives>>>,
    drops: Drops,
    values: usize,
}

impl World {
    fn new(bound: usize) -> Self {
        let fan = Arc::new(FanIn::bounded(bound));
        let model = Model {
            bound,
            buffer: VecDeque::new(),
            line: VecDeque::new(),
            senders: 1,
        };
        Self {
            model,
            senders: vec![fan.sender()],
            fan,
            sends: Vec::new(),
            receives: Vec::new(),
            drops: Drops::new(),
            values: 0,
        }
    }

    fn value(&mut self) -> Value {
        self.values += 1;
        (self.values, self.drops.one())
    }

    /// How many may still produce: senders, and sends that wait.
    fn has_ended(&self) -> bool {
        self.model.senders + self.sends.len() == 0
            && self.model.buffer.is_empty()
            && self.model.line.is_empty()
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::CloneSender => {
                let sender = self
                    .senders
                    .first()
                    .cloned()
                    .unwrap_or_else(|| self.fan.sender());
                self.senders.push(sender);
                self.model.senders += 1;
            }
            Op::DropSender => {
                if self.senders.pop().is_some() {
                    self.model.senders -= 1;
                }
            }
            Op::TrySend => {
                let value = self.value();
                let number = value.0;
                let Some(sender) = self.senders.last() else {
                    return;
                };
                match sender.try_send(value) {
                    Ok(()) => {
                        assert!(self.model.has_room(), "there was no room");
                        self.model.push(Arrives::Value(number));
                    }
                    Err(TrySendError::Full(back)) => {
                        assert!(!self.model.has_room(), "there was room");
                        assert_eq!(back.0, number);
                    }
                    Err(TrySendError::Closed(_)) => panic!("nobody closed it"),
                }
            }
            Op::Send => {
                let value = self.value();
                let number = value.0;
                let Some(sender) = self.senders.last().cloned() else {
                    return;
                };
                let had_room = self.model.has_room();
                let mut send = waiting(async move { sender.send_async(value).await });
                match send.poll() {
                    Poll::Ready(result) => {
                        assert!(had_room && result.is_ok());
                    }
                    Poll::Pending => {
                        assert!(!had_room, "there was room");
                        self.sends.push((number, send));
                    }
                }
                self.model.push(Arrives::Value(number));
            }
            Op::GiveUpSend(which) => {
                if self.sends.is_empty() {
                    return;
                }
                let (number, send) = self.sends.swap_remove(which % self.sends.len());
                drop(send);
                self.model
                    .line
                    .retain(|item| *item != Arrives::Value(number));
            }
            Op::SpawnValue | Op::SpawnPanic if !self.model.has_room() => {
                // It would block this thread.
            }
            Op::SpawnValue => {
                let value = self.value();
                self.model.push(Arrives::Value(value.0));
                self.fan
                    .spawn_value_on(&|job: Job| job.run(), move || value);
            }
            Op::SpawnPanic => {
                self.model.push(Arrives::Panic);
                // Not by `panic!`: nobody wants to read hundreds of messages.
                self.fan.spawn_value_on(&|job: Job| job.run(), || {
                    std::panic::resume_unwind(Box::new("no luck"))
                });
            }
            Op::SpawnDropped => {
                let value = self.value();
                self.model.push(Arrives::Cancellation);
                self.fan
                    .spawn_value_on(&|job: Job| drop(job), move || value);
            }
            Op::TryRecv => self.receive(),
            Op::Recv => {
                let fan = Arc::clone(&self.fan);
                let mut receive = waiting(async move {
                    // A failure is a panic here, to be told by its payload.
                    let caught = std::panic::AssertUnwindSafe(fan.recv_async());
                    let item = futures::FutureExt::catch_unwind(caught).await;
                    match item {
                        Ok(value) => value.map(|(number, _)| Arrives::Value(number)),
                        Err(payload) if payload.is::<&str>() => Some(Arrives::Panic),
                        Err(_) => Some(Arrives::Cancellation),
                    }
                });
                match receive.poll() {
                    Poll::Ready(item) => self.received(item),
                    Poll::Pending => {
                        assert!(self.model.buffer.is_empty() && !self.has_ended());
                        self.receives.push(receive);
                    }
                }
            }
            Op::PollRecv(which) => {
                if !self.receives.is_empty() {
                    self.poll_receive(which % self.receives.len());
                }
            }
            Op::GiveUpRecv(which) => {
                if !self.receives.is_empty() {
                    drop(self.receives.remove(which % self.receives.len()));
                }
            }
        }
    }

    fn receive(&mut self) {
        if self.model.buffer.is_empty() {
            let error = self.fan.try_recv().err().expect("there is nothing");
            let ended = self.has_ended();
            assert_eq!(
                error,
                if ended {
                    TryRecvError::Closed
                } else {
                    TryRecvError::Empty
                }
            );
        } else {
            let item = self.fan.recv_settled().map(arrival);
            self.received(item);
        }
    }

    fn received(&mut self, item: Option<Arrives>) {
        if item.is_none() {
            assert!(self.has_ended(), "an end before the end");
        }
        assert_eq!(item, self.model.pop());
    }

    fn poll_receive(&mut self, index: usize) {
        match self.receives[index].poll() {
            Poll::Ready(item) => {
                drop(self.receives.remove(index));
                self.received(item);
            }
            Poll::Pending => assert!(self.model.buffer.is_empty()),
        }
    }

    /// Lets everybody run who was woken. Nobody else may have something to do.
    fn settle(&mut self) {
        while let Some(index) = self.receives.iter().position(Waiting::was_woken) {
            self.poll_receive(index);
        }
        assert!(self.receives.is_empty() || (self.model.buffer.is_empty() && !self.has_ended()));
        let mut index = 0;
        while index < self.sends.len() {
            let (number, send) = &mut self.sends[index];
            let waits = self.model.is_in_line(*number);
            assert_ne!(
                waits,
                send.was_woken(),
                "who is let in is woken, and nobody else"
            );
            if waits {
                index += 1;
            } else {
                assert!(matches!(send.poll(), Poll::Ready(Ok(()))));
                drop(self.sends.swap_remove(index));
            }
        }
        // The last send may have been the last producer.
        if self.has_ended() {
            for mut receive in std::mem::take(&mut self.receives) {
                assert!(receive.was_woken(), "the end wakes everybody");
                assert!(matches!(receive.poll(), Poll::Ready(None)));
            }
        }
    }

    /// Receives all that is left, or drops the fan-in with it.
    fn end(mut self, receives_rest: bool) {
        self.senders.clear();
        self.model.senders = 0;
        self.settle();
        if receives_rest {
            while !self.has_ended() {
                self.receive();
                self.settle();
            }
            assert!(self.fan.recv_settled().is_none());
        }
        self.receives.clear();
        drop(self.fan);
        for (number, mut send) in self.sends {
            assert!(send.was_woken());
            let Poll::Ready(Err(SendError(back))) = send.poll() else {
                panic!("what was not let in comes back")
            };
            assert_eq!(back.0, number);
        }
        assert_eq!(
            self.drops.count(),
            self.values,
            "each value is dropped once"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_random_script_does_as_the_model_does(
        bound in 1_usize..5,
        script in ops(),
        receives_rest: bool,
    ) {
        let mut world = World::new(bound);
        for (op, settles) in script {
            world.step(op);
            if settles {
                world.settle();
            }
        }
        world.end(receives_rest);
    }
}
