//! The cell and its two rights: handles, jobs, promises, executors, runtimes.

#[path = "../common/mod.rs"]
mod common;

mod cancel;
mod claims;
mod drops;
mod executor;
mod panics;
mod promise;
mod races;
mod runtimes;
mod traits;
mod waiting;
