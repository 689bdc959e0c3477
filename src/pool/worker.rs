//! A worker's life: find a job, run it, sleep, retire.

use std::rc::Rc;

use std::cell::Cell;
use std::iter;
use std::time::{Duration, Instant};

use super::core::Core;
use super::os::OsThread;
use super::queues::Thief;
use super::seat::{Doing, Seat};
use super::sleep::{Rest, SOON};
use crate::job::{Entry, Job, Visited};
use crate::rights::Visit;
use crate::sync::{Arc, Ordering, Parker, parker, times};
use crate::wait::Host;
use crate::{local, polling, stack, wait};

/// How often a searcher looks before it sleeps: to be woken takes longer than to look again.
const LOOKS: usize = times(20, 1);

/// The same, if it was woken [soon](SOON) the last time that it slept: where tasks come one by one, to sleep
/// between them costs more than all the rest.
const PATIENT_LOOKS: usize = times(40, 1);

/// How long it pauses between two looks: to look often would slow down those at whose queues it looks.
const SPINS: usize = 16;

/// A thread with an endless supply of jobs of its own takes some of each so many (a prime, as Go's scheduler
/// has it) from elsewhere: one of the queue for all, one of its line, and one of any thread's.
const FAIR_EVERY: u64 = 61;
const INJECTED_AT: u64 = 0;
const LINE_AT: u64 = 20;
const OTHERS_AT: u64 = 40;

/// How long a worker sleeps before it lets an agent go whose callers do its work: about what it takes to
/// be woken.
const NAP: Duration = Duration::from_micros(20);

struct WorkerThread {
    core: Arc<Core>,
    seat: Arc<Seat>,
    thief: Thief,
    parker: Parker,
    /// An agent that had nothing more to do. It is let go when this thread has fallen asleep, not before:
    /// a caller who does the work alone would bring the job back at once, and again, for ever.
    visited: Option<(Job, Visit)>,
    /// What this thread got up for.
    next: Option<Job>,
    /// How often to look before sleeping.
    looks: usize,
    /// Whether the queue for all comes before this thread's line.
    injecteds_turn: bool,
    /// The number of the current job.
    job: Rc<Cell<u64>>,
}

pub(super) fn run(core: Arc<Core>) {
    stack::begin_own_thread(core.config.stack_size);
    local::work_for(core.id());
    polling::begin_work();
    let (parker, unparker) = parker();
    let seat = Arc::new(Seat::new(unparker, OsThread::current()));
    let job = Rc::new(Cell::new(0));
    let host = Hosted {
        core: Arc::clone(&core),
        seat: Arc::clone(&seat),
        job: Rc::clone(&job),
    };
    wait::install_host(Rc::new(host));
    core.seats.lock().push(Arc::clone(&seat));
    let thief = core.queues.thief();
    WorkerThread {
        core,
        seat,
        thief,
        parker,
        visited: None,
        next: None,
        looks: LOOKS,
        injecteds_turn: false,
        job,
    }
    .run();
}

impl WorkerThread {
    fn run(mut self) {
        // A new thread is counted as searching: somebody wanted it for a job.
        let mut searching = true;
        loop {
            let ran = (!searching && self.run_next()) || self.run_found(searching);
            searching = if ran {
                // To have slept is to have been woken to search.
                self.core.sleep.rest_if_surplus(&self.seat) && {
                    if !self.sleep() {
                        return self.leave();
                    }
                    true
                }
            } else {
                let (core, thief) = (&self.core, &mut self.thief);
                let has_work = || core.queues.has_work_still(thief);
                match core.sleep.rest(&self.seat, Instant::now(), has_work) {
                    Rest::Leave => {
                        if let Some((held, _)) = self.visited.take() {
                            held.run();
                        }
                        return self.leave();
                    }
                    Rest::Asleep if !self.sleep() => return self.leave(),
                    Rest::Asleep | Rest::Stay => true,
                }
            };
        }
    }

