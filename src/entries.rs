//! What a thread knows of the entries in its own stack of tasks: which are stale, and may be used again.
//!
//! To put an entry in a work-stealing queue and take it out again costs two fences, and a cell of its own two visits to the allocator
//! and four counts of owners. So a task that its thread claims leaves both where they are: the entry, and its cell, are *spare*. The
//! next task that is spawned at the same place goes into them: the entry is *armed*, by a store behind the cell's lock.
//!
//! | an entry is | that is | and then |
//! |---|---|---|
//! | live | its task waits, or is run by a thief | spare or dead, as its thread claims the task |
//! | spare | stale; its cell is here, and empty | live again |
//! | dead | stale, and of no use | dropped as soon as it is on top |
//!
//! A thief that comes by a spare entry takes it away, and says so in the cell, behind the same lock
//! ([`Start::unless_stale`]): who of the two comes first decides, so that no task is lost.
//!
//! **Nobody need be told of an armed entry.** A push is followed by a fence, and a look at who is awake: whoever falls asleep has
//! looked at the queues after he said so, and one of the two sees the other. The entry that is armed next is the oldest in its
//! stack, or has live ones below. So whoever falls asleep and finds none live takes the oldest away ([`Gauge`] tells him), and looks again:
//! if it had been armed, he has it; if not, its owner finds it lost, and makes it known that there is a task.
//! Behind the cell's lock each sees what the other did before.
//!
//! What is spare holds nothing of a user's.

use std::any::Any;
use std::mem;

use crate::rights::Start;
use crate::strays::Strays;
use crate::sync::deque::Worker;
use crate::sync::{Arc, AtomicU64, Ordering, times};

#[cfg(all(test, not(any(letgo_loom, letgo_shuttle))))]
mod tests;

/// How many entries are spare at most.
const MOST: usize = times(16384, 3);

/// How far to look for one that fits.
const NEAR: usize = 8;

/// How many spare entries a task may have to have below it that is to be found by thieves: they clear so many away in some 20 µs.
const FAR: usize = times(256, 1);

/// How many pushes there are to a look at what thieves have left.
const TIDY_EVERY: u32 = 64;

/// How large a cell may be that is kept, in bytes.
pub(crate) const LARGEST: usize = 128;

/// A cell, whatever task it was made for.
pub(crate) type Kept = Arc<dyn Any + Send + Sync>;

/// Where a task's entry was put: in which queue, and, in a thread's stack, the how-manieth it was there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Berth(u64);

impl Berth {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn new(queue: u32, number: u32) -> Self {
        Self((u64::from(queue) << 32) | u64::from(number))
    }

    pub(crate) fn queue(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn number(self) -> u32 {
        self.0 as u32
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }
}

/// What others may know of a stack without touching its entries. In cache lines of its own: its owner writes all the time.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Gauge(AtomicU64);

/// The bit that says that there are misfits.
const MISFITS: u32 = 1 << 31;

impl Gauge {
    /// The owner did something; so many are live now, all of them above spare ones that do not fit, or not.
    #[inline]
    fn set(&self, live: usize, misfits: bool) {
        let acts = (self.0.load(Ordering::Relaxed) >> 32) + 1;
        let live = live.min(MISFITS as usize - 1) as u64;
        let misfits = u64::from(misfits) * u64::from(MISFITS);
        self.0.store(acts << 32 | misfits | live, Ordering::Relaxed);
    }

    pub(crate) fn live(&self) -> usize {
        self.read().live as usize
    }

    pub(crate) fn read(&self) -> Reading {
        let bits = self.0.load(Ordering::Relaxed);
        Reading {
            live: bits as u32 & !MISFITS,
            misfits: bits as u32 & MISFITS != 0,
            acts: (bits >> 32) as u32,
        }
    }
}

/// What a gauge shows.
#[derive(Clone, Copy, Default)]
pub(crate) struct Reading {
    /// How many entries may be live, at most; 0 if none is.
    pub(crate) live: u32,
    /// They all lie above spare ones, which are in their way.
    pub(crate) misfits: bool,
    /// How often the owner did something.
    acts: u32,
}

impl Reading {
    pub(crate) fn acts_since(self, before: Self) -> u32 {
        self.acts.wrapping_sub(before.acts)
    }

