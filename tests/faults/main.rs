//! Everything around the library goes wrong: nothing hangs, nothing is lost, and what fails says so.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/limit.rs"]
mod limit;
#[path = "../common/ways.rs"]
mod ways;

mod bad_drops;
mod bad_executors;
mod bad_wakers;
mod endings;
mod no_threads;
