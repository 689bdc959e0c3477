//! Waiting for one thing, in each of the ways there are.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use letgo::{Eventual, FanIn, TryRecvError};

use super::Run;
use super::body::{Captures, Mode};
use super::outcome::{self, Payload};
use super::things::{Handle, Val};
use crate::executors::Exec;
use crate::model::Out;
use crate::program::{How, Id};

/// Gets the value, or awaits it; a panic is given back.
pub(super) async fn value<E: Eventual>(eventual: E, mode: Mode) -> Result<E::Output, Payload> {
    match mode {
        Mode::Future => AssertUnwindSafe(eventual).catch_unwind().await,
        _ => catch_unwind(AssertUnwindSafe(|| eventual.get())),
    }
}

/// What there is after a look: nothing, or the value, or a panic.
type Looked<E> = Result<Result<Val, E>, Payload>;

async fn look<E: Eventual<Output = Val>>(mut eventual: E, how: How, mode: Mode) -> Looked<E> {
    match how {
        How::Try => catch_unwind(AssertUnwindSafe(|| eventual.try_get())),
        How::Timed(micros) => {
            let time = Duration::from_micros(micros);
            catch_unwind(AssertUnwindSafe(|| eventual.get_timeout(time)))
        }
        _ => {
            let mut once = |cx: &mut Context<'_>| {
                catch_unwind(AssertUnwindSafe(|| Pin::new(&mut eventual).poll(cx)))
            };
            let polled = match mode {
                Mode::Future => std::future::poll_fn(|cx| Poll::Ready(once(cx))).await,
                _ => once(&mut Context::from_waker(Waker::noop())),
            };
            Ok(match polled? {
                Poll::Ready(value) => Ok(value),
                Poll::Pending => Err(eventual),
            })
        }
    }
}

impl Captures {
    pub(super) async fn wait(&mut self, h: Id, how: How, mode: Mode) {
        let Some((handle, claimable)) = self.env.take_handle(h) else {
            return;
        };
        if how.is_brief() {
            self.look(h, (handle, claimable), how, mode).await;
            return;
        }
        let claims = claimable && how != How::GetUnclaimed;
        if mode == Mode::Main {
            match &handle {
                Handle::Alone(handle) => self.run.pump_for(handle, claims),
                Handle::Shared(handle) => self.run.pump_for(handle, claims),
            }
        }
        let got = match (handle, how) {
            (Handle::Alone(handle), How::Join) if mode != Mode::Future => Err(handle.join()),
            (Handle::Shared(handle), How::Join) if mode != Mode::Future => Err(handle.join()),
            (Handle::Alone(handle), How::Join | How::Settle) => {
                let settled = value(handle.settle(), mode).await;
                Err(settled.unwrap_or_else(|payload| resume_unwind(payload)))
            }
            (Handle::Alone(handle), How::Map) => Ok(value(handle.map(|value| value), mode).await),
            (Handle::Shared(handle), How::Map) => Ok(value(handle.map(|value| value), mode).await),
            (Handle::Alone(handle), How::GetUnclaimed) if mode != Mode::Future => {
                Ok(catch_unwind(AssertUnwindSafe(|| {
                    unclaimed(handle.get_timeout(Duration::MAX))
                })))
            }
            (Handle::Shared(handle), How::GetUnclaimed) if mode != Mode::Future => {
                Ok(catch_unwind(AssertUnwindSafe(|| {
                    unclaimed(handle.get_timeout(Duration::MAX))
                })))
            }
            (Handle::Alone(handle), _) => Ok(value(handle, mode).await),
            (Handle::Shared(handle), _) => Ok(value(handle, mode).await),
        };
        match got {
            Ok(got) => {
                self.run.check_handle(h, outcome::of_got(&got));
                // A shared handle that can't be joined, awaited, is got: its panic is not passed on then.
                if let (Err(payload), true) = (got, how.panics()) {
                    resume_unwind(payload);
                }
            }
            Err(joined) => self.run.check_handle(h, outcome::of_joined(&joined)),
        }
    }

    async fn look(&mut self, h: Id, found: (Handle, bool), how: How, mode: Mode) {
        let (handle, claimable) = found;
        let looked = match handle {
            Handle::Alone(handle) => match look(handle, how, mode).await {
                Ok(Ok(value)) => Ok(Ok(value)),
                Ok(Err(handle)) => Ok(Err(Handle::Alone(handle))),
                Err(payload) => Err(payload),
            },
            Handle::Shared(handle) => match look(handle, how, mode).await {
                Ok(Ok(value)) => Ok(Ok(value)),
                Ok(Err(handle)) => Ok(Err(Handle::Shared(handle))),
                Err(payload) => Err(payload),
            },
        };
        let got = match looked {
            Ok(Err(handle)) => {
                self.env.put_handle(h, handle, claimable);
                return;
            }
            Ok(Ok(value)) => Ok(value),
            Err(payload) => Err(payload),
        };
        self.run.check_handle(h, outcome::of_got(&got));
        if let Err(payload) = got {
            resume_unwind(payload);
        }
    }
}

fn unclaimed<E>(got: Result<Val, E>) -> Val {
    match got {
        Ok(value) => value,
        Err(_) => unreachable!("a wait for ever ends with the value"),
    }
}

/// The next item, awaited; `None` at the end.
pub(super) async fn received_by_future(fan: &FanIn<Val>) -> Option<Result<Out, String>> {
    match AssertUnwindSafe(fan.recv_async()).catch_unwind().await {
        Ok(value) => value.map(|value| Ok(value.out())),
        Err(payload) => Some(outcome::of_panic(&*payload)),
    }
}

impl Run {
    /// The next item; `None` at the end.
    pub(super) fn received(&self, fan: &FanIn<Val>, mode: Mode) -> Option<Result<Out, String>> {
        let Exec::Scrambled(queue) = &self.exec else {
            let item = fan.recv_settled();
            return item.map(|item| outcome::of_joined(&item));
        };
        assert!(
            mode == Mode::Main,
            "a closure of a strict program does not receive"
        );
        loop {
            match catch_unwind(AssertUnwindSafe(|| fan.try_recv())) {
                Ok(Ok(value)) => return Some(Ok(value.out())),
                Ok(Err(TryRecvError::Closed)) => return None,
                Ok(Err(TryRecvError::Empty)) => {
                    if !queue.run_one() {
                        self.stuck();
                    }
                }
                Err(payload) => return Some(outcome::of_panic(&*payload)),
            }
        }
    }

    /// Runs what is queued until it has ended; or not at all, if who waits can run it himself.
    pub(super) fn pump_for<E: Eventual>(&self, eventual: &E, claims: bool) {
        let Exec::Scrambled(queue) = &self.exec else {
            return;
        };
        if claims && queue.flip() {
            return;
        }
        while !eventual.is_finished() {
            if !queue.run_one() {
                if claims {
                    return;
                }
                self.stuck();
            }
        }
    }

    fn stuck(&self) -> ! {
        self.fail("stuck: the main body waits, and nothing is left to run".into());
        resume_unwind(Box::new("stuck"));
    }
}
