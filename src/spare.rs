//! Cells whose task is over, kept for the next task that is spawned at the same place.
//!
//! To make an `Arc`, clone it and drop it twice is four atomic operations and two visits to the allocator. So where
//! both rights over a cell are used up in one thread, and nobody else knows of it, they lie on a *shelf* until they are
//! given away again.
//!
//! The entry of a handle that is not the newest stays in the thread's stack. Till that is swept its other half waits:
//! entries are swept newest first, and so are halves looked for.
//!
//! What is kept holds nothing of a user's.

use std::any::Any;
use std::cell::RefCell;
use std::panic::Location;

use crate::local;
use crate::rights::Start;
use crate::sync::{Arc, thread_local};
use crate::task::Task;
use crate::work::Work;

/// How many shelves a thread has. A place has one of them, perhaps together with others.
const SHELVES: usize = 8;

/// How many cells there are at most on each, and how many halves that wait.
///
/// None in loom's models: a thread's values are dropped there in no order, which loom must not see.
const MOST: usize = if cfg!(letgo_loom) { 0 } else { 128 };

/// How large a cell may be that is kept, in bytes.
const LARGEST: usize = 128;

type Value = Arc<dyn Any + Send + Sync>;

/// Rights to values, each with what belongs to it.
///
/// In columns, so that a pair of words is moved in registers: what has just been written word by word, read as a whole
/// takes a processor as long as an atomic operation.
struct Columns<T> {
    values: Vec<Value>,
    others: Vec<T>,
}

struct Store {
    /// Both rights over cells.
    shelves: [RefCell<Columns<Start>>; SHELVES],
    /// Halves, each with the number of the shelf for both.
    halves: RefCell<Columns<usize>>,
}

thread_local! {
    static STORE: Store = const {
        Store {
            shelves: [const { RefCell::new(Columns::new()) }; SHELVES],
            halves: RefCell::new(Columns::new()),
        }
    };
}

/// Makes a task, and the right to run it.
#[inline]
pub(crate) fn task<W: Work + 'static>(
    work: W,
    spawned_at: &'static Location<'static>,
) -> (Arc<Task<W>>, Start) {
    if let Some((task, start)) = take::<W>(spawned_at) {
        task.renew(work);
        return (task, start);
    }
    let task = Arc::new(Task::new(work, spawned_at));
    let start = Start::new(Arc::clone(&task) as _);
    (task, start)
}

/// A cell that is over, if there is one.
#[inline]
fn take<W: Work + 'static>(
    spawned_at: &'static Location<'static>,
) -> Option<(Arc<Task<W>>, Start)> {
    let take = |store: &Store| store.shelves[shelf_of(spawned_at)].borrow_mut().pop();
    let (value, start) = STORE.try_with(take).ok()??;
    // What another place has left there, or another instance of a generic function, goes.
    let task = value.downcast::<Task<W>>().ok()?;
    task.is_of(spawned_at).then_some((task, start))
}

/// Ends the right to a value after a claim; with it the right to run, if that was on top of this thread's stack.
#[inline]
pub(crate) fn keep<W: Work + 'static>(
    task: Arc<Task<W>>,
    entry: Option<Start>,
    spawned_at: &'static Location<'static>,
) {
    if size_of::<Task<W>>() > LARGEST || MOST == 0 {
        return;
    }
    let shelf = shelf_of(spawned_at);
    // In a thread that ends nothing is kept.
    let _ = STORE.try_with(|store| match entry {
        Some(start) => store.put(shelf, task, start),
        None if local::has_tasks() => store.halves.borrow_mut().add(task, shelf),
        // Its entry is elsewhere.
        None => {}
    });
}

/// Ends the right to run a task that was claimed before.
#[inline]
pub(crate) fn reunite(start: Start) {
    let _ = STORE.try_with(|store| {
        let half = store.halves.borrow_mut().find(start.address());
        if let Some((value, shelf)) = half {
            store.put(shelf, value, start);
        }
    });
}

/// The number of the shelf for what is spawned there.
#[inline]
fn shelf_of(place: &'static Location<'static>) -> usize {
    std::ptr::from_ref(place).addr() / size_of::<Location<'static>>() % SHELVES
}

