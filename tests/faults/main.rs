//! Everything around the library goes wrong: nothing hangs, nothing is lost, and what fails says so.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/limit.rs"]
mod limit;
#[path = "../common/ways.rs"]
mod ways;

mod bad_drops;
mod bad_executors;
mod bad_keys;
mod bad_wakers;
mod bombs;
mod bursts;
mod endings;
mod no_threads;
mod odd_clocks;
mod places;
mod shut_down;
