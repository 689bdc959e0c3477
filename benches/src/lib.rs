//! letgo beside its rivals: every contestant of a workload in one process, taking turns.
//!
//! `cargo run --release -p letgo-bench -- --help` says what can be asked for.

#![forbid(unsafe_code)]

mod args;
mod machine;
mod measure;
mod memory;
mod peers;
mod report;
mod rivals;
mod stats;
mod workloads;

use std::process::ExitCode;

use args::{Args, Asked};
pub use memory::Allocated;
use report::Report;

/// The timed benchmarks: does what the command line asks for.
pub fn main() -> ExitCode {
    let args = match args::parse(lexopt::Parser::from_env()) {
        Ok(Asked::Run(args)) => args,
        Ok(Asked::Help) => {
            print!("{}", args::HELP);
            return ExitCode::SUCCESS;
        }
        Ok(Asked::List) => {
            print!("{}", report::list(&workloads::all(false)));
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("letgo-bench: {error}");
            return ExitCode::from(2);
        }
    };
    let Args {
        mut workloads,
        rounds,
        markdown,
    } = args;
    let report = if markdown {
        Report::Markdown
    } else {
        Report::Tables
    };
    let peers = peers::gather(&mut workloads);
    print!("{}", report.head(&peers));
    for mut workload in workloads {
        let results = workload.run(rounds);
        print!("{}", report.workload(&workload, &results));
    }
    print!("{}", report.foot());
    ExitCode::SUCCESS
}

/// What a pending closure asks of the allocator, if that is one that counts.
pub fn memory(allocated: fn() -> Allocated) -> String {
    memory::table(allocated)
}