impl Store {
    #[inline]
    fn put(&self, shelf: usize, value: Value, start: Start) {
        // If nobody else has it, nobody can come by it any more: the only weak rights are to cells of futures, which
        // can't be claimed.
        debug_assert_eq!(Arc::weak_count(&value), 0);
        // (That the count is read `Relaxed` does: what is in the cell is behind its lock.)
        if Arc::strong_count(&value) == 2 {
            self.shelves[shelf].borrow_mut().put(value, start);
        }
    }
}

impl<T> Columns<T> {
    const fn new() -> Self {
        Self {
            values: Vec::new(),
            others: Vec::new(),
        }
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    fn push(&mut self, value: Value, other: T) {
        self.values.push(value);
        self.others.push(other);
    }

    #[inline]
    fn pop(&mut self) -> Option<(Value, T)> {
        self.values.pop().zip(self.others.pop())
    }
}

impl Columns<Start> {
    #[inline]
    fn put(&mut self, value: Value, start: Start) {
        if self.len() < MOST {
            self.push(value, start);
        }
    }
}

impl Columns<usize> {
    #[inline]
    fn add(&mut self, value: Value, shelf: usize) {
        if self.len() >= MOST {
            // The entries of these are far down, or in no stack of this thread.
            self.values.clear();
            self.others.clear();
        }
        self.push(value, shelf);
    }

    /// The half of the cell at this address, if it was the last to be added of those that have another half.
    #[inline]
    fn find(&mut self, address: *const ()) -> Option<(Value, usize)> {
        loop {
            let last = self.values.last()?;
            let found = Arc::as_ptr(last).cast() == address;
            if !found && Arc::strong_count(last) > 1 {
                return None;
            }
            let half = self.pop();
            if found {
                return half;
            }
            // Its entry went elsewhere.
        }
    }
}

#[cfg(all(test, not(any(letgo_loom, letgo_shuttle))))]
mod tests {
    use super::*;
    use crate::job::Job;
    use crate::local::Home;
    use crate::work::Call;

    type Place = &'static Location<'static>;
    type Cell<F> = (Arc<Task<Call<F>>>, Start);

    fn here() -> Place {
        Location::caller()
    }

    /// Two places that have the same shelf: there are more places than shelves.
    fn neighbours() -> (Place, Place) {
        let places: [Place; SHELVES + 1] = [
            Location::caller(),
            Location::caller(),
            Location::caller(),
            Location::caller(),
            Location::caller(),
            Location::caller(),
            Location::caller(),
            Location::caller(),
            Location::caller(),
        ];
        let pairs = places
            .iter()
            .flat_map(|a| places.iter().map(move |b| (*a, *b)));
        let mut same = pairs.filter(|(a, b)| !std::ptr::eq(*a, *b) && shelf_of(a) == shelf_of(b));
        same.next().unwrap()
    }

    fn spawn<F: FnOnce() -> u32 + Send + 'static>(f: F, place: Place) -> Cell<F> {
        task(Call(f), place)
    }

    fn seven() -> u32 {
        7
    }

    fn address<F: FnOnce() -> u32 + Send>((task, start): &Cell<F>) -> *const () {
        let address = Arc::as_ptr(task).cast();
        assert_eq!(start.address(), address);
        address
    }

    fn claim<F: FnOnce() -> u32 + Send>((task, _): &Cell<F>) -> u32 {
        let work = task.start_claimed().expect("it was not started");
        let outcome = work.run().expect("a closure has its value when it was run");
        outcome.unwrap()
    }

