//! The command line.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use crate::measure::Workload;
use crate::{report, workloads};

pub(crate) const HELP: &str = "\
letgo beside its rivals: every contestant of a workload in one process, taking turns.

Usage: cargo run --release -p letgo-bench -- [OPTIONS] [WORKLOAD…]

A WORKLOAD is a name of the list, or what several begin with (`futures` is `futures-get`,
`futures-await` and the rest of them). None: all of them, in some minutes.
Names of workloads and of contestants may be separated by commas as well.

Options:
  --only NAME…   these contestants only; `tokio` is all of tokio's
  --rounds N     how many turns each contestant gets, instead of the workload's own number
  --long         ten million closures pending as well: a gigabyte, and a minute more
  --markdown     one table for a README instead of one for each workload
  --plot FILE    a plot of it as well, in SVG
  --list         the workloads and their contestants
  --help         this text

The memory of a pending closure: cargo run --release -p letgo-bench --bin memory
";

/// What is to be done.
pub(crate) enum Asked {
    Run(Args),
    List,
    Help,
}

/// What is to be measured, and how it is to be told.
pub(crate) struct Args {
    pub(crate) workloads: Vec<Workload>,
    pub(crate) rounds: Option<usize>,
    pub(crate) markdown: bool,
    pub(crate) plot: Option<PathBuf>,
}

/// What was asked for is not to be had.
#[derive(Debug)]
pub(crate) enum ArgsError {
    Unknown { what: &'static str, name: String },
    NoRounds,
    NotUnderstood(lexopt::Error),
}

impl fmt::Display for ArgsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { what, name } => {
                let list = report::list(&workloads::all(false));
                write!(f, "there is no {what} `{name}`; there are\n\n{list}")
            }
            Self::NoRounds => writeln!(f, "`--rounds` needs a number from 1 on"),
            Self::NotUnderstood(error) => write!(f, "{error}\n\n{HELP}"),
        }
    }
}

impl Error for ArgsError {}

impl From<lexopt::Error> for ArgsError {
    fn from(error: lexopt::Error) -> Self {
        Self::NotUnderstood(error)
    }
}

pub(crate) fn parse(mut parser: Parser) -> Result<Asked, ArgsError> {
    let mut names = Vec::new();
    let mut only = Vec::new();
    let mut long = false;
    let mut rounds = None;
    let mut markdown = false;
    let mut plot = None;
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Value(list) => names.extend(separated(&list.string()?)),
            Arg::Long("only") => {
                for list in parser.values()? {
                    only.extend(separated(&list.string()?));
                }
            }
            Arg::Long("rounds") => match parser.value()?.parse() {
                Ok(number @ 1..) => rounds = Some(number),
                _ => return Err(ArgsError::NoRounds),
            },
            Arg::Long("long") => long = true,
            Arg::Long("markdown") => markdown = true,
            Arg::Long("plot") => plot = Some(parser.value()?.into()),
            Arg::Long("list") => return Ok(Asked::List),
            Arg::Long("help") | Arg::Short('h') => return Ok(Asked::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Asked::Run(Args {
        workloads: chosen(workloads::all(long), &names, &only)?,
        rounds,
        markdown,
        plot,
    }))
}

/// The names of a list with commas.
fn separated(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(|name| name.trim().to_owned())
}

/// The workloads of these names, with the contestants of those; no names are all.
fn chosen(
    mut workloads: Vec<Workload>,
    names: &[String],
    only: &[String],
) -> Result<Vec<Workload>, ArgsError> {
    let known = |name: &String| workloads.iter().any(|w| is_or_begins(w.name, name, "-"));
    if let Some(name) = names.iter().find(|&name| !known(name)) {
        return Err(ArgsError::Unknown {
            what: "workload",
            name: name.clone(),
        });
    }
    workloads.retain(|w| names.is_empty() || names.iter().any(|n| is_or_begins(w.name, n, "-")));
    for name in only {
        let takes_part = |w: &Workload| w.contestants().any(|c| is_or_begins(c, name, "::"));
        if !workloads.iter().any(takes_part) {
            return Err(ArgsError::Unknown {
                what: "contestant",
                name: name.clone(),
            });
        }
    }
    if !only.is_empty() {
        for workload in &mut workloads {
            workload.keep(|contestant| only.iter().any(|n| is_or_begins(contestant, n, "::")));
        }
        workloads.retain(|workload| workload.contestants().next().is_some());
    }
    Ok(workloads)
}

/// Whether `name` is `asked`, or is part of the family that `asked` names.
fn is_or_begins(name: &str, asked: &str, separator: &str) -> bool {
    match name.strip_prefix(asked) {
        Some(rest) => rest.is_empty() || (!asked.is_empty() && rest.starts_with(separator)),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{ArgsError, Asked, parse};

    fn asked(args: &[&str]) -> Result<Asked, ArgsError> {
        parse(lexopt::Parser::from_args(args))
    }

    #[test]
    fn a_family_is_chosen_by_what_its_names_begin_with() {
        let Ok(Asked::Run(args)) = asked(&["spawn-get", "--only", "tokio", "letgo"]) else {
            panic!("these are known names");
        };
        assert_eq!(args.workloads.len(), 1);
        let contestants: Vec<_> = args.workloads[0].contestants().collect();
        assert_eq!(
            contestants,
            ["letgo", "tokio::spawn", "tokio::spawn_blocking"]
        );
    }

    #[test]
    fn several_names_are_separated_by_commas_or_said_one_after_the_other() {
        let lists = [
            &["fib,skynet", "--only=letgo,rayon"][..],
            &["fib", "skynet", "--only", "letgo", "rayon"],
            &["--only=letgo", "fib, skynet", "--only=rayon"],
        ];
        for list in lists {
            let Ok(Asked::Run(args)) = asked(list) else {
                panic!("these are known names");
            };
            let chosen: Vec<_> = args
                .workloads
                .iter()
                .map(|workload| (workload.name, workload.contestants().collect()))
                .collect();
            let expected = [
                ("fib", vec!["letgo", "rayon::join"]),
                ("skynet", vec!["letgo", "rayon::par_iter"]),
            ];
            assert_eq!(chosen, expected, "{list:?}");
        }
    }

    #[test]
    fn ten_million_are_pending_only_if_they_are_asked_for() {
        for (list, long) in [(&["pending"][..], false), (&["--long", "pending"], true)] {
            let Ok(Asked::Run(args)) = asked(list) else {
                panic!("this is a known name");
            };
            let mut points = args.workloads[0].contestants();
            assert_eq!(points.any(|point| point == "letgo::10^7"), long);
        }
    }

    #[test]
    fn what_is_unknown_is_answered_with_what_there_is() {
        let unknown = [
            &["nonsense"][..],
            &["--only", "nobody"],
            &["--only", "letgo,nobody"],
            &["fib,"],
        ];
        for args in unknown {
            let error = asked(args).err().expect("unknown names").to_string();
            assert!(error.contains("spawn-get") && error.contains("tokio::spawn"));
        }
        assert!(asked(&["--nonsense"]).is_err());
        assert!(asked(&["--rounds", "0"]).is_err());
    }
}
