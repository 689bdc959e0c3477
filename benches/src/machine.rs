//! What the numbers were measured with: machine, compiler, versions.

use std::fs;
use std::thread;

/// The crates beside letgo whose versions matter.
const RIVALS: [&str; 12] = [
    "async-channel",
    "async-executor",
    "blocking",
    "chili",
    "crossbeam-channel",
    "flume",
    "futures",
    "may",
    "oneshot",
    "rayon",
    "threadpool",
    "tokio",
];

const LOCK: &str = include_str!("../../Cargo.lock");

pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

pub(crate) fn rustc() -> &'static str {
    env!("LETGO_BENCH_RUSTC")
}

pub(crate) fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    field(&info, "model name", ':').map_or_else(|| std::env::consts::ARCH.to_owned(), str::to_owned)
}

pub(crate) fn os() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = field(&release, "PRETTY_NAME", '=').map(|name| name.trim_matches('"'));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    match name {
        Some(name) => format!("{name}, Linux {}", kernel.trim()),
        None => std::env::consts::OS.to_owned(),
    }
}

/// What the system says of its load: over 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<_> = load.split(' ').take(3).collect();
    if averages.len() < 3 {
        return "unknown".to_owned();
    }
    averages.join(" ")
}

/// letgo and its rivals, each with the version it was built with.
pub(crate) fn versions() -> String {
    let mut versions = Vec::new();
    for name in ["letgo"].iter().chain(&RIVALS) {
        versions.push(format!("{name} {}", version(name).unwrap_or("?")));
    }
    versions.join(", ")
}

fn version(name: &str) -> Option<&'static str> {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let start = LOCK.find(&entry)? + entry.len();
    LOCK[start..].split('"').next()
}

fn field<'a>(text: &'a str, key: &str, separator: char) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(separator))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::{RIVALS, version};

    #[test]
    fn every_rival_has_a_version() {
        for name in RIVALS {
            assert!(version(name).is_some(), "{name} is not in Cargo.lock");
        }
    }
}