    /// About how many the owner has claimed since. Each act has made one more or one less live.
    pub(crate) fn claims_since(self, before: Self) -> u32 {
        let more = self.live.wrapping_sub(before.live);
        let twice = self.acts_since(before).wrapping_sub(more);
        // Several that are taken over at once are a single act.
        if twice < u32::MAX / 2 { twice / 2 } else { 0 }
    }
}

struct Entry {
    /// Its task's. Null if it is dead.
    address: *const (),
    /// If it is spare.
    cell: Option<Kept>,
}

impl Entry {
    #[inline]
    fn is_live(&self) -> bool {
        !self.is_dead() && self.cell.is_none()
    }

    fn is_dead(&self) -> bool {
        self.address.is_null()
    }

    fn die(&mut self) {
        self.address = std::ptr::null();
        self.cell = None;
    }
}

pub(crate) struct Entries {
    /// Those of the stack, oldest first; without the oldest, which came from elsewhere.
    known: Vec<Entry>,
    /// How many of them, the first, are known to be gone.
    gone: usize,
    /// Which is to be armed next: the one below is live, or gone.
    next: usize,
    /// How many are live, those from elsewhere included.
    live: usize,
    /// How many are spare.
    spare: usize,
    /// How many have come from elsewhere, and are still here.
    others: usize,
    /// The number of the first that is known.
    first: u32,
    /// Which stack it is, and what others have claimed of it.
    strays: Strays,
    pushes: u32,
    /// The number of the push at which the oldest was shed, and was live.
    mistaken_at: u32,
    gauge: Arc<Gauge>,
}

/// What came of an attempt to arm an entry.
enum Armed<T> {
    Yes(Arc<T>),
    /// A thief was faster.
    Lost,
    /// It's live or dead, or of another place or kind.
    No,
}

impl Entries {
    pub(crate) fn new(gauge: Arc<Gauge>) -> Self {
        Self {
            known: Vec::new(),
            gone: 0,
            next: 0,
            live: 0,
            spare: 0,
            others: 0,
            first: 0,
            strays: Strays::new(),
            pushes: 0,
            mistaken_at: 0,
            gauge,
        }
    }

    /// Puts an entry on top. `Err`: thieves come, and would find it late there.
    pub(crate) fn push(
        &mut self,
        start: Start,
        queue: &Worker<Start>,
        thieves_come: bool,
    ) -> Result<(), Start> {
        self.pushes = self.pushes.wrapping_add(1);
        if self.pushes % TIDY_EVERY == 0 {
            self.tidy(queue);
        }
        if thieves_come && self.is_deep() {
            self.tell();
            return Err(start);
        }
        self.put(start, queue);
        Ok(())
    }

    /// The same, whoever comes.
    pub(crate) fn put(&mut self, start: Start, queue: &Worker<Start>) {
        let at = self.known.len();
        let number = self.first.wrapping_add(at as u32);
        start.lies_at(Berth::new(self.strays.queue, number));
        self.known.push(Entry {
            address: start.address(),
            cell: None,
        });
        self.goes_live(at);
        queue.push(start);
    }

    /// Whether there are many stale ones that others have claimed.
    #[inline]
    pub(crate) fn has_strays(&self) -> bool {
        let here = || self.known.len() - self.gone;
        self.strays.are_too_many(here)
    }

    #[inline(always)]
    fn goes_live(&mut self, at: usize) {
        self.live += 1;
        // A few that do not fit are passed over, and come by again as those above are claimed.
        if at - self.next > NEAR {
            return self.tell();
        }
        self.next = at + 1;
        if self.known.get(self.next).is_some_and(Entry::is_live) {
            self.rise();
        }
        self.gauge.set(self.live, false);
    }

    #[inline]
    fn tell(&self) {
        let misfits = self.live > 0 && self.others == 0 && self.next == self.gone;
        self.gauge.set(self.live, misfits);
    }

