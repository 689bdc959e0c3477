//! What a body does with what it has: waits, messages, values through a fan-in.

use super::{Env, Generator, Handle, Kind};
use crate::program::{How, Op, Slot};

impl Generator {
    /// Whether the body may wait for things that others have to bring about.
    pub(super) fn may_block(&self, kind: Kind) -> bool {
        match kind {
            Kind::Main | Kind::Future => true,
            Kind::Closure => !self.program.strict,
            Kind::Message => false,
        }
    }

    pub(super) fn may_wait(&self, kind: Kind, handle: Handle) -> bool {
        let can_be_had = handle.claimable && !self.open.contains(&handle.h);
        match kind {
            Kind::Message => false,
            Kind::Closure if self.program.strict => can_be_had,
            _ => !self.open.contains(&handle.h),
        }
    }

    pub(super) fn how(&mut self, kind: Kind, handle: Handle) -> How {
        if self.one_in(4) {
            return self.brief();
        }
        match self.rng.u32(0..10) {
            0..=2 => How::Get,
            3 => How::Map,
            4..=6 => How::Join,
            7 if !handle.shared => How::Settle,
            8 | 9 if self.may_block(kind) => How::GetUnclaimed,
            _ => How::Join,
        }
    }

    pub(super) fn brief(&mut self) -> How {
        match self.rng.u32(0..3) {
            0 => How::Timed(self.rng.u64(0..100)),
            1 => How::Try,
            _ => How::Poll,
        }
    }

    pub(super) fn message(&mut self, kind: Kind, env: &mut Env) -> Option<Op> {
        if self.depth >= 5 {
            return None;
        }
        let index = self.index(env.agents.len())?;
        let agent = env.agents[index];
        let (takes, child) = self.split(Kind::Message, env);
        // A fan-in is nothing for a message.
        let (kept, fans) = (takes, child.fans);
        let takes = kept
            .into_iter()
            .filter(|slot| !matches!(slot, Slot::Fan(_)))
            .collect();
        env.fans.extend(fans);
        let child = Env {
            fans: Vec::new(),
            ..child
        };
        let h = self.id();
        let body = self.body(Kind::Message, takes, child);
        if kind == Kind::Message || self.one_in(3) {
            return Some(Op::Cast { agent, body });
        }
        self.own(env, h, true);
        Some(Op::Call { h, agent, body })
    }

    pub(super) fn fan(&mut self, kind: Kind, env: &mut Env) -> Option<Op> {
        if self.depth >= 5 {
            return None;
        }
        let index = self.index(env.fans.len())?;
        let fan = env.fans[index];
        Some(match self.rng.u32(0..10) {
            0..=4 => {
                env.fans.swap_remove(index);
                let (takes, child) = self.split(kind, env);
                let body = self.body(Kind::Closure, takes, child);
                env.fans.push(fan);
                Op::Produce { fan, body }
            }
            5..=6 => Op::Feed {
                fan,
                count: self.rng.u32(0..6),
                future: self.rng.bool(),
            },
            7 if self.may_block(kind) => Op::Receive {
                fan,
                count: self.rng.u32(1..4),
            },
            8 if self.may_block(kind) => {
                env.fans.swap_remove(index);
                Op::Drain(fan)
            }
            9 if self.one_in(3) => {
                env.fans.swap_remove(index);
                Op::Close(fan)
            }
            _ => return None,
        })
    }

    pub(super) fn combine(&mut self, kind: Kind, env: &mut Env) -> Option<Op> {
        let count = self.rng.usize(1..4);
        let mut all = Vec::new();
        for _ in 0..count {
            let fit = |me: &Self, handle: Handle| !handle.shared && me.may_wait(kind, handle);
            match self.pick(env, fit) {
                Some(handle) => all.push(handle.h),
                None => break,
            }
        }
        let two = (all.len() == 2).then(|| (all[0], all[1]));
        Some(match (self.rng.u32(0..8), two) {
            _ if all.is_empty() => return None,
            (0, Some((a, b))) => Op::Sum(a, b),
            (1, Some((a, b))) => Op::TryJoinTwo(a, b),
            (2, Some((a, b))) if self.may_block(kind) => Op::RaceTwo(a, b),
            (0..=2, _) => Op::TryJoin(all),
            (3, _) if self.may_block(kind) => Op::Race(all),
            (4, _) if self.may_block(kind) => Op::RaceOk(all),
            (5 | 6, _) if self.may_block(kind) => Op::AsCompleted(all),
            _ => Op::JoinAll(all),
        })
    }
}
