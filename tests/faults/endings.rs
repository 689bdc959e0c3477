//! Threads that end: what is asked for as their locals are destroyed is given. (That a process ends
//! while tasks run is in `tests/main_returns.rs`.)

use std::cell::RefCell;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, LocalKey};
use std::time::Duration;

use letgo::Pool;

use crate::common::{Gate, must_end, until};
use crate::ways::all_ways;

/// Does something when it is dropped.
struct Last(Option<Box<dyn FnOnce()>>);

impl Drop for Last {
    fn drop(&mut self) {
        if let Some(last) = self.0.take() {
            last();
        }
    }
}

thread_local! {
    static EARLY: RefCell<Option<Last>> = const { RefCell::new(None) };
    static LATE: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// Runs `f` as this thread's locals are destroyed: those that were first used last go first.
fn at_the_end(place: &'static LocalKey<RefCell<Option<Last>>>, f: impl FnOnce() + 'static) {
    place.with(|place| *place.borrow_mut() = Some(Last(Some(Box::new(f)))));
}

fn tells_that_all_is_well(tell: &Sender<()>) -> impl Fn() + Clone + 'static {
    let tell = tell.clone();
    move || {
        all_ways();
        tell.send(()).unwrap();
    }
}

#[test]
fn everything_can_be_got_as_an_outside_threads_locals_are_destroyed() {
    must_end(|| {
        let (tell, told) = channel();
        let thread = thread::spawn(move || {
            // Once after the library's own are gone, and once before.
            at_the_end(&EARLY, tells_that_all_is_well(&tell));
            all_ways();
            at_the_end(&LATE, tells_that_all_is_well(&tell));
        });
        thread.join().unwrap();
        assert_eq!(told.iter().count(), 2);
    });
}

#[test]
fn everything_can_be_got_as_a_workers_locals_are_destroyed() {
    must_end(|| {
        let (tell, told) = channel();
        let pool = Pool::builder().threads(1).build().unwrap();
        let inner = pool.clone();
        let at_end = pool.spawn_value(move || {
            at_the_end(&EARLY, tells_that_all_is_well(&tell));
            inner.spawn_value(|| ()).detach();
            at_the_end(&LATE, tells_that_all_is_well(&tell));
        });
        at_end.get_timeout(Duration::MAX).ok().unwrap();
        pool.shutdown();
        assert_eq!(told.iter().count(), 2);
    });
}

#[test]
fn a_pool_is_shut_down_as_its_workers_locals_are_destroyed() {
    must_end(|| {
        let (tell, told) = channel();
        let pool = Pool::builder().threads(2).build().unwrap();
        let both = Gate::new();
        let tasks = [(); 2].map(|()| {
            let (inner, tell, both) = (pool.clone(), tell.clone(), both.clone());
            pool.spawn_value(move || {
                let shuts = {
                    let inner = inner.clone();
                    move || {
                        inner.shutdown();
                        assert!(inner.spawn_value(|| 1).join().unwrap_err().is_cancelled());
                        tell.send(()).unwrap();
                    }
                };
                at_the_end(&EARLY, shuts.clone());
                inner.spawn_value(|| ()).detach();
                at_the_end(&LATE, shuts);
                both.pass();
            })
        });
        until("both run", || pool.queued() == 0);
        drop(tell);
        both.open();
        for task in tasks {
            task.get_timeout(Duration::MAX).ok().unwrap();
        }
        pool.shutdown();
        assert_eq!(told.iter().count(), 4);
    });
}
