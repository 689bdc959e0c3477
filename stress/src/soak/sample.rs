//! What the process costs just now, as Linux tells it.

use std::fmt::Write as _;
use std::time::Duration;

/// What can't be told on this system is `None`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(super) at: Duration,
    pub(super) rss_kib: Option<u64>,
    pub(super) threads: Option<u64>,
    pub(super) files: Option<u64>,
    pub(super) rounds_per_second: f64,
}

impl Sample {
    pub(super) const HEAD: &'static str = "seconds,rss_kib,threads,open_files,rounds_per_second";

    pub(super) fn take(at: Duration, rounds_per_second: f64) -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Self {
            at,
            rss_kib: field("VmRSS:"),
            threads: field("Threads:"),
            files: open_files(),
            rounds_per_second,
        }
    }

    pub(super) fn to_line(self) -> String {
        let told = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
        format!(
            "{:.1},{},{},{},{:.0}",
            self.at.as_secs_f64(),
            told(self.rss_kib),
            told(self.threads),
            told(self.files),
            self.rounds_per_second
        )
    }
}

fn open_files() -> Option<u64> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count() as u64)
}

/// What this system does not tell.
pub(super) fn not_seen() -> Option<String> {
    let sample = Sample::take(Duration::ZERO, 0.0);
    let all = [
        ("memory", sample.rss_kib),
        ("threads", sample.threads),
        ("open files", sample.files),
    ];
    let lacking: Vec<_> = all
        .iter()
        .filter(|(_, number)| number.is_none())
        .map(|(name, _)| *name)
        .collect();
    (!lacking.is_empty()).then(|| lacking.join(", "))
}

pub(super) fn csv(samples: &[Sample]) -> String {
    let mut text = format!("{}\n", Sample::HEAD);
    for sample in samples {
        let _ = writeln!(text, "{}", sample.to_line());
    }
    text
}
