//! Who waits for whom: the threads that are parked, and what each of them waits for.
//!
//! A thread enters its wait here just before it parks, and looks whether that wait can end: it follows
//! what it waits for to the thread that runs it, what that one waits for, and so on. If all the ways
//! end at threads that wait themselves, and without a time limit, nobody is left to end any of
//! these waits: the thread that would have closed the circle gets an error instead.
//!
//! **Nothing is called a deadlock that is none.** A way that leads to anything unknown (a promise, a future,
//! a closure that no thread has started, code of a user that waits by its own means) might end the wait, and
//! so might a value that has come, though its waiter has not got up. All are looked at under one lock, so
//! nobody of those that are seen waiting moves on meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::error::{Deadlock, JoinError};
use crate::sync::{Arc, Mutex, statics};
use crate::who::{self, Who};

#[cfg(all(test, letgo_loom))]
mod models;

/// What a thread can wait for.
pub(crate) trait Awaited: Send + Sync + UnwindSafe + RefUnwindSafe {
    /// Where it was spawned.
    fn place(&self) -> &'static Location<'static>;
    fn progress(&self) -> Progress;
    /// Whether who asks for its value would have to wait for another thread: a hint.
    fn would_wait(&self) -> bool;
    /// Wakes who waits for it: to be polled again, though nothing has come.
    fn nudge(&self);
}

/// Who brings an awaited value on.
pub(crate) enum Progress {
    /// It is there, or on its way to who waits for it.
    Ended,
    /// Only this thread.
    By(Who),
    /// Whoever brings this one on.
    As(Arc<dyn Awaited>),
    Unknown,
}

/// How many things at once a wait may be for, to be looked into.
const MANY: usize = 64;

/// What a wait is for.
pub(crate) struct Notes {
    targets: Vec<Arc<dyn Awaited>>,
    /// Whether something else may end the wait.
    more: bool,
    verdict: Option<Deadlock>,
}

impl Notes {
    pub(crate) const fn new() -> Self {
        Self {
            targets: Vec::new(),
            more: false,
            verdict: None,
        }
    }

    pub(crate) fn misses_something(&mut self) {
        self.more = true;
    }

    pub(crate) fn add(&mut self, target: Arc<dyn Awaited>) {
        let is_new = |old: &Arc<_>| !Arc::ptr_eq(old, &target);
        if self.targets.len() >= MANY {
            self.more = true;
        } else if self.targets.iter().all(is_new) {
            self.targets.push(target);
        }
    }

    /// The error that ends the wait, if it would never end.
    pub(crate) fn verdict(&self) -> Option<JoinError> {
        self.verdict.clone().map(JoinError::Deadlock)
    }

    /// From now on all that is waited for gives this error when it is polled, which it will be.
    pub(crate) fn condemn(&mut self, verdict: Deadlock) {
        self.verdict = Some(verdict);
        for target in &self.targets {
            target.nudge();
        }
    }
}

struct Wait {
    thread: Thread,
    since: Instant,
    /// Whether it ends by itself some time.
    timed: bool,
    notes: Notes,
}

statics! {
    static PARKED: Mutex<BTreeMap<Who, Wait>> = Mutex::new(BTreeMap::new());
}

/// A wait of this thread that others can see.
pub(crate) struct Entry(Who);

impl Entry {
    /// Enters a wait that is about to begin. The error: it would never end, and here are the notes.
    pub(crate) fn new(notes: Notes, timed: bool) -> Result<Self, (Notes, Deadlock)> {
        let me = who::me();
        let wait = Wait {
            thread: thread::current(),
            since: Instant::now(),
            timed,
            notes,
        };
        let mut kept = Kept::new();
        let mut parked = PARKED.lock();
        parked.insert(me, wait);
        if is_deadlock(&parked, me, &mut kept) {
            let deadlock = Deadlock::circle(circle(&parked, me, &mut kept));
            if let Some(wait) = parked.remove(&me) {
                return Err((wait.notes, deadlock));
            }
        }
        Ok(Self(me))
    }

    /// Ends the wait, and gives the notes back.
    pub(crate) fn end(self) -> Option<Notes> {
        PARKED.lock().remove(&self.0).map(|wait| wait.notes)
    }
}

/// Whether all the ways from this thread's wait lead to waits without end.
fn is_deadlock(parked: &BTreeMap<Who, Wait>, first: Who, kept: &mut Kept) -> bool {
    let mut seen = BTreeSet::from([first]);
    let mut open = vec![first];
    while let Some(who) = open.pop() {
        let Some(wait) = parked.get(&who) else {
            return false;
        };
        if wait.timed || wait.notes.more || wait.notes.targets.is_empty() {
            return false;
        }
        for target in &wait.notes.targets {
            match runner(target, kept) {
                Some(who) if seen.insert(who) => open.push(who),
                Some(_) => {}
                None => return false,
            }
        }
    }
    true
}

