//! A fan-in, and what must come out of it.

use std::collections::BTreeSet;

use letgo::FanIn;

use super::Run;
use super::is_allowed;
use super::things::{Token, Val};
use crate::model::Out;
use crate::program::{BodyId, Id};

/// The number of a feeder's first value.
const FEEDS: Id = 1_000_000;

/// More values than one feeder sends.
const FEED: Id = 1000;

pub(super) struct Fan {
    pub(super) fan: FanIn<Val>,
    /// Producers of one value that have not arrived.
    producers: BTreeSet<BodyId>,
    /// Of each feeder, how many values it sends, and how many have arrived.
    feeds: Vec<(u32, u32)>,
    /// The failures of producers that have arrived: whose they are is not known.
    failures: Vec<Out>,
    _counted: Token,
}

impl Fan {
    pub(super) fn new(capacity: usize, counted: Token) -> Self {
        Self {
            fan: FanIn::bounded(capacity.max(1)),
            producers: BTreeSet::new(),
            feeds: Vec::new(),
            failures: Vec::new(),
            _counted: counted,
        }
    }

    pub(super) fn expect(&mut self, producer: BodyId) {
        self.producers.insert(producer);
    }

    /// The numbers of the values of a new feeder.
    pub(super) fn expect_feed(&mut self, count: u32) -> std::ops::Range<Id> {
        let first = FEEDS + self.feeds.len() as Id * FEED;
        self.feeds.push((count, 0));
        first..first + count
    }

    pub(super) fn arrived(&mut self, item: Result<Out, String>, run: &Run) {
        match item {
            Err(what) => run.fail(format!("a fan-in: {what}")),
            Ok(Out::Value(number)) if number >= FEEDS => self.fed(number - FEEDS, run),
            Ok(Out::Value(number)) => {
                let producer = number as BodyId;
                if !self.producers.remove(&producer) {
                    run.fail(format!("a fan-in gave the value of body {producer} twice"));
                }
                self.check(producer, Out::Value(number), run);
            }
            Ok(failure) => self.failures.push(failure),
        }
    }

    fn fed(&mut self, number: Id, run: &Run) {
        match self.feeds.get_mut((number / FEED) as usize) {
            Some((_, next)) if *next == number % FEED => *next += 1,
            _ => run.fail(format!(
                "a fan-in gave value {number} of a feeder out of order"
            )),
        }
    }

    fn check(&self, producer: BodyId, out: Out, run: &Run) {
        match run.plan.producer(producer) {
            Some(allowed) => run.check(&format!("producer {producer}"), allowed, Ok(out)),
            None => run.fail(format!("body {producer} is no producer")),
        }
    }

    /// Everything must have arrived.
    pub(super) fn ended(&self, run: &Run) {
        if self.producers.len() != self.failures.len() {
            run.fail(format!(
                "a fan-in ended without the items of the bodies {:?}, but for the failures {:?}",
                self.producers, self.failures
            ));
        }
        for failure in &self.failures {
            let mut left = self.producers.iter().filter_map(|p| run.plan.producer(*p));
            if !left.any(|allowed| is_allowed(allowed, *failure)) {
                run.fail(format!(
                    "a fan-in gave {failure:?}, of none of its producers"
                ));
            }
        }
        for (index, (count, arrived)) in self.feeds.iter().enumerate() {
            if count != arrived {
                run.fail(format!(
                    "a fan-in ended after {arrived} of the {count} values of feeder {index}"
                ));
            }
        }
    }
}
