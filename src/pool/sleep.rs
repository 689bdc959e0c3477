//! Who is awake, who sleeps, and whom to wake: so that no job waits while a thread could run it.
//!
//! One word counts the workers:
//!
//! - *active*: awake, and not blocked as far as anybody knows. The pool aims at `target` of them.
//! - *searching*: active, without a job, looking for one (or about to, having just been woken).
//! - *idle*: asleep.
//!
//! Blocked workers are in none of the counts, so that others may take their place.
//!
//! **No wake-up is lost.** Whoever adds a job does so, then (after a fence) reads the counts. Whoever
//! stops looking changes the counts, then (after a fence) looks at the queues once more. One of
//! the two sees the other: either the adder finds that somebody must be woken, or the sleeper finds
//! the job. The same holds for a worker that blocks, and for the monitor as it falls asleep.
//!
//! **Wake-ups are throttled.** While somebody searches nobody else is woken; the last searcher to
//! find a job wakes the next one, if there is more. Only if that searcher was woken and does not come,
//! with several jobs waiting, another is woken in its stead: by the monitor, which gives it some time.

use std::time::{Duration, Instant};

use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, fence, times};

use super::seat::Seat;

const BITS: u32 = 20;
const FIELD: u64 = (1 << BITS) - 1;
const ACTIVE: u64 = 1;
const SEARCHING: u64 = 1 << BITS;
const IDLE: u64 = 1 << (2 * BITS);
const MONITOR_ASLEEP: u64 = 1 << (3 * BITS);
const CLOSED: u64 = 1 << (3 * BITS + 1);

/// Who sleeps no longer than that before it is woken might as well have searched on.
pub(super) const SOON: Duration = times(Duration::from_micros(50), Duration::ZERO);

/// How many workers the counts can tell apart.
pub(super) const MOST_WORKERS: usize = FIELD as usize;

#[derive(Clone, Copy, Debug)]
pub(super) struct Counts(u64);

impl Counts {
    pub(super) fn active(self) -> usize {
        (self.0 & FIELD) as usize
    }

    pub(super) fn searching(self) -> usize {
        ((self.0 >> BITS) & FIELD) as usize
    }

    pub(super) fn idle(self) -> usize {
        ((self.0 >> (2 * BITS)) & FIELD) as usize
    }

    pub(super) fn monitor_asleep(self) -> bool {
        self.0 & MONITOR_ASLEEP != 0
    }

    pub(super) fn closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// Nobody was taken from a count who was not in it: that would make it huge.
    fn is_sound(self) -> bool {
        self.searching() <= self.active() && self.active().max(self.idle()) <= MOST_WORKERS / 2
    }
}

pub(super) struct Sleep {
    counts: AtomicU64,
    /// Somebody was woken, and has not come yet: a hint.
    coming: AtomicBool,
    /// How many workers should be active while there is work.
    pub(super) target: usize,
    pub(super) max_threads: usize,
    crew: Mutex<Crew>,
}

struct Crew {
    /// Latest last: the longest asleep are at the bottom, and retire.
    sleepers: Vec<Arc<Seat>>,
    /// When the latest fell asleep, if it had searched in vain.
    in_vain: Option<Instant>,
    /// Workers that exist, blocked ones too.
    alive: usize,
}

/// Whom to wake.
pub(super) enum Wake {
    Nobody,
    Monitor,
    /// Is counted as searching already.
    Sleeper(Arc<Seat>),
    /// A thread is to be made; it is counted as searching already.
    NewThread,
    /// The pool is closed and its last worker gone: what is queued will not be run.
    NobodyEver,
}

/// What became of a worker that wanted to sleep.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// It is on the list: to park.
    Asleep,
    /// It is to leave, and is not counted any more.
    Leave,
    /// It is to search on.
    Stay,
}

impl Sleep {
    pub(super) fn new(target: usize, max_threads: usize) -> Self {
        Self {
            counts: AtomicU64::new(MONITOR_ASLEEP),
            coming: AtomicBool::new(false),
            target,
            max_threads,
            crew: Mutex::new(Crew {
                sleepers: Vec::new(),
                in_vain: None,
                alive: 0,
            }),
        }
    }

    #[inline]
    pub(super) fn counts(&self) -> Counts {
        Counts(self.counts.load(Ordering::Relaxed))
    }

    /// The counts, read after what this thread did to the queues.
    #[inline]
    pub(super) fn counts_after_push(&self) -> Counts {
        fence(Ordering::SeqCst);
        self.counts()
    }

