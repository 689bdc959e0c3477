//! A thief at a stack whose owner claims its tasks itself.

use std::thread;
use std::time::Duration;

use super::*;
use crate::pool::pace::tests::Owner;

fn spawn_one_and_claim_another(owner: &mut Owner) {
    owner.spawn();
    owner.spawn_and_claim();
}

fn steals(queues: &Queues, thief: &mut Thief) -> bool {
    queues.steal_by(thief, |tasks| tasks.steal()).is_some()
}

#[test]
fn a_thief_whose_task_was_large_comes_for_the_next_ones_at_once() {
    let queues = Queues::new();
    let mut owner = Owner::new();
    let side = Side::Stack(owner.queue.stealer(), Arc::clone(&owner.gauge));
    queues.open(side);
    let mut thief = queues.thief();
    spawn_one_and_claim_another(&mut owner);
    assert!(steals(&queues, &mut thief));
    // As long as it takes to run it.
    thread::sleep(Duration::from_millis(1));
    thief.ran();
    for _ in 0..3 {
        spawn_one_and_claim_another(&mut owner);
        assert!(steals(&queues, &mut thief));
    }
}
