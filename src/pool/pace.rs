//! How often a thief comes to a stack.
//!
//! To steal a task costs its owner as much as to run some small ones: the cell moves to another core, its value back, and neither it nor
//! its entry is used again. So a thief whose last task was small gives way to an owner who claims its tasks itself: it takes what
//! one visit gives, and rests. It rests, too, where there were stale entries only. While it rests it looks elsewhere, and is awake.

use std::time::{Duration, Instant};

use crate::entries::{Gauge, Reading};
use crate::sync::times;

/// A task is small that takes less than so many times what it takes to steal one: 100 ns where the cores are near each other, 300 and more where
/// they are not.
const SMALL: u32 = times(3, u32::MAX);

/// What it may take.
const LEAST_COST: Duration = Duration::from_nanos(100);
const MOST_COST: Duration = Duration::from_nanos(500);

/// How long a thief rests at first, and at most: less than a sleeper takes to be woken.
const LEAST_REST: Duration = times(Duration::from_micros(2), Duration::ZERO);
const MOST_REST: Duration = times(Duration::from_micros(16), Duration::ZERO);

/// How many stale entries a thief takes away at a visit, if the owner is not at it; else one. It's twice as many each time that it came in
/// vain, up to so many times: a task above thousands of them must not wait for long.
const STALE: usize = 16;
const DOUBLINGS: u32 = 6;

/// Whether the task that a thief took last was small.
pub(super) struct Size {
    /// What it takes to steal one: of the last few, the earlier the less.
    cost: Duration,
    /// Since when the one that was taken runs.
    since: Option<Instant>,
    small: bool,
}

impl Size {
    pub(super) fn new() -> Self {
        Self {
            cost: LEAST_COST,
            since: None,
            small: true,
        }
    }

    /// One was taken at such a cost, and is run from now on.
    pub(super) fn stole(&mut self, cost: Duration, now: Instant) {
        // A thief that was interrupted tells little.
        let cost = cost.clamp(LEAST_COST, MOST_COST);
        self.cost = (7 * self.cost + cost) / 8;
        self.since = Some(now);
    }

    pub(super) fn forget(&mut self) {
        self.since = None;
    }

    /// It has ended, if there was one.
    pub(super) fn ran(&mut self, now: impl FnOnce() -> Instant) {
        if let Some(since) = self.since.take() {
            self.small = now().duration_since(since) < self.cost.saturating_mul(SMALL);
        }
    }
}

/// What a thief remembers of a stack.
#[derive(Clone, Copy, Default)]
pub(super) struct Pace {
    before: Reading,
    rest: Duration,
    until: Option<Instant>,
    gives_way: bool,
    in_vain: u32,
}

impl Pace {
    /// How many entries to look at for one that is not stale.
    pub(super) fn look(
        &mut self,
        gauge: &Gauge,
        is_long: bool,
        size: &Size,
        now: Instant,
    ) -> usize {
        if self.until.is_some_and(|until| now < until) {
            return 0;
        }
        let reading = gauge.read();
        // Who spawns many is about to get them; who spawns one may await it.
        let acts = if is_long {
            reading.acts_since(self.before)
        } else {
            reading.claims_since(self.before)
        };
        self.before = reading;
        // What others are in the way of must not wait for them.
        self.gives_way = size.small && acts > 0 && !reading.misfits;
        match reading.live {
            0 => {
                self.set(self.gives_way, now);
                0
            }
            _ if self.gives_way => 1 << self.in_vain,
            _ => STALE << self.in_vain,
        }
    }

    /// Ends a look at some entries.
    pub(super) fn found(&mut self, one: bool, now: Instant) {
        self.in_vain = if one {
            0
        } else {
            (self.in_vain + 1).min(DOUBLINGS)
        };
        self.set(!one || self.gives_way, now);
    }

    fn set(&mut self, rests: bool, now: Instant) {
        (self.rest, self.until) = if rests {
            let rest = (2 * self.rest).clamp(LEAST_REST, MOST_REST);
            (rest, Some(now + rest))
        } else {
            (Duration::ZERO, None)
        };
    }
}

#[cfg(all(test, not(any(letgo_loom, letgo_shuttle))))]
pub(super) mod tests {
    use std::panic::Location;

    use super::*;
    use crate::entries::{Entries, Kept};
    use crate::rights::Start;
    use crate::sync::Arc;
    use crate::sync::deque::Worker;
    use crate::task::{self, Task};
    use crate::work::Call;

