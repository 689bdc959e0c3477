//! What becomes of entries, told by one thread that plays the thieves as well.

use std::panic::Location;

use super::*;
use crate::job::Job;
use crate::local::{self, Home};
use crate::rights::{Gives, Redeemed, Run, Value};
use crate::sync::deque::{Steal, Stealer};
use crate::task::{self, Task};
use crate::work::{Call, Work};

type Place = &'static Location<'static>;
type Seven = Arc<Task<Call<fn() -> u32>>>;

/// A thread's stack, and what it knows of it.
struct Owner {
    entries: Entries,
    queue: Worker<Start>,
    stealer: Stealer<Start>,
    gauge: Arc<Gauge>,
}

fn places() -> [Place; 2] {
    [Location::caller(), Location::caller()]
}

fn seven() -> u32 {
    7
}

fn work() -> Call<fn() -> u32> {
    Call(seven)
}

fn address<W: Work>(task: &Arc<Task<W>>) -> *const () {
    Arc::as_ptr(task).cast()
}

fn addresses(tasks: &[Seven]) -> Vec<*const ()> {
    tasks.iter().map(address).collect()
}

impl Owner {
    fn new() -> Self {
        let queue = Worker::new_lifo();
        let gauge = Arc::new(Gauge::default());
        Self {
            entries: Entries::new(Arc::clone(&gauge)),
            stealer: queue.stealer(),
            queue,
            gauge,
        }
    }

    fn push_work<W: Work + 'static>(&mut self, work: W, place: Place) -> Arc<Task<W>> {
        let (task, start) = task::with_entry(work, place);
        let pushed = self.entries.push(start, &self.queue, true);
        assert!(pushed.is_ok(), "it lies too deep");
        task
    }

    fn arm_work<W: Work + 'static>(
        &mut self,
        work: W,
        place: Place,
    ) -> Option<(Arc<Task<W>>, bool)> {
        let mut work = Some(work);
        let fits = |task: &Task<W>| task.is_of(place);
        let arm = |task: &Task<W>| task.renew(&mut work);
        let armed = self.entries.arm(fits, arm, &self.queue);
        assert_eq!(armed.is_some(), work.is_none(), "the work is where it was");
        armed
    }

    fn push(&mut self, place: Place) -> Seven {
        self.push_work(work(), place)
    }

    fn arm(&mut self, place: Place) -> Option<(Seven, bool)> {
        self.arm_work(work(), place)
    }

    fn spawn(&mut self, place: Place) -> Seven {
        match self.arm(place) {
            Some((task, _)) => task,
            None => self.push(place),
        }
    }

    fn spawn_many(&mut self, many: usize, place: Place) -> Vec<Seven> {
        (0..many).map(|_| self.spawn(place)).collect()
    }

    fn claim(&mut self, task: Seven) {
        let work = task.start_claimed().expect("it was not started");
        let (berth, address) = (task.berth(), address(&task));
        self.entries.end(berth, address, Some(task), &self.queue);
        assert_eq!(work.run().unwrap().unwrap(), 7);
    }

    fn claim_newest_first(&mut self, tasks: Vec<Seven>) {
        tasks.into_iter().rev().for_each(|task| self.claim(task));
    }

    /// With the cell kept from the entry.
    fn claim_alone(&mut self, task: &Seven) {
        assert!(task.start_claimed().is_some());
        let (berth, address) = (task.berth(), address(task));
        self.entries.end(berth, address, None, &self.queue);
    }

    /// As many spare entries of a place, the oldest first.
    fn leave_spare(&mut self, many: usize, place: Place) -> Vec<*const ()> {
        let tasks: Vec<_> = (0..many).map(|_| self.push(place)).collect();
        let addresses = addresses(&tasks);
        self.claim_newest_first(tasks);
        addresses
    }

    /// The entries at these addresses are armed, one after the other, and nobody need be told.
    #[track_caller]
    fn arms_in_turn(&mut self, place: Place, addresses: Vec<*const ()>) {
        for address in addresses {
            is_armed(self.arm(place), address, true);
        }
    }

    #[track_caller]
    fn steal(&self) -> Start {
        match self.stealer.steal() {
            Steal::Success(start) => start,
            Steal::Empty | Steal::Retry => panic!("there is none, and no other thief"),
        }
    }

    fn steal_and_run(&self, many: usize) {
        for _ in 0..many {
            self.steal().unless_stale().expect("it is live").run();
        }
    }

    fn tidy(&mut self) {
        self.entries.tidy(&self.queue);
    }

    fn live(&self) -> usize {
        self.gauge.live()
    }
}

