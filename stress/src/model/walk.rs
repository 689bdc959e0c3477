//! How far a body has been followed, and what it has by then.

use std::collections::BTreeMap;

use super::{Out, Outs};
use crate::program::{Id, Slot};

/// What a body has, as far as its outcome hangs on it.
#[derive(Clone, Copy)]
pub(super) enum Thing {
    /// Agents and fan-ins.
    Plain,
    /// `sure`: it is a handle with its value still, and not a shared one.
    Handle { sure: bool },
    /// A resolver; `doubtful`: who has it may be gone before it is used.
    Resolver { doubtful: bool, arrived: usize },
}

pub(super) type Env = BTreeMap<Slot, Thing>;

/// How far a body has been followed.
pub(super) struct Walk {
    pub(super) env: Env,
    pub(super) outs: Outs,
    /// After how many operations it may have ended early.
    pub(super) exits: usize,
    pub(super) goes_on: bool,
}

impl Walk {
    /// Somebody's failure may be its own from here on.
    pub(super) fn may_fail(&mut self, outs: &Outs) {
        let mut fails = false;
        for out in outs {
            match out {
                Out::Value(_) => continue,
                Out::Boom(body) => _ = self.outs.insert(Out::Boom(*body)),
                Out::NoValue | Out::Cancelled => _ = self.outs.insert(Out::NoValue),
            }
            fails = true;
        }
        self.exits += usize::from(fails);
    }
}

/// From here on the handle may be gone, or one that can't do everything.
pub(super) fn doubt(walk: &mut Walk, h: Id) {
    if let Some(Thing::Handle { sure }) = walk.env.get_mut(&Slot::Handle(h)) {
        *sure = false;
    }
}

pub(super) fn has_value(outs: &Outs) -> bool {
    outs.iter().any(|out| matches!(out, Out::Value(_)))
}
