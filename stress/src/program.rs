//! A task program as data: it can be made up, printed, read back, and cut down.

use serde::{Deserialize, Serialize};

/// A task program. Its first body is the main one; every other is run by the one operation that names
/// it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Program {
    /// Whether closures wait for nothing but what they could run themselves, and buffers have room for
    /// everything: such a program must end on executors that don't replace blocked threads.
    pub(crate) strict: bool,
    pub(crate) bodies: Vec<Body>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Body {
    /// What it takes over from the body that spawns it. Agents are shared instead.
    pub(crate) takes: Vec<Slot>,
    pub(crate) ops: Vec<Op>,
}

/// A number that names a handle, an agent or a fan-in throughout the program.
pub(crate) type Id = u32;

/// An index into [`Program::bodies`].
pub(crate) type BodyId = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Slot {
    Handle(Id),
    /// Of the promise whose handle has this number.
    Resolver(Id),
    Agent(Id),
    Fan(Id),
}

/// One step of a body. One that lacks what it names, as that was used up or never made, does nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Op {
    Spawn {
        h: Id,
        body: BodyId,
    },
    Future {
        h: Id,
        body: BodyId,
    },
    Promise {
        h: Id,
    },
    Then {
        h: Id,
        of: Id,
        body: BodyId,
    },
    Resolve(Id),
    DropResolver(Id),
    Share(Id),
    Clone {
        h: Id,
        of: Id,
    },
    Wait {
        h: Id,
        how: How,
    },
    Cancel(Id),
    Drop(Id),
    JoinAll(Vec<Id>),
    Sum(Id, Id),
    TryJoin(Vec<Id>),
    TryJoinTwo(Id, Id),
    Race(Vec<Id>),
    RaceTwo(Id, Id),
    RaceOk(Vec<Id>),
    AsCompleted(Vec<Id>),
    Agent(Id),
    Cast {
        agent: Id,
        body: BodyId,
    },
    Call {
        h: Id,
        agent: Id,
        body: BodyId,
    },
    Stop(Id),
    LetGo(Id),
    Fan {
        fan: Id,
        capacity: usize,
    },
    Produce {
        fan: Id,
        body: BodyId,
    },
    /// A task that sends so many values.
    Feed {
        fan: Id,
        count: u32,
        future: bool,
    },
    Receive {
        fan: Id,
        count: u32,
    },
    Drain(Id),
    Close(Id),
    Yield,
    /// Drops all that the body has, and never goes on: the future is cancelled, or let go.
    Never,
    /// Blocks the thread, for so many microseconds.
    Sleep(u64),
    Panic,
}

/// How a handle is waited for. A future awaits where a closure blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum How {
    Get,
    /// As [`Get`](Self::Get), of something made of the handle by `map`.
    Map,
    Join,
    Settle,
    /// Without claiming, for as long as it takes.
    GetUnclaimed,
    /// For so many microseconds; the handle is kept if they were not enough.
    Timed(u64),
    Try,
    /// Polls once, and keeps the handle if that was too early.
    Poll,
}

impl How {
    /// Whether it comes back in any case.
    pub(crate) fn is_brief(self) -> bool {
        matches!(self, Self::Timed(_) | Self::Try | Self::Poll)
    }

    /// Whether a task's panic goes on in who waits for it.
    pub(crate) fn panics(self) -> bool {
        !matches!(self, Self::Join | Self::Settle)
    }
}

impl Op {
    /// The body that it runs.
    pub(crate) fn body(&self) -> Option<BodyId> {
        self.clone().body_mut().copied()
    }

    pub(crate) fn body_mut(&mut self) -> Option<&mut BodyId> {
        match self {
            Self::Spawn { body, .. }
            | Self::Future { body, .. }
            | Self::Then { body, .. }
            | Self::Cast { body, .. }
            | Self::Call { body, .. }
            | Self::Produce { body, .. } => Some(body),
            _ => None,
        }
    }

    /// Those it cancels, or may.
    pub(crate) fn cancels(&self) -> Vec<Id> {
        match self {
            Self::Cancel(h) => vec![*h],
            Self::TryJoin(all) | Self::Race(all) | Self::RaceOk(all) => all.clone(),
            Self::TryJoinTwo(a, b) | Self::RaceTwo(a, b) => vec![*a, *b],
            _ => Vec::new(),
        }
    }
}

impl Program {
    /// How many operations there are, those of bodies that nobody runs included.
    pub(crate) fn len(&self) -> usize {
        self.bodies.iter().map(|body| body.ops.len()).sum()
    }

    pub(crate) fn to_text(&self) -> String {
        let pretty = ron::ser::PrettyConfig::new()
            .depth_limit(4)
            .indentor("  ")
            .struct_names(false);
        ron::ser::to_string_pretty(self, pretty).expect("numbers and names can be written")
    }

    pub(crate) fn from_text(text: &str) -> Result<Self, String> {
        ron::from_str(text).map_err(|error| error.to_string())
    }
}
