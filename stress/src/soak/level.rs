//! Whether what was sampled is level: medians of the first and the last third after the warm-up.

use super::sample::Sample;

/// What part of the time is warm-up.
const WARM_UP: usize = 4;

/// Generous: a noisy machine must not fail it, a leak that matters in an hour must.
const RSS_FACTOR: f64 = 1.2;
const RSS_SLACK_KIB: f64 = 16.0 * 1024.0;
const THREADS_FACTOR: f64 = 1.2;
const THREADS_SLACK: f64 = 16.0;
const FILES_SLACK: f64 = 8.0;
/// Of the time that the cores were to be had, be they at it or idle: by the clock a round is as slow as others
/// that want them please.
const SLOWDOWN: f64 = 3.0;
const DEARER: f64 = 2.0;

pub(super) fn judge(samples: &[Sample]) -> Vec<String> {
    let warm = &samples[samples.len() / WARM_UP..];
    let third = warm.len() / 3;
    if third == 0 {
        return vec!["it was too short to tell anything: give it more seconds".into()];
    }
    let (first, last) = (&warm[..third], &warm[warm.len() - third..]);
    let mut failures = Vec::new();
    let mut compare =
        |what: &str, of: &dyn Fn(&Sample) -> Option<f64>, grows: &dyn Fn(f64) -> f64| {
            let (Some(before), Some(after)) = (median(first, of), median(last, of)) else {
                return;
            };
            println!("{what}: median {before:.0} at first, {after:.0} in the end");
            if after > grows(before) {
                failures.push(format!("{what} grew from {before:.0} to {after:.0}"));
            }
        };
    compare(
        "memory in KiB",
        &|s| s.rss_kib.map(|n| n as f64),
        &|before| before * RSS_FACTOR + RSS_SLACK_KIB,
    );
    compare("threads", &|s| s.threads.map(|n| n as f64), &|before| {
        before * THREADS_FACTOR + THREADS_SLACK
    });
    compare("open files", &|s| s.files.map(|n| n as f64), &|before| {
        before + FILES_SLACK
    });
    compare(
        "CPU microseconds per round",
        &|s| s.cpu_per_round.map(|cpu| cpu.as_secs_f64() * 1e6),
        &|before| before * DEARER,
    );
    compare(
        "core microseconds per round, used or idle",
        &|s| s.had_per_round.map(|had| had.as_secs_f64() * 1e6),
        &|before| before * SLOWDOWN,
    );
    failures
}

fn median(samples: &[Sample], of: &dyn Fn(&Sample) -> Option<f64>) -> Option<f64> {
    let mut numbers: Vec<f64> = samples.iter().filter_map(of).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn samples(rss: impl Fn(u64) -> u64, cpu: impl Fn(u64) -> u64) -> Vec<Sample> {
        samples_with(rss, cpu, |_| 0)
    }

    fn samples_with(
        rss: impl Fn(u64) -> u64,
        cpu: impl Fn(u64) -> u64,
        idle: impl Fn(u64) -> u64,
    ) -> Vec<Sample> {
        let one = |n| Sample {
            at: Duration::from_secs(n),
            rss_kib: Some(rss(n)),
            threads: Some(10),
            files: Some(3),
            rounds_per_second: 100.0,
            cpu_per_round: Some(Duration::from_micros(cpu(n))),
            had_per_round: Some(Duration::from_micros(cpu(n) + idle(n))),
        };
        (0..100).map(one).collect()
    }

    #[test]
    fn growth_and_slowdown_fail_and_noise_does_not() {
        let noisy = |n: u64| 10_000 + (n * 7919) % 3000;
        assert!(judge(&samples(noisy, |_| 100)).is_empty());
        assert_eq!(judge(&samples(|n| 10_000 + n * 500, |_| 100)).len(), 1);
        assert_eq!(judge(&samples(noisy, |n| 100 + n / 2)).len(), 0);
        let slows = |n| if n < 70 { 100 } else { 250 };
        assert_eq!(judge(&samples(noisy, slows)).len(), 1);
        // It waits, and the cores are idle.
        let waits = |n| if n < 70 { 20 } else { 400 };
        assert_eq!(judge(&samples_with(noisy, |_| 100, waits)).len(), 1);
    }

    #[test]
    fn what_is_too_short_proves_nothing() {
        assert_eq!(judge(&[]).len(), 1);
    }
}
