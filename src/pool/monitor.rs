//! Growth: nobody says whether a closure blocks, so somebody has to look.
//!
//! The monitor sleeps while no work waits. While work waits and nobody is free for it, it looks at the
//! workers once a tick: one that has been in the same job since the last tick, and that the
//! operating system calls neither running nor ready to run, is presumed blocked, and another may
//! take its place. (A thread that is merely preempted is ready to run: computing never grows the
//! pool, however loaded the machine is.) If everybody turns out to be blocked, tick after tick,
//! the number of threads doubles.
//!
//! Where the operating system can't be asked, a job that takes long is presumed blocked, and the
//! pool grows slowly.

use std::collections::HashMap;
use std::time::Duration;

use parking::Parker;

use super::core::Core;
use super::seat::{Doing, Seat};
use super::sleep::Wake;
use crate::sync::{Arc, Weak};

const TICK: Duration = Duration::from_millis(1);

/// Ticks without waiting work until the monitor sleeps: to be woken for each job costs more.
const PATIENCE: u32 = 10;

/// How often in a row a worker has to be seen blocked in the same job: once may be a short wait
/// for a lock.
const STRIKES: u32 = 2;

/// The same where nothing can be seen but that the job is still the same.
const BLIND_STRIKES: u32 = 100;

/// What the monitor remembers of a worker.
#[derive(Clone, Copy)]
struct Sight {
    job: u64,
    /// How often in a row it was seen blocked in this job.
    strikes: u32,
}

#[derive(Default)]
struct Monitor {
    sights: HashMap<*const Seat, Sight>,
    /// How many threads to add if everybody is blocked still: doubles while it lasts.
    stride: usize,
}

pub(super) fn run(core: &Weak<Core>, parker: &Parker) {
    let mut monitor = Monitor::default();
    let mut workless = 0;
    // Held for a tick only: a pool that is dropped needs no monitor.
    while let Some(core) = core.upgrade() {
        let counts = core.sleep.counts();
        if counts.closed() && core.sleep.alive() == 0 {
            return core.forget_thread();
        }
        let waits = core.queues.has_work(&mut core.queues.thief());
        workless = if waits { 0 } else { workless + 1 };
        if workless >= PATIENCE && !counts.closed() {
            monitor = Monitor::default();
            workless = 0;
            core.sleep.monitor_sleeps();
            let still = core.sleep.counts();
            if core.queues.has_work(&mut core.queues.thief())
                && still.searching() == 0
                && still.active() >= core.sleep.target
            {
                core.sleep.monitor_wakes();
                continue;
            }
            drop(core);
            parker.park();
            continue;
        }
        if waits && counts.searching() == 0 {
            monitor.look(&core);
        }
        drop(core);
        parker.park_timeout(TICK);
    }
}

impl Monitor {
    fn look(&mut self, core: &Arc<Core>) {
        let seats = core.seats.lock().clone();
        let strikes = if self.stride > 0 { 1 } else { STRIKES };
        let mut computing = 0;
        let mut sights = HashMap::with_capacity(seats.len());
        for seat in &seats {
            let status = seat.status();
            match status.doing {
                Doing::Looking | Doing::Waiting => continue,
                Doing::Presumed => {
                    // It may have gone on within the same job.
                    let goes_on = seat.os.as_ref().is_some_and(|os| os.is_blocked() == Some(false));
                    if goes_on && seat.presume(status.job, Doing::Presumed, Doing::Working) {
                        core.sleep.goes_on();
                        computing += 1;
                    }
                }
                Doing::Working => {
                    let sight = match self.sights.get(&Arc::as_ptr(seat)) {
                        Some(&sight) if sight.job == status.job => sight,
                        _ => Sight { job: status.job, strikes: 0 },
                    };
                    let sight = sight.look_again(seat);
                    let needed = if seat.os.is_some() { strikes } else { BLIND_STRIKES };
                    if sight.strikes == 0 {
                        computing += 1;
                    } else if sight.strikes >= needed
                        && seat.presume(status.job, Doing::Working, Doing::Presumed)
                    {
                        core.sleep.blocks();
                    }
                    sights.insert(Arc::as_ptr(seat), sight);
                }
            }
            // Enough of them compute: whatever the others do, the pool need not grow.
            if computing >= core.sleep.target {
                break;
            }
        }
        self.sights = sights;
        self.grow(core, computing);
    }

    fn grow(&mut self, core: &Arc<Core>, computing: usize) {
        let target = core.sleep.target;
        let active = core.sleep.counts().active();
        let missing = if computing > 0 {
            self.stride = 0;
            target.saturating_sub(active)
        } else if active == 0 && core.sleep.alive() > target {
            // Everybody is blocked, those too who came to help: more of the same is to be expected.
            self.stride = (self.stride * 2).max(target);
            self.stride
        } else {
            target.saturating_sub(active)
        };
        for _ in 0..missing.min(core.queues.len()) {
            match core.sleep.wake_beyond_target() {
                Wake::Nobody => break,
                wake => core.wake(wake),
            }
        }
    }
}

impl Sight {
    /// One more look at a worker that is in the same job still.
    fn look_again(self, seat: &Seat) -> Self {
        let blocked = seat.os.as_ref().and_then(|os| os.is_blocked());
        let strikes = if blocked == Some(false) { 0 } else { self.strikes + 1 };
        Self { strikes, ..self }
    }
}
