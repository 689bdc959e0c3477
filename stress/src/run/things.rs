//! What bodies have: values that are counted, handles, and what gives them.

use std::collections::{BTreeMap, HashMap};
use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

use letgo::{Agent, JoinHandle, Resolver, Shared};

use super::fan::Fan;
use crate::model::Out;
use crate::program::{BodyId, Id, Slot};

/// One of the things that must be dropped in the end.
pub(super) struct Token(Arc<AtomicIsize>);

impl Token {
    pub(super) fn new(alive: &Arc<AtomicIsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(alive))
    }
}

impl Clone for Token {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The value of a task. It has the number of the task's handle.
#[derive(Clone)]
pub(super) struct Val {
    pub(super) number: Id,
    _counted: Token,
}

impl Val {
    pub(super) fn new(number: Id, counted: Token) -> Self {
        Self {
            number,
            _counted: counted,
        }
    }

    pub(super) fn out(&self) -> Out {
        Out::Value(self.number)
    }
}

impl Add for Val {
    type Output = (Self, Self);

    fn add(self, other: Self) -> (Self, Self) {
        (self, other)
    }
}

/// The state of an agent.
pub(super) struct State {
    /// The latest message of each body that has sent any.
    pub(super) latest: HashMap<BodyId, usize>,
    pub(super) _counted: Token,
}

pub(super) enum Handle {
    Alone(JoinHandle<Val>),
    Shared(Shared<Val>),
}

pub(super) enum Thing {
    /// `claimable`: who waits for it can run it himself.
    Handle {
        handle: Handle,
        claimable: bool,
    },
    Resolver(Resolver<Val>),
    Agent(Agent<State>),
    Fan(Fan),
}

/// What a body has.
#[derive(Default)]
pub(super) struct Env(BTreeMap<Slot, Thing>);

impl Env {
    pub(super) fn put(&mut self, slot: Slot, thing: Thing) {
        self.0.insert(slot, thing);
    }

    pub(super) fn put_handle(&mut self, h: Id, handle: Handle, claimable: bool) {
        self.put(Slot::Handle(h), Thing::Handle { handle, claimable });
    }

    pub(super) fn take(&mut self, slot: Slot) -> Option<Thing> {
        self.0.remove(&slot)
    }

    pub(super) fn take_handle(&mut self, h: Id) -> Option<(Handle, bool)> {
        match self.take(Slot::Handle(h)) {
            Some(Thing::Handle { handle, claimable }) => Some((handle, claimable)),
            _ => None,
        }
    }

    /// Those of these handles that are there and not shared; whether all of them are claimable.
    pub(super) fn take_all(&mut self, handles: &[Id]) -> (Vec<(Id, JoinHandle<Val>)>, bool) {
        let mut taken = Vec::new();
        let mut all_claimable = true;
        for &h in handles {
            if let Some((Handle::Alone(handle), claimable)) = self.take_handle(h) {
                taken.push((h, handle));
                all_claimable &= claimable;
            }
        }
        (taken, all_claimable)
    }

    pub(super) fn handle(&self, h: Id) -> Option<&Handle> {
        match self.0.get(&Slot::Handle(h)) {
            Some(Thing::Handle { handle, .. }) => Some(handle),
            _ => None,
        }
    }

    pub(super) fn agent(&self, agent: Id) -> Option<Agent<State>> {
        match self.0.get(&Slot::Agent(agent)) {
            Some(Thing::Agent(agent)) => Some(agent.clone()),
            _ => None,
        }
    }

    pub(super) fn fan(&mut self, fan: Id) -> Option<&mut Fan> {
        match self.0.get_mut(&Slot::Fan(fan)) {
            Some(Thing::Fan(fan)) => Some(fan),
            _ => None,
        }
    }

    /// What a body takes over from this one.
    pub(super) fn split(&mut self, takes: &[Slot]) -> Self {
        let mut split = Self::default();
        for &slot in takes {
            let thing = match slot {
                Slot::Agent(agent) => self.agent(agent).map(Thing::Agent),
                _ => self.take(slot),
            };
            if let Some(thing) = thing {
                split.put(slot, thing);
            }
        }
        split
    }
}
