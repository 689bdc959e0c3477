//! Makes a program up from a seed. It keeps to the order of the [model](crate::model), so that what comes
//! out is valid.

mod uses;

use std::collections::BTreeSet;

use fastrand::Rng;

use crate::program::{Body, BodyId, Id, Op, Program, Slot};

/// Which rules hold in a body.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Main,
    Closure,
    Future,
    /// Of an agent's message: it waits for nothing but closures of its own.
    Message,
}

/// A handle, as its owner sees it.
#[derive(Clone, Copy)]
struct Handle {
    h: Id,
    /// Whether who waits for it can run it himself.
    claimable: bool,
    shared: bool,
    sure: bool,
}

#[derive(Default)]
struct Env {
    handles: Vec<Handle>,
    resolvers: Vec<Id>,
    agents: Vec<Id>,
    fans: Vec<Id>,
}

pub(crate) fn program(seed: u64, strict: bool) -> Program {
    let mut rng = Rng::with_seed(seed);
    let budget = rng.usize(4..80);
    let mut generator = Generator {
        rng,
        budget,
        program: Program {
            strict,
            bodies: Vec::new(),
        },
        next: 1,
        open: BTreeSet::new(),
        endless: BTreeSet::new(),
        depth: 0,
    };
    generator.body(Kind::Main, Vec::new(), Env::default());
    generator.program
}

struct Generator {
    rng: Rng,
    program: Program,
    /// How many operations there may still be.
    budget: usize,
    next: Id,
    /// The promises whose resolver is still about.
    open: BTreeSet<Id>,
    /// The futures that never end, but for a cancel.
    endless: BTreeSet<Id>,
    depth: usize,
}

