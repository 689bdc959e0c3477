//! Entries that are armed, with nobody told of it: no wake-up is lost.
//!
//! Here are the queues and what a thread knows of its entries, without the pool: one worker, which sleeps as the pool's do.

use std::panic::Location;
use std::task::Poll;

use loom::thread;

use super::{Queues, Side, Thief};
use crate::entries::{Entries, Gauge};
use crate::job::Job;
use crate::models::{Bed, explore};
use crate::rights::{Gives, Start};
use crate::sync::deque::Worker;
use crate::sync::{Arc, AtomicBool, Ordering, fence};
use crate::task::{self, Task};
use crate::work::Call;

type Cell = Arc<Task<Call<fn()>>>;

/// What the worker and who spawns share.
struct Shared {
    queues: Queues,
    sleeps: AtomicBool,
    bed: Bed,
    /// The worker is to leave.
    last: AtomicBool,
}

/// Who spawns.
struct Owner {
    shared: Arc<Shared>,
    entries: Entries,
    queue: Worker<Start>,
}

impl Owner {
    fn new() -> Self {
        let queue = Worker::new_lifo();
        let gauge = Arc::new(Gauge::default());
        let queues = Queues::new();
        queues.open(Side::Stack(queue.stealer(), Arc::clone(&gauge)));
        let shared = Shared {
            queues,
            sleeps: AtomicBool::new(false),
            bed: Bed::new(),
            last: AtomicBool::new(false),
        };
        Self {
            shared: Arc::new(shared),
            entries: Entries::new(gauge),
            queue,
        }
    }

    /// All at one place.
    fn spawn(&mut self) -> Cell {
        self.spawn_at(Location::caller())
    }

    fn spawn_at(&mut self, place: &'static Location<'static>) -> Cell {
        let mut work = Some(Call((|| ()) as fn()));
        let fits = |task: &Task<Call<fn()>>| task.spawned_at() == place;
        let armed = self
            .entries
            .arm(fits, |task| task.renew(&mut work), &self.queue);
        if let Some((task, unheard)) = armed {
            if !unheard {
                self.tell();
            }
            return task;
        }
        let (task, start) = task::with_entry(work.unwrap(), place);
        if let Err(start) = self.entries.push(start, &self.queue, true) {
            self.shared.queues.add(start);
        }
        self.tell();
        task
    }

    /// As a pool does after a push.
    fn tell(&self) {
        fence(Ordering::SeqCst);
        if self.shared.sleeps.load(Ordering::Relaxed) {
            self.shared.bed.wake();
        }
    }

    /// As a `get` does, if the worker was not faster.
    fn claim(&mut self, task: Cell) {
        if task.start_claimed().is_some() {
            let (berth, address) = (task.berth(), Arc::as_ptr(&task).cast());
            self.entries.end(berth, address, Some(task), &self.queue);
        }
    }

    /// Two entries, if the worker was not faster.
    fn leave_two_spare(&mut self) {
        let [first, second] = [(); 2].map(|()| self.spawn());
        self.claim(second);
        self.claim(first);
    }

    /// Waits for the worker to run it.
    fn wait(&self, task: &Cell) {
        let bed = Bed::new();
        let outcome = loop {
            match task.poll(bed.context().waker()) {
                Poll::Ready(outcome) => break outcome,
                Poll::Pending => bed.sleep(),
            }
        };
        assert!(outcome.is_ok(), "it was cancelled");
        self.shared.last.store(true, Ordering::SeqCst);
        self.shared.bed.wake();
    }
}

impl Shared {
    fn steal(&self, thief: &mut Thief) -> Option<Job> {
        self.queues.steal_by(thief, |tasks| tasks.steal())
    }

    fn work(&self) {
        let mut thief = self.queues.thief();
        while !self.last.load(Ordering::SeqCst) {
            if let Some(job) = self.steal(&mut thief) {
                job.run();
                continue;
            }
            self.sleeps.swap(true, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            if !self.queues.has_work_for(&mut thief) {
                self.bed.sleep();
            }
            self.sleeps.swap(false, Ordering::SeqCst);
        }
        // What was claimed meanwhile.
        while self.steal(&mut thief).map(Job::run).is_some() {}
    }
}

fn with_worker(preemptions: usize, spawns: impl Fn(&mut Owner) -> Cell + Send + Sync + 'static) {
    explore(preemptions, move || {
        let mut owner = Owner::new();
        let shared = Arc::clone(&owner.shared);
        let worker = thread::spawn(move || shared.work());
        let task = spawns(&mut owner);
        owner.wait(&task);
        worker.join().unwrap();
    });
}

#[test]
fn an_armed_task_meets_a_worker_that_falls_asleep() {
    with_worker(2, |owner| {
        let first = owner.spawn();
        owner.claim(first);
        owner.spawn()
    });
}

#[test]
fn an_armed_task_above_a_spare_entry_meets_a_worker_that_falls_asleep() {
    with_worker(2, |owner| {
        owner.leave_two_spare();
        let [first, second] = [(); 2].map(|()| owner.spawn());
        owner.claim(first);
        second
    });
}

#[test]
fn a_task_armed_in_place_of_a_lost_one_meets_a_worker_that_falls_asleep() {
    with_worker(2, |owner| {
        owner.leave_two_spare();
        owner.spawn()
    });
}

/// It goes to the queue for all.
#[test]
fn a_task_that_would_lie_above_spare_entries_meets_a_worker_that_falls_asleep() {
    with_worker(2, |owner| {
        owner.leave_two_spare();
        owner.spawn_at(Location::caller())
    });
}

#[test]
fn a_task_armed_where_others_were_claimed_oldest_first_meets_a_worker_that_falls_asleep() {
    with_worker(2, |owner| {
        let [first, second] = [(); 2].map(|()| owner.spawn());
        owner.claim(first);
        owner.claim(second);
        owner.spawn()
    });
}

/// It is told of; the next one, right above it, is not.
#[test]
fn a_task_armed_above_one_that_does_not_fit_meets_a_worker_that_falls_asleep() {
    with_worker(1, |owner| {
        let place = Location::caller();
        let other = owner.spawn();
        let [first, second] = [(); 2].map(|()| owner.spawn_at(place));
        for task in [second, first, other] {
            owner.claim(task);
        }
        let [first, second] = [(); 2].map(|()| owner.spawn_at(place));
        owner.claim(first);
        second
    });
}

#[test]
fn a_task_armed_again_and_again_meets_a_worker_that_falls_asleep() {
    with_worker(2, |owner| {
        for _ in 0..2 {
            let task = owner.spawn();
            owner.claim(task);
        }
        owner.spawn()
    });
}
