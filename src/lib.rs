#![forbid(unsafe_code)]

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

pub use error::{JoinError, Panicked};
pub use eventual::Eventual;
pub use executor::{Executor, spawn_value_on};
pub use handle::{JoinHandle, TaskId};
pub use job::Job;
pub use pool::{Builder, Pool};
pub use promise::{Resolver, promise};
pub use spawn::{spawn_future, spawn_value};
