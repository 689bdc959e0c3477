//! letgo under stress: random programs beside a model of what they may come to, and a mixed load that
//! must stay level for as long as it runs.
//!
//! `cargo run --release -p letgo-stress -- --help` says what can be asked for.

#![forbid(unsafe_code)]

mod args;
mod campaign;
mod executors;
mod generate;
#[cfg(test)]
mod kept;
mod minimise;
mod model;
mod program;
mod run;
mod soak;

use std::process;

use args::Asked;

fn main() {
    let went_well = match args::parse(lexopt::Parser::from_env()) {
        Ok(Asked::Programs(campaign)) => campaign.run(),
        Ok(Asked::Soak(soak)) => soak.run(),
        Ok(Asked::Help) => {
            print!("{}", args::HELP);
            true
        }
        Err(error) => {
            eprintln!("letgo-stress: {error}\n\n{}", args::HELP);
            process::exit(2);
        }
    };
    // Not by a `return`: what hangs is left behind.
    process::exit(i32::from(!went_well));
}
