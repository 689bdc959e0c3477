//! The timed benchmarks. What allocates here is not counted: to count takes time.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    letgo_bench::main()
}
