//! A thief at a stack whose owner claims its tasks itself.

use std::panic::Location;
use std::thread;
use std::time::Duration;

use super::*;
use crate::entries::Entries;
use crate::sync::deque::Worker;
use crate::task::{self, Task};
use crate::work::Call;

type Cell = Arc<Task<Call<fn()>>>;

struct Owner {
    entries: Entries,
    queue: Worker<Start>,
}

impl Owner {
    fn new(queues: &Queues) -> Self {
        let queue = Worker::new_lifo();
        let gauge = Arc::new(Gauge::default());
        queues.add(Side::Stack(queue.stealer(), Arc::clone(&gauge)));
        let entries = Entries::new(gauge);
        Self { entries, queue }
    }

    fn spawn(&mut self) -> Cell {
        let (task, start) = task::with_entry(Call((|| ()) as fn()), Location::caller());
        assert!(self.entries.push(start, &self.queue, true).is_ok());
        task
    }

    fn spawn_one_and_claim_another(&mut self) {
        let _one = self.spawn();
        let another = self.spawn();
        assert!(another.start_claimed().is_some());
        let address = Arc::as_ptr(&another).cast();
        self.entries
            .end(another.berth(), address, None, &self.queue);
    }
}

fn steals(queues: &Queues, thief: &mut Thief) -> bool {
    queues.steal_by(thief, |tasks| tasks.steal()).is_some()
}

#[test]
fn a_thief_whose_task_was_large_comes_for_the_next_ones_at_once() {
    let queues = Queues::new();
    let (mut owner, mut thief) = (Owner::new(&queues), queues.thief());
    owner.spawn_one_and_claim_another();
    assert!(steals(&queues, &mut thief));
    // As long as it takes to run it.
    thread::sleep(Duration::from_millis(1));
    thief.ran();
    for _ in 0..3 {
        owner.spawn_one_and_claim_another();
        assert!(steals(&queues, &mut thief));
    }
}