#[track_caller]
fn is_armed(armed: Option<(Seven, bool)>, address_before: *const (), unheard: bool) -> Seven {
    let (task, nobody_told) = armed.expect("it is spare");
    assert_eq!(address(&task), address_before);
    assert_eq!(nobody_told, unheard, "whether nobody need be told");
    assert!(task.is_fresh());
    task
}

#[test]
fn a_claimed_tasks_entry_is_armed_again_and_nobody_need_be_told() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let mut task = owner.push(place);
    let first = address(&task);
    for _ in 0..3 {
        owner.claim(task);
        let armed = owner.arm(place);
        task = is_armed(armed, first, true);
        assert_eq!(owner.queue.len(), 1);
    }
    assert!(owner.arm(place).is_none(), "its task waits");
    owner.steal_and_run(1);
    assert_eq!(task.take().unwrap().unwrap(), 7);
}

#[test]
fn entries_are_armed_oldest_first_each_above_live_ones() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let spare = owner.leave_spare(5, place);
    owner.arms_in_turn(place, spare);
    assert!(owner.arm(place).is_none());
}

#[test]
fn of_two_places_each_has_its_own_entries() {
    let ([place, other], mut owner) = (places(), Owner::new());
    let [lower, upper] = [place, other].map(|place| owner.push(place));
    let [low, up] = [&lower, &upper].map(address);
    owner.claim(upper);
    owner.claim(lower);
    // The lower one is stale: who falls asleep sees that one only.
    let upper = is_armed(owner.arm(other), up, false);
    owner.claim(upper);
    is_armed(owner.arm(place), low, true);
    is_armed(owner.arm(other), up, true);
    assert_eq!(owner.queue.len(), 2);
}

#[test]
fn of_two_kinds_each_has_its_own_entries() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let eight = Call((|| 8) as fn() -> u64);
    let lower = owner.push_work(eight, place);
    let upper = owner.push(place);
    let up = address(&upper);
    owner.claim(upper);
    assert!(lower.start_claimed().is_some());
    let (berth, low) = (lower.berth(), address(&lower));
    owner.entries.end(berth, low, Some(lower), &owner.queue);

    let upper = is_armed(owner.arm(place), up, false);
    owner.claim(upper);
    let (task, unheard) = owner
        .arm_work(Call((|| 8) as fn() -> u64), place)
        .expect("it is spare");
    assert_eq!((address(&task), unheard), (low, true));
}

#[test]
fn a_few_that_do_not_fit_are_passed_over_until_those_above_are_claimed() {
    let ([place, other], mut owner) = (places(), Owner::new());
    let lower = owner.spawn_many(NEAR - 1, place);
    let upper = owner.spawn_many(3, other);
    let [low, up] = [&lower, &upper].map(|tasks| addresses(tasks));
    owner.claim_newest_first(upper);
    owner.claim_newest_first(lower);

    let first = is_armed(owner.arm(other), up[0], false);
    let second = is_armed(owner.arm(other), up[1], true);
    let third = is_armed(owner.arm(other), up[2], true);
    assert!(owner.arm(place).is_none(), "those below are not looked at");
    owner.claim(second);
    owner.claim(third);
    let last = is_armed(owner.arm(other), up[1], true);
    owner.claim(first);
    owner.claim(last);
    owner.arms_in_turn(place, low);
}