    /// Those above were armed before.
    #[cold]
    fn rise(&mut self) {
        while self.known.get(self.next).is_some_and(Entry::is_live) {
            self.next += 1;
        }
    }

    /// Arms an entry that is spare. `true`: nobody need be told.
    #[inline]
    pub(crate) fn arm<T: Any + Send + Sync>(
        &mut self,
        fits: impl Fn(&T) -> bool,
        mut arm: impl FnMut(&T) -> bool,
        queue: &Worker<Start>,
    ) -> Option<(Arc<T>, bool)> {
        let at = self.next;
        if at >= self.known.len() {
            return None;
        }
        if let Armed::Yes(cell) = self.arm_at(at, &fits, &mut arm) {
            debug_assert!(at == self.gone || self.known[at - 1].is_live());
            return Some((cell, true));
        }
        let cell = self.arm_another(fits, arm, queue)?;
        Some((cell, false))
    }

    #[cold]
    fn arm_another<T: Any + Send + Sync>(
        &mut self,
        fits: impl Fn(&T) -> bool,
        mut arm: impl FnMut(&T) -> bool,
        queue: &Worker<Start>,
    ) -> Option<Arc<T>> {
        // Dead or lost, the one that was tried may be gone, with others.
        self.tidy(queue);
        let mut at = self.next;
        let mut arm_at = |this: &mut Self, at| this.arm_at(at, &fits, &mut arm);
        for _ in 0..NEAR {
            match arm_at(self, at) {
                Armed::Yes(cell) => return Some(cell),
                Armed::Lost => {
                    self.tidy(queue);
                    at = self.next;
                }
                Armed::No => at += 1,
            }
        }
        if self.is_deep() {
            return None;
        }
        // What did not fit when it was pushed is on top.
        let top = self.known.len();
        let near_top = at.max(top.saturating_sub(NEAR))..top;
        near_top.rev().find_map(|at| match arm_at(self, at) {
            Armed::Yes(cell) => Some(cell),
            Armed::Lost | Armed::No => None,
        })
    }

    #[inline(always)]
    fn arm_at<T: Any + Send + Sync>(
        &mut self,
        at: usize,
        fits: &impl Fn(&T) -> bool,
        arm: &mut impl FnMut(&T) -> bool,
    ) -> Armed<T> {
        let Some(entry) = self.known.get_mut(at) else {
            return Armed::No;
        };
        let Some(cell) = entry.cell.take() else {
            return Armed::No;
        };
        let cell = match cell.downcast::<T>() {
            Ok(cell) if fits(&cell) => cell,
            Ok(unfit) => {
                entry.cell = Some(unfit);
                return Armed::No;
            }
            Err(unfit) => {
                entry.cell = Some(unfit);
                return Armed::No;
            }
        };
        self.spare -= 1;
        // (That the count is read `Relaxed` does: what is in the cell is behind its lock.)
        let owners = Arc::strong_count(&cell);
        if owners == 2 && arm(&cell) {
            self.goes_live(at);
            return Armed::Yes(cell);
        }
        entry.die();
        if owners <= 2 { Armed::Lost } else { Armed::No }
    }

    /// Whether an entry was put here.
    #[inline]
    pub(crate) fn has(&self, berth: Berth) -> bool {
        berth.queue() == self.strays.queue && berth.queue() != 0
    }

    /// A task is started that may have its entry here; `false`: it has not. If its cell is given, the entry is spare now.
    #[inline]
    pub(crate) fn end(
        &mut self,
        berth: Berth,
        address: *const (),
        cell: Option<Kept>,
        queue: &Worker<Start>,
    ) -> bool {
        if !self.has(berth) {
            return false;
        }
        let at = berth.number().wrapping_sub(self.first) as usize;
        let Some(entry) = self.known.get_mut(at) else {
            return true;
        };
        if entry.address != address || entry.cell.is_some() {
            return true;
        }
        if cell.is_some() && self.spare < MOST {
            self.spare += 1;
            entry.cell = cell;
        } else {
            entry.die();
        }
        self.live -= 1;
        if at + 1 == self.next {
            self.fall();
        }
        self.tell();
        while self.known.last().is_some_and(Entry::is_dead) {
            self.drop_top(queue);
        }
        true
    }

