//! A promise per key: resolve × drop × insert × cancel × who waits.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use loom::thread;

use super::{Delivery, PromiseMap, Reply};
use crate::models::{Bed, Count, Dropped, explore};

type Map = PromiseMap<u8, Dropped>;

#[test]
fn resolve_meets_the_drop_of_its_reply() {
    explore(3, || {
        let drops = Count::default();
        let value = Dropped(drops.clone());
        let map = Map::new();
        let reply = map.insert(1).unwrap();
        let other = map.clone();
        let resolves = thread::spawn(move || match other.resolve(&1, value) {
            Delivery::Delivered => true,
            Delivery::Unknown(_) => false,
            Delivery::Late(_) | Delivery::Duplicate(_) => panic!("no key lingers"),
        });
        drop(reply);
        resolves.join().unwrap();
        assert_eq!(drops.get(), 1, "handed back, or dropped with its reply");
        assert!(map.is_empty());
        drop(map.insert(1).expect("the key is free"));
    });
}

#[test]
fn resolve_meets_a_drop_and_a_new_question_under_the_key() {
    explore(3, || {
        let drops = Count::default();
        let value = Dropped(drops.clone());
        let map = Map::new();
        let old = map.insert(1).unwrap();
        let other = map.clone();
        let resolves = thread::spawn(move || other.resolve(&1, value).is_delivered());
        drop(old);
        let new = map
            .insert(1)
            .expect("a reply that is dropped frees its key");
        let delivered = resolves.join().unwrap();
        let arrived = Reply::try_get(new).is_ok();
        assert!(delivered || !arrived);
        assert_eq!(drops.get(), 1);
        assert!(map.is_empty());
    });
}

#[test]
fn two_answers_meet_who_waits() {
    explore(3, || {
        let map = PromiseMap::new();
        let reply = map.insert(1).unwrap();
        let answers = [1, 2].map(|answer| {
            let map = map.clone();
            thread::spawn(move || map.resolve(&1, answer).is_delivered())
        });
        let answer = reply.get();
        let delivered = answers.map(|thread| thread.join().unwrap());
        assert_eq!(delivered, [answer == 1, answer == 2]);
    });
}

#[test]
fn an_answer_meets_a_cancel_and_who_waits() {
    explore(3, || {
        let map = PromiseMap::new();
        let reply = map.insert(1).unwrap();
        let (answers, cancels) = (map.clone(), map.clone());
        let answers = thread::spawn(move || answers.resolve(&1, 7).is_delivered());
        let cancels = thread::spawn(move || cancels.cancel(&1));
        let outcome = reply.join();
        assert_eq!(answers.join().unwrap(), outcome.is_ok());
        assert_eq!(cancels.join().unwrap(), outcome.is_err());
    });
}

#[test]
fn of_many_wakers_the_latest_is_woken() {
    explore(3, || {
        let map = PromiseMap::new();
        let mut reply = map.insert(1).unwrap();
        let other = map.clone();
        let resolves = thread::spawn(move || assert!(other.resolve(&1, 7).is_delivered()));
        let beds = [Bed::new(), Bed::new()];
        let answer = 'ready: {
            for bed in [&beds[0], &beds[1], &beds[1]] {
                if let Poll::Ready(answer) = Pin::new(&mut reply).poll(&mut bed.context()) {
                    break 'ready answer;
                }
            }
            beds[1].sleep();
            match Pin::new(&mut reply).poll(&mut Bed::new().context()) {
                Poll::Ready(answer) => answer,
                Poll::Pending => panic!("woken, and there is nothing"),
            }
        };
        assert_eq!(answer, 7);
        resolves.join().unwrap();
    });
}

#[test]
fn the_drop_of_the_last_handle_meets_who_waits() {
    explore(3, || {
        let map = PromiseMap::<u8, u8>::new();
        let reply = map.insert(1).unwrap();
        let other = map.clone();
        let drops = thread::spawn(move || drop(other));
        drop(map);
        assert!(reply.join().unwrap_err().is_cancelled());
        drops.join().unwrap();
    });
}

#[test]
fn an_answer_meets_a_reply_that_is_given_up_and_lingers() {
    explore(3, || {
        let map = PromiseMap::new().linger(Duration::MAX);
        let reply = map.insert(1).unwrap();
        let other = map.clone();
        let answers = thread::spawn(move || other.resolve(&1, 7));
        drop(reply);
        let delivery = answers.join().unwrap();
        assert!(matches!(delivery, Delivery::Delivered | Delivery::Late(7)));
        assert!(map.insert(1).is_err(), "the key lingers");
    });
}