#[test]
fn a_task_pushed_above_a_few_that_do_not_fit_is_the_next_to_be_armed_upon() {
    let ([place, other], mut owner) = (places(), Owner::new());
    let spare = owner.leave_spare(NEAR, place);
    let pushed = owner.push(other);
    assert!(owner.arm(place).is_none(), "those below are not looked at");
    owner.claim(pushed);
    is_armed(owner.arm(place), spare[0], true);
}

#[test]
fn a_task_that_would_lie_above_very_many_spare_entries_is_handed_back() {
    let ([place, other], mut owner) = (places(), Owner::new());
    let spare = owner.leave_spare(FAR, place);
    let on_top = owner.push(other);
    let top = address(&on_top);
    let mut push = |thieves_come| {
        let (_, start) = task::with_entry(work(), other);
        owner.entries.push(start, &owner.queue, thieves_come)
    };
    let handed_back = push(true).expect_err("it would be found late");
    drop(handed_back);
    assert!(push(false).is_ok(), "nobody looks for it");
    owner.claim(on_top);
    assert!(owner.arm(other).is_none(), "it would be as far up");
    is_armed(owner.arm(place), spare[0], true);
    is_armed(owner.arm(other), top, false);
}

#[test]
fn what_lies_above_a_live_entry_is_not_deep() {
    let ([place, other], mut owner) = (places(), Owner::new());
    let waits = owner.push(place);
    owner.leave_spare(2 * FAR, place);
    let top = owner.push(other);
    let address = address(&top);
    owner.claim(top);
    let top = is_armed(owner.arm(other), address, false);
    owner.claim(waits);
    owner.claim(top);
    assert!(owner.arm(other).is_none());
}

#[test]
fn the_oldest_is_not_taken_for_stale_again_soon_after_it_was_live() {
    let ([place, other], mut owner) = (places(), Owner::new());
    let oldest = owner.push(place);
    owner.leave_spare(4 * (1 + 8 * NEAR), place);
    assert!(owner.entries.has_too_many(), "it keeps all the others");
    owner.entries.was_mistaken();
    for pushes in 1..=TIDY_EVERY {
        let task = owner.push(other);
        owner.claim(task);
        assert_eq!(owner.entries.has_too_many(), pushes == TIDY_EVERY);
    }
    owner.entries.was_mistaken();
    owner.claim(oldest);
    assert!(owner.entries.has_too_many(), "the oldest is spare");
}

#[test]
fn one_that_fits_is_looked_for_nearby_and_near_the_top() {
    let [place, other] = places();
    // So many that don't fit below the one that does, and so many above it.
    let is_found = |below, above| {
        let mut owner = Owner::new();
        let mut tasks: Vec<_> = (0..below).map(|_| owner.push(other)).collect();
        tasks.push(owner.push(place));
        let wanted = address(&tasks[below]);
        tasks.extend((0..above).map(|_| owner.push(other)));
        owner.claim_newest_first(tasks);
        let armed = owner.arm(place);
        let is_found = armed.is_some();
        if is_found {
            is_armed(armed, wanted, below == 0);
        }
        is_found
    };
    assert!(is_found(0, 3 * NEAR));
    assert!(is_found(NEAR - 1, 3 * NEAR));
    assert!(is_found(3 * NEAR, NEAR - 1));
    assert!(is_found(3 * NEAR, 0));
    assert!(!is_found(NEAR, NEAR), "it is far from both");
}

#[test]
fn a_cell_that_somebody_else_has_is_not_armed() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let lower = owner.push(place);
    let upper = owner.push(place);
    let (known, up) = (Arc::clone(&lower), address(&upper));
    owner.claim(upper);
    owner.claim(lower);
    is_armed(owner.arm(place), up, false);
    assert!(owner.arm(place).is_none());
    assert!(known.is_finished() && !known.is_fresh());
    // Nor later, when nobody has it any more.
    drop(known);
    assert!(owner.arm(place).is_none());
}

