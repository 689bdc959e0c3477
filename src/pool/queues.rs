//! The pool's queues: one for all, and each thread's own, seen from the thieves' side.

use std::time::Instant;

use async_task::Runnable;

use super::pace::{Pace, Size};
use crate::entries::{Berth, Gauge};
use crate::job::{Entry, Job};
use crate::rights::Start;
use crate::strays::Strays;
use crate::sync::deque::{Injector, Steal, Stealer};
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, times};

#[cfg(all(test, letgo_loom))]
mod models;
#[cfg(all(test, not(any(letgo_loom, letgo_shuttle))))]
mod tests;

/// From how many tasks on a stack is long. In a tree of tasks the oldest are the largest, and few; where there are many, most are small, and
/// to come for each would be to meet the owner each time.
const LONG: usize = times(64, 2);

/// A thread's queue, as thieves see it.
#[derive(Clone)]
pub(super) enum Side {
    Stack(Stealer<Start>, Arc<Gauge>),
    Line(Stealer<Runnable>),
}

/// The queues there are to steal from, each with the number it was added under.
type Sides = Arc<[(usize, Side)]>;

pub(super) struct Queues {
    injector: Injector<Job>,
    /// What was claimed of the tasks in it.
    strays: Strays,
    /// Held while they are cleared up: a job may be on its way then, and seen by nobody.
    clearing: Mutex<()>,
    /// Copied on change: a thief goes through a snapshot without a lock.
    sides: Mutex<Sides>,
    /// Counts the changes of `sides`; a snapshot of another version is looked up again.
    version: AtomicUsize,
}

/// A thief's snapshot of the queues there are to steal from.
pub(super) struct Thief {
    sides: Sides,
    version: usize,
    /// Where the last steal was: others may start elsewhere, and luck tends to last.
    next: usize,
    /// What it remembers of each of them.
    paces: Vec<Pace>,
    size: Size,
}

impl Queues {
    pub(super) fn new() -> Self {
        Self {
            injector: Injector::new(),
            strays: Strays::new(),
            clearing: Mutex::default(),
            sides: Mutex::new(Arc::new([])),
            version: AtomicUsize::new(0),
        }
    }

    /// Lets others steal from a thread's queue; gives the number to close it by.
    pub(super) fn open(&self, side: Side) -> usize {
        // The version is changed under this lock only, by one each time: no number comes twice.
        let mut sides = self.sides.lock();
        let number = self.version.load(Ordering::Relaxed);
        let mut all = sides.to_vec();
        all.push((number, side));
        self.replace(&mut sides, all);
        number
    }

    /// Moves what is left in a queue to the one for all.
    pub(super) fn close(&self, number: usize, rest: &mut dyn Iterator<Item = Job>) {
        rest.for_each(|job| self.inject(job));
        let mut sides = self.sides.lock();
        let mut all = sides.to_vec();
        all.retain(|(other, _)| *other != number);
        self.replace(&mut sides, all);
    }

    /// How many queues there are to steal from.
    #[cfg(test)]
    pub(super) fn known(&self) -> usize {
        self.sides.lock().len()
    }

    fn replace(&self, sides: &mut Sides, all: Vec<(usize, Side)>) {
        *sides = all.into();
        // Release, with the thief's Acquire: who sees the version finds at least this list.
        self.version.fetch_add(1, Ordering::Release);
    }

    /// A job that was in some queue before.
    pub(super) fn inject(&self, job: Job) {
        self.injector.push(job);
    }

    /// A task that is in no thread's stack. Somebody is to be told of it after this.
    pub(super) fn add(&self, start: Start) {
        start.lies_at(Berth::new(self.strays.queue, 0));
        self.inject(start.into_job());
        if self.strays.are_too_many(|| self.injected()) {
            self.clear_up();
        }
    }

    /// Drops what is stale in the queue for all; the rest comes behind what was added meanwhile.
    #[cold]
    pub(super) fn clear_up(&self) {
        let _clearing = self.clearing.lock();
        for _ in 0..self.injected() {
            let Some(job) = retrying(|| self.injector.steal()) else {
                break;
            };
            if let Some(job) = job.unless_stale() {
                self.inject(job);
            }
        }
    }

    pub(super) fn thief(&self) -> Thief {
        let sides = self.sides.lock();
        let version = self.version.load(Ordering::Relaxed);
        Thief {
            paces: vec![Pace::default(); sides.len()],
            size: Size::new(),
            sides: Arc::clone(&sides),
            version,
            next: 0,
        }
    }

    /// Whether any queue has a job, a stale one perhaps.
    pub(super) fn has_work(&self) -> bool {
        let sides = Arc::clone(&self.sides.lock());
        self.have_work(&sides)
    }

    /// The same.
    pub(super) fn has_work_for(&self, thief: &mut Thief) -> bool {
        thief.refresh(self);
        self.have_work(&thief.sides)
    }

    /// The same, of a thief that won't look again.
    pub(super) fn has_work_still(&self, thief: &mut Thief) -> bool {
        let _clearing = self.clearing.lock();
        self.has_work_for(thief)
    }

    fn have_work(&self, sides: &[(usize, Side)]) -> bool {
        !self.injector.is_empty()
            || sides.iter().any(|(_, side)| match side {
                Side::Stack(tasks, gauge) => self.has_live(tasks, gauge),
                Side::Line(futures) => !futures.is_empty(),
            })
    }