    /// The newest of a stack, got.
    fn get<F: FnOnce() -> u32 + Send + 'static>(cell: Cell<F>, place: Place) -> u32 {
        let value = claim(&cell);
        keep(cell.0, Some(cell.1), place);
        value
    }

    #[test]
    fn a_cell_comes_back_for_the_next_task_of_its_place_and_kind() {
        let first = spawn(seven, here());
        let address_of_first = address(&first);
        assert_eq!(get(first, here()), 7);

        let second = spawn(seven, here());
        assert_eq!(address(&second), address_of_first);
        assert!(second.1.is_fresh());
        assert_eq!(get(second, here()), 7);

        // As a generic function may spawn it.
        let other_kind = spawn(|| 8, here());
        assert_eq!(get(other_kind, here()), 8);

        let (place, neighbour) = neighbours();
        assert_eq!(get(spawn(seven, place), place), 7);
        let other_place = spawn(seven, neighbour);
        assert!(other_place.0.is_of(neighbour));
    }

    #[test]
    fn a_cell_that_somebody_else_knows_of_does_not_come_back() {
        let cell = spawn(seven, here());
        let (known, known_address) = (Arc::clone(&cell.0), address(&cell));
        assert_eq!(get(cell, here()), 7);
        assert_eq!(Arc::strong_count(&known), 1, "it was not kept");
        assert_ne!(address(&spawn(seven, here())), known_address);
    }

    #[test]
    fn halves_meet_as_their_entries_are_swept() {
        fill_stack();
        let cells = [(); 4].map(|()| spawn(seven, here()));
        let addresses = cells.each_ref().map(address);
        // Got in the order they were spawned in; one entry is dropped elsewhere.
        let entries = cells.map(|cell| {
            claim(&cell);
            keep(cell.0, None, here());
            cell.1
        });
        let [first, second, third, fourth] = entries;
        reunite(fourth);
        drop(third);
        reunite(second);
        reunite(first);
        for index in [0, 1, 3] {
            let cell = spawn(seven, here());
            assert_eq!(address(&cell), addresses[index]);
            // Not to come back once more.
            drop(cell);
        }
        assert_eq!(kept(), [0, 0], "a half waits whose other one is gone");
    }

    #[test]
    fn an_entry_whose_other_half_is_not_the_last_is_dropped() {
        fill_stack();
        let [old, new] = [(); 2].map(|()| spawn(seven, here()));
        claim(&old);
        keep(Arc::clone(&old.0), None, here());
        claim(&new);
        keep(new.0, None, here());
        reunite(old.1);
        assert_eq!(Arc::strong_count(&old.0), 2, "this one, and the half");
        reunite(new.1);
    }

    /// How many halves wait, and how many cells there are on shelves.
    fn kept() -> [usize; 2] {
        STORE.with(|store| {
            let shelves = store.shelves.iter();
            let cells = shelves.map(|shelf| shelf.borrow().len()).sum();
            [store.halves.borrow().len(), cells]
        })
    }

    /// The entries of so many cells, which are claimed.
    fn entries(cells: usize) -> Vec<Start> {
        let cells: Vec<_> = (0..cells).map(|_| spawn(seven, here())).collect();
        let entry = |cell: Cell<_>| {
            claim(&cell);
            keep(cell.0, None, here());
            cell.1
        };
        cells.into_iter().map(entry).collect()
    }

    /// As if this thread's stack had what the tests have in their hands.
    fn fill_stack() {
        struct Nowhere;
        impl Home for Nowhere {
            fn notify(&self) {}
            fn leave(&self, _: &mut dyn Iterator<Item = Job>) {}
        }
        let (_, start) = spawn(seven, here());
        let pushed = local::push(1, true, start, |_| Box::new(Nowhere));
        assert!(pushed.is_ok());
    }

    #[test]
    fn a_shelf_holds_no_more_than_so_many() {
        let cells: Vec<_> = (0..2 * MOST).map(|_| spawn(seven, here())).collect();
        for cell in cells {
            get(cell, here());
        }
        assert_eq!(kept(), [0, MOST]);
    }

    #[test]
    fn no_more_halves_wait_than_so_many() {
        fill_stack();
        let mut entries = entries(2 * MOST + 1);
        assert_eq!(
            kept(),
            [1, 0],
            "the others have been let go, so many at once"
        );
        while let Some(entry) = entries.pop() {
            reunite(entry);
        }
        assert_eq!(kept(), [0, 1]);
    }

    #[test]
    fn what_has_its_entry_elsewhere_is_not_kept() {
        drop(entries(3));
        assert_eq!(kept(), [0, 0]);
    }

    #[test]
    fn a_large_cell_is_not_kept() {
        let large = [7; LARGEST];
        assert_eq!(get(spawn(move || large[0], here()), here()), 7);
        assert_eq!(kept(), [0, 0]);
    }
}