#[test]
fn an_entry_that_a_thief_took_away_is_lost_and_the_next_one_is_armed() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let spare = owner.leave_spare(3, place);
    assert!(owner.steal().unless_stale().is_none());
    is_armed(owner.arm(place), spare[1], false);
    is_armed(owner.arm(place), spare[2], true);
    assert!(owner.arm(place).is_none());
    assert_eq!((owner.queue.len(), owner.live()), (2, 2));
}

#[test]
fn an_entry_that_a_thief_has_made_stale_is_lost_even_before_he_drops_it() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let (lower, upper) = (owner.push(place), owner.push(place));
    let (thief, up) = (Arc::downgrade(&lower), address(&upper));
    owner.claim(upper);
    owner.claim(lower);
    let stolen = owner.steal();
    assert!(thief.upgrade().unwrap().retire());
    is_armed(owner.arm(place), up, false);
    assert!(stolen.unless_stale().is_none());
}

#[test]
fn an_entry_that_a_thief_has_tried_to_run_is_lost() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let spare = owner.leave_spare(2, place);
    let stolen = owner.steal();
    stolen.run();
    is_armed(owner.arm(place), spare[1], false);
    assert!(!stolen.is_fresh());
}

#[test]
fn the_only_entry_taken_away_makes_room_for_a_new_one() {
    let ([place, _], mut owner) = (places(), Owner::new());
    owner.leave_spare(1, place);
    assert!(owner.steal().unless_stale().is_none());
    assert!(owner.arm(place).is_none());
    let task = owner.push(place);
    let new = address(&task);
    owner.claim(task);
    is_armed(owner.arm(place), new, true);
}

#[test]
fn a_thief_that_holds_an_entry_as_it_is_armed_gets_the_task() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let spare = owner.leave_spare(1, place);
    let stolen = owner.steal();
    let task = is_armed(owner.arm(place), spare[0], true);
    stolen.unless_stale().expect("it is live").run();
    assert_eq!(task.take().unwrap().unwrap(), 7);
    // Its entry was that one.
    assert!(owner.queue.is_empty());
}

#[test]
fn what_was_claimed_oldest_first_comes_back_once_the_newer_ones_are_claimed() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let mut tasks = owner.spawn_many(4, place);
    let places_of = addresses(&tasks);
    let newest = tasks.pop().unwrap();
    tasks.into_iter().for_each(|task| owner.claim(task));
    assert!(owner.arm(place).is_none(), "a live one lies above");
    owner.claim(newest);
    owner.arms_in_turn(place, places_of);
}

#[test]
fn a_misfit_on_top_of_spare_entries_leaves_them_usable() {
    let ([place, other], mut owner) = (places(), Owner::new());
    let spare = owner.leave_spare(3 * NEAR, place);
    let misfit = owner.push(other);
    let top = address(&misfit);
    let lowest = is_armed(owner.arm(place), spare[0], true);
    owner.claim(misfit);
    let misfit = is_armed(owner.arm(other), top, false);
    let second = is_armed(owner.arm(place), spare[1], true);
    owner.claim(misfit);
    owner.claim(second);
    owner.claim(lowest);
    is_armed(owner.arm(place), spare[0], true);
}

#[test]
fn the_gauge_tells_that_spare_entries_are_in_the_way_of_live_ones() {
    let ([place, other], mut owner) = (places(), Owner::new());
    let misfits = |owner: &Owner| owner.gauge.read().misfits;
    owner.leave_spare(NEAR + 1, place);
    let fits = owner.arm(place).unwrap().0;
    assert!(!misfits(&owner));
    owner.claim(fits);
    let misfit = owner.push(other);
    assert!(misfits(&owner));
    let fits = owner.arm(place).unwrap().0;
    assert!(!misfits(&owner), "one is where a thief looks first");
    assert_eq!(owner.live(), 2);
    owner.claim(fits);
    assert!(misfits(&owner));
    owner.claim(misfit);
    assert!(!misfits(&owner), "none is live");
}

