//! Cuts a failing program down: whatever can go while it still fails, goes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::executors::Kind;
use crate::model;
use crate::program::{How, Op, Program};
use crate::run::{self, Verdict};

/// A program that fails, and how.
pub(crate) struct Failing {
    pub(crate) program: Program,
    pub(crate) kind: Kind,
    /// Of the order of the scrambled queue.
    pub(crate) seed: u64,
    pub(crate) verdict: Verdict,
}

/// How often a candidate is run before it counts as one that doesn't fail.
const TRIES: u64 = 40;

pub(crate) struct Limits {
    /// After how long a run hangs.
    pub(crate) patience: Duration,
    /// How long to go on for.
    pub(crate) time: Duration,
}

/// The smallest that was found; and how many candidates were tried.
pub(crate) fn minimise(mut failing: Failing, limits: &Limits) -> (Failing, usize) {
    let deadline = Instant::now() + limits.time;
    let mut tried = 0;
    loop {
        let before = failing.program.clone();
        for candidates in [without_many, without_one, simpler] {
            let mut index = 0;
            while let Some(candidate) = candidates(&failing.program, index) {
                if Instant::now() >= deadline {
                    failing.program = tidy(&failing.program);
                    return (failing, tried);
                }
                tried += 1;
                match still_fails(&candidate, &failing, limits) {
                    // What follows has moved up.
                    Some(smaller) => failing = smaller,
                    None => index += 1,
                }
            }
        }
        if failing.program == before {
            failing.program = tidy(&failing.program);
            return (failing, tried);
        }
    }
}

fn still_fails(program: &Program, failing: &Failing, limits: &Limits) -> Option<Failing> {
    if program.len() == 0 {
        return None;
    }
    let program = Arc::new(program.clone());
    let mut hangs = 0;
    for turn in 0..TRIES {
        // What hung before has left its executor behind.
        let site = failing.kind.open();
        let seed = failing.seed.wrapping_add(turn);
        let plan = model::plan(&program).ok()?;
        let verdict = run::run(&program, plan, &site, seed, limits.patience);
        if !verdict.is_fine() {
            // To end its threads would be to wait for what hangs.
            std::mem::forget(site);
            // On a loaded machine it may just have been slow, once.
            if matches!(verdict, Verdict::Hung) {
                hangs += 1;
                if hangs == 1 {
                    continue;
                }
            }
            return Some(Failing {
                program: (*program).clone(),
                kind: failing.kind,
                seed,
                verdict,
            });
        }
        site.close();
    }
    None
}

/// All operations' places, those of the last bodies first: what is within goes before what it is in.
fn places(program: &Program) -> Vec<(usize, usize)> {
    let bodies = program.bodies.iter().enumerate().rev();
    bodies
        .flat_map(|(body, ops)| (0..ops.ops.len()).rev().map(move |op| (body, op)))
        .collect()
}

/// Without a half, a quarter, … of the operations of one body; or without a body's spawning.
fn without_many(program: &Program, index: usize) -> Option<Program> {
    let mut chunks = Vec::new();
    for (body, ops) in program.bodies.iter().enumerate() {
        let len = ops.ops.len();
        let mut size = len;
        while size > 1 {
            let starts = (0..len).step_by(size);
            chunks.extend(starts.map(|start| (body, start, len.min(start + size))));
            size /= 2;
        }
    }
    let (body, start, end) = *chunks.get(index)?;
    let mut smaller = program.clone();
    smaller.bodies[body].ops.drain(start..end);
    Some(tidy(&smaller))
}

fn without_one(program: &Program, index: usize) -> Option<Program> {
    let (body, op) = *places(program).get(index)?;
    let mut smaller = program.clone();
    smaller.bodies[body].ops.remove(op);
    Some(tidy(&smaller))
}

/// With something plainer in one place; each of these makes progress, so that it ends.
fn simpler(program: &Program, index: usize) -> Option<Program> {
    let mut all = Vec::new();
    for (body, op) in places(program) {
        let mut change = |to: Op| {
            let mut simpler = program.clone();
            simpler.bodies[body].ops[op] = to;
            all.push(simpler);
        };
        match &program.bodies[body].ops[op] {
            Op::Wait { h, how } if *how != How::Get => change(Op::Wait {
                h: *h,
                how: How::Get,
            }),
            Op::Feed { fan, count, future } if *count > 1 => change(Op::Feed {
                fan: *fan,
                count: 1,
                future: *future,
            }),
            Op::JoinAll(ids) if ids.len() > 1 => change(Op::JoinAll(ids[1..].to_vec())),
            Op::Race(ids) if ids.len() > 1 => change(Op::Race(ids[1..].to_vec())),
            Op::AsCompleted(ids) if ids.len() > 1 => change(Op::AsCompleted(ids[1..].to_vec())),
            _ => {}
        }
    }
    for (body, takes) in program.bodies.iter().enumerate() {
        for slot in 0..takes.takes.len() {
            let mut simpler = program.clone();
            simpler.bodies[body].takes.remove(slot);
            all.push(simpler);
        }
    }
    all.into_iter().nth(index)
}

/// Without the bodies that nobody runs.
fn tidy(program: &Program) -> Program {
    let mut tidy = Program {
        strict: program.strict,
        bodies: Vec::new(),
    };
    tidy_body(program, 0, &mut tidy);
    tidy
}

fn tidy_body(program: &Program, body: usize, into: &mut Program) -> usize {
    let index = into.bodies.len();
    into.bodies.push(program.bodies[body].clone());
    for op in 0..into.bodies[index].ops.len() {
        let Some(child) = into.bodies[index].ops[op].body() else {
            continue;
        };
        let moved = tidy_body(program, child, into);
        if let Some(body) = into.bodies[index].ops[op].body_mut() {
            *body = moved;
        }
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_runs_is_tidied_away() {
        for seed in 0..200 {
            let program = crate::generate::program(seed, false);
            let tidied = tidy(&program);
            assert_eq!(tidied.bodies.len(), program.bodies.len());
            assert!(model::plan(&tidied).is_ok());
            let Some(smaller) = without_one(&program, 0) else {
                continue;
            };
            assert_eq!(tidy(&smaller), smaller);
        }
    }
}
