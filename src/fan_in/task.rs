//! Producers of one value: tasks that send what they come to.

use std::future::Future;
use std::panic::Location;

use super::FanInSender;
use super::failure::{Failure, Item};
use super::sending::{self, Sending};
use crate::caught::Caught;
use crate::error::JoinError;
use crate::executor::{Executor, spawn_value_on};
use crate::pool::Pool;
use crate::unwind::{Payload, catch, quietly};

impl<T: Send + 'static> FanInSender<T> {
    /// Runs a closure on the default pool; what it returns is sent.
    ///
    /// See [`FanIn::spawn_value`](crate::FanIn::spawn_value): this is for those who have a sender.
    ///
    /// # Panics
    /// As [`spawn_value`](crate::spawn_value).
    #[track_caller]
    pub fn spawn_value<F>(&self, f: F)
    where
        F: FnOnce() -> T + Send + 'static,
    {
        self.spawn_value_on(Pool::global(), f);
    }

    /// Runs a closure on `executor`; what it returns is sent.
    ///
    /// See [`FanIn::spawn_value_on`](crate::FanIn::spawn_value_on).
    ///
    /// # Panics
    /// If the executor does: see [`Executor`].
    #[track_caller]
    pub fn spawn_value_on<E, F>(&self, executor: &E, f: F)
    where
        E: Executor + ?Sized,
        F: FnOnce() -> T + Send + 'static,
    {
        let producer = Producer {
            f,
            turn: self.turn(),
        };
        spawn_value_on(executor, move || producer.run()).detach();
    }

    /// Runs a future on the default pool; its output is sent.
    ///
    /// See [`FanIn::spawn_future`](crate::FanIn::spawn_future).
    ///
    /// # Panics
    /// As [`spawn_value`](crate::spawn_value).
    #[track_caller]
    pub fn spawn_future<Fut>(&self, future: Fut)
    where
        Fut: Future<Output = T> + Send + 'static,
    {
        let turn = self.turn();
        let produce = async move {
            let outcome = Caught::new(future).await;
            turn.send_async(outcome).await;
        };
        Pool::global().spawn_future(produce).detach();
    }

    #[track_caller]
    fn turn(&self) -> Turn<T> {
        Turn {
            sender: self.clone(),
            spawned_at: Location::caller(),
            over: false,
        }
    }
}

/// The closure first: what it captured is dropped before the receiver hears of it.
struct Producer<F, T> {
    f: F,
    turn: Turn<T>,
}

impl<F: FnOnce() -> T, T> Producer<F, T> {
    fn run(self) {
        self.turn.send(catch(self.f));
    }
}

/// The right, and the duty, of one task to send one item: dropped unused, it sends that the task was
/// cancelled.
struct Turn<T> {
    sender: FanInSender<T>,
    spawned_at: &'static Location<'static>,
    over: bool,
}

impl<T> Turn<T> {
    fn send(mut self, outcome: Result<T, Payload>) {
        let item = self.item(outcome.map_err(JoinError::panicked));
        // An `Err`: nobody will receive it.
        let unwanted = sending::block(&self.sender.channel, item);
        quietly(|| drop(unwanted));
    }

    async fn send_async(mut self, outcome: Result<T, Payload>) {
        let item = self.item(outcome.map_err(JoinError::panicked));
        let unwanted = Sending::new(&self.sender.channel, item).await;
        quietly(|| drop(unwanted));
    }

    fn item(&mut self, outcome: Result<T, JoinError>) -> Item<T> {
        self.over = true;
        let spawned_at = self.spawned_at;
        outcome.map_err(|error| Box::new(Failure { error, spawned_at }))
    }
}

impl<T> Drop for Turn<T> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let item = self.item(Err(JoinError::Cancelled));
        // Who drops a task must not be held up.
        drop(sending::leave(&self.sender.channel, item));
    }
}