#[test]
fn all_spare_entries_are_armed_and_then_the_live_ones_above_are_passed_over() {
    let ([place, other], mut owner) = (places(), Owner::new());
    let many = NEAR + 1;
    owner.leave_spare(many, place);
    let misfits = [(); 2].map(|()| owner.push(other));
    assert_eq!(owner.spawn_many(many, place).len(), many);
    let [lower, upper] = misfits;
    let up = address(&upper);
    owner.claim(upper);
    is_armed(owner.arm(other), up, true);
    owner.claim(lower);
    assert_eq!(owner.queue.len(), many + 2);
}

#[test]
fn dead_entries_leave_the_queue_as_soon_as_they_are_on_top() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let [first, second, third, fourth] = [(); 4].map(|()| owner.push(place));
    owner.claim_alone(&third);
    owner.claim_alone(&second);
    assert_eq!(owner.queue.len(), 4, "one that is live lies above");
    owner.claim_alone(&fourth);
    assert_eq!(owner.queue.len(), 1);
    assert_eq!(owner.live(), 1);
    owner.claim(first);
    assert_eq!(owner.queue.len(), 1, "it is spare");
    let only = owner.spawn(place);
    owner.claim_alone(&only);
    assert!(owner.queue.is_empty());
    assert!(owner.arm(place).is_none());
}

#[test]
fn a_dead_entry_above_one_that_is_gone_takes_that_along() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let [first, second] = [(); 2].map(|()| owner.push(place));
    owner.steal_and_run(1);
    owner.tidy();
    owner.claim_alone(&second);
    assert!(owner.queue.is_empty());
    owner.tidy();
    let third = owner.push(place);
    owner.claim(third);
    assert!(owner.arm(place).is_some());
    drop(first);
}

#[test]
fn no_more_entries_are_spare_than_so_many() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let tasks = owner.spawn_many(MOST + 10, place);
    tasks.into_iter().for_each(|task| owner.claim(task));
    assert_eq!(owner.queue.len(), MOST);
    let armed = (0..MOST).map(|_| owner.arm(place));
    assert!(armed.map(Option::unwrap).all(|(_, unheard)| unheard));
    assert!(owner.arm(place).is_none());
}

#[test]
fn an_entry_that_is_armed_makes_room_for_another_spare_one() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let spare = owner.leave_spare(MOST, place);
    let lowest = is_armed(owner.arm(place), spare[0], true);
    owner.claim(lowest);
    is_armed(owner.arm(place), spare[0], true);
}

/// Whether a cell is kept by a thread that redeems it.
fn is_kept<W: Work + 'static>(pool: usize, work: W, again: W) -> bool {
    struct Nowhere;
    impl Home for Nowhere {
        fn inject(&self, _: Start) {}
        fn leave(&self, _: &mut dyn Iterator<Item = Job>) {}
    }
    let [place, _] = places();
    let (task, start) = task::with_entry(work, place);
    assert!(local::push(pool, true, start, true, |_, _| Box::new(Nowhere)).is_ok());
    assert_eq!(local::len(pool), 1);
    assert!(matches!(task.redeem(), Redeemed::Mine(Ok(_), _)));
    assert_eq!(local::len(pool), 0);
    let mut again = Some(again);
    let fits = |task: &Task<W>| task.is_of(place);
    local::arm(pool, fits, |task: &Task<W>| task.renew(&mut again)).is_some()
}

#[test]
fn a_large_cell_is_not_kept() {
    let sized = |large: [u8; LARGEST]| Call(move || large[0]);
    assert!(!is_kept(1, sized([7; LARGEST]), sized([8; LARGEST])));
    assert!(is_kept(1, work(), work()));
}