    const SHORT: bool = false;
    const LONG: bool = true;
    const TICK: Duration = Duration::from_nanos(1);

    type Cell = Arc<Task<Call<fn()>>>;

    /// Who spawns and claims, and what its gauge shows.
    pub(in crate::pool) struct Owner {
        entries: Entries,
        pub(in crate::pool) queue: Worker<Start>,
        pub(in crate::pool) gauge: Arc<Gauge>,
    }

    impl Owner {
        pub(in crate::pool) fn new() -> Self {
            let gauge = Arc::new(Gauge::default());
            Self {
                entries: Entries::new(Arc::clone(&gauge)),
                queue: Worker::new_lifo(),
                gauge,
            }
        }

        pub(in crate::pool) fn spawn(&mut self) -> Cell {
            let (task, start) = task::with_entry(Call((|| ()) as fn()), Location::caller());
            assert!(self.entries.push(start, &self.queue, true).is_ok());
            task
        }

        fn claim(&mut self, task: &Cell) {
            self.claim_and_keep(task, None);
        }

        fn claim_and_keep(&mut self, task: &Cell, kept: Option<Kept>) {
            assert!(task.start_claimed().is_some());
            let address = Arc::as_ptr(task).cast();
            self.entries.end(task.berth(), address, kept, &self.queue);
        }

        pub(in crate::pool) fn spawn_and_claim(&mut self) {
            let task = self.spawn();
            self.claim(&task);
        }
    }

    /// An owner, and a thief that comes to it.
    struct Stack {
        owner: Owner,
        pace: Pace,
        size: Size,
        now: Instant,
    }

    impl Stack {
        fn new() -> Self {
            Self {
                owner: Owner::new(),
                pace: Pace::default(),
                size: Size::new(),
                now: Instant::now(),
            }
        }

        fn with_a_task() -> Self {
            let mut stack = Self::new();
            stack.spawn();
            stack
        }

        fn of_large_tasks() -> Self {
            let mut stack = Self::with_a_task();
            stack.size.stole(LEAST_COST, stack.now);
            stack.size.ran(|| stack.now + SMALL * LEAST_COST);
            stack
        }

        fn spawn(&mut self) -> Cell {
            self.owner.spawn()
        }

        fn claim(&mut self, task: &Cell) {
            self.owner.claim(task);
        }

        fn spawn_and_claim(&mut self) {
            self.owner.spawn_and_claim();
        }

        fn look(&mut self, is_long: bool) -> usize {
            let Self {
                owner, pace, size, ..
            } = self;
            pace.look(&owner.gauge, is_long, size, self.now)
        }

        fn found(&mut self, one: bool) {
            self.pace.found(one, self.now);
        }

        /// Lets the thief rest, for just so long.
        #[track_caller]
        fn rest(&mut self, rest: Duration) {
            let start = self.now;
            assert_eq!(self.look(SHORT), 0);
            self.now = start + rest - TICK;
            assert_eq!(self.look(SHORT), 0, "it rests less than {rest:?}");
            self.now = start + rest;
        }
    }

    #[test]
    fn a_task_is_small_that_takes_less_than_three_times_what_it_takes_to_steal_one() {
        let start = Instant::now();
        let least = SMALL * LEAST_COST;
        for (takes, small) in [(least, false), (least - TICK, true)] {
            let mut size = Size::new();
            assert!(size.small, "before the first");
            size.stole(LEAST_COST, start);
            size.ran(|| start + takes);
            assert_eq!(size.small, small);
            // What runs without having been stolen tells nothing.
            size.ran(|| panic!("the clock is not asked"));
            assert_eq!(size.small, small);
        }
    }

    #[test]
    fn where_it_takes_long_to_steal_tasks_are_small_that_take_longer() {
        let start = Instant::now();
        let mut size = Size::new();
        let cost = 4 * LEAST_COST;
        let mut is_small = |takes| {
            size.stole(cost, start);
            size.ran(|| start + takes);
            size.small
        };
        let takes = 2 * cost;
        assert!(!is_small(takes), "it may have been an interruption");
        assert!((0..20).any(|_| is_small(takes)));
        assert!(!is_small(SMALL * cost));
    }

    #[test]
    fn what_a_steal_costs_is_within_bounds() {
        let start = Instant::now();
        for (cost, bound) in [(Duration::ZERO, LEAST_COST), (MOST_REST, MOST_COST)] {
            let mut size = Size::new();
            (0..100).for_each(|_| size.stole(cost, start));
            assert!(size.cost.abs_diff(bound) < 10 * TICK);
        }
    }