/// What was looked at: to drop it may be to run a user's code, which is not to be done under the lock.
type Kept = Vec<Arc<dyn Awaited>>;

/// The only thread that brings it on.
fn runner(target: &Arc<dyn Awaited>, kept: &mut Kept) -> Option<Who> {
    let mut progress = target.progress();
    loop {
        match progress {
            Progress::By(who) => return Some(who),
            Progress::As(other) => {
                progress = other.progress();
                kept.push(other);
            }
            Progress::Ended | Progress::Unknown => return None,
        }
    }
}

/// The places of a way from this thread's wait that ends where it was before.
fn circle(
    parked: &BTreeMap<Who, Wait>,
    first: Who,
    kept: &mut Kept,
) -> Vec<&'static Location<'static>> {
    let mut places = Vec::new();
    let mut seen = Vec::new();
    let mut who = first;
    while let Some(wait) = parked.get(&who) {
        if let Some(start) = seen.iter().position(|&other| other == who) {
            // What leads into the circle is no part of it.
            places.drain(..start);
            break;
        }
        seen.push(who);
        let Some(target) = wait.notes.targets.first() else {
            break;
        };
        places.push(target.place());
        match runner(target, kept) {
            Some(next) => who = next,
            None => break,
        }
    }
    // Who waits first, as a reader has it.
    places.rotate_right(1);
    places
}

/// A snapshot of the threads that block in this library just now, and of what they wait for: to be
/// printed when a program seems stuck.
///
/// It lists waits for handles and all that is made of them, for agents, fan-ins, replies and scopes. It
/// knows nothing of other channels, of locks, or of what is awaited.
///
/// ```
/// use std::thread;
///
/// let (resolver, answer) = letgo::promise::<i32>();
/// let asker = thread::Builder::new().name("asker".into()).spawn(|| answer.get()).unwrap();
/// let waits = loop {
///     let waits = letgo::waiting().to_string();
///     if waits.contains("asker") {
///         break waits;
///     }
/// };
/// assert!(waits.contains("waits for what was spawned at"), "{waits}");
/// resolver.resolve(1).unwrap();
/// assert_eq!(asker.join().unwrap(), 1);
/// ```
pub fn waiting() -> Waiting {
    let mut kept = Kept::new();
    let parked = PARKED.lock();
    let mut waits = Vec::with_capacity(parked.len());
    for wait in parked.values() {
        let mut targets = Vec::with_capacity(wait.notes.targets.len());
        for target in &wait.notes.targets {
            let runner = runner(target, &mut kept).and_then(|who| parked.get(&who));
            targets.push(Target {
                place: target.place(),
                runner: runner.map(|wait| wait.thread.clone()),
            });
        }
        waits.push(Blocked {
            thread: wait.thread.clone(),
            since: wait.since,
            targets,
        });
    }
    drop(parked);
    Waiting(waits)
}

/// What [`waiting`] gives: prints a line for each thread that waits.
#[derive(Clone, Debug)]
pub struct Waiting(Vec<Blocked>);

/// A thread that waits, as [`waiting`] saw it.
#[derive(Clone, Debug)]
pub struct Blocked {
    thread: Thread,
    since: Instant,
    targets: Vec<Target>,
}

#[derive(Clone, Debug)]
struct Target {
    place: &'static Location<'static>,
    /// The thread that brings it on, if that one waits itself.
    runner: Option<Thread>,
}

impl Waiting {
    /// The threads that wait, in no particular order.
    pub fn iter(&self) -> std::slice::Iter<'_, Blocked> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Waiting {
    type Item = &'a Blocked;
    type IntoIter = std::slice::Iter<'a, Blocked>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Blocked {
    /// The thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// How long it has been waiting.
    pub fn waited(&self) -> Duration {
        self.since.elapsed()
    }

    /// Where the tasks were spawned that it waits for; none if it waits for something else.
    pub fn places(&self) -> impl Iterator<Item = &'static Location<'static>> + '_ {
        self.targets.iter().map(|target| target.place)
    }
}

/// A thread, as a reader may know it.
struct Name<'a>(&'a Thread);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.name() {
            Some(name) => write!(f, "thread `{name}`"),
            None => write!(f, "thread {:?}", self.0.id()),
        }
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} waits for ", Name(&self.thread))?;
        if self.targets.is_empty() {
            f.write_str("something else than a task")?;
        }
        for (index, target) in self.targets.iter().enumerate() {
            let and = if index > 0 { ", and " } else { "" };
            write!(f, "{and}what was spawned at {}", target.place)?;
            if let Some(runner) = &target.runner {
                write!(f, " and is run by {}", Name(runner))?;
            }
        }
        write!(f, ", since {:.1?}", self.waited())
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nobody waits\n");
        }
        self.0.iter().try_for_each(|wait| writeln!(f, "{wait}"))
    }
}