    /// Runs a job that is at hand. `false`: there is none.
    fn run_next(&mut self) -> bool {
        if let Some(job) = self.fair_job() {
            self.execute(job);
        } else if let Some(start) = local::pop() {
            // Tasks and futures each by themselves: as what they are they stay in registers.
            self.execute(start);
        } else if let Some(job) = self.injected_by_turns() {
            self.execute(job);
        } else if let Some(future) = local::take_first_in_line() {
            self.injecteds_turn = true;
            self.execute(future);
        } else if let Some(job) = self.core.queues.take_injected() {
            // Without being counted as searching: futures that are woken from outside are there.
            self.execute(job);
        } else {
            return false;
        }
        true
    }

    /// Now and then a job of those that this thread might never come to.
    #[inline]
    fn fair_job(&mut self) -> Option<Job> {
        match self.job.get() % FAIR_EVERY {
            INJECTED_AT => self.core.queues.take_injected(),
            LINE_AT => local::take_first_in_line().map(Entry::into_job),
            OTHERS_AT => self.core.queues.take_in_turn(&mut self.thief),
            _ => None,
        }
    }

    /// The queue for all has its turn with this thread's line: both may be endless.
    #[inline]
    fn injected_by_turns(&mut self) -> Option<Job> {
        if !self.injecteds_turn {
            return None;
        }
        let job = self.core.queues.take_injected();
        self.injecteds_turn = job.is_none();
        job
    }

    /// Looks for a job, and runs it. `false`: there is none, and this thread searches still.
    fn run_found(&mut self, searching: bool) -> bool {
        if searching {
            self.core.sleep.has_come();
        } else {
            self.core.sleep.starts_searching();
        }
        let Some(job) = self.search() else {
            return false;
        };
        if self.core.sleep.stops_searching() {
            self.wake_next();
        }
        self.execute(job);
        self.thief.ran();
        true
    }

    /// One look at all the places where there may be a job, in the order of [`run_next`](Self::run_next).
    fn look(&mut self) -> Option<Job> {
        if let Some(start) = local::pop() {
            return Some(start.into_job());
        }
        if let Some(job) = self.injected_by_turns() {
            return Some(job);
        }
        if let Some(future) = local::take_first_in_line() {
            self.injecteds_turn = true;
            return Some(future.into_job());
        }
        let core = &self.core;
        core.queues
            .steal_by(&mut self.thief, |tasks| core.take_over(tasks))
    }

    fn search(&mut self) -> Option<Job> {
        let mut found = self.next.take().or_else(|| self.fair_job());
        for _ in 0..self.looks {
            found = found.or_else(|| self.look());
            if found.is_some() {
                break;
            }
            for _ in 0..SPINS {
                std::hint::spin_loop();
            }
        }
        found
    }

    /// This worker found a job and nobody searches on: if there is more, somebody should.
    fn wake_next(&mut self) {
        let counts = self.core.sleep.counts();
        if self.core.sleep.wants_wake(counts) && self.core.queues.has_work_for(&mut self.thief) {
            self.core.notify();
        }
    }

    fn execute(&mut self, job: impl Visited) {
        let number = self.begin();
        self.visited = job.visit();
        if self.seat.set(number, Doing::Looking) == Doing::Presumed {
            self.core.sleep.goes_on();
        }
    }

    /// Says that a job begins; gives its number.
    fn begin(&mut self) -> u64 {
        let number = self.job.get() + 1;
        self.job.set(number);
        self.leave_held();
        self.seat.works_on(number);
        // With a backlog behind this job and nobody to take it on, the monitor has to see whether
        // this job blocks: no push may come to wake it.
        let counts = self.core.sleep.counts();
        if counts.monitor_asleep()
            && counts.active() >= self.core.sleep.target
            && self.core.queues.has_work_for(&mut self.thief)
        {
            self.core.notify();
        }
        // Not here and now: its messages may block, and for this very job.
        if let Some(held) = self.visited.take().and_then(|(held, _)| held.let_go()) {
            self.core.queues.inject(held);
            self.core.notify();
        }
        number
    }