#[test]
fn the_gauge_tells_how_many_are_live() {
    let ([place, _], mut owner) = (places(), Owner::new());
    assert_eq!(owner.live(), 0);
    let mut tasks = owner.spawn_many(6, place);
    assert_eq!(owner.live(), 6);
    owner.claim(tasks.remove(0));
    assert_eq!(owner.live(), 5);
    owner.claim_alone(&tasks.remove(0));
    assert_eq!(owner.live(), 4);
    assert!(owner.entries.pop(&owner.queue).unwrap().is_fresh());
    assert_eq!(owner.live(), 3);
    tasks.pop();
    owner.claim(tasks.pop().unwrap());
    assert_eq!(owner.live(), 2);
    assert!(owner.arm(place).is_some());
    assert_eq!(owner.live(), 3);
    // What is stale is not counted twice as it goes.
    while let Some(start) = owner.entries.pop(&owner.queue) {
        drop(start);
    }
    assert_eq!(owner.live(), 0);
}

#[test]
fn the_gauge_hears_of_what_thieves_took_with_the_next_act_after_tidying() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let mut tasks = owner.spawn_many(6, place);
    owner.claim(tasks.remove(0));
    assert!(owner.steal().unless_stale().is_none());
    owner.steal_and_run(2);
    assert_eq!(owner.live(), 5, "it can't know");
    owner.tidy();
    owner.claim(tasks.pop().unwrap());
    assert_eq!(owner.live(), 2);
}

#[test]
fn the_gauge_counts_what_has_come_from_elsewhere() {
    let ([place, _], mut owner) = (places(), Owner::new());
    owner.leave_spare(3, place);
    while owner.stealer.steal().is_success() {}

    let others: Vec<_> = (0..5)
        .map(|_| {
            let (task, start) = task::with_entry(work(), place);
            owner.queue.push(start);
            task
        })
        .collect();
    owner.entries.take_over(5);
    assert_eq!(owner.live(), 5);
    assert!(owner.arm(place).is_none(), "what it knew is gone");

    let mine = owner.push(place);
    assert_eq!(owner.live(), 6);
    owner.claim(mine);
    assert_eq!(owner.live(), 5);
    // The spare one, and the newest of the others.
    assert!(!owner.entries.pop(&owner.queue).unwrap().is_fresh());
    assert_eq!(owner.live(), 5);
    let newest = owner.entries.pop(&owner.queue).unwrap();
    assert_eq!(newest.address(), address(&others[4]));
    assert_eq!(owner.live(), 4);
    owner.steal_and_run(2);
    assert!(owner.entries.pop(&owner.queue).is_some());
    assert_eq!(owner.live(), 1);
    assert!(owner.entries.pop(&owner.queue).is_some());
    assert!(owner.entries.pop(&owner.queue).is_none());
    assert_eq!(owner.live(), 0);
}

#[test]
fn claims_are_counted_and_spawns_are_not() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let start = owner.gauge.read();
    let mut tasks = owner.spawn_many(10, place);
    let spawned = owner.gauge.read();
    assert_eq!(spawned.acts_since(start), 10);
    assert_eq!(spawned.claims_since(start), 0);
    for _ in 0..4 {
        owner.claim(tasks.pop().unwrap());
    }
    let claimed = owner.gauge.read();
    assert_eq!(claimed.acts_since(spawned), 4);
    assert_eq!(claimed.claims_since(spawned), 4);
    assert_eq!(claimed.claims_since(start), 4);
    for _ in 0..100 {
        let task = owner.spawn(place);
        owner.claim(task);
    }
    assert_eq!(owner.gauge.read().acts_since(claimed), 200);
    assert_eq!(owner.gauge.read().claims_since(claimed), 100);
}