    #[test]
    fn a_thief_of_large_tasks_never_rests_however_the_owner_acts() {
        let mut stack = Stack::of_large_tasks();
        for is_long in [SHORT, LONG] {
            for _ in 0..10 {
                stack.spawn();
                stack.spawn_and_claim();
                assert_eq!(stack.look(is_long), STALE);
                stack.found(true);
            }
        }
    }

    #[test]
    fn a_thief_of_small_tasks_gives_way_to_an_owner_who_claims() {
        let mut stack = Stack::with_a_task();
        for micros in [2, 4, 8, 16, 16] {
            stack.spawn_and_claim();
            assert_eq!(stack.look(SHORT), 1);
            stack.found(true);
            stack.rest(Duration::from_micros(micros));
        }
        // He claims no more.
        assert_eq!(stack.look(SHORT), STALE);
        stack.found(true);
        stack.spawn_and_claim();
        assert_eq!(stack.look(SHORT), 1, "there was no rest");
        stack.found(true);
        stack.rest(LEAST_REST);
        assert_eq!(stack.look(SHORT), STALE, "it rests as long as before");
    }

    #[test]
    fn a_thief_gives_way_to_an_owner_who_only_spawns_where_the_stack_is_long() {
        let mut stack = Stack::with_a_task();
        assert_eq!(stack.look(SHORT), STALE);
        stack.found(true);
        stack.spawn();
        assert_eq!(stack.look(LONG), 1);
        stack.found(true);
        stack.rest(LEAST_REST);
        assert_eq!(stack.look(LONG), STALE, "nothing was spawned");
        stack.found(true);
        assert_eq!(stack.look(LONG), STALE, "there was no rest");
    }

    #[test]
    fn a_thief_does_not_give_way_where_entries_are_in_the_way_of_what_waits() {
        let mut stack = Stack::new();
        let spare: Vec<_> = (0..10).map(|_| stack.spawn()).collect();
        for task in spare.into_iter().rev() {
            stack.owner.claim_and_keep(&Arc::clone(&task), Some(task));
        }
        stack.spawn();
        stack.spawn_and_claim();
        assert_eq!(stack.look(SHORT), STALE);
    }

    #[test]
    fn visits_in_vain_look_at_more_each_time_till_one_is_not() {
        for claims in [false, true] {
            let mut stack = Stack::with_a_task();
            let at_first = if claims { 1 } else { STALE };
            let look = |stack: &mut Stack| {
                if claims {
                    stack.spawn_and_claim();
                }
                stack.look(SHORT)
            };
            for visit in 0..2 * DOUBLINGS {
                let times = 1 << visit.min(DOUBLINGS);
                assert_eq!(look(&mut stack), times * at_first);
                stack.found(false);
                stack.now += MOST_REST;
            }
            assert_eq!(look(&mut stack), at_first << DOUBLINGS);
            stack.found(true);
            stack.now += MOST_REST;
            assert_eq!(look(&mut stack), at_first);
        }
    }

    #[test]
    fn a_thief_rests_after_a_visit_in_vain_to_large_tasks_too() {
        let mut stack = Stack::of_large_tasks();
        for micros in [2, 4, 8, 16, 16] {
            assert_ne!(stack.look(SHORT), 0);
            stack.found(false);
            stack.rest(Duration::from_micros(micros));
        }
        assert_ne!(stack.look(SHORT), 0);
        stack.found(true);
        assert_eq!(stack.look(SHORT), STALE, "there was no rest");
    }

    #[test]
    fn where_nothing_is_live_a_thief_looks_at_nothing() {
        let mut stack = Stack::new();
        for is_long in [SHORT, LONG] {
            assert_eq!(stack.look(is_long), 0);
        }
        let task = stack.spawn();
        assert_eq!(stack.look(SHORT), STALE, "it did not rest for that");
        stack.found(true);
        stack.claim(&task);
        assert_eq!(stack.look(SHORT), 0);
        // It gives way as if it had found one.
        stack.spawn();
        stack.rest(LEAST_REST);
        assert_eq!(stack.look(SHORT), STALE);
    }

    #[test]
    fn no_rest_is_longer_than_the_longest() {
        let mut stack = Stack::with_a_task();
        for found in (0..60).map(|visit| visit % 3 == 0) {
            stack.spawn_and_claim();
            assert_ne!(stack.look(SHORT), 0);
            stack.found(found);
            stack.now += MOST_REST;
        }
    }
}
