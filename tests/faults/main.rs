//! Everything around the library goes wrong: nothing hangs, nothing is lost, and what fails says so.

#[path = "../common/mod.rs"]
mod common;

mod bad_drops;
mod bad_wakers;