#[test]
fn later_tasks_find_their_entries_when_thieves_have_taken_the_older_ones() {
    // Less than half are gone, more than half, and all.
    for stolen in [30, 80, 100] {
        let ([place, _], mut owner) = (places(), Owner::new());
        let mut tasks = owner.spawn_many(100, place);
        owner.steal_and_run(stolen);
        owner.tidy();
        tasks.push(owner.push(place));
        assert_eq!(owner.live(), 101 - stolen);
        let waiting = tasks.split_off(stolen);
        let places_of = addresses(&waiting);
        owner.claim_newest_first(waiting);
        assert_eq!(owner.live(), 0);
        owner.arms_in_turn(place, places_of);
        assert!(owner.arm(place).is_none());
    }
}

#[test]
fn entries_are_found_when_their_numbers_start_anew() {
    let ([place, _], mut owner) = (places(), Owner::new());
    owner.entries.first = u32::MAX - 4;
    let mut tasks = owner.spawn_many(20, place);
    owner.steal_and_run(2);
    owner.tidy();
    let waiting = tasks.split_off(2);
    let places_of = addresses(&waiting);
    owner.claim_newest_first(waiting);
    owner.arms_in_turn(place, places_of);
}

#[test]
fn what_thieves_take_is_forgotten_as_others_are_pushed() {
    let ([place, _], mut owner) = (places(), Owner::new());
    for _ in 0..100 * TIDY_EVERY {
        owner.push(place);
        owner.steal_and_run(1);
    }
    let known = owner.entries.known.len();
    assert!(known <= 2 * TIDY_EVERY as usize, "{known} are known");
    assert!(owner.live() <= TIDY_EVERY as usize);
}

/// As [`local`] does where none fits; whether there were too many.
fn shed(owner: &mut Owner) -> bool {
    let had_too_many = owner.entries.has_too_many();
    for _ in 0..4 {
        if !owner.entries.has_too_many() {
            break;
        }
        let oldest = owner.steal();
        assert!(oldest.unless_stale().is_none(), "a task that waits");
        owner.tidy();
    }
    had_too_many
}

#[test]
fn spare_entries_below_live_ones_do_not_become_ever_more() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let mut oldest = owner.spawn(place);
    let mut had_too_many = 0;
    for _ in 0..10_000 {
        assert!(owner.arm(place).is_none(), "there is a live one on top");
        had_too_many += usize::from(shed(&mut owner));
        let newest = owner.push(place);
        owner.claim(mem::replace(&mut oldest, newest));
        let len = owner.queue.len();
        assert!(len <= 2 + 8 * NEAR + 2, "{len} entries for one task");
    }
    assert!(had_too_many > 0);
    assert_eq!(owner.live(), 1);
}

#[test]
fn a_live_entry_at_the_bottom_does_not_let_those_above_become_ever_more() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let _waits = owner.push(place);
    let mut oldest = owner.push(place);
    let mut elsewhere = Vec::new();
    for _ in 0..100 * NEAR {
        while owner.entries.has_too_many() {
            elsewhere.extend(owner.steal().unless_stale());
            owner.tidy();
        }
        let newest = owner.push(place);
        owner.claim(mem::replace(&mut oldest, newest));
    }
    let len = owner.queue.len();
    assert!(len <= 4 * (3 + 8 * NEAR), "{len} entries for two tasks");
    assert_eq!(elsewhere.len(), 1, "it is anybody's now");
}

#[test]
fn spare_entries_that_fit_nothing_do_not_become_ever_more() {
    let ([place, other], mut owner) = (places(), Owner::new());
    owner.leave_spare(10 * NEAR, other);
    let tasks: Vec<_> = (0..10 * NEAR)
        .map(|_| {
            assert!(owner.arm(place).is_none());
            shed(&mut owner);
            owner.push(place)
        })
        .collect();
    assert_eq!(owner.queue.len(), tasks.len(), "the others have gone");
    assert!(!owner.entries.has_too_many());
}

