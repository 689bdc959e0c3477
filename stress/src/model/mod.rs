//! What a program may come to, found without running it: each body is followed where it is spawned, as if
//! everything ran in that order.
//!
//! In that order no wait is for something that comes later, or the program is [`Invalid`]. So whoever waits
//! waits for what is earlier in it, and no program that is valid can deadlock.

mod tree;
mod walk;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use self::tree::{cancellable, check_tree};
use self::walk::{Env, Thing, Walk, doubt, has_value};
use crate::program::{BodyId, How, Id, Op, Program, Slot};

/// What a task comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Out {
    /// The value with this number.
    Value(Id),
    /// The panic of this body.
    Boom(BodyId),
    /// The panic of one who got the value of a cancelled task.
    NoValue,
    Cancelled,
}

pub(crate) type Outs = BTreeSet<Out>;

/// What a program may come to: more than it can, if in doubt.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    handles: HashMap<Id, Outs>,
    producers: HashMap<BodyId, Outs>,
    must_run: BTreeSet<BodyId>,
    /// The first things that the main body's panic may say.
    main: Outs,
}

impl Plan {
    pub(crate) fn handle(&self, h: Id) -> Option<&Outs> {
        self.handles.get(&h)
    }

    pub(crate) fn producer(&self, body: BodyId) -> Option<&Outs> {
        self.producers.get(&body)
    }

    /// The bodies that run whatever happens.
    pub(crate) fn must_run(&self) -> impl Iterator<Item = BodyId> {
        self.must_run.iter().copied()
    }

    pub(crate) fn main(&self) -> &Outs {
        &self.main
    }
}

/// It waits for what comes later, or is no program at all.
#[derive(Debug)]
pub(crate) struct Invalid(pub(crate) String);

/// The number of the main body's value.
pub(crate) const MAIN: Id = Id::MAX;

pub(crate) fn plan(program: &Program) -> Result<Plan, Invalid> {
    check_tree(program)?;
    let mut model = Model {
        cancellable: cancellable(program),
        stopped: program
            .bodies
            .iter()
            .flat_map(|body| &body.ops)
            .filter_map(|op| match op {
                Op::Stop(agent) => Some(*agent),
                _ => None,
            })
            .collect(),
        program,
        plan: Plan::default(),
        endless: BTreeSet::new(),
        cut_off: BTreeSet::new(),
        undecided: BTreeMap::new(),
    };
    model.plan.must_run.insert(0);
    model.plan.main = model.follow(0, MAIN, Env::new(), true)?;
    model.plan.handles.extend(model.undecided);
    Ok(model.plan)
}

struct Model<'a> {
    program: &'a Program,
    cancellable: BTreeSet<Id>,
    stopped: BTreeSet<Id>,
    /// The bodies that may never end.
    endless: BTreeSet<BodyId>,
    /// The bodies that may be dropped at any of their awaits.
    cut_off: BTreeSet<BodyId>,
    /// What their tasks come to, once they are cancelled.
    undecided: BTreeMap<Id, Outs>,
    plan: Plan,
}