    fn change(&self, plus: u64, minus: u64) -> Counts {
        // One addition for all fields: a field never runs over, as each is only ever taken from by
        // those who are counted in it. SeqCst: see the fences above.
        let before = self
            .counts
            .fetch_add(plus.wrapping_sub(minus), Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let after = Counts(before.wrapping_add(plus).wrapping_sub(minus));
        debug_assert!(after.is_sound(), "{after:?} after {:?}", Counts(before));
        after
    }

    /// Whether a job that was just added may need [`wake_for_job`](Self::wake_for_job).
    #[inline]
    pub(super) fn wants_wake(&self, counts: Counts) -> bool {
        counts.searching() == 0 && (counts.active() < self.target || counts.monitor_asleep())
    }

    /// Whether somebody looks for a job, or would be woken for one that was just added.
    #[inline]
    pub(super) fn has_comers(&self, counts: Counts) -> bool {
        counts.searching() > 0 || counts.active() < self.target
    }

    /// Whether the only searcher was woken and has not come yet, though there could be more.
    #[inline]
    pub(super) fn waits_for_one(&self, counts: Counts) -> bool {
        counts.searching() == 1
            && counts.active() < self.target
            && self.coming.load(Ordering::Relaxed)
    }

    /// Decides whom to wake for a job that waits.
    pub(super) fn wake_for_job(&self) -> Wake {
        let mut crew = self.crew.lock();
        let counts = self.counts();
        if counts.closed() && crew.alive == 0 {
            return Wake::NobodyEver;
        }
        if counts.searching() > 0 {
            return Wake::Nobody;
        }
        if counts.active() >= self.target {
            return self.wake_monitor();
        }
        self.wake_one(&mut crew)
    }

    /// Wakes another, as the only searcher does not come.
    pub(super) fn wake_second(&self) -> Wake {
        let mut crew = self.crew.lock();
        if self.waits_for_one(self.counts()) {
            self.wake_one(&mut crew)
        } else {
            Wake::Nobody
        }
    }

    /// A searcher that was woken has come.
    pub(super) fn has_come(&self) {
        self.coming.store(false, Ordering::Relaxed);
    }

    /// Adds one of the threads that the pool starts with, be there sleepers or not.
    pub(super) fn first_thread(&self) -> Wake {
        let mut crew = self.crew.lock();
        crew.alive += 1;
        self.change(ACTIVE + SEARCHING, 0);
        Wake::NewThread
    }

    /// Wakes one more, whatever the target says, until so many are active: the monitor's decision, which others
    /// may have carried out meanwhile.
    pub(super) fn wake_up_to(&self, goal: usize) -> Wake {
        let mut crew = self.crew.lock();
        if self.counts().active() >= goal {
            return Wake::Nobody;
        }
        self.wake_one(&mut crew)
    }

    fn wake_one(&self, crew: &mut Crew) -> Wake {
        if let Some(seat) = self.next_sleeper(crew) {
            self.change(ACTIVE + SEARCHING, IDLE);
            self.coming.store(true, Ordering::Relaxed);
            seat.asleep.store(false, Ordering::Relaxed);
            Wake::Sleeper(seat)
        } else if crew.alive < self.max_threads {
            crew.alive += 1;
            self.change(ACTIVE + SEARCHING, 0);
            Wake::NewThread
        } else {
            Wake::Nobody
        }
    }

    /// The one who fell asleep last, as the warmest. But who has searched in vain a moment ago may be on the very core where the tasks are spawned
    /// and got, in the way of both, and would stay there: then the one before.
    fn next_sleeper(&self, crew: &mut Crew) -> Option<Arc<Seat>> {
        let in_the_way = crew.in_vain.take().is_some_and(|at| at.elapsed() < SOON);
        let latest = crew.sleepers.pop();
        // Where one is to be awake the surplus is to retire. (Where more are, one of the surplus may stay as long as this goes on.)
        if in_the_way && self.target > 1 {
            if let Some(before) = crew.sleepers.pop() {
                crew.sleepers.extend(latest);
                return Some(before);
            }
        }
        latest
    }

    pub(super) fn wake_monitor(&self) -> Wake {
        if !self.counts().monitor_asleep() {
            return Wake::Nobody;
        }
        let before = self.counts.fetch_and(!MONITOR_ASLEEP, Ordering::SeqCst);
        if Counts(before).monitor_asleep() {
            Wake::Monitor
        } else {
            Wake::Nobody
        }
    }

    /// The monitor falls asleep; it has to look at the queues once more after this.
    pub(super) fn monitor_sleeps(&self) {
        self.counts.fetch_or(MONITOR_ASLEEP, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// A thread counted by [`Wake::NewThread`] could not be made. Gives the sleeper to be woken
    /// instead: one that fell asleep meanwhile may have left the work to that thread.
    pub(super) fn no_new_thread(&self, has_work: impl FnOnce() -> bool) -> Wake {
        let mut crew = self.crew.lock();
        crew.alive -= 1;
        self.change(0, ACTIVE + SEARCHING);
        if !crew.sleepers.is_empty() && has_work() {
            return self.wake_one(&mut crew);
        }
        Wake::Nobody
    }

    pub(super) fn starts_searching(&self) {
        self.change(SEARCHING, 0);
    }

    /// A searcher has found a job. `true`: it was the last one, and has to wake another if there is
    /// more.
    pub(super) fn stops_searching(&self) -> bool {
        self.change(0, SEARCHING).searching() == 0
    }

    /// A worker is blocked: another may take its place.
    pub(super) fn blocks(&self) {
        self.change(0, ACTIVE);
    }

    /// A worker that was blocked goes on; there may be more than the target for a while.
    pub(super) fn goes_on(&self) {
        self.change(ACTIVE, 0);
    }

    /// A worker that found nothing goes to sleep, or leaves a pool that is closed. If asleep, it has to
    /// look at the queues once more after this.
    pub(super) fn rest(
        &self,
        seat: &Arc<Seat>,
        now: Instant,
        has_work: impl FnOnce() -> bool,
    ) -> Rest {
        let mut crew = self.crew.lock();
        if self.counts().closed() {
            self.change(0, ACTIVE + SEARCHING);
            // The look after the count changed: a job that came in just before finds this worker
            // still here, one that comes now sees that it has left.
            if has_work() {
                self.change(ACTIVE + SEARCHING, 0);
                return Rest::Stay;
            }
            crew.alive -= 1;
            return Rest::Leave;
        }
        self.fall_asleep(&mut crew, seat, SEARCHING);
        crew.in_vain = Some(now);
        Rest::Asleep
    }

    /// A worker that has ended a job goes to sleep if there are more than the target without it.
    /// `true`: it has to look at the queues once more after this.
    pub(super) fn rest_if_surplus(&self, seat: &Arc<Seat>) -> bool {
        if self.counts().active() <= self.target {
            return false;
        }
        // Those who could take the count below the target under our feet, by blocking, look at the
        // queues themselves afterwards.
        let mut crew = self.crew.lock();
        let counts = self.counts();
        let surplus = counts.active() > self.target && !counts.closed();
        if surplus {
            self.fall_asleep(&mut crew, seat, 0);
        }
        surplus
    }

    fn fall_asleep(&self, crew: &mut Crew, seat: &Arc<Seat>, searching: u64) {
        seat.asleep.store(true, Ordering::Relaxed);
        crew.sleepers.push(Arc::clone(seat));
        crew.in_vain = None;
        self.change(IDLE, ACTIVE + searching);
    }

    /// A sleeper has seen work for which nobody is awake: it gets up, searching, unless it is being
    /// woken already.
    pub(super) fn get_up(&self, seat: &Arc<Seat>) {
        let mut crew = self.crew.lock();
        if crew.remove(seat) {
            seat.asleep.store(false, Ordering::Relaxed);
            self.change(ACTIVE + SEARCHING, IDLE);
        }
    }

    /// A sleeper whose keep-alive is over leaves if there are more workers than the target.
    pub(super) fn retire(&self, seat: &Arc<Seat>) -> bool {
        let mut crew = self.crew.lock();
        let retires = crew.alive > self.target && crew.remove(seat);
        if retires {
            crew.alive -= 1;
            self.change(0, IDLE);
        }
        retires
    }

    /// Closes the pool: everybody is woken, to leave once nothing is queued.
    pub(super) fn close(&self) -> Vec<Arc<Seat>> {
        let mut crew = self.crew.lock();
        self.counts.fetch_or(CLOSED, Ordering::SeqCst);
        let sleepers = std::mem::take(&mut crew.sleepers);
        for seat in &sleepers {
            seat.asleep.store(false, Ordering::Relaxed);
            self.change(ACTIVE + SEARCHING, IDLE);
        }
        sleepers
    }

    pub(super) fn alive(&self) -> usize {
        self.crew.lock().alive
    }
}

impl Crew {
    /// One sleeps no more. `false`: it was woken already.
    fn remove(&mut self, seat: &Arc<Seat>) -> bool {
        let is_it = |other: &Arc<Seat>| Arc::ptr_eq(other, seat);
        let Some(index) = self.sleepers.iter().position(is_it) else {
            return false;
        };
        self.sleepers.remove(index);
        self.in_vain = None;
        true
    }
}
