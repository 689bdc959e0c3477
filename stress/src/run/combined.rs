//! Waiting for several things at a time.

use std::panic::resume_unwind;

use futures::StreamExt;
use letgo::{JoinError, as_completed, join, join_all, race, race_ok, try_join, try_join_all};

use super::Run;
use super::body::{Captures, Mode};
use super::outcome::{self, Payload};
use super::things::Val;
use super::wait::value;
use crate::program::{Id, Op};

type Handle = letgo::JoinHandle<Val>;

fn settled(handles: Vec<Handle>) -> impl Iterator<Item = letgo::Settle<Handle>> {
    handles.into_iter().map(Handle::settle)
}

impl Captures {
    pub(super) async fn combine(&mut self, op: &Op, mode: Mode) {
        let ids = match op {
            Op::Sum(a, b) | Op::TryJoinTwo(a, b) | Op::RaceTwo(a, b) => &vec![*a, *b],
            Op::JoinAll(ids)
            | Op::TryJoin(ids)
            | Op::Race(ids)
            | Op::RaceOk(ids)
            | Op::AsCompleted(ids) => ids,
            _ => unreachable!("it combines nothing"),
        };
        let (taken, claimable) = self.env.take_all(ids);
        let (ids, mut handles): (Vec<Id>, Vec<Handle>) = taken.into_iter().unzip();
        let pair = match handles.len() {
            0 => return,
            2 => {
                let second = handles.pop();
                handles.pop().zip(second)
            }
            _ => None,
        };
        let run = self.run.clone();
        let pump = mode == Mode::Main;
        match (op, pair) {
            (Op::Sum(..), Some((a, b))) => {
                let sum = a + b;
                if pump {
                    run.pump_for(&sum, claimable);
                }
                let got = value(sum, mode).await;
                run.all_got(&ids, got.map(|(a, b)| vec![a, b]));
            }
            (Op::TryJoinTwo(..), Some((a, b))) => {
                let both = try_join!(a.settle(), b.settle());
                if pump {
                    run.pump_for(&both, claimable);
                }
                let got = value(both, mode).await;
                run.tried(&ids, got.map(|both| both.map(|(a, b)| vec![a, b])));
            }
            (Op::RaceTwo(..), Some((a, b))) => {
                let first = race!(a, b);
                if pump {
                    run.pump_for(&first, false);
                }
                run.first_got(&ids, value(first, mode).await);
            }
            (Op::JoinAll(_), Some((a, b))) => {
                let both = join!(a, b);
                if pump {
                    run.pump_for(&both, claimable);
                }
                let got = value(both, mode).await;
                run.all_got(&ids, got.map(|(a, b)| vec![a, b]));
            }
            (_, pair) => {
                handles.extend(pair.into_iter().flat_map(|(a, b)| [a, b]));
                self.combine_many(op, ids, handles, claimable, mode).await;
            }
        }
    }

    async fn combine_many(
        &mut self,
        op: &Op,
        ids: Vec<Id>,
        handles: Vec<Handle>,
        claimable: bool,
        mode: Mode,
    ) {
        let run = self.run.clone();
        let pump = mode == Mode::Main;
        if pump && matches!(op, Op::AsCompleted(_)) {
            handles
                .iter()
                .for_each(|handle| run.pump_for(handle, false));
        }
        match op {
            Op::TryJoin(_) | Op::TryJoinTwo(..) => {
                let all = try_join_all(settled(handles));
                if pump {
                    run.pump_for(&all, claimable);
                }
                run.tried(&ids, value(all, mode).await);
            }
            Op::RaceOk(_) => {
                let first = race_ok(settled(handles));
                if pump {
                    run.pump_for(&first, false);
                }
                match value(first, mode).await {
                    Ok(Ok(value)) => run.check_handles(&ids, Ok(value.out())),
                    Ok(Err(errors)) => {
                        if errors.len() != ids.len() {
                            run.fail(format!("{} errors of {ids:?}", errors.len()));
                        }
                        for (h, error) in ids.iter().zip(&errors) {
                            run.check_handle(*h, outcome::of_error(error));
                        }
                    }
                    Err(payload) => resume_unwind(payload),
                }
            }
            Op::AsCompleted(_) => {
                let all = as_completed(settled(handles));
                let came: Vec<_> = match mode {
                    Mode::Future => all.collect().await,
                    _ => all.into_iter().collect(),
                };
                run.came(&ids, &came);
            }
            Op::Race(_) | Op::RaceTwo(..) => {
                let first = race(handles);
                if pump {
                    run.pump_for(&first, false);
                }
                run.first_got(&ids, value(first, mode).await);
            }
            _ => {
                let all = join_all(handles);
                if pump {
                    run.pump_for(&all, claimable);
                }
                run.all_got(&ids, value(all, mode).await);
            }
        }
    }
}

impl Run {
    fn each(&self, ids: &[Id], values: &[Val]) {
        if values.len() != ids.len() {
            self.fail(format!("{} values of {ids:?}", values.len()));
        }
        for (h, value) in ids.iter().zip(values) {
            self.check_handle(*h, Ok(value.out()));
        }
    }

    fn all_got(&self, ids: &[Id], got: Result<Vec<Val>, Payload>) {
        match got {
            Ok(values) => self.each(ids, &values),
            Err(payload) => {
                self.check_handles(ids, outcome::of_panic(&*payload));
                resume_unwind(payload)
            }
        }
    }

    fn tried(&self, ids: &[Id], got: Result<Result<Vec<Val>, JoinError>, Payload>) {
        match got {
            Ok(Ok(values)) => self.each(ids, &values),
            Ok(Err(error)) => self.check_handles(ids, outcome::of_error(&error)),
            Err(payload) => resume_unwind(payload),
        }
    }

    fn first_got(&self, ids: &[Id], got: Result<Val, Payload>) {
        self.check_handles(ids, outcome::of_got(&got));
        if let Err(payload) = got {
            resume_unwind(payload);
        }
    }

    /// Every one once, in whatever order: the values tell whose they are.
    fn came(&self, ids: &[Id], came: &[Result<Val, JoinError>]) {
        if came.len() != ids.len() {
            self.fail(format!("{} values came of {ids:?}", came.len()));
        }
        let mut numbers: Vec<Id> = came.iter().flatten().map(|value| value.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.len() != came.iter().flatten().count() {
            self.fail(format!("a value of {ids:?} came twice"));
        }
        for outcome in came {
            self.check_handles(ids, outcome::of_joined(outcome));
        }
    }
}
