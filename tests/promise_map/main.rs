//! A promise per key: answers find those who asked.

#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod user_code;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use common::{Drops, Wakes, must_end, until};
use futures::executor::block_on;
use futures::future::FusedFuture;
use letgo::{Delivery, Eventual, Occupied, PromiseMap, Reply, join, spawn_value};

const HOUR: Duration = Duration::from_secs(3600);

static_assertions::assert_impl_all!(PromiseMap<u16, i32>: Send, Sync, Clone);
static_assertions::assert_impl_all!(Reply<u16, i32>: Send, Sync, Unpin, FusedFuture, Eventual);
static_assertions::assert_impl_all!(Occupied<u16>: std::error::Error);

#[test]
fn answers_in_any_order_find_their_askers() {
    must_end(|| {
        let replies = PromiseMap::<u16, String>::new();
        let askers: Vec<_> = (0..100)
            .map(|key| {
                let reply = replies.insert(key).unwrap();
                thread::spawn(move || (*reply.key(), reply.get()))
            })
            .collect();
        assert_eq!(replies.len(), 100);
        for key in (0..100).rev() {
            assert!(replies.resolve(&key, key.to_string()).is_delivered());
        }
        assert!(replies.is_empty());
        for asker in askers {
            let (key, answer) = asker.join().unwrap();
            assert_eq!(answer, key.to_string());
        }
    });
}

#[test]
fn an_answer_nobody_asked_for_is_handed_back() {
    let replies = PromiseMap::<u16, &str>::new();
    assert_eq!(replies.resolve(&1, "one"), Delivery::Unknown("one"));
}

#[test]
fn a_second_answer_never_blocks_and_is_handed_back() {
    let replies = PromiseMap::new();
    let reply = replies.insert(1).unwrap();
    assert_eq!(replies.resolve(&1, "first"), Delivery::Delivered);
    assert_eq!(replies.resolve(&1, "second"), Delivery::Duplicate("second"));
    assert_eq!(reply.get(), "first");
    assert_eq!(replies.resolve(&1, "third"), Delivery::Unknown("third"));
}

#[test]
fn a_key_is_in_use_until_its_answer_is_taken() {
    let replies = PromiseMap::new();
    let reply = replies.insert(1).unwrap();
    assert_eq!(replies.insert(1).unwrap_err(), Occupied(1));
    assert!(replies.resolve(&1, "one").is_delivered());
    assert_eq!(replies.insert(1).unwrap_err(), Occupied(1));
    assert_eq!(reply.get(), "one");
    drop(replies.insert(1).unwrap());
}

#[test]
fn a_dropped_reply_frees_its_key() {
    let replies = PromiseMap::new();
    drop(replies.insert(1).unwrap());
    assert!(replies.is_empty());
    assert_eq!(replies.resolve(&1, "late"), Delivery::Unknown("late"));
    let reply = replies.insert(1).unwrap();
    assert!(replies.resolve(&1, "anew").is_delivered());
    assert_eq!(reply.get(), "anew");
}

#[test]
fn a_reply_dropped_with_its_answer_drops_both() {
    let (replies, drops) = (PromiseMap::new(), Drops::new());
    let reply = replies.insert(1).unwrap();
    assert!(replies.resolve(&1, drops.one()).is_delivered());
    drop(reply);
    assert_eq!(drops.count(), 1);
    assert!(replies.insert(1).is_ok());
}

#[test]
fn a_timed_out_wait_keeps_the_reply() {
    must_end(|| {
        let replies = PromiseMap::new();
        let reply = replies.insert(1).unwrap();
        let reply = reply.get_timeout(Duration::from_millis(1)).unwrap_err();
        let reply = reply.try_get().unwrap_err();
        assert!(!reply.is_finished());
        assert!(replies.resolve(&1, "one").is_delivered());
        assert!(reply.is_finished());
        assert_eq!(reply.try_get().unwrap(), "one");
    });
}

#[test]
fn a_reply_is_awaited() {
    must_end(|| {
        let replies = PromiseMap::new();
        let reply = replies.insert(1).unwrap();
        let answering = replies.clone();
        let thread = thread::spawn(move || answering.resolve(&1, "one").is_delivered());
        assert_eq!(block_on(reply), "one");
        assert!(thread.join().unwrap());
    });
}

