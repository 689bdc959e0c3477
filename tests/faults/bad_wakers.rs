//! Wakers that panic, block, or come back at once, wherever the library wakes or drops one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::thread;

use futures::executor::block_on;

use crate::common::{Gate, Wakes, must_end, poll, until};
use crate::places::{Ends, PLACES, Waits};

/// Somebody who waits at this place, polled with this waker only.
fn waiting(set_up: fn() -> (Waits, Ends), waker: &Waker) -> (Waits, Ends) {
    loop {
        let (mut waits, ends) = set_up();
        match poll(&mut waits, waker) {
            Poll::Pending => return (waits, ends),
            // Whoever waits for a time may have slept over it.
            Poll::Ready(as_it_should) => assert!(as_it_should),
        }
    }
}

/// Runs a test for every place.
fn everywhere(test: impl Fn(fn() -> (Waits, Ends)) + Send + 'static) {
    must_end(move || {
        for (name, set_up) in PLACES {
            println!("{name}");
            test(*set_up);
        }
    });
}

#[test]
fn a_waker_that_panics_costs_nobody_his_value() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("in the waker");
        }
    }
    everywhere(|set_up| {
        let (waits, ends) = waiting(set_up, &Waker::from(Arc::new(Panics)));
        ends();
        assert!(block_on(waits));
    });
}

/// Panics when it is dropped, but not by whoever made it.
struct PanicsWhenDropped;

impl Wake for PanicsWhenDropped {
    fn wake(self: Arc<Self>) {}
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("in the waker's drop");
    }
}

fn panics_when_dropped() -> Waker {
    Waker::from(Arc::new(PanicsWhenDropped))
}

#[test]
fn a_waker_that_panics_when_it_is_dropped_after_it_was_woken_costs_nobody_his_value() {
    everywhere(|set_up| {
        let (waits, ends) = waiting(set_up, &panics_when_dropped());
        ends();
        assert!(block_on(waits));
    });
}

#[test]
fn a_waker_that_panics_when_it_is_replaced_costs_nobody_his_value() {
    everywhere(|set_up| {
        let (mut waits, ends) = waiting(set_up, &panics_when_dropped());
        let (wakes, waker) = Wakes::pair();
        match poll(&mut waits, &waker) {
            Poll::Pending => {
                ends();
                until("the last waker is woken", || wakes.count() > 0);
                assert!(block_on(waits));
            }
            Poll::Ready(as_it_should) => assert!(as_it_should),
        }
    });
}

#[test]
fn a_waker_that_panics_when_who_waits_gives_up_is_nothing_to_him() {
    everywhere(|set_up| {
        let (waits, ends) = waiting(set_up, &panics_when_dropped());
        drop(waits);
        ends();
    });
}

#[test]
fn a_waker_that_blocks_holds_up_only_the_one_who_wakes() {
    /// The first time only: those who lose are ended by the one who waits.
    struct Blocks(Gate, Gate, AtomicBool);
    impl Wake for Blocks {
        fn wake(self: Arc<Self>) {
            if !self.2.swap(true, Ordering::SeqCst) {
                self.0.open();
                self.1.pass();
            }
        }
    }
    everywhere(|set_up| {
        let (entered, gate) = (Gate::new(), Gate::new());
        let blocks = Arc::new(Blocks(
            entered.clone(),
            gate.clone(),
            AtomicBool::new(false),
        ));
        let (waits, ends) = waiting(set_up, &Waker::from(blocks));
        let wakes = thread::spawn(ends);
        entered.pass();
        assert!(block_on(waits));
        gate.open();
        wakes.join().unwrap();
    });
}

#[test]
fn a_waker_may_come_back_for_the_value_at_once() {
    #[derive(Default)]
    struct ComesBack(Mutex<Option<Waits>>, AtomicBool);
    impl Wake for ComesBack {
        fn wake(self: Arc<Self>) {
            let waits = self.0.lock().unwrap().take();
            let Some(mut waits) = waits else { return };
            match poll(&mut waits, &Waker::from(Arc::clone(&self))) {
                Poll::Pending => *self.0.lock().unwrap() = Some(waits),
                Poll::Ready(as_it_should) => self.1.store(as_it_should, Ordering::SeqCst),
            }
        }
    }
    everywhere(|set_up| {
        let comes_back = Arc::<ComesBack>::default();
        let (waits, ends) = waiting(set_up, &Waker::from(Arc::clone(&comes_back)));
        *comes_back.0.lock().unwrap() = Some(waits);
        ends();
        until("it has its value", || comes_back.1.load(Ordering::SeqCst));
    });
}