    /// Whether there are many stale ones that are not used again: they do not fit, or live ones lie above.
    pub(crate) fn has_too_many(&self) -> bool {
        let here = self.known.len() - self.gone;
        let unfit = self.known.len() - self.next > 2 * NEAR;
        let many = here > 2 * self.live + 8 * NEAR;
        // What is taken for live may have been cancelled, or claimed elsewhere.
        let far_too_many = here > 4 * (self.live + 8 * NEAR)
            && self.pushes.wrapping_sub(self.mistaken_at) >= TIDY_EVERY;
        let is_sheddable = || self.others == 0 && !self.known[self.gone].is_live();
        far_too_many || (unfit || many) && is_sheddable()
    }

    /// The oldest was live indeed: not soon again.
    pub(crate) fn was_mistaken(&mut self) {
        self.mistaken_at = self.pushes;
    }

    /// Whether thieves, who come to the oldest first, have so many stale ones before them that they find late what lies on top.
    fn is_deep(&self) -> bool {
        self.next == self.gone && self.known.len() - self.next > FAR
    }

    #[inline]
    fn fall(&mut self) {
        while self.next > self.gone && !self.known[self.next - 1].is_live() {
            self.next -= 1;
        }
    }

    fn drop_top(&mut self, queue: &Worker<Start>) {
        self.known.pop();
        match queue.pop() {
            Some(start) => {
                self.cut();
                debug_assert!(!start.is_fresh(), "it would be cancelled");
                drop(start);
            }
            None => self.clear(),
        }
    }

    /// The topmost was taken off.
    fn cut(&mut self) {
        self.gone = self.gone.min(self.known.len());
        self.next = self.next.min(self.known.len());
    }

    fn clear(&mut self) {
        // Who looks again and again for work has nothing to tell.
        let is_news = self.live > 0 || !self.known.is_empty();
        self.known.clear();
        (self.gone, self.next, self.live, self.spare, self.others) = (0, 0, 0, 0, 0);
        if is_news {
            self.tell();
        }
    }

    /// Forgets what thieves have taken. After that the next to be armed may be one that nobody looked at: a push comes first, here
    /// or to the queue for all, or an entry that somebody is told of.
    #[cold]
    pub(crate) fn tidy(&mut self, queue: &Worker<Start>) {
        let gone = self.known.len().saturating_sub(queue.len());
        for entry in self.known.iter_mut().take(gone).skip(self.gone) {
            self.live -= usize::from(entry.is_live());
            self.spare -= usize::from(entry.cell.is_some());
            entry.die();
        }
        self.gone = self.gone.max(gone);
        if self.next < self.gone {
            self.next = self.gone;
            self.rise();
        }
        self.set_others(queue.len().saturating_sub(self.known.len()));
        if self.gone > self.known.len() / 2 {
            self.known.drain(..self.gone);
            self.first = self.first.wrapping_add(self.gone as u32);
            self.next -= self.gone;
            self.gone = 0;
        }
    }

    /// Takes off the newest entry.
    pub(crate) fn pop(&mut self, queue: &Worker<Start>) -> Option<Start> {
        let Some(start) = queue.pop() else {
            self.clear();
            return None;
        };
        match self.known.pop() {
            Some(entry) => {
                self.live -= usize::from(entry.is_live());
                self.spare -= usize::from(entry.cell.is_some());
                self.cut();
                self.fall();
            }
            None => self.set_others(queue.len()),
        }
        self.tell();
        Some(start)
    }

    /// So many entries have come from elsewhere; there were none.
    pub(crate) fn take_over(&mut self, others: usize) {
        self.clear();
        self.set_others(others);
        self.tell();
    }

    fn set_others(&mut self, others: usize) {
        let before = mem::replace(&mut self.others, others);
        self.live = self.live - before + others;
    }
}
