//! Tables: one for each workload, or one of all for a README.

use std::fmt::Write;

use crate::machine;
use crate::measure::Workload;
use crate::peers::Gathered;
use crate::stats::Summary;

#[derive(Clone, Copy)]
pub(crate) enum Report {
    Tables,
    Markdown,
}

impl Report {
    pub(crate) fn head(self, peers: &Gathered) -> String {
        let machine = format!(
            "{} cores of {}; {}; {}",
            machine::cores(),
            machine::cpu(),
            machine::os(),
            machine::rustc(),
        );
        let command = std::env::args().skip(1).fold(
            "cargo run --release -p letgo-bench --".to_owned(),
            |command, arg| command + " " + &arg,
        );
        let versions = machine::versions() + &peers.versions;
        let (missing, load) = (&peers.missing, machine::load());
        match self {
            Self::Tables => {
                format!("{machine}\n{versions}\n`{command}`\nload before: {load}\n{missing}")
            }
            Self::Markdown => format!(
                "`{command}`\non {machine}; {versions}; load before: {load}.\n{missing}\n\
                 | | letgo: median (10th … 90th percentile) | times as long |\n|---|---|---|\n"
            ),
        }
    }

    pub(crate) fn workload(self, workload: &Workload, results: &[(&str, Summary)]) -> String {
        match self {
            Self::Tables => table(workload, results),
            Self::Markdown => row(workload, results),
        }
    }

    pub(crate) fn foot(self) -> String {
        format!("\nload after: {}\n", machine::load())
    }
}

fn table(workload: &Workload, results: &[(&str, Summary)]) -> String {
    let mut text = format!("\n{}: {}\n", workload.name, workload.what);
    let base = summary_of(results, workload.base);
    let sequential = workload
        .sequential
        .and_then(|name| summary_of(results, name));
    let width = results
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    let per = format!("per {}", workload.per);
    let mut line = format!(
        "{:>9}  {:width$}  {per:>11}  10th … 90th percentile",
        if workload.base == "letgo" {
            "× letgo"
        } else {
            "× first"
        },
        ""
    );
    if sequential.is_some() {
        line += "   speed-up (90th percentile)";
    }
    text += line.trim_end();
    text += "\n";
    for (name, summary) in results {
        let ratio = base.map_or_else(|| "–".to_owned(), |base| ratio(summary.median, base.median));
        let spread = format!("{} … {}", time(summary.p10), time(summary.p90));
        let median = time(summary.median);
        let mut line = format!("{ratio:>9}  {name:width$}  {median:>11}  {spread:<22}");
        if let Some(one) = sequential {
            let (median, p90) = (one.median / summary.median, one.median / summary.p90);
            // Writing into a string can't fail.
            let _ = write!(line, "   {median:.2} ({p90:.2})");
        }
        text += line.trim_end();
        text += "\n";
    }
    text
}

fn row(workload: &Workload, results: &[(&str, Summary)]) -> String {
    let base = summary_of(results, workload.base);
    let own = base.map_or_else(String::new, |base| {
        format!(
            "{} ({} … {})",
            time(base.median),
            time(base.p10),
            time(base.p90)
        )
    });
    let others: Vec<_> = results
        .iter()
        .filter(|(name, _)| *name != workload.base)
        .map(|(name, summary)| match base {
            Some(base) => format!("{name} {}", ratio(summary.median, base.median)),
            None => format!("{name} {}", time(summary.median)),
        })
        .collect();
    let Workload {
        name, what, per, ..
    } = workload;
    format!(
        "| `{name}`: {what}, per {per} | {own} | {} |\n",
        others.join(", ")
    )
}

fn summary_of(results: &[(&str, Summary)], name: &str) -> Option<Summary> {
    results.iter().find(|(n, _)| *n == name).map(|(_, s)| *s)
}

/// The workloads, and who takes part in each.
pub(crate) fn list(workloads: &[Workload]) -> String {
    let mut text = String::new();
    for workload in workloads {
        let contestants: Vec<_> = workload.contestants().collect();
        text += &format!(
            "{}: {}\n    {}\n",
            workload.name,
            workload.what,
            contestants.join(", ")
        );
    }
    text
}

pub(crate) fn ratio(theirs: f64, ours: f64) -> String {
    let ratio = theirs / ours;
    if ratio < 9.995 {
        format!("{ratio:.2}")
    } else if ratio < 99.95 {
        format!("{ratio:.1}")
    } else {
        format!("{ratio:.0}")
    }
}

/// A time of so many nanoseconds, in three digits or a little more.
pub(crate) fn time(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    if value < 10.0 {
        format!("{value:.2} {unit}")
    } else if value < 100.0 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::{row, table, time};
    use crate::measure::Workload;
    use crate::plot::Panel;
    use crate::stats::Summary;

    #[test]
    fn points_are_compared_with_the_first_of_them() {
        let workload = Workload::new("depth", "a chain", "task").base("letgo::1");
        let results = [
            ("letgo::1", Summary::of(&[10.0])),
            ("letgo::10", Summary::of(&[25.0])),
        ];
        assert!(table(&workload, &results).contains(" 2.50  letgo::10 "));
        assert!(
            row(&workload, &results)
                .ends_with("| 10.0 ns (10.0 ns … 10.0 ns) | letgo::10 2.50 |\n")
        );
        assert!(Panel::of(&workload, &results).is_none());
    }

    #[test]
    fn times_have_three_digits_and_a_unit_that_fits() {
        assert_eq!(time(7.123), "7.12 ns");
        assert_eq!(time(52.34), "52.3 ns");
        assert_eq!(time(12_345.0), "12.3 µs");
        assert_eq!(time(161e6), "161 ms");
    }
}
