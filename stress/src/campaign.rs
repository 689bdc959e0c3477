//! Random programs, one after another, for as long as was asked for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::executors::{Kind, Site};
use crate::minimise::{Failing, Limits, minimise};
use crate::program::Program;
use crate::run::{self, Verdict};
use crate::{generate, model};

/// How many programs an executor runs before it gives way to a fresh one.
const PROGRAMS_PER_SITE: u32 = 50;

/// After how long a run hangs while a failing program is cut down: many of the candidates will.
const MINIMISING: Duration = Duration::from_secs(3);

pub(crate) struct Campaign {
    pub(crate) time: Duration,
    /// One program only, that of this seed.
    pub(crate) seed: Option<u64>,
    /// One program only, this one.
    pub(crate) program: Option<Program>,
    /// How often each program is run; of one seed alone, or another run would rarely be the same.
    pub(crate) times: u32,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) patience: Duration,
    /// Where a failing program is kept.
    pub(crate) keep: Option<PathBuf>,
}

impl Campaign {
    /// Whether all went well.
    pub(crate) fn run(&self) -> bool {
        run::silence_expected_panics();
        let start = Instant::now();
        let mut counts = BTreeMap::<&str, u64>::new();
        // Another one every time; it is printed with whatever fails.
        let mut seed = self.seed.unwrap_or_else(|| fastrand::u64(..));
        let first = seed;
        let mut sites = Sites::default();
        'programs: loop {
            for &kind in &self.kinds {
                if !self.is_single() && start.elapsed() >= self.time {
                    break 'programs;
                }
                for turn in 0..self.times {
                    let queue_seed = seed.wrapping_add(u64::from(turn));
                    if let Err(failing) = self.one(kind, seed, queue_seed, &mut sites) {
                        let runs: u64 = counts.values().sum();
                        println!("after {runs} runs, {:.1} s:", start.elapsed().as_secs_f64());
                        self.tell(seed, failing);
                        return false;
                    }
                }
                *counts.entry(kind.name()).or_default() += u64::from(self.times);
            }
            if self.is_single() {
                break;
            }
            seed = seed.wrapping_add(1);
        }
        let ended = sites.close(self.patience);
        let total: u64 = counts.values().sum();
        let each = counts
            .iter()
            .fold(String::new(), |mut text, (name, count)| {
                let _ = write!(text, " {name} {count}");
                text
            });
        println!(
            "{total} runs of programs in {:.0} s, seeds {first} to {seed}:{each}",
            start.elapsed().as_secs_f64()
        );
        ended
    }

    fn is_single(&self) -> bool {
        self.seed.is_some() || self.program.is_some()
    }

    fn one(
        &self,
        kind: Kind,
        seed: u64,
        queue_seed: u64,
        sites: &mut Sites,
    ) -> Result<(), Failing> {
        let strict = kind.is_bounded() || seed.is_multiple_of(4);
        let program = match &self.program {
            Some(program) if kind.is_bounded() && !program.strict => return Ok(()),
            Some(program) => program.clone(),
            None => generate::program(seed, strict),
        };
        let program = Arc::new(program);
        let plan = model::plan(&program);
        let plan = plan.unwrap_or_else(|error| panic!("seed {seed}: {}", error.0));
        let site = sites.of(kind);
        let verdict = match site {
            Ok(site) => run::run(&program, plan, site, queue_seed, self.patience),
            Err(what) => Verdict::Failed(vec![what]),
        };
        if verdict.is_fine() {
            return Ok(());
        }
        sites.abandon();
        Err(Failing {
            program: (*program).clone(),
            kind,
            seed: queue_seed,
            verdict,
        })
    }

    fn tell(&self, seed: u64, failing: Failing) {
        println!(
            "FAILED on {}: again with `programs --executor {} --seed {seed}`",
            failing.kind, failing.kind
        );
        println!("{}", describe(&failing));
        println!("{}\n", failing.program.to_text());
        let limits = Limits {
            patience: MINIMISING.min(self.patience),
            time: Duration::from_secs(120),
        };
        let before = failing.program.len();
        let kind = failing.kind;
        let (smallest, tried) = minimise(failing, &limits);
        println!(
            "cut down from {before} operations to {}, with {tried} candidates:",
            smallest.program.len()
        );
        let mut text = String::new();
        for line in describe(&smallest).lines() {
            let _ = writeln!(text, "// {line}");
        }
        let _ = writeln!(text, "// Found on {kind}, as seed {seed}.");
        let _ = writeln!(text, "{}", smallest.program.to_text());
        println!("{text}");
        if let Some(path) = &self.keep {
            match std::fs::write(path, text) {
                Ok(()) => println!("kept as {}", path.display()),
                Err(error) => println!("{} can't be written: {error}", path.display()),
            }
        }
    }
}

fn describe(failing: &Failing) -> String {
    match &failing.verdict {
        Verdict::Fine => "it fails no more".into(),
        Verdict::Hung => "it hangs".into(),
        Verdict::Failed(failures) => failures.join("\n"),
    }
}

/// The executors in use.
#[derive(Default)]
struct Sites(Vec<(Site, u32)>);

impl Sites {
    fn of(&mut self, kind: Kind) -> Result<&Site, String> {
        let index = self.0.iter().position(|(site, _)| site.kind == kind);
        let index = index.unwrap_or_else(|| {
            self.0.push((kind.open(), 0));
            self.0.len() - 1
        });
        if self.0[index].1 >= PROGRAMS_PER_SITE {
            let (old, _) = std::mem::replace(&mut self.0[index], (kind.open(), 0));
            close(old, Duration::from_secs(60))?;
        }
        let (site, used) = &mut self.0[index];
        *used += 1;
        Ok(site)
    }

    /// What hangs would hold up whoever closes it.
    fn abandon(&mut self) {
        std::mem::forget(std::mem::take(&mut self.0));
    }

    /// Whether all have ended well.
    fn close(self, patience: Duration) -> bool {
        let mut well = true;
        for (site, _) in self.0 {
            if let Err(what) = close(site, patience) {
                println!("FAILED: {what}");
                well = false;
            }
        }
        well
    }
}

fn close(site: Site, patience: Duration) -> Result<(), String> {
    let kind = site.kind;
    let (tell, told) = channel();
    // Nobody listens any more once it is late.
    thread::spawn(move || _ = tell.send(site.close()));
    match told.recv_timeout(patience) {
        Ok(None) => Ok(()),
        Ok(Some(what)) => Err(format!("{kind}: {what}")),
        Err(_) => Err(format!("{kind} does not end")),
    }
}