#[test]
fn a_live_entry_at_the_bottom_is_not_shed() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let tasks = owner.spawn_many(20 * NEAR, place);
    assert!(!owner.entries.has_too_many());
    let oldest = Arc::clone(&tasks[0]);
    tasks.into_iter().skip(1).for_each(|task| owner.claim(task));
    assert!(!owner.entries.has_too_many());
    owner.claim(oldest);
    assert!(owner.entries.has_too_many());
}

#[test]
fn of_what_came_from_elsewhere_nothing_is_shed_nor_is_it_in_the_way() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let (_task, start) = task::with_entry(work(), place);
    owner.queue.push(start);
    owner.entries.take_over(1);
    owner.leave_spare(20 * NEAR, place);
    owner.tidy();
    assert!(!owner.entries.has_too_many());
    assert_eq!(owner.live(), 1);
    assert!(!owner.gauge.read().misfits);
    owner.steal_and_run(1);
    owner.tidy();
    assert!(owner.entries.has_too_many());
}

#[test]
fn where_thieves_have_come_up_to_a_live_entry_the_one_above_it_is_next() {
    let ([place, other], mut owner) = (places(), Owner::new());
    owner.leave_spare(NEAR + 1, other);
    let task = owner.push(place);
    let above = owner.push(place);
    let address = address(&above);
    owner.claim(above);
    (0..=NEAR).for_each(|_| assert!(owner.steal().unless_stale().is_none()));
    owner.tidy();
    is_armed(owner.arm(place), address, true);
    assert!(task.is_fresh());
}

#[test]
fn an_end_elsewhere_changes_nothing() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let [task, stranger] = [(); 2].map(|()| task::with_entry(work(), place));
    let (at, outside) = (address(&task.0), address(&stranger.0));
    assert!(owner.entries.push(task.1, &owner.queue, true).is_ok());
    let (stack, number) = (task.0.berth().queue(), task.0.berth().number());

    let mut is_no_end = |berth, address| {
        let cell = Arc::clone(&stranger.0) as Kept;
        let is_here = owner.entries.end(berth, address, Some(cell), &owner.queue);
        assert_eq!((owner.live(), owner.queue.len()), (1, 1));
        assert!(owner.arm(place).is_none());
        is_here
    };
    assert!(!is_no_end(Berth::NONE, at));
    assert!(!is_no_end(Berth::new(stack + 1, number), at));
    is_no_end(Berth::new(stack, number + 1), at);
    is_no_end(Berth::new(stack, number.wrapping_sub(1)), at);
    is_no_end(Berth::new(stack, number), outside);
    owner.claim(task.0);
    assert_eq!(owner.live(), 0);
}

#[test]
fn a_stack_that_can_not_be_told_from_others_keeps_no_entries() {
    let ([place, _], mut owner) = (places(), Owner::new());
    owner.entries.strays.queue = 0;
    let task = owner.push(place);
    owner.claim(task);
    assert!(owner.arm(place).is_none());
}

#[test]
fn an_end_that_comes_twice_or_after_a_theft_changes_nothing() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let [stolen, spare, live] = [(); 3].map(|()| owner.push(place));
    let ends = [&stolen, &spare].map(|task| (task.berth(), address(task)));
    owner.steal_and_run(1);
    owner.tidy();
    owner.claim(spare);
    assert_eq!(owner.live(), 1);
    for (berth, address) in ends {
        owner.entries.end(berth, address, None, &owner.queue);
        assert_eq!((owner.live(), owner.queue.len()), (1, 2));
    }
    owner.claim(live);
    is_armed(owner.arm(place), ends[1].1, true);
}

#[test]
fn a_stale_number_does_not_end_the_task_that_has_it_now() {
    let ([place, _], mut owner) = (places(), Owner::new());
    let before = owner.push(place);
    drop(owner.entries.pop(&owner.queue));
    let now = owner.push(place);
    assert!(before.berth() == now.berth());
    let (berth, address) = (before.berth(), address(&before));
    owner.entries.end(berth, address, None, &owner.queue);
    assert_eq!((owner.live(), owner.queue.len()), (1, 1));
}