#[test]
fn a_reply_takes_part_in_combinators() {
    must_end(|| {
        let replies = PromiseMap::new();
        let both = join!(replies.insert(1).unwrap(), spawn_value(|| 2));
        assert!(replies.resolve(&1, "one").is_delivered());
        assert_eq!(both.get(), ("one", 2));
    });
}

#[test]
fn a_reply_that_was_polled_can_be_got_and_once_only() {
    must_end(|| {
        let replies = PromiseMap::new();
        let mut reply = replies.insert(1).unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut reply).poll(&mut cx).is_pending());
        assert!(!reply.is_terminated());
        assert!(replies.resolve(&1, "one").is_delivered());
        assert_eq!(Pin::new(&mut reply).poll(&mut cx), Poll::Ready("one"));
        assert!(reply.is_terminated());
        let again = catch_unwind(AssertUnwindSafe(|| reply.get())).unwrap_err();
        assert!(again.downcast_ref::<&str>().unwrap().contains("already"));
    });
}

#[test]
fn the_last_waker_is_woken_once() {
    let replies = PromiseMap::new();
    let mut reply = replies.insert(1).unwrap();
    let [first, last] = [(); 2].map(|()| Wakes::new());
    for wakes in [&first, &last, &last] {
        let waker = wakes.waker();
        let mut cx = Context::from_waker(&waker);
        assert!(Pin::new(&mut reply).poll(&mut cx).is_pending());
    }
    assert!(!first.is_held());
    assert!(replies.resolve(&1, "one").is_delivered());
    assert!(!replies.cancel(&1));
    assert_eq!([first, last].map(|wakes| wakes.count()), [0, 1]);
    assert_eq!(reply.get(), "one");
}

#[test]
fn a_cancelled_question_is_over_and_its_key_free() {
    must_end(|| {
        let replies = PromiseMap::new();
        let old = replies.insert(1).unwrap();
        let waits = thread::spawn(|| old.join());
        assert!(replies.cancel(&1));
        assert!(!replies.cancel(&1));
        let new = replies.insert(1).unwrap();
        // The old reply is no business of the new question's.
        assert!(waits.join().unwrap().unwrap_err().is_cancelled());
        assert_eq!(replies.len(), 1);
        assert!(replies.resolve(&1, "one").is_delivered());
        assert_eq!(new.get(), "one");
    });
}

#[test]
fn a_stale_reply_neither_drops_nor_cancels_the_new_question() {
    let replies = PromiseMap::new();
    let old = replies.insert(1).unwrap();
    assert!(replies.cancel(&1));
    let new = replies.insert(1).unwrap();
    old.cancel();
    drop(old);
    assert!(replies.resolve(&1, "one").is_delivered());
    assert_eq!(new.get(), "one");
}

#[test]
fn a_reply_can_cancel_its_question_but_not_its_answer() {
    let replies = PromiseMap::new();
    let [first, second] = [1, 2].map(|key| replies.insert(key).unwrap());
    first.cancel();
    assert_eq!(replies.resolve(&1, "one"), Delivery::Unknown("one"));
    assert!(first.join().unwrap_err().is_cancelled());
    assert!(replies.resolve(&2, "two").is_delivered());
    second.cancel();
    assert_eq!(second.get(), "two");
}

#[test]
fn cancel_all_ends_what_waits_and_leaves_what_was_answered() {
    must_end(|| {
        for linger in [Duration::ZERO, HOUR] {
            let replies = PromiseMap::new().linger(linger);
            let answered = replies.insert(0).unwrap();
            assert!(replies.resolve(&0, "zero").is_delivered());
            let waiting: Vec<_> = (1..=100)
                .map(|key| {
                    let reply = replies.insert(key).unwrap();
                    thread::spawn(move || reply.join())
                })
                .collect();
            assert_eq!(replies.cancel_all(), 100);
            assert_eq!((replies.cancel_all(), replies.len()), (0, 0));
            for reply in waiting {
                assert!(reply.join().unwrap().unwrap_err().is_cancelled());
            }
            assert_eq!(answered.get(), "zero");
            assert_eq!(replies.insert(7).is_ok(), linger.is_zero());
        }
    });
}