    fn has_live(&self, tasks: &Stealer<Start>, gauge: &Gauge) -> bool {
        if tasks.is_empty() {
            return false;
        }
        if gauge.live() > 0 {
            return true;
        }
        match retrying(|| tasks.steal()).map(Job::unless_stale) {
            None => false,
            Some(None) => gauge.live() > 0,
            Some(Some(job)) => {
                self.inject(job);
                true
            }
        }
    }

    /// About how many jobs wait in the queue for all.
    pub(super) fn injected(&self) -> usize {
        self.injector.len()
    }

    /// About how many jobs wait.
    pub(super) fn len(&self) -> usize {
        let sides = Arc::clone(&self.sides.lock());
        self.injected() + sides.iter().map(|(_, side)| side.len()).sum::<usize>()
    }

    /// The oldest job of the thread's queue whose turn it is, or else of another.
    pub(super) fn take_in_turn(&self, thief: &mut Thief) -> Option<Job> {
        thief.next += 1;
        let job = thief.steal(self, |tasks| tasks.steal());
        // Nobody tells how long it takes.
        thief.size.forget();
        job
    }

    /// The oldest job of the queue for all.
    #[inline]
    pub(super) fn take_injected(&self) -> Option<Job> {
        // To steal from an empty one takes a fence.
        if self.injector.is_empty() {
            return None;
        }
        fresh(|| retrying(|| self.injector.steal()))
    }

    /// A job from the queue for all, or else the oldest of some thread's. Without regard for anybody: there is no other to run it.
    pub(super) fn take_any(&self) -> Option<Job> {
        let sides = Arc::clone(&self.sides.lock());
        let steal = |(_, side): &(usize, Side)| fresh(|| side.steal());
        self.take_injected()
            .or_else(|| sides.iter().find_map(steal))
    }

    /// A job from the queue for all, or else the oldest of some thread's; `from_long` takes it from a stack that is [`LONG`], perhaps with others.
    pub(super) fn steal_by(
        &self,
        thief: &mut Thief,
        from_long: impl FnMut(&Stealer<Start>) -> Steal<Start>,
    ) -> Option<Job> {
        self.take_injected()
            .or_else(|| thief.steal(self, from_long))
    }
}

impl Thief {
    /// The job that it took last has ended.
    pub(super) fn ran(&mut self) {
        self.size.ran(Instant::now);
    }

    fn refresh(&mut self, queues: &Queues) {
        if self.version != queues.version.load(Ordering::Acquire) {
            let Self {
                sides,
                version,
                paces,
                ..
            } = queues.thief();
            (self.sides, self.version, self.paces) = (sides, version, paces);
        }
    }

    fn steal(
        &mut self,
        queues: &Queues,
        mut from_long: impl FnMut(&Stealer<Start>) -> Steal<Start>,
    ) -> Option<Job> {
        self.refresh(queues);
        let now = Instant::now();
        let count = self.sides.len();
        for offset in 0..count {
            let index = (self.next + offset) % count;
            let job = match &self.sides[index].1 {
                Side::Stack(..) => self.visit(index, now, &mut from_long),
                side => fresh(|| side.steal()),
            };
            if let Some(job) = job {
                self.next = index;
                return Some(job);
            }
        }
        None
    }

    /// A task of a thread's stack, if it is time for a visit.
    fn visit(
        &mut self,
        index: usize,
        now: Instant,
        from_long: &mut impl FnMut(&Stealer<Start>) -> Steal<Start>,
    ) -> Option<Job> {
        let Side::Stack(tasks, gauge) = &self.sides[index].1 else {
            return None;
        };
        let is_long = tasks.len() >= LONG;
        let pace = &mut self.paces[index];
        let looks = pace.look(gauge, is_long, &self.size, now);
        // To steal from an empty one takes a fence more.
        if looks == 0 || tasks.is_empty() {
            return None;
        }
        let mut take = || {
            retrying(|| {
                if is_long {
                    from_long(tasks)
                } else {
                    tasks.steal()
                }
            })
        };
        let mut job = None;
        let start = Instant::now();
        for taken in 1..=looks {
            let Some(entry) = take() else {
                break;
            };
            job = entry.unless_stale();
            if job.is_some() {
                let end = Instant::now();
                self.size.stole((end - start) / taken as u32, end);
                break;
            }
        }
        pace.found(job.is_some(), now);
        job
    }
}

impl Side {
    fn steal(&self) -> Option<Job> {
        match self {
            Self::Stack(tasks, _) => retrying(|| tasks.steal()),
            Self::Line(futures) => retrying(|| futures.steal()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Stack(tasks, gauge) => tasks.len().min(gauge.live()),
            Self::Line(futures) => futures.len(),
        }
    }
}

/// The next one that is not stale; those on the way are dropped.
fn fresh(mut take: impl FnMut() -> Option<Job>) -> Option<Job> {
    loop {
        let job = take()?;
        if let Some(job) = job.unless_stale() {
            return Some(job);
        }
    }
}

fn retrying<E: Entry>(mut steal: impl FnMut() -> Steal<E>) -> Option<Job> {
    loop {
        match steal() {
            Steal::Success(entry) => return Some(entry.into_job()),
            Steal::Empty => return None,
            Steal::Retry => std::hint::spin_loop(),
        }
    }
}