impl Generator {
    fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(0..n) == 0
    }

    fn id(&mut self) -> Id {
        self.next += 1;
        self.next - 1
    }

    fn body(&mut self, kind: Kind, takes: Vec<Slot>, mut env: Env) -> BodyId {
        let body = self.program.bodies.len();
        self.program.bodies.push(Body {
            takes,
            ops: Vec::new(),
        });
        self.depth += 1;
        let most = match (kind, self.depth) {
            (Kind::Main, _) => 40,
            (Kind::Message, _) | (_, 4..) => 3,
            _ => 8,
        };
        let count = self.rng.usize(0..=most);
        for _ in 0..count {
            if self.budget == 0 {
                break;
            }
            self.budget -= 1;
            // What there is nothing for is no step.
            let op = (0..10).find_map(|_| self.op(kind, &mut env));
            if let Some(op) = op {
                let ends = op == Op::Panic;
                let (is_agent, is_fan) = (matches!(op, Op::Agent(_)), matches!(op, Op::Fan { .. }));
                self.program.bodies[body].ops.push(op);
                // One that nobody uses is dull.
                while (is_agent || is_fan) && self.budget > 0 && !self.one_in(4) {
                    self.budget -= 1;
                    let use_it = match is_agent {
                        true => self.message(kind, &mut env),
                        false => self.fan(kind, &mut env),
                    };
                    self.program.bodies[body].ops.extend(use_it);
                }
                if ends {
                    break;
                }
            }
        }
        self.farewell(kind, body, &mut env);
        self.depth -= 1;
        for h in env.resolvers {
            self.open.remove(&h);
        }
        body
    }

    /// Most of what a body still has, it has for a purpose.
    fn farewell(&mut self, kind: Kind, body: BodyId, env: &mut Env) {
        let panicked = self.program.bodies[body].ops.last() == Some(&Op::Panic);
        if panicked {
            return;
        }
        for h in std::mem::take(&mut env.resolvers) {
            if self.one_in(5) {
                // It goes with the body: nobody waits for it before.
                env.resolvers.push(h);
            } else {
                self.program.bodies[body].ops.push(Op::Resolve(h));
                self.open.remove(&h);
            }
        }
        for handle in std::mem::take(&mut env.handles) {
            if self.endless.contains(&handle.h) && !self.one_in(4) {
                let op = self.cancel(handle);
                self.program.bodies[body].ops.push(op);
            }
            if self.may_wait(kind, handle) && !self.one_in(3) {
                let how = self.how(kind, handle);
                let op = Op::Wait { h: handle.h, how };
                self.program.bodies[body].ops.push(op);
            }
        }
        for fan in std::mem::take(&mut env.fans) {
            if self.may_block(kind) && !self.one_in(4) {
                self.program.bodies[body].ops.push(Op::Drain(fan));
            }
        }
    }

    fn op(&mut self, kind: Kind, env: &mut Env) -> Option<Op> {
        let deep = self.depth >= 5;
        Some(match self.rng.u32(0..100) {
            0..=13 if !deep => {
                let (takes, child) = self.split(kind, env);
                let h = self.id();
                let inner = if kind == Kind::Message {
                    Kind::Message
                } else {
                    Kind::Closure
                };
                let body = self.body(inner, takes, child);
                self.own(env, h, true);
                Op::Spawn { h, body }
            }
            14..=22 if !deep && kind != Kind::Message => {
                let (takes, child) = self.split(kind, env);
                let h = self.id();
                let body = self.body(Kind::Future, takes, child);
                self.own(env, h, false);
                Op::Future { h, body }
            }
            23..=25 if !deep && kind != Kind::Message => {
                // Nobody may wait for it before it is cancelled.
                let body = self.body(Kind::Future, Vec::new(), Env::default());
                let ops = &mut self.program.bodies[body].ops;
                let h = self.next;
                self.next += 1;
                if ops.last() != Some(&Op::Panic) {
                    ops.push(Op::Never);
                    self.endless.insert(h);
                    self.open.insert(h);
                }
                self.own(env, h, false);
                Op::Future { h, body }
            }
            28..=32 => {
                let h = self.id();
                self.own(env, h, false);
                env.resolvers.push(h);
                self.open.insert(h);
                Op::Promise { h }
            }
            34..=37 if !self.program.strict && !deep && kind != Kind::Message => {
                let of = self.pick(env, |me, handle| {
                    handle.sure && !handle.shared && !me.open.contains(&handle.h)
                })?;
                let (takes, child) = self.split(kind, env);
                let h = self.id();
                let body = self.body(Kind::Closure, takes, child);
                self.own(env, h, true);
                Op::Then { h, of: of.h, body }
            }
            38..=41 => {
                let index = self.index(env.resolvers.len())?;
                let h = env.resolvers.swap_remove(index);
                self.open.remove(&h);
                if self.one_in(4) {
                    Op::DropResolver(h)
                } else {
                    Op::Resolve(h)
                }
            }
            42..=44 => {
                let mut handle = self.pick(env, |_, handle| !handle.shared)?;
                handle.shared = true;
                handle.sure = false;
                env.handles.push(handle);
                Op::Share(handle.h)
            }
            45..=48 => {
                let of = self.pick(env, |me, handle| {
                    handle.shared && !me.open.contains(&handle.h)
                })?;
                let h = self.id();
                env.handles.push(of);
                env.handles.push(Handle { h, ..of });
                Op::Clone { h, of: of.h }
            }
            49..=56 => {
                let handle = self.pick(env, |me, handle| me.may_wait(kind, handle))?;
                let how = self.how(kind, handle);
                if how.is_brief() {
                    let sure = false;
                    env.handles.push(Handle { sure, ..handle });
                }
                Op::Wait { h: handle.h, how }
            }
            57..=59 => {
                let mut handle = self.pick(env, |_, _| true)?;
                handle.sure = false;
                env.handles.push(handle);
                let how = self.brief();
                Op::Wait { h: handle.h, how }
            }
            60..=63 => {
                let index = self.index(env.handles.len())?;
                self.cancel(env.handles[index])
            }
            64 => Op::Drop(self.pick(env, |_, _| true)?.h),
            65..=71 => self.combine(kind, env)?,
            72 | 73 => {
                let agent = self.id();
                env.agents.push(agent);
                Op::Agent(agent)
            }
            74..=79 => self.message(kind, env)?,
            80 => {
                let index = self.index(env.agents.len())?;
                let agent = env.agents.swap_remove(index);
                if kind == Kind::Message || self.one_in(2) {
                    Op::LetGo(agent)
                } else {
                    Op::Stop(agent)
                }
            }
            81..=83 if kind != Kind::Message => {
                let fan = self.id();
                env.fans.push(fan);
                let capacity = match self.program.strict {
                    true => 1000,
                    false => self.rng.usize(1..5),
                };
                Op::Fan { fan, capacity }
            }
            84..=92 => self.fan(kind, env)?,
            93 if self.one_in(2) => Op::Sleep(self.rng.u64(0..200)),
            95 if kind != Kind::Main => Op::Panic,
            96 => Op::Yield,
            _ => return None,
        })
    }

    fn cancel(&mut self, handle: Handle) -> Op {
        let ends = handle.sure && !handle.shared && self.endless.remove(&handle.h);
        if ends {
            self.open.remove(&handle.h);
        }
        Op::Cancel(handle.h)
    }

    fn own(&mut self, env: &mut Env, h: Id, claimable: bool) {
        env.handles.push(Handle {
            h,
            claimable,
            shared: false,
            sure: true,
        });
    }

    fn index(&mut self, len: usize) -> Option<usize> {
        (len > 0).then(|| self.rng.usize(0..len))
    }

    /// Takes one of the handles that will do.
    fn pick(&mut self, env: &mut Env, will_do: impl Fn(&Self, Handle) -> bool) -> Option<Handle> {
        let fit: Vec<usize> = (0..env.handles.len())
            .filter(|&index| will_do(self, env.handles[index]))
            .collect();
        let index = self.index(fit.len())?;
        Some(env.handles.swap_remove(fit[index]))
    }

    /// What a body gives the one that it spawns.
    fn split(&mut self, kind: Kind, env: &mut Env) -> (Vec<Slot>, Env) {
        let mut takes = Vec::new();
        let mut child = Env::default();
        if kind != Kind::Message {
            for handle in std::mem::take(&mut env.handles) {
                if self.one_in(4) {
                    takes.push(Slot::Handle(handle.h));
                    child.handles.push(handle);
                } else {
                    env.handles.push(handle);
                }
            }
        }
        for h in std::mem::take(&mut env.resolvers) {
            if self.one_in(2) {
                takes.push(Slot::Resolver(h));
                child.resolvers.push(h);
            } else {
                env.resolvers.push(h);
            }
        }
        for &agent in &env.agents {
            if self.rng.bool() {
                takes.push(Slot::Agent(agent));
                child.agents.push(agent);
            }
        }
        for fan in std::mem::take(&mut env.fans) {
            if self.one_in(6) {
                takes.push(Slot::Fan(fan));
                child.fans.push(fan);
            } else {
                env.fans.push(fan);
            }
        }
        (takes, child)
    }
}

#[cfg(test)]
mod tests {
    use crate::model;
    use crate::program::Program;

    #[test]
    fn what_is_made_up_is_valid_and_can_be_read_back() {
        for seed in 0..3000 {
            for strict in [false, true] {
                let program = super::program(seed, strict);
                if let Err(error) = model::plan(&program) {
                    panic!("seed {seed}: {}\n{}", error.0, program.to_text());
                }
                assert_eq!(Program::from_text(&program.to_text()), Ok(program));
            }
        }
    }
}