impl Model<'_> {
    /// What a body comes to that gives value number `value`. `certain`: it is run in any case.
    fn follow(
        &mut self,
        body: BodyId,
        value: Id,
        env: Env,
        certain: bool,
    ) -> Result<Outs, Invalid> {
        let mut walk = Walk {
            env,
            outs: Outs::new(),
            exits: 0,
            goes_on: true,
        };
        let program = self.program;
        for op in &program.bodies[body].ops {
            self.step(body, op, &mut walk, certain)?;
            if !walk.goes_on {
                break;
            }
        }
        if walk.goes_on {
            walk.outs.insert(Out::Value(value));
        }
        // What is left goes with the body.
        for (slot, thing) in walk.env {
            if let (Slot::Resolver(h), Thing::Resolver { .. }) = (slot, thing) {
                self.plan.handles.insert(h, Outs::from([Out::Cancelled]));
            }
        }
        Ok(walk.outs)
    }

    /// Follows a body that the one at `walk` spawns. `sure`: once spawned it runs.
    fn child(
        &mut self,
        body: BodyId,
        value: Id,
        walk: &mut Walk,
        certain: bool,
        sure: bool,
    ) -> Result<Outs, Invalid> {
        let mut env = Env::new();
        for &slot in &self.program.bodies[body].takes {
            let thing = match slot {
                Slot::Agent(_) => walk.env.get(&slot).copied(),
                _ => walk.env.remove(&slot),
            };
            let Some(thing) = thing else { continue };
            env.insert(
                slot,
                match thing {
                    other @ (Thing::Plain | Thing::Handle { .. }) => other,
                    Thing::Resolver { doubtful, arrived } => Thing::Resolver {
                        doubtful: doubtful || arrived != walk.exits || !sure,
                        arrived: 0,
                    },
                },
            );
        }
        let certain = certain && walk.exits == 0 && sure;
        if certain {
            self.plan.must_run.insert(body);
        }
        self.follow(body, value, env, certain)
    }

    fn is_cancellable(&self, h: Id) -> bool {
        self.cancellable.contains(&h)
    }

    fn define(&mut self, walk: &mut Walk, h: Id, mut outs: Outs) {
        if self.is_cancellable(h) {
            outs.insert(Out::Cancelled);
        }
        self.plan.handles.insert(h, outs);
        walk.env
            .insert(Slot::Handle(h), Thing::Handle { sure: true });
    }

    /// What the handle's task comes to; an error if that is not decided yet.
    fn outs_of(&self, h: Id) -> Result<Outs, Invalid> {
        let known = self.plan.handles.get(&h).cloned();
        known.ok_or_else(|| Invalid(format!("handle {h} is waited for before it is resolved")))
    }

    /// The handles of these that are there, each taken away; and whether it was there for sure.
    fn take(&self, walk: &mut Walk, handles: &[Id]) -> Vec<(Id, bool)> {
        let mut taken = Vec::new();
        for &h in handles {
            if let Some(Thing::Handle { sure }) = walk.env.remove(&Slot::Handle(h)) {
                taken.push((h, sure));
            }
        }
        taken
    }

    fn step(&mut self, me: BodyId, op: &Op, walk: &mut Walk, certain: bool) -> Result<(), Invalid> {
        match op {
            Op::Spawn { h, body } | Op::Future { h, body } => {
                let sure = !self.is_cancellable(*h);
                if !sure && matches!(op, Op::Future { .. }) {
                    self.cut_off.insert(*body);
                }
                let outs = self.child(*body, *h, walk, certain, sure)?;
                self.define(walk, *h, outs);
                if self.endless.contains(body) {
                    let outs = self.plan.handles.remove(h).unwrap_or_default();
                    self.undecided.insert(*h, outs);
                }
            }
            Op::Cancel(h) => {
                // A shared one might have other owners.
                let found = walk.env.get(&Slot::Handle(*h));
                if let Some(Thing::Handle { sure: true }) = found
                    && let Some(outs) = self.undecided.remove(h)
                {
                    self.plan.handles.insert(*h, outs);
                }
            }
            Op::Never => {
                self.endless.insert(me);
                walk.goes_on = false;
            }
            Op::Promise { h } => {
                let fresh = Thing::Resolver {
                    doubtful: self.cut_off.contains(&me),
                    arrived: walk.exits,
                };
                walk.env
                    .insert(Slot::Handle(*h), Thing::Handle { sure: true });
                walk.env.insert(Slot::Resolver(*h), fresh);
            }
            Op::Then { h, of, body } => self.then(*h, *of, *body, walk, certain)?,
            Op::Resolve(h) | Op::DropResolver(h) => {
                let found = walk.env.remove(&Slot::Resolver(*h));
                if let Some(Thing::Resolver { doubtful, arrived }) = found {
                    let mut outs = Outs::new();
                    if matches!(op, Op::Resolve(_)) {
                        outs.insert(Out::Value(*h));
                    } else {
                        outs.insert(Out::Cancelled);
                    }
                    if doubtful || arrived != walk.exits || self.is_cancellable(*h) {
                        outs.insert(Out::Cancelled);
                    }
                    self.plan.handles.insert(*h, outs);
                }
            }
            Op::Clone { h, of } => {
                if walk.env.contains_key(&Slot::Handle(*of)) {
                    let outs = self.outs_of(*of)?;
                    self.define(walk, *h, outs);
                    doubt(walk, *h);
                }
            }
            Op::Share(h) => doubt(walk, *h),
            Op::Wait { h, how } => self.wait(*h, *how, walk)?,
            Op::Drop(h) => _ = self.take(walk, &[*h]),
            Op::JoinAll(all) => self.join(all, walk)?,
            Op::Sum(a, b) => self.join(&[*a, *b], walk)?,
            Op::Race(all) => self.race(all, walk)?,
            Op::RaceTwo(a, b) => self.race(&[*a, *b], walk)?,
            Op::TryJoin(all) | Op::RaceOk(all) | Op::AsCompleted(all) => {
                self.settled(all, walk)?;
            }
            Op::TryJoinTwo(a, b) => self.settled(&[*a, *b], walk)?,
            Op::Cast { agent, body } => {
                if walk.env.contains_key(&Slot::Agent(*agent)) {
                    let sure = !self.stopped.contains(agent);
                    self.child(*body, 0, walk, certain, sure)?;
                }
            }
            Op::Call { h, agent, body } => {
                if walk.env.contains_key(&Slot::Agent(*agent)) {
                    let stopped = self.stopped.contains(agent);
                    let sure = !stopped && !self.is_cancellable(*h);
                    let mut outs = self.child(*body, *h, walk, certain, sure)?;
                    outs.extend(stopped.then_some(Out::Cancelled));
                    self.define(walk, *h, outs);
                }
            }
            Op::Agent(agent) => _ = walk.env.insert(Slot::Agent(*agent), Thing::Plain),
            Op::Stop(agent) | Op::LetGo(agent) => _ = walk.env.remove(&Slot::Agent(*agent)),
            Op::Fan { fan, .. } => _ = walk.env.insert(Slot::Fan(*fan), Thing::Plain),
            Op::Produce { fan, body } => {
                if walk.env.contains_key(&Slot::Fan(*fan)) {
                    let outs = self.child(*body, *body as Id, walk, certain, true)?;
                    self.plan.producers.insert(*body, outs);
                }
            }
            Op::Drain(fan) | Op::Close(fan) => _ = walk.env.remove(&Slot::Fan(*fan)),
            Op::Panic => {
                walk.outs.insert(Out::Boom(me));
                walk.goes_on = false;
            }
            Op::Feed { .. } | Op::Receive { .. } | Op::Yield | Op::Sleep(_) => {}
        }
        Ok(())
    }

    /// Without its source, what the new task was to take is dropped.
    fn then(
        &mut self,
        h: Id,
        of: Id,
        body: BodyId,
        walk: &mut Walk,
        certain: bool,
    ) -> Result<(), Invalid> {
        let Some(&(_, sure)) = self.take(walk, &[of]).first() else {
            self.child(body, h, walk, certain, false)?;
            return Ok(());
        };
        let source = self.outs_of(of)?;
        let is_failure = |out: &Out| !matches!(out, Out::Value(_));
        let fails: Outs = source.iter().copied().filter(is_failure).collect();
        let sure = sure && fails.is_empty() && !self.is_cancellable(h);
        let mut outs = self.child(body, h, walk, certain, sure)?;
        if !has_value(&source) {
            outs.clear();
        }
        outs.extend(fails);
        self.define(walk, h, outs);
        Ok(())
    }

    fn wait(&mut self, h: Id, how: How, walk: &mut Walk) -> Result<(), Invalid> {
        let Some(&Thing::Handle { sure }) = walk.env.get(&Slot::Handle(h)) else {
            return Ok(());
        };
        let outs = match (self.outs_of(h), how.is_brief()) {
            // Whatever becomes of it, it may be there by then.
            (Err(_), true) => {
                let known = self.undecided.get(&h).cloned();
                let mut outs = known.unwrap_or_else(|| Outs::from([Out::Value(h)]));
                outs.insert(Out::Cancelled);
                outs
            }
            (outs, _) => outs?,
        };
        if how.is_brief() {
            doubt(walk, h);
        } else {
            walk.env.remove(&Slot::Handle(h));
        }
        if how.panics() {
            walk.may_fail(&outs);
            walk.goes_on = how.is_brief() || !sure || has_value(&outs);
        }
        Ok(())
    }

    fn join(&mut self, all: &[Id], walk: &mut Walk) -> Result<(), Invalid> {
        for (h, sure) in self.take(walk, all) {
            let outs = self.outs_of(h)?;
            walk.may_fail(&outs);
            walk.goes_on &= !sure || has_value(&outs);
        }
        Ok(())
    }

    fn race(&mut self, all: &[Id], walk: &mut Walk) -> Result<(), Invalid> {
        let mut outs = Outs::new();
        let members = self.take(walk, all);
        for (h, _) in &members {
            outs.extend(self.outs_of(*h)?);
        }
        walk.may_fail(&outs);
        walk.goes_on &= !members.iter().any(|(_, sure)| *sure) || has_value(&outs);
        Ok(())
    }

    fn settled(&mut self, all: &[Id], walk: &mut Walk) -> Result<(), Invalid> {
        for (h, _) in self.take(walk, all) {
            self.outs_of(h)?;
        }
        Ok(())
    }
}
