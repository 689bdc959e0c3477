//! Spawn a closure or a future, get a value: `A := go getA()`, in Rust.
//!
//! ```
//! use letgo::spawn_value;
//!
//! # fn get_a() -> i32 { 100 }
//! # fn get_b() -> i32 { 200 }
//! let a = spawn_value(get_a); // A := go getA()   returns at once
//! let b = spawn_value(get_b); // B := go getB()
//! let c = a + b; //              C := A + B       does not block either
//! assert_eq!(c.get(), 300); //   blocks here, at the point of use (or: c.await)
//! ```
//!
//! Use [`spawn_value`] if you have a closure, be it one that computes or one that blocks,
//! [`spawn_future`] if you have a future, [`promise`](fn@promise) if the value comes from a callback,
//! [`Executor`] if it is to run elsewhere than on letgo's own [`Pool`]. All of them give a
//! [`JoinHandle`], to be got or awaited, on any runtime or on none. Use [`scope`](fn@scope) if the
//! closure borrows.
//!
//! Use [`join!`], [`try_join!`], [`join_all`], [`try_join_all`], the operators, [`JoinHandle::map`]
//! and [`JoinHandle::then`] to make one value of several, [`JoinHandle::shared`] to let many wait for
//! one, [`race!`](macro@race), [`race`](fn@race) and [`race_ok`] to take the first, [`as_completed`] and
//! [`FanIn`] to take values as they come.
//!
//! | wait for | go on at an error | stop at an error |
//! |---|---|---|
//! | all | [`join!`], [`join_all`] | [`try_join!`], [`try_join_all`] |
//! | the first | [`race_ok`] | [`race!`](macro@race), [`race`](fn@race) |
//!
//! Use [`Agent`] for state that many threads and tasks touch, [`PromiseMap`] if answers come by key,
//! [`SingleFlight`] to compute once what many want.
//!
//! The [`guide`] has six questions that people asked about Go's channels and locks, and their answers.
#![forbid(unsafe_code)]

mod agent;
mod blocking;
mod caught;
mod claim;
mod combine;
mod entries;
mod error;
mod eventual;
mod executor;
pub mod fan_in;
mod future;
mod handle;
mod job;
mod lend;
mod linger;
mod local;
#[cfg(all(test, letgo_loom))]
mod models;
mod polling;
mod pool;
#[cfg(all(test, letgo_shuttle))]
mod programs;
mod promise;
mod promise_map;
mod rights;
mod scope;
mod single_flight;
mod spawn;
mod stack;
mod strays;
mod sync;
mod task;
mod timer;
mod unwind;
mod wait;
mod waiters;
mod waits;
mod who;
mod work;

pub use agent::Agent;
pub use combine::{
    AsCompleted, AsCompletedIter, End, Join, JoinAll, Map, Operation, Race, RaceAll, RaceEnd,
    RaceOk, Settle, Shared, TryEnd, TryJoin, TryJoinAll, UnaryOperation, as_completed, join_all,
    race, race_ok, try_join_all,
};
pub use error::{Deadlock, JoinError, Panicked};
pub use eventual::Eventual;
pub use executor::{Executor, spawn_value_on};
#[doc(inline)]
pub use fan_in::{FanIn, FanInSender, RecvTimeoutError, SendError, TryRecvError, TrySendError};
pub use handle::{JoinHandle, TaskId};
pub use job::Job;
pub use pool::{Builder, Pool};
pub use promise::{Resolver, promise};
pub use promise_map::{Delivery, Occupied, PromiseMap, Reply};
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use single_flight::SingleFlight;
pub use spawn::{spawn_future, spawn_value};
pub use waits::{Blocked, Waiting, waiting};

/// What the macros expand to.
#[doc(hidden)]
pub mod __private {
    pub use crate::combine::chain::{end, flat, join, race, race_end, try_end, try_join};
}

#[doc = include_str!("guide.md")]
pub mod guide {}

/// The README's code, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