#[test]
fn a_cancelled_get_panics_with_the_place_that_asked() {
    let replies = PromiseMap::<_, ()>::new();
    let reply = replies.insert(1).unwrap();
    let line = line!() - 1;
    replies.cancel_all();
    let panic = catch_unwind(AssertUnwindSafe(|| reply.get())).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    let place = format!("{}:{line}", file!());
    assert!(message.contains(&place), "{message}");
}

#[test]
fn the_last_handle_cancels_what_waits_and_leaves_what_was_answered() {
    must_end(|| {
        let replies = PromiseMap::new();
        let clone = replies.clone();
        let [answered, waits] = [1, 2].map(|key| replies.insert(key).unwrap());
        let waits = thread::spawn(move || waits.join());
        assert!(replies.resolve(&1, "one").is_delivered());
        drop(replies);
        assert_eq!(clone.len(), 1);
        drop(clone);
        assert!(waits.join().unwrap().unwrap_err().is_cancelled());
        assert_eq!(answered.get(), "one");
    });
}

#[test]
fn a_lingering_key_takes_no_answer_for_a_new_question() {
    let replies = PromiseMap::new().linger(HOUR);
    drop(replies.insert("given up").unwrap());
    let answered = replies.insert("answered").unwrap();
    let cancelled = replies.insert("cancelled").unwrap();
    assert!(replies.resolve("answered", 1).is_delivered());
    assert!(replies.cancel("cancelled"));
    assert_eq!(replies.resolve("answered", 2), Delivery::Duplicate(2));
    assert_eq!(answered.get(), 1);
    assert!(cancelled.join().unwrap_err().is_cancelled());

    assert_eq!(replies.resolve("given up", 3), Delivery::Late(3));
    assert_eq!(replies.resolve("answered", 3), Delivery::Duplicate(3));
    assert_eq!(replies.resolve("cancelled", 3), Delivery::Late(3));
    assert_eq!(replies.resolve("never asked", 3), Delivery::Unknown(3));
    for key in ["given up", "answered", "cancelled"] {
        assert_eq!(replies.insert(key).unwrap_err(), Occupied(key));
    }
    assert!(replies.is_empty(), "lingering is not waiting");
}

#[test]
fn a_key_that_has_lingered_is_let_go_by_whatever_comes_next() {
    must_end(|| {
        let replies = PromiseMap::new().linger(Duration::from_millis(1));
        drop(replies.insert(1).unwrap());
        until("the key is free", || replies.insert(1).is_ok());
        until("nothing is known of it", || {
            replies.resolve(&1, ()) == Delivery::Unknown(())
        });
    });
}

#[test]
fn a_linger_taken_back_lets_go_of_keys_that_linger() {
    let replies = PromiseMap::<_, i32>::new().linger(HOUR);
    drop(replies.insert(7).unwrap());
    assert!(replies.insert(7).is_err());
    let replies = replies.linger(Duration::ZERO);
    assert!(replies.insert(7).is_ok());
}

#[test]
fn an_answer_outlives_the_linger_of_its_key() {
    must_end(|| {
        let replies = PromiseMap::new().linger(Duration::from_nanos(1));
        let reply = replies.insert(1).unwrap();
        assert!(replies.resolve(&1, "one").is_delivered());
        for other in 2..100 {
            drop(replies.insert(other));
        }
        assert_eq!(replies.resolve(&1, "two"), Delivery::Duplicate("two"));
        assert_eq!(reply.get(), "one");
        assert_eq!(replies.resolve(&1, "three"), Delivery::Unknown("three"));
    });
}

#[test]
fn a_linger_may_be_for_ever() {
    let replies = PromiseMap::new().linger(Duration::MAX);
    drop(replies.insert(1).unwrap());
    assert_eq!(replies.resolve(&1, ()), Delivery::Late(()));
}

#[test]
fn what_it_looks_like_in_a_log() {
    let replies = PromiseMap::<u16, ()>::new();
    let reply = replies.insert(7).unwrap();
    assert_eq!(
        format!("{reply:?}"),
        "Reply { key: 7, finished: false, .. }"
    );
    assert_eq!(
        format!("{replies:?}"),
        "PromiseMap { len: 1, linger: 0ns, .. }"
    );
    let occupied = replies.insert(7).unwrap_err();
    assert!(occupied.to_string().starts_with("the key is in use"));
}
