//! Many threads, and many replies.

use std::collections::HashSet;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use letgo::{Delivery, PromiseMap};

use crate::common::{Drops, must_end};

#[test]
fn between_a_drop_and_an_answer_no_value_is_lost() {
    must_end(|| {
        const ROUNDS: usize = 2000;
        for linger in [Duration::ZERO, Duration::from_nanos(1)] {
            let (replies, drops) = (PromiseMap::new().linger(linger), Drops::new());
            let both = Arc::new(Barrier::new(2));
            let (answering, made, at_once) = (replies.clone(), drops.clone(), Arc::clone(&both));
            let sender = thread::spawn(move || {
                let mut handed_back = 0;
                for key in 0..ROUNDS {
                    at_once.wait();
                    if let Some(value) = answering.resolve(&key, made.one()).into_undelivered() {
                        drop(value);
                        handed_back += 1;
                    }
                    at_once.wait();
                    assert_eq!(
                        made.count(),
                        key + 1,
                        "a value is dropped once, by its last owner"
                    );
                }
                handed_back
            });
            let (mut taken, mut dropped) = (0, 0);
            for key in 0..ROUNDS {
                let reply = replies.insert(key).unwrap();
                both.wait();
                match reply.try_get() {
                    Ok(value) => {
                        drop(value);
                        taken += 1;
                    }
                    Err(reply) => {
                        drop(reply);
                        dropped += 1;
                    }
                }
                both.wait();
                assert!(replies.is_empty());
            }
            let handed_back = sender.join().unwrap();
            assert_eq!(taken + dropped, ROUNDS);
            assert!(handed_back <= dropped);
            assert_eq!(drops.count(), ROUNDS);
        }
    });
}

#[test]
fn in_a_crowd_every_asker_has_its_own_answer() {
    must_end(|| {
        const EACH: usize = 2000;
        let replies = PromiseMap::<usize, usize>::new();
        let (tell, told) = std::sync::mpsc::channel::<usize>();
        let answering = replies.clone();
        let sender = thread::spawn(move || {
            let mut undelivered = HashSet::new();
            for key in told {
                match answering.resolve(&key, key * 2) {
                    Delivery::Delivered => {}
                    unmet => assert!(undelivered.insert(unmet.into_undelivered())),
                }
            }
            undelivered.len()
        });
        let askers: Vec<_> = (0..3)
            .map(|asker| {
                let (replies, tell) = (replies.clone(), tell.clone());
                thread::spawn(move || {
                    let mut given_up = 0;
                    for n in 0..EACH {
                        let key = asker * EACH + n;
                        let reply = replies.insert(key).unwrap();
                        tell.send(key).unwrap();
                        if n % 7 == 0 {
                            drop(reply);
                            given_up += 1;
                        } else {
                            assert_eq!(reply.get(), key * 2);
                        }
                    }
                    given_up
                })
            })
            .collect();
        drop(tell);
        let given_up: usize = askers.into_iter().map(|asker| asker.join().unwrap()).sum();
        assert!(sender.join().unwrap() <= given_up);
        assert!(replies.is_empty());
    });
}

/// The memory of this process that is in use, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
#[cfg(target_os = "linux")]
fn a_million_abandoned_replies_leave_the_memory_where_it_was() {
    const MILLION: u32 = 1_000_000;
    // A million entries would be 48 MB; what is open at once, and the other tests, need far less.
    const MARGIN: usize = 24 << 20;
    for linger in [Duration::ZERO, Duration::from_nanos(1)] {
        let replies = PromiseMap::<u32, u64>::new().linger(linger);
        let before = resident();
        for at_once in [1, 50_000] {
            for round in 0..MILLION / at_once {
                let keys = round * at_once..(round + 1) * at_once;
                let all: Vec<_> = keys.map(|key| replies.insert(key).unwrap()).collect();
                drop(all);
            }
            let left = resident().saturating_sub(before);
            assert!(left < MARGIN, "{left} bytes are left");
        }
    }
}
