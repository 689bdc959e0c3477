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
    /// What a round costs, however many others want the cores.
    pub(super) cpu_per_round: Option<Duration>,
    /// The same, with what the cores were left idle meanwhile: a round that waits takes that.
    pub(super) had_per_round: Option<Duration>,
}

/// What was done between two samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) rounds: u64,
    pub(super) elapsed: Duration,
    pub(super) cpu: Option<Duration>,
    /// How long cores had nothing to do, added up.
    pub(super) idle: Option<Duration>,
}

impl Sample {
    pub(super) const HEAD: &'static str =
        "seconds,rss_kib,threads,open_files,rounds_per_second,cpu_us_per_round";

    pub(super) fn take(at: Duration, done: Done) -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let per_round = |time: Duration| time.div_f64(done.rounds.max(1) as f64);
        Self {
            at,
            rss_kib: field("VmRSS:"),
            threads: field("Threads:"),
            files: open_files(),
            rounds_per_second: done.rounds as f64 / done.elapsed.as_secs_f64(),
            cpu_per_round: done.cpu.map(per_round),
            had_per_round: done
                .cpu
                .zip(done.idle)
                .map(|(cpu, idle)| per_round(cpu + idle)),
        }
    }

    pub(super) fn to_line(self) -> String {
        let told = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
        format!(
            "{:.1},{},{},{},{:.0},{}",
            self.at.as_secs_f64(),
            told(self.rss_kib),
            told(self.threads),
            told(self.files),
            self.rounds_per_second,
            told(self.cpu_per_round.map(|cpu| cpu.as_micros() as u64))
        )
    }
}

/// Linux counts in hundredths of a second here, whatever the kernel's own tick.
const TICK: Duration = Duration::from_millis(10);

/// How long the cores have run this process.
pub(super) fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in parentheses, may hold anything.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some(TICK * (ticks()? + ticks()?))
}

/// How long the cores have been idle, added up.
pub(super) fn idle_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    // `cpu  user nice system idle …`, all cores together.
    let idle = stat.lines().next()?.split_whitespace().nth(4)?;
    Some(Duration::from_millis(10 * idle.parse::<u64>().ok()?))
}

fn open_files() -> Option<u64> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count() as u64)
}

/// What this system does not tell.
pub(super) fn not_seen() -> Option<String> {
    let nothing = Done {
        rounds: 0,
        elapsed: Duration::MAX,
        cpu: cpu_time(),
        idle: idle_time(),
    };
    let sample = Sample::take(Duration::ZERO, nothing);
    let all = [
        ("memory", sample.rss_kib),
        ("threads", sample.threads),
        ("open files", sample.files),
        ("CPU time", sample.had_per_round.map(|_| 0)),
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
