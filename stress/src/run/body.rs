//! Follows the operations of a body: in one go for a closure, awaiting for a future.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use letgo::{Agent, Executor, promise};

use super::Run;
use super::fan::Fan;
use super::outcome::{self, boom};
use super::things::{Env, Handle, State, Thing, Token, Val};
use super::wait;
use crate::executors::Exec;
use crate::program::{BodyId, Id, Op, Slot};

/// How a body waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It blocks, unless it is to run the queue meanwhile.
    Main,
    Closure,
    Future,
}

/// A body that was spawned, with what it takes over.
pub(super) struct Captures {
    pub(super) run: Arc<Run>,
    pub(super) body: BodyId,
    /// The number of the value that it gives.
    pub(super) value: Id,
    pub(super) env: Env,
    _counted: Token,
}

impl Captures {
    pub(super) fn new(run: &Arc<Run>, body: BodyId, value: Id) -> Self {
        Self {
            run: Arc::clone(run),
            body,
            value,
            env: Env::default(),
            _counted: run.token(),
        }
    }

    /// Runs it on this thread.
    pub(super) fn run_here(self, mode: Mode) -> Val {
        let mut future = self.follow(mode);
        let mut cx = Context::from_waker(Waker::noop());
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(value) => value,
            Poll::Pending => unreachable!("only a future awaits"),
        }
    }

    pub(super) fn follow(mut self, mode: Mode) -> Pin<Box<dyn Future<Output = Val> + Send>> {
        Box::pin(async move {
            self.run.started(self.body);
            let run = Arc::clone(&self.run);
            for (step, op) in run.program.bodies[self.body].ops.iter().enumerate() {
                self.step(step, op, mode).await;
            }
            Val::new(self.value, run.token())
        })
    }

    /// The body that this one spawns.
    fn child(&mut self, body: BodyId, value: Id) -> Self {
        let mut child = Self::new(&self.run, body, value);
        child.env = self.env.split(&self.run.program.bodies[body].takes);
        child
    }

    async fn step(&mut self, step: usize, op: &Op, mode: Mode) {
        match *op {
            Op::Spawn { h, body } => {
                let child = self.child(body, h);
                let handle = self
                    .run
                    .exec
                    .spawn_value(move || child.run_here(Mode::Closure));
                self.env.put_handle(h, Handle::Alone(handle), true);
            }
            Op::Future { h, body } => {
                let child = self.child(body, h);
                let handle = self.run.exec.spawn_future(child.follow(Mode::Future));
                self.env.put_handle(h, Handle::Alone(handle), false);
            }
            Op::Promise { h } => {
                let (resolver, handle) = promise();
                self.env.put_handle(h, Handle::Alone(handle), false);
                self.env.put(Slot::Resolver(h), Thing::Resolver(resolver));
            }
            Op::Then { h, of, body } => {
                let child = self.child(body, h);
                if let Some((Handle::Alone(source), _)) = self.env.take_handle(of) {
                    let run = Arc::clone(&self.run);
                    let handle = source.then(move |value| {
                        run.check_handle(of, Ok(value.out()));
                        child.run_here(Mode::Closure)
                    });
                    self.env.put_handle(h, Handle::Alone(handle), false);
                }
            }
            Op::Resolve(h) => {
                if let Some(Thing::Resolver(resolver)) = self.env.take(Slot::Resolver(h)) {
                    // An `Err`: nobody waits any more.
                    let _ = resolver.resolve(Val::new(h, self.run.token()));
                }
            }
            Op::DropResolver(h) => drop(self.env.take(Slot::Resolver(h))),
            Op::Share(h) => match self.env.take_handle(h) {
                Some((Handle::Alone(handle), claimable)) => {
                    let shared = Handle::Shared(handle.shared());
                    self.env.put_handle(h, shared, claimable);
                }
                Some((shared, claimable)) => self.env.put_handle(h, shared, claimable),
                None => {}
            },
            Op::Clone { h, of } => {
                if let Some((Handle::Shared(shared), claimable)) = self.env.take_handle(of) {
                    let clone = Handle::Shared(shared.clone());
                    self.env.put_handle(h, clone, claimable);
                    self.env.put_handle(of, Handle::Shared(shared), claimable);
                }
            }
            Op::Wait { h, how } => self.wait(h, how, mode).await,
            Op::Cancel(h) => match self.env.handle(h) {
                Some(Handle::Alone(handle)) => handle.cancel(),
                Some(Handle::Shared(handle)) => handle.cancel(),
                None => {}
            },
            Op::Drop(h) => drop(self.env.take(Slot::Handle(h))),
            Op::JoinAll(_)
            | Op::Sum(..)
            | Op::TryJoin(_)
            | Op::TryJoinTwo(..)
            | Op::Race(_)
            | Op::RaceTwo(..)
            | Op::RaceOk(_)
            | Op::AsCompleted(_) => self.combine(op, mode).await,
            Op::Agent(_) | Op::Cast { .. } | Op::Call { .. } | Op::LetGo(_) => {
                self.ask(step, op);
            }
            Op::Stop(agent) => self.stop(agent, mode).await,
            Op::Fan { fan, capacity } => {
                let made = Fan::new(capacity, self.run.token());
                self.env.put(Slot::Fan(fan), Thing::Fan(made));
            }
            Op::Produce { fan, body } => self.produce(fan, body),
            Op::Feed { fan, count, future } => self.feed(fan, count, future),
            Op::Receive { fan, count } => self.receive(fan, Some(count), mode).await,
            Op::Drain(fan) => {
                self.receive(fan, None, mode).await;
                drop(self.env.take(Slot::Fan(fan)));
            }
            Op::Close(fan) => drop(self.env.take(Slot::Fan(fan))),
            Op::Yield => match (mode, &self.run.exec) {
                (Mode::Future, _) => yield_now().await,
                (Mode::Main, Exec::Scrambled(queue)) => _ = queue.run_one(),
                _ => thread::yield_now(),
            },
            Op::Never => {
                // What is polled once and kept, its own promise say, has a waker of this future: the two
                // would keep each other for ever.
                self.env = Env::default();
                if mode == Mode::Future {
                    std::future::pending::<()>().await;
                }
            }
            Op::Sleep(micros) => thread::sleep(Duration::from_micros(micros)),
            Op::Panic => boom(self.body),
        }
    }

    /// What has to do with agents, and does not wait.
    fn ask(&mut self, step: usize, op: &Op) {
        match *op {
            Op::Agent(agent) => {
                let state = State {
                    latest: Default::default(),
                    _counted: self.run.token(),
                };
                let made = Agent::on(self.run.exec.clone(), state);
                self.env.put(Slot::Agent(agent), Thing::Agent(made));
            }
            Op::Cast { agent, body } => {
                if let Some(agent) = self.env.agent(agent) {
                    let message = self.message(step, body, 0);
                    agent.cast(move |state| drop(message(state)));
                }
            }
            Op::Call { h, agent, body } => {
                if let Some(agent) = self.env.agent(agent) {
                    let message = self.message(step, body, h);
                    let handle = agent.call(message);
                    self.env.put_handle(h, Handle::Alone(handle), true);
                }
            }
            Op::LetGo(agent) => drop(self.env.take(Slot::Agent(agent))),
            _ => unreachable!("it is no business of an agent"),
        }
    }

    fn message(
        &mut self,
        step: usize,
        body: BodyId,
        value: Id,
    ) -> impl FnOnce(&mut State) -> Val + Send + use<> {
        let from = self.body;
        let child = self.child(body, value);
        move |state| {
            let latest = state.latest.insert(from, step);
            if latest.is_some_and(|latest| latest > step) {
                let run = &child.run;
                run.fail(format!("messages of body {from} were served out of order"));
            }
            child.run_here(Mode::Closure)
        }
    }

    fn produce(&mut self, fan: Id, body: BodyId) {
        if self.env.fan(fan).is_none() {
            return;
        }
        let child = self.child(body, body as Id);
        let exec = self.run.exec.clone();
        if let Some(fan) = self.env.fan(fan) {
            fan.expect(body);
            fan.fan
                .spawn_value_on(&exec, move || child.run_here(Mode::Closure));
        }
    }

    fn feed(&mut self, fan: Id, count: u32, future: bool) {
        let run = Arc::clone(&self.run);
        let Some(fan) = self.env.fan(fan) else { return };
        let numbers = fan.expect_feed(count);
        let out = fan.fan.sender();
        let tokens = Arc::clone(&run);
        let mut values = numbers.map(move |number| Val::new(number, tokens.token()));
        if future {
            let feed = async move {
                for value in values {
                    if out.send_async(value).await.is_err() {
                        return;
                    }
                }
            };
            run.exec.spawn_future(feed).detach();
        } else {
            // An `Err`: the fan-in is gone.
            let feed = move || _ = values.try_for_each(|value| out.send(value));
            run.exec.spawn_value(feed).detach();
        }
    }

    /// Receives so many items, or all.
    async fn receive(&mut self, fan: Id, count: Option<u32>, mode: Mode) {
        let run = Arc::clone(&self.run);
        let Some(fan) = self.env.fan(fan) else { return };
        let mut left = count;
        while left != Some(0) {
            let out = match mode {
                Mode::Future => wait::received_by_future(&fan.fan).await,
                _ => run.received(&fan.fan, mode),
            };
            match out {
                Some(out) => fan.arrived(out, &run),
                None => {
                    fan.ended(&run);
                    return;
                }
            }
            left = left.map(|left| left - 1);
        }
    }

    async fn stop(&mut self, agent: Id, mode: Mode) {
        let Some(Thing::Agent(agent)) = self.env.take(Slot::Agent(agent)) else {
            return;
        };
        let state = agent.stop();
        let state = match mode {
            Mode::Future => state.settle().await,
            _ => state.join(),
        };
        // A further stop is cancelled.
        if let Err(error) = state
            && !error.is_cancelled()
        {
            let what = outcome::of_error(&error);
            self.run.fail(format!("an agent's stop came to {what:?}"));
        }
    }
}

async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
