//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::campaign::Campaign;
use crate::executors::Kind;
use crate::program::Program;
use crate::soak::{self, Soak};

pub(crate) const HELP: &str = "\
letgo under stress.

Usage: cargo run --release -p letgo-stress -- programs [OPTIONS]
       cargo run --release -p letgo-stress -- soak [OPTIONS]

programs
Random programs, on every executor in turn, each beside a model of what it may come to.
A program that fails, or hangs, is printed with its seed, and cut down to what still fails.

  --seconds N     for how long; 60 if not said. An hour: 3600
  --seed S        only the program of this seed, on each executor (or on the one that is named)
  --file FILE     only the program in there, as `--keep` writes it
  --times N       how often a program is run on each executor; 1 if not said, 200 with a seed or a file
  --executor E    on this one only; may be given again. default, pool-1, pool-3, pool-1-capped, tokio,
                  tokio-blocking, rayon, threads, scrambled
  --patience N    after how many seconds a program hangs; 30 if not said
  --keep FILE     writes what was cut down there: in `stress/kept` it is a test from then on

soak
A mixed load. Fails if memory, threads or open files grow, if it becomes slower, or if anything is
never dropped.

  --seconds N     for how long; 120 if not said
  --only PART     this part of the load alone, to find out whose fault it is; may be given again.
                  closures, futures, fan-in, agents, promises, combined, cancelled, scopes, sleeps,
                  paced, pools, threads
  --csv FILE      writes the time series there
  --svg FILE      writes a plot of it there
";

/// What is to be done.
pub(crate) enum Asked {
    Programs(Campaign),
    Soak(Soak),
    Help,
}

pub(crate) fn parse(mut parser: Parser) -> Result<Asked, lexopt::Error> {
    match parser.next()? {
        Some(Arg::Value(what)) if what == "programs" => programs(parser),
        Some(Arg::Value(what)) if what == "soak" => soak_for(parser),
        None | Some(Arg::Long("help") | Arg::Short('h')) => Ok(Asked::Help),
        Some(other) => Err(other.unexpected()),
    }
}

fn programs(mut parser: Parser) -> Result<Asked, lexopt::Error> {
    let mut campaign = Campaign {
        time: Duration::from_secs(60),
        seed: None,
        program: None,
        times: 0,
        kinds: Vec::new(),
        patience: Duration::from_secs(30),
        keep: None,
    };
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("seconds") => campaign.time = seconds(&mut parser)?,
            Arg::Long("seed") => campaign.seed = Some(parser.value()?.parse()?),
            Arg::Long("file") => {
                let text =
                    std::fs::read_to_string(parser.value()?).map_err(|error| error.to_string())?;
                campaign.program = Some(Program::from_text(&text)?);
            }
            Arg::Long("times") => campaign.times = parser.value()?.parse()?,
            Arg::Long("executor") => {
                let name = parser.value()?.string()?;
                let kind = Kind::named(&name);
                let kind = kind.ok_or_else(|| format!("there is no executor `{name}`"))?;
                campaign.kinds.push(kind);
            }
            Arg::Long("patience") => campaign.patience = seconds(&mut parser)?,
            Arg::Long("keep") => campaign.keep = Some(PathBuf::from(parser.value()?)),
            Arg::Long("help") | Arg::Short('h') => return Ok(Asked::Help),
            other => return Err(other.unexpected()),
        }
    }
    if campaign.kinds.is_empty() {
        campaign.kinds = Kind::ALL.to_vec();
    }
    if campaign.times == 0 {
        let is_single = campaign.seed.is_some() || campaign.program.is_some();
        campaign.times = if is_single { 200 } else { 1 };
    }
    Ok(Asked::Programs(campaign))
}

fn soak_for(mut parser: Parser) -> Result<Asked, lexopt::Error> {
    let mut soak = Soak {
        time: Duration::from_secs(120),
        only: Vec::new(),
        csv: None,
        svg: None,
    };
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("seconds") => soak.time = seconds(&mut parser)?,
            Arg::Long("only") => {
                let name = parser.value()?.string()?;
                if !soak::parts().any(|part| part == name) {
                    return Err(format!("the load has no part `{name}`").into());
                }
                soak.only.push(name);
            }
            Arg::Long("csv") => soak.csv = Some(PathBuf::from(parser.value()?)),
            Arg::Long("svg") => soak.svg = Some(PathBuf::from(parser.value()?)),
            Arg::Long("help") | Arg::Short('h') => return Ok(Asked::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Asked::Soak(soak))
}

fn seconds(parser: &mut Parser) -> Result<Duration, lexopt::Error> {
    Ok(Duration::from_secs(parser.value()?.parse()?))
}
