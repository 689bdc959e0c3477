//! A mixed load that runs for a given time. What it costs must stay level.

mod level;
mod load;
mod plot;
mod sample;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use self::load::{Counted, World};
use self::sample::{Done, Sample, cpu_time, idle_time};

/// How many threads drive the load.
const DRIVERS: usize = 3;

/// After how long without any progress it hangs.
const HANGS: Duration = Duration::from_secs(60);

/// How many samples are taken, at most one a second or so; a few hundred show the trend of an hour.
const SAMPLES: u32 = 360;

/// What `--only` may name.
pub(crate) fn parts() -> impl Iterator<Item = &'static str> {
    load::PARTS.iter().map(|(name, ..)| *name)
}

pub(crate) struct Soak {
    pub(crate) time: Duration,
    /// These parts of the load alone; none is all.
    pub(crate) only: Vec<String>,
    pub(crate) csv: Option<PathBuf>,
    pub(crate) svg: Option<PathBuf>,
}

impl Soak {
    /// Whether all went well.
    pub(crate) fn run(&self) -> bool {
        if let Some(lacks) = sample::not_seen() {
            println!("on this system it can't see {lacks}: that is not checked");
        }
        let world = Arc::new(World::default());
        let stop = Arc::new(AtomicBool::new(false));
        let rounds: Arc<[AtomicU64; DRIVERS]> = Arc::default();
        let drivers: Vec<_> = (0..DRIVERS)
            .map(|driver| {
                let (world, stop) = (Arc::clone(&world), Arc::clone(&stop));
                let (rounds, only) = (Arc::clone(&rounds), self.only.clone());
                thread::spawn(move || {
                    let mut turn = driver as u64;
                    while !stop.load(Ordering::Relaxed) {
                        load::one_round(&world, turn, &only);
                        turn += 1;
                        rounds[driver].fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let samples = match self.watch(&rounds, &drivers) {
            Ok(samples) => samples,
            Err(what) => {
                println!("FAILED: {what}");
                return false;
            }
        };
        stop.store(true, Ordering::Relaxed);
        self.write(&samples);
        let mut went_well = true;
        let mut fail = |what: String| {
            println!("FAILED: {what}");
            went_well = false;
        };
        level::judge(&samples).into_iter().for_each(&mut fail);
        let stopped = Instant::now();
        while !drivers.iter().all(thread::JoinHandle::is_finished) {
            if stopped.elapsed() > HANGS {
                fail("a driver hangs".into());
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        for driver in drivers {
            if driver.join().is_err() {
                fail("a driver panicked".into());
            }
        }
        println!("{} rounds", count(&rounds).iter().sum::<u64>());
        drop(world);
        afterwards().into_iter().for_each(&mut fail);
        went_well
    }

    /// Takes samples until the time is over; an error if nothing moves, or a driver is gone.
    fn watch(
        &self,
        rounds: &[AtomicU64; DRIVERS],
        drivers: &[thread::JoinHandle<()>],
    ) -> Result<Vec<Sample>, String> {
        let every = (self.time / SAMPLES).max(Duration::from_millis(500));
        let start = Instant::now();
        let mut samples = Vec::new();
        let (mut last, mut moved) = ([0; DRIVERS], [Instant::now(); DRIVERS]);
        println!("{}", Sample::HEAD);
        let mut told = Instant::now();
        while start.elapsed() < self.time {
            let (began, cpu, idle) = (Instant::now(), cpu_time(), idle_time());
            thread::sleep(every);
            let now = count(rounds);
            let all_now: u64 = now.iter().sum();
            let done = all_now - last.iter().sum::<u64>();
            for driver in 0..DRIVERS {
                if now[driver] != last[driver] {
                    moved[driver] = Instant::now();
                } else if moved[driver].elapsed() > HANGS {
                    return Err(format!("driver {driver} has not moved for {HANGS:?}"));
                }
            }
            last = now;
            if drivers.iter().any(thread::JoinHandle::is_finished) {
                return Err("a driver has ended early".into());
            }
            let done = Done {
                rounds: done,
                elapsed: began.elapsed(),
                cpu: cpu_time().zip(cpu).map(|(now, then)| now - then),
                idle: idle_time()
                    .zip(idle)
                    .map(|(now, then)| now.saturating_sub(then)),
            };
            let sample = Sample::take(start.elapsed(), done);
            if told.elapsed() > self.time / 24 {
                told = Instant::now();
                println!("{}", sample.to_line());
            }
            samples.push(sample);
        }
        Ok(samples)
    }

    fn write(&self, samples: &[Sample]) {
        let files = [
            (&self.csv, sample::csv as fn(&[Sample]) -> String),
            (&self.svg, plot::svg),
        ];
        for (path, text) in files {
            let Some(path) = path else { continue };
            if let Err(error) = std::fs::write(path, text(samples)) {
                println!("{} can't be written: {error}", path.display());
            }
        }
    }
}

/// How many rounds each driver has made.
fn count(rounds: &[AtomicU64; DRIVERS]) -> [u64; DRIVERS] {
    std::array::from_fn(|driver| rounds[driver].load(Ordering::Relaxed))
}

/// When all is over nothing is left of it.
fn afterwards() -> Option<String> {
    let start = Instant::now();
    loop {
        let left = Counted::alive();
        if left == 0 {
            return None;
        }
        if start.elapsed() > HANGS {
            return Some(format!("{left} values or captures were never dropped"));
        }
        thread::sleep(Duration::from_millis(10));
    }
}