    /// Sleeps, being on the list of sleepers. `false`: the keep-alive is over, to leave.
    fn sleep(&mut self) -> bool {
        let since = Instant::now();
        self.leave_held();
        let sleep = &self.core.sleep;
        // The look after the count changed: see the protocol. A push meanwhile has left it to this worker,
        // which was searching, be it to take the job or to see that the monitor is awake.
        let counts = sleep.counts();
        if sleep.wants_wake(counts) && self.core.queues.has_work_for(&mut self.thief) {
            if counts.active() < sleep.target {
                sleep.get_up(&self.seat);
            } else {
                self.core.notify();
            }
        }
        if let Some((job, visit)) = self.visited.take() {
            // Asleep, but for the one who is visited: whoever has something else to do wakes us.
            if visit == Visit::Nap && self.seat.asleep.load(Ordering::Relaxed) {
                self.parker.park_timeout(NAP);
            }
            if let Some(job) = job.let_go() {
                self.next = Some(job);
                sleep.get_up(&self.seat);
            }
        }
        // Relaxed: changed under the list's lock, and whoever changes it unparks us afterwards.
        while self.seat.asleep.load(Ordering::Relaxed) {
            if sleep.alive() > sleep.target {
                if let Some(end) = wait::deadline_in(self.core.config.keep_alive) {
                    if !self.parker.park_deadline(end) {
                        // While it is still counted: on its way to the queue for all a job is seen by nobody.
                        self.leave_jobs();
                        if sleep.retire(&self.seat) {
                            return false;
                        }
                    }
                    continue;
                }
            }
            self.parker.park();
        }
        let soon = since.elapsed() < SOON;
        self.looks = if soon { PATIENT_LOOKS } else { LOOKS };
        true
    }

    /// Leaves to the others the future that this thread has just polled, and which is not what it does next.
    fn leave_held(&self) {
        if let Some(future) = local::take_held() {
            self.core.line_up_for_all(future);
        }
    }

    /// Leaves what this thread has to the others.
    fn leave_jobs(&self) {
        let own = iter::from_fn(|| {
            let task = local::pop().map(Entry::into_job);
            task.or_else(|| local::take_first_in_line().map(Entry::into_job))
        });
        for job in own.filter_map(Job::unless_stale) {
            self.core.queues.inject(job);
            self.core.notify();
        }
    }

    fn leave(self) {
        self.core
            .seats
            .lock()
            .retain(|seat| !Arc::ptr_eq(seat, &self.seat));
        if self.core.sleep.counts().closed() {
            // Whoever shuts the pool down joins this thread. The monitor leaves after the last.
            self.core.unpark_monitor();
        } else {
            self.core.forget_thread();
        }
    }
}

/// The waits of a worker, told to its pool.
pub(super) struct Hosted {
    pub(super) core: Arc<Core>,
    pub(super) seat: Arc<Seat>,
    pub(super) job: Rc<Cell<u64>>,
}

impl Host for Hosted {
    fn blocks(&self) -> bool {
        // Outside a job (in a destructor as the thread ends) it is not counted as active, and in a wait
        // (if it runs something meanwhile) not any more. Nobody else changes the one or the other.
        if matches!(self.seat.status().doing, Doing::Looking | Doing::Waiting) {
            return false;
        }
        // What the monitor presumed is counted already.
        if self.seat.set(self.job.get(), Doing::Waiting) != Doing::Presumed {
            self.core.sleep.blocks();
        }
        if self.core.queues.has_work() {
            self.core.notify();
        }
        true
    }

    fn goes_on(&self) {
        // Counted first: once it works again the monitor may presume it blocked, and take it from the count.
        self.core.sleep.goes_on();
        self.seat.works_on(self.job.get());
    }
}
