//! The fan-in: its end × who waits, the line × room, who gives up × whose turn it was.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use loom::thread;

use super::FanIn;
use crate::models::{Bed, Count, Dropped, explore};
use crate::sync::Arc;
use crate::wait;
use crate::waiters::Place;

#[test]
fn the_last_producer_meets_who_waits() {
    explore(3, || {
        let fan = FanIn::bounded(1);
        let out = fan.sender();
        let produces = thread::spawn(move || {
            out.send(1).unwrap();
        });
        assert_eq!(fan.recv(), Some(1));
        assert_eq!(fan.recv(), None);
        produces.join().unwrap();
    });
}

#[test]
fn two_producers_that_leave_meet_who_waits() {
    explore(2, || {
        let fan = FanIn::<i32>::bounded(1);
        let leave = [(); 2].map(|()| {
            let out = fan.sender();
            thread::spawn(move || drop(out))
        });
        assert_eq!(fan.recv(), None);
        for thread in leave {
            thread.join().unwrap();
        }
    });
}

#[test]
fn the_end_reaches_every_receiver() {
    explore(2, || {
        let fan = Arc::new(FanIn::bounded(1));
        let out = fan.sender();
        let other = Arc::clone(&fan);
        let receives = thread::spawn(move || other.recv());
        let produces = thread::spawn(move || out.send(1).unwrap());
        let mine = fan.recv();
        let others = receives.join().unwrap();
        assert_eq!(mine.or(others), Some(1));
        assert!(mine.is_none() || others.is_none());
        produces.join().unwrap();
    });
}

#[test]
fn the_last_item_that_another_takes_is_the_end_for_who_waits_for_that() {
    explore(2, || {
        let fan = Arc::new(FanIn::bounded(1));
        let out = fan.sender();
        let other = Arc::clone(&fan);
        let mourns = thread::spawn(move || {
            let mut place = Place::FIRM;
            wait::block_until(None, |cx| other.channel.poll_end(&mut place, cx));
            assert!(other.recv().is_none());
        });
        let produces = thread::spawn(move || out.send(1).unwrap());
        assert_eq!(fan.recv(), Some(1));
        mourns.join().unwrap();
        produces.join().unwrap();
    });
}

#[test]
fn who_is_in_line_is_let_in_and_the_order_is_kept() {
    explore(2, || {
        let fan = FanIn::bounded(1);
        let out = fan.sender();
        let produces = thread::spawn(move || {
            for n in 0..3 {
                out.send(n).unwrap();
            }
        });
        assert!(fan.iter().eq(0..3));
        produces.join().unwrap();
    });
}

#[test]
fn the_bound_holds_while_a_receiver_takes_all_in_one_go() {
    explore(3, || {
        let fan = FanIn::bounded(2);
        let out = fan.sender();
        out.try_send(0).unwrap();
        out.try_send(1).unwrap();
        let produces = thread::spawn(move || [2, 3].map(|n| out.try_send(n).is_ok()));
        assert_eq!(fan.recv(), Some(0));
        let sent = produces.join().unwrap();
        assert!(sent != [true, true], "one has left, and two came in");
    });
}

#[test]
fn two_in_line_for_one_place() {
    explore(1, || {
        let fan = FanIn::bounded(1);
        let produce = [1, 2].map(|n| {
            let out = fan.sender();
            thread::spawn(move || out.send(n).unwrap())
        });
        assert_eq!(fan.iter().sum::<i32>(), 3);
        for thread in produce {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_receiver_that_gives_up_passes_its_turn_on() {
    explore(2, || {
        let fan = Arc::new(FanIn::bounded(2));
        let out = fan.sender();
        let other = Arc::clone(&fan);
        let receives = thread::spawn(move || assert_eq!(other.recv(), Some(1)));
        let produces = thread::spawn(move || {
            out.send(1).unwrap();
            out
        });
        let mut taken = None;
        {
            let mut gives_up = pin!(fan.recv_async());
            if let Poll::Ready(item) = gives_up.as_mut().poll(&mut Bed::new().context()) {
                taken = item;
            }
        }
        // The other waits until it has the one that is there, or another.
        let out = produces.join().unwrap();
        if taken.is_some() {
            out.send(1).unwrap();
        }
        receives.join().unwrap();
    });
}

#[test]
fn a_stream_that_is_polled_no_more_keeps_nothing_from_others() {
    explore(2, || {
        let fan = Arc::new(FanIn::bounded(1));
        let out = fan.sender();
        let mut soft = Place::SOFT;
        let polled = fan.channel.poll(&mut soft, &Bed::new().context());
        assert!(polled.is_pending());
        let produces = thread::spawn(move || out.send(1).unwrap());
        assert_eq!(fan.recv(), Some(1));
        produces.join().unwrap();
    });
}

#[test]
fn the_drop_of_the_fan_in_meets_who_sends() {
    explore(3, || {
        let drops = Count::default();
        let fan = FanIn::bounded(1);
        let out = fan.sender();
        let counts = drops.clone();
        let produces = thread::spawn(move || {
            for _ in 0..2 {
                if out.send(Dropped(counts.clone())).is_err() {
                    return;
                }
            }
            panic!("there is room for one only");
        });
        drop(fan);
        produces.join().unwrap();
        assert!(drops.get() > 0);
    });
}
