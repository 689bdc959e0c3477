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
//! [`spawn_future`] if you have a future, [`promise`] if the value comes from a callback,
//! [`Executor`] if it is to run elsewhere than on letgo's own [`Pool`]. All of them give a
//! [`JoinHandle`], to be got or awaited, on any runtime or on none.
//!
//! Use [`join!`], [`try_join!`], [`join_all`], [`try_join_all`], the operators, [`JoinHandle::map`]
//! and [`JoinHandle::then`] to make one value of several, [`JoinHandle::shared`] to let many wait for
//! one, and [`FanIn`] to take values as they come.
//!
//! Use [`Agent`] for state that many threads and tasks touch.
#![forbid(unsafe_code)]

mod agent;
mod combine;
mod error;
mod eventual;
mod executor;
mod future;
mod handle;
mod job;
mod local;
mod pool;
mod promise;
mod spawn;
mod stack;
mod sync;
mod task;
mod unwind;
mod wait;
mod who;

pub use agent::Agent;
pub use combine::{
    End, Join, JoinAll, Map, Operation, Settle, Shared, TryEnd, TryJoin, TryJoinAll,
    UnaryOperation, join_all, try_join_all,
};
pub use error::{JoinError, Panicked};
pub use eventual::Eventual;
pub use executor::{Executor, spawn_value_on};
pub use handle::{JoinHandle, TaskId};
pub use job::Job;
pub use pool::{Builder, Pool};
pub use promise::{Resolver, promise};
pub use spawn::{spawn_future, spawn_value};

/// What the macros expand to.
#[doc(hidden)]
pub mod __private {
    pub use crate::combine::chain::{end, flat, join, try_end, try_join};
}

/// The README's code, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
