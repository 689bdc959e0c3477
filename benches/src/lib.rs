//! letgo beside its rivals: every contestant of a workload in one process, taking turns.
//!
//! `cargo run --release -p letgo-bench -- --help` says what can be asked for.

#![forbid(unsafe_code)]

mod args;
mod machine;
mod measure;
mod memory;
mod peers;
mod plot;
mod report;
mod rivals;
mod stats;
mod workloads;

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

use args::{Args, Asked};
pub use memory::Allocated;
use plot::Panel;
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
        plot,
    } = args;
    // Made before the measurements: it would be a pity to find out in the end.
    let plot = match plot.map(File::create).transpose() {
        Ok(plot) => plot,
        Err(error) => return failed(&error),
    };
    let report = if markdown {
        Report::Markdown
    } else {
        Report::Tables
    };
    let peers = peers::gather(&mut workloads);
    print!("{}", report.head(&peers));
    let mut panels = Vec::new();
    for mut workload in workloads {
        let results = workload.run(rounds);
        print!("{}", report.workload(&workload, &results));
        panels.extend(Panel::of(&workload, &results));
    }
    print!("{}", report.foot());
    match plot.map(|mut plot| plot.write_all(plot::svg(&panels).as_bytes())) {
        Some(Err(error)) => failed(&error),
        _ => ExitCode::SUCCESS,
    }
}

fn failed(error: &io::Error) -> ExitCode {
    eprintln!("letgo-bench: the plot: {error}");
    ExitCode::FAILURE
}

/// What a pending closure asks of the allocator, if that is one that counts.
pub fn memory(allocated: fn() -> Allocated) -> String {
    memory::table(allocated)
}
