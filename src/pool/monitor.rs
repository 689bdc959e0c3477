//! Growth: nobody says whether a closure blocks, so somebody has to look.
//!
//! The monitor sleeps while no work waits. While work waits and nobody is free for it, it looks at the
//! workers once a tick: one that is in a job, and that the operating system, tick after tick, calls
//! neither running nor ready to run, is presumed blocked, and another may take its place. (A thread that is merely preempted is ready to run: computing never grows the
//! pool, however loaded the machine is.) If everybody turns out to be blocked, tick after tick,
//! the number of threads doubles.
//!
//! Where the operating system can't be asked, a job that takes long is presumed blocked, and the
//! pool grows slowly.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::core::Core;
use super::seat::{Doing, Seat};
use super::sleep::Wake;
use crate::sync::{Arc, Parker, Weak, times};

const TICK: Duration = Duration::from_millis(1);

/// How long a thread that was woken may take to come before another is woken: the system may have put it on
/// the core of the very thread that adds the jobs, to wait there for milliseconds.
const GRACE: Duration = Duration::from_micros(50);

/// How much longer than a look in vain the pause after it is at least: to look at a thousand blocked
/// threads takes milliseconds, and at the pool's cap that may go on for long.
const REST: u32 = 4;

/// Ticks without waiting work until the monitor sleeps: to be woken for each job costs more.
const PATIENCE: u32 = times(10, 1);

/// How often in a row a worker has to be seen blocked: once may be a short wait for a lock.
const STRIKES: u32 = 2;

/// The same where nothing can be seen but that the job is still the same.
const BLIND_STRIKES: u32 = times(100, 1);

/// What the monitor remembers of a worker.
#[derive(Clone, Copy)]
struct Sight {
    job: u64,
    /// How often in a row it was seen blocked.
    strikes: u32,
}

/// What one look at all of them came to.
#[derive(Default)]
struct Tally {
    computing: usize,
    /// Seen blocked, not often enough to be sure.
    doubtful: usize,
}

#[derive(Default)]
pub(super) struct Monitor {
    sights: HashMap<*const Seat, Sight>,
    /// How many threads to add if everybody is blocked still: doubles while it lasts.
    stride: usize,
}

pub(super) fn run(core: &Weak<Core>, parker: &Parker) {
    let mut monitor = Monitor::default();
    let mut workless = 0;
    // Whether the last look found that somebody has still to come.
    let mut awaited = false;
    // Held for a tick only: a pool that is dropped needs no monitor. Asleep, it is woken when the pool
    // closes and whenever a thread leaves after that.
    while let Some(core) = core.upgrade() {
        let counts = core.sleep.counts();
        if counts.closed() && core.sleep.alive() == 0 {
            return;
        }
        let injected = core.queues.injected();
        let waits = core.queues.has_work();
        workless = if waits { 0 } else { workless + 1 };
        if core.queues.injected() > injected {
            // It had an entry in its hands, which nobody else could see meanwhile.
            core.notify();
        }
        if workless >= PATIENCE {
            monitor = Monitor::default();
            workless = 0;
            core.sleep.monitor_sleeps();
            // The look after it is said.
            if core.queues.has_work() {
                core.notify();
            }
            drop(core);
            parker.park();
            continue;
        }
        let mut pause = TICK;
        if waits && counts.searching() == 0 {
            let start = Instant::now();
            if !monitor.look(&core) {
                pause = pause.max(start.elapsed() * REST);
            }
        }
        let awaits = waits && core.sleep.waits_for_one(counts);
        if awaits && awaited {
            core.wake(core.sleep.wake_second());
        }
        awaited = awaits && !awaited;
        if awaited {
            pause = GRACE;
        }
        drop(core);
        parker.park_timeout(pause);
    }
}

impl Monitor {
    /// `true`: the pool has grown.
    pub(super) fn look(&mut self, core: &Arc<Core>) -> bool {
        let seats = core.seats.lock().clone();
        let mut tally = Tally::default();
        let mut sights = HashMap::with_capacity(seats.len());
        for seat in &seats {
            let status = seat.status();
            match status.doing {
                Doing::Looking | Doing::Waiting => {}
                Doing::Presumed => {
                    // It may have gone on within the same job.
                    if seat.is_blocked() == Some(false) {
                        // Counted first: it may end its job at once, and a count must not run below zero.
                        core.sleep.goes_on();
                        if seat.presume(status.job, Doing::Presumed, Doing::Working) {
                            tally.computing += 1;
                        } else {
                            core.sleep.blocks();
                        }
                    }
                }
                Doing::Working => {
                    let before = self.sights.get(&Arc::as_ptr(seat)).copied();
                    let sight = Sight::of(seat, status.job, before);
                    if sight.strikes == 0 {
                        tally.computing += 1;
                    } else if !sight.is_certain(seat, self.stride > 0) {
                        tally.doubtful += 1;
                    } else if seat.presume(status.job, Doing::Working, Doing::Presumed) {
                        core.sleep.blocks();
                    }
                    sights.insert(Arc::as_ptr(seat), sight);
                }
            }
            // Enough of them compute: whatever the others do, the pool need not grow.
            if tally.computing >= core.sleep.target {
                break;
            }
        }
        self.sights = sights;
        self.grow(core, &tally)
    }

    fn grow(&mut self, core: &Arc<Core>, tally: &Tally) -> bool {
        let target = core.sleep.target;
        let active = core.sleep.counts().active();
        let everybody_blocked = active == 0 && core.sleep.alive() > target;
        if tally.computing > 0 {
            self.stride = 0;
        } else if everybody_blocked {
            // Those too who came to help: more of the same is to be expected.
            self.stride = (self.stride * 2).clamp(target, core.sleep.max_threads);
        } else if tally.doubtful > 0 {
            // The next look tells; to add one a tick meanwhile would put it off for ever.
            return false;
        }
        let missing = if everybody_blocked {
            self.stride
        } else {
            target.saturating_sub(active)
        };
        let mut grows = false;
        for _ in 0..missing.min(core.queues.len()) {
            match core.sleep.wake_up_to(active + missing) {
                Wake::Nobody => break,
                wake => core.wake(wake),
            }
            grows = true;
        }
        grows
    }
}

impl Sight {
    /// One more look at a worker that is in a job.
    fn of(seat: &Seat, job: u64, before: Option<Self>) -> Self {
        let before = before.unwrap_or(Self { job, strikes: 0 });
        let strikes = match seat.is_blocked() {
            Some(true) => before.strikes + 1,
            // Nothing to be seen: all that counts is whether the job is still the same.
            None if before.job == job => before.strikes + 1,
            Some(false) | None => 0,
        };
        Self { job, strikes }
    }

    fn is_certain(self, seat: &Seat, growing: bool) -> bool {
        let needed = match seat.os {
            None => BLIND_STRIKES,
            Some(_) if growing => 1,
            Some(_) => STRIKES,
        };
        self.strikes >= needed
    }
}
