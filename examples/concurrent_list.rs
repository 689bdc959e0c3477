//! Read a list, decide, change it: one atomic step, or updates get lost.
//!
//! `UpdateOrAppend` of the question locks twice, to look and to write; between the two anybody may
//! change the list. As a message to the list's owner it can't be torn.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, LazyLock, Mutex};
use std::thread;

use letgo::{Agent, JoinHandle};

#[derive(Clone, Debug, PartialEq)]
struct Item {
    name: String,
    updates: usize,
}

impl Item {
    fn new(name: &str) -> Self {
        let (name, updates) = (name.to_owned(), 1);
        Self { name, updates }
    }
}

#[derive(Clone)]
struct ConcurrentList(Agent<Vec<Item>>);

impl ConcurrentList {
    fn new() -> Self {
        Self(Agent::new(Vec::new()))
    }

    fn update_or_append(&self, name: &str) -> JoinHandle<()> {
        let name = name.to_owned();
        self.0.call(
            move |items| match items.iter_mut().find(|item| item.name == name) {
                Some(item) => item.updates += 1,
                None => items.push(Item::new(&name)),
            },
        )
    }

    /// What there is just now, to be gone through without holding anything.
    fn iter(&self) -> impl Iterator<Item = Item> + use<> {
        self.0.call(|items| items.clone()).get().into_iter()
    }
}

static MADE: AtomicUsize = AtomicUsize::new(0);

/// The question's `GetList`: made by the first who asks, once, however many ask first.
fn get_list() -> &'static ConcurrentList {
    static LIST: LazyLock<ConcurrentList> = LazyLock::new(|| {
        MADE.fetch_add(1, Ordering::Relaxed);
        ConcurrentList::new()
    });
    &LIST
}

const THREADS: usize = 8;
const ROUNDS: usize = 100;

/// Runs `f` on all threads, and waits for them.
fn together(f: impl Fn() + Sync) {
    thread::scope(|s| {
        for _ in 0..THREADS {
            s.spawn(&f);
        }
    });
}

fn report(what: &str, items: &[Item]) {
    let kept: usize = items.iter().map(|item| item.updates).sum();
    let lost = THREADS * ROUNDS - kept;
    println!(
        "{what}: {} item(s), {kept} updates, {lost} lost",
        items.len()
    );
}

fn main() {
    // The question's way. The barrier is bad luck, made certain: all have looked before one writes.
    let items = Mutex::new(Vec::<Item>::new());
    let all_have_looked = Barrier::new(THREADS);
    together(|| {
        for _ in 0..ROUNDS {
            let found = items.lock().unwrap().iter().cloned().enumerate().next();
            all_have_looked.wait();
            match found {
                Some((index, mut item)) => {
                    item.updates += 1;
                    items.lock().unwrap()[index] = item;
                }
                None => items.lock().unwrap().push(Item::new("api")),
            }
            all_have_looked.wait();
        }
    });
    report("two locked steps", &items.into_inner().unwrap());

    // One step, on the one list that there is.
    together(|| {
        for _ in 0..ROUNDS {
            get_list().update_or_append("api").get();
        }
    });
    let items: Vec<_> = get_list().iter().collect();
    report("one step of an agent", &items);
    assert_eq!((items.len(), items[0].updates), (1, THREADS * ROUNDS));
    println!("lists made: {}", MADE.load(Ordering::Relaxed));

    // Iterating while others write, and writing while iterating: the loop has a snapshot.
    let list = ConcurrentList::new();
    for name in ["api", "web", "db"] {
        list.update_or_append(name).detach();
    }
    let seen = thread::scope(|s| {
        s.spawn(|| (0..1000).for_each(|n| list.update_or_append(&format!("job {n}")).detach()));
        let snapshot = list.iter().take_while(|item| !item.name.starts_with("job"));
        snapshot
            .inspect(|item| list.update_or_append(&item.name).get())
            .count()
    });
    let updated = list.iter().filter(|item| item.updates == 2).count();
    println!(
        "iterated over {seen}, updated {updated} of {}",
        list.iter().count()
    );

    // If all you do is look things up by name, it is a map that you want (a sorted one here).
    let map = Agent::new(BTreeMap::new());
    for name in ["web", "api", "db", "api"] {
        map.cast(move |map| *map.entry(name).or_insert(0) += 1);
    }
    println!("as a map: {:?}", map.stop().get());
}
