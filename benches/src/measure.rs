//! Measuring: contestants that take turns, so that whatever disturbs the machine disturbs them all.

use std::thread;
use std::time::{Duration, Instant};

use crate::stats::Summary;

/// How long the machine is left alone between two turns: the threads of the last contestant stop
/// searching for work and go to sleep.
const PAUSE: Duration = Duration::from_millis(2);

/// What was measured of one contestant, in nanoseconds.
#[derive(Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Measures `count` operations that `run` does: one sample, the mean of them.
    pub(crate) fn per_op(&mut self, count: usize, run: impl FnOnce()) {
        let start = Instant::now();
        run();
        self.push_many(start.elapsed(), count);
    }

    /// One sample of `count` operations that took so long together.
    pub(crate) fn push_many(&mut self, elapsed: Duration, count: usize) {
        self.0.push(elapsed.as_secs_f64() * 1e9 / count as f64);
    }

    pub(crate) fn push(&mut self, sample: Duration) {
        self.push_many(sample, 1);
    }
}

type Turn = Box<dyn FnMut(&mut Samples)>;

struct Contestant {
    name: &'static str,
    turn: Turn,
}

/// Something that each contestant does in its own way.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// What is done, in a sentence.
    pub(crate) what: &'static str,
    /// What the times are times of.
    pub(crate) per: &'static str,
    /// The contestant that does the same without any concurrency: the others are told by how much
    /// faster they were.
    pub(crate) sequential: Option<&'static str>,
    /// The contestant that the others are compared with.
    pub(crate) base: &'static str,
    rounds: usize,
    contestants: Vec<Contestant>,
}

impl Workload {
    pub(crate) fn new(name: &'static str, what: &'static str, per: &'static str) -> Self {
        Self {
            name,
            what,
            per,
            sequential: None,
            base: "letgo",
            rounds: 21,
            contestants: Vec::new(),
        }
    }

    pub(crate) fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }

    /// Compares with this one instead of with letgo.
    pub(crate) fn base(mut self, name: &'static str) -> Self {
        self.base = name;
        self
    }

    /// Adds who does it without concurrency.
    pub(crate) fn sequential(
        mut self,
        name: &'static str,
        turn: impl FnMut(&mut Samples) + 'static,
    ) -> Self {
        self.sequential = Some(name);
        self.contestant(name, turn)
    }

    /// Adds who does it. A turn measures what it does, and panics if the answer is wrong.
    pub(crate) fn contestant(
        mut self,
        name: &'static str,
        turn: impl FnMut(&mut Samples) + 'static,
    ) -> Self {
        let turn = Box::new(turn);
        self.contestants.push(Contestant { name, turn });
        self
    }

    pub(crate) fn contestants(&self) -> impl Iterator<Item = &'static str> {
        self.contestants.iter().map(|contestant| contestant.name)
    }

    /// Only those take part.
    pub(crate) fn keep(&mut self, takes_part: impl Fn(&str) -> bool) {
        self.contestants.retain(|c| takes_part(c.name));
    }

    /// Lets all take turns, each beginning a round as often as the others, after one turn that does
    /// not count.
    pub(crate) fn run(&mut self, rounds: Option<usize>) -> Vec<(&'static str, Summary)> {
        let count = self.contestants.len();
        let mut all: Vec<_> = (0..count).map(|_| Samples::default()).collect();
        for contestant in &mut self.contestants {
            (contestant.turn)(&mut Samples::default());
        }
        for round in 0..rounds.unwrap_or(self.rounds) {
            for place in 0..count {
                let index = (round + place) % count;
                thread::sleep(PAUSE);
                (self.contestants[index].turn)(&mut all[index]);
            }
        }
        self.contestants()
            .zip(all)
            .map(|(name, samples)| (name, Summary::of(&samples.0)))
            .collect()
    }
}
