//! A promise per key: answers find those who asked.

mod common;

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;
use std::{fmt, fs};

use common::{Drops, must_end, until};
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
        assert!(replies.resolve(&1, "one").is_delivered());
        assert_eq!(Pin::new(&mut reply).poll(&mut cx), Poll::Ready("one"));
        assert!(reply.is_terminated());
        let again = catch_unwind(AssertUnwindSafe(|| reply.get())).unwrap_err();
        assert!(again.downcast_ref::<&str>().unwrap().contains("already"));
    });
}

/// Counts its wakes.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn the_last_waker_is_woken_once() {
    let replies = PromiseMap::new();
    let mut reply = replies.insert(1).unwrap();
    let [first, last] = [(); 2].map(|()| Arc::new(Wakes::default()));
    for wakes in [&first, &last, &last] {
        let waker = Waker::from(Arc::clone(wakes));
        let mut cx = Context::from_waker(&waker);
        assert!(Pin::new(&mut reply).poll(&mut cx).is_pending());
    }
    assert_eq!(Arc::strong_count(&first), 1, "the first one is let go");
    assert!(replies.resolve(&1, "one").is_delivered());
    assert!(!replies.cancel(&1));
    let counts = [first, last].map(|wakes| wakes.0.load(Ordering::SeqCst));
    assert_eq!(counts, [0, 1]);
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
    let place = format!("promise_map.rs:{line}");
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
fn keys_whose_hashes_collide_are_told_apart() {
    #[derive(Clone, PartialEq, Eq, Debug)]
    struct Same(u8);
    impl Hash for Same {
        fn hash<H: Hasher>(&self, state: &mut H) {
            0.hash(state);
        }
    }
    must_end(|| {
        let replies = PromiseMap::new();
        let mut asked: Vec<_> = (0..9)
            .map(|key| replies.insert(Same(key)).unwrap())
            .collect();
        assert_eq!(replies.insert(Same(3)).unwrap_err(), Occupied(Same(3)));
        drop(asked.remove(4));
        for key in (0..9).rev() {
            assert_eq!(replies.resolve(&Same(key), key).is_delivered(), key != 4);
        }
        for reply in asked {
            let key = reply.key().0;
            assert_eq!(reply.get(), key);
        }
        assert!(replies.insert(Same(3)).is_ok());
    });
}

#[test]
fn wakers_may_come_back_into_the_map() {
    struct AsksAgain(PromiseMap<u16, u16>);
    impl Wake for AsksAgain {
        fn wake(self: Arc<Self>) {
            let reply = self.0.insert(self.0.len() as u16 + 100).unwrap();
            assert!(self.0.resolve(&1, 0).into_undelivered().is_some());
            assert!(self.0.resolve(reply.key(), 0).is_delivered());
        }
    }
    must_end(|| {
        let replies = PromiseMap::new();
        let waker = Waker::from(Arc::new(AsksAgain(replies.clone())));
        let mut cx = Context::from_waker(&waker);
        let [mut first, mut second, mut third] = [1, 2, 3].map(|key| replies.insert(key).unwrap());
        for reply in [&mut first, &mut second, &mut third] {
            assert!(Pin::new(reply).poll(&mut cx).is_pending());
        }
        assert!(replies.resolve(&1, 1).is_delivered());
        assert!(replies.cancel(&2));
        assert_eq!(replies.cancel_all(), 1);
        assert_eq!(first.get(), 1);
    });
}

#[test]
fn wakers_that_panic_harm_nobody() {
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            panic!("a waker");
        }
    }
    let replies = PromiseMap::new();
    let waker = Waker::from(Arc::new(Bomb));
    let mut cx = Context::from_waker(&waker);
    let mut asked = [1, 2, 3, 4, 5].map(|key| replies.insert(key).unwrap());
    for reply in &mut asked {
        assert!(Pin::new(reply).poll(&mut cx).is_pending());
    }
    let [first, second, third, fourth, fifth] = asked;
    assert!(replies.resolve(&1, "one").is_delivered());
    assert!(replies.cancel(&2));
    third.cancel();
    drop(fourth);
    drop(replies);
    assert_eq!(first.get(), "one");
    for reply in [second, third, fifth] {
        assert!(reply.join().unwrap_err().is_cancelled());
    }
}

/// A key or a value whose `Clone` and `Drop` come back into the map.
#[derive(PartialEq, Eq, Hash)]
struct Nosy(u16, Peek);

#[derive(Clone)]
struct Peek(Arc<dyn Fn() + Send + Sync>);

impl PartialEq for Peek {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Peek {}

impl Hash for Peek {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Debug for Nosy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nosy({})", self.0)
    }
}

impl Clone for Nosy {
    fn clone(&self) -> Self {
        (self.1.0)();
        Self(self.0, self.1.clone())
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        (self.1.0)();
    }
}

#[test]
fn keys_and_values_may_come_back_into_the_map() {
    must_end(|| {
        for linger in [Duration::ZERO, Duration::from_nanos(1), HOUR] {
            let replies = PromiseMap::<Nosy, Nosy>::new().linger(linger);
            let (seen, peeks) = (replies.clone(), Arc::new(AtomicUsize::new(0)));
            let count = Arc::clone(&peeks);
            let peek = Peek(Arc::new(move || {
                // `len` locks, and that is enough to hang if somebody else does.
                count.fetch_add(1 + seen.len(), Ordering::SeqCst);
            }));
            let nosy = |n| Nosy(n, peek.clone());
            for n in 0..4 {
                let reply = replies.insert(nosy(n)).unwrap();
                drop(replies.insert(nosy(n)).unwrap_err());
                drop(replies.resolve(&nosy(n + 100), nosy(n)));
                match n {
                    0 => drop(reply),
                    1 => {
                        drop(replies.resolve(&nosy(n), nosy(n)));
                        drop(replies.resolve(&nosy(n), nosy(n)));
                        drop(reply);
                    }
                    2 => {
                        drop(replies.resolve(&nosy(n), nosy(n)));
                        drop(reply.get());
                    }
                    _ => {
                        let other = replies.insert(nosy(n + 1)).unwrap();
                        assert!(replies.cancel(&nosy(n)));
                        assert_eq!(replies.cancel_all(), 1);
                        drop((reply, other));
                    }
                }
            }
            assert!(peeks.load(Ordering::SeqCst) > 0);
        }
    });
}

#[test]
fn a_hash_or_an_eq_that_panics_breaks_nothing() {
    static BREAKS: AtomicBool = AtomicBool::new(false);
    #[derive(Clone, Debug)]
    struct Moody(u8, bool);
    impl Hash for Moody {
        fn hash<H: Hasher>(&self, _: &mut H) {
            assert!(!self.1 || !BREAKS.load(Ordering::SeqCst), "no hash today");
        }
    }
    impl PartialEq for Moody {
        fn eq(&self, other: &Self) -> bool {
            assert!(!BREAKS.load(Ordering::SeqCst), "no eq today");
            self.0 == other.0
        }
    }
    impl Eq for Moody {}
    must_end(|| {
        let replies = PromiseMap::new();
        let [first, second, third] = [1, 2, 3].map(|n| replies.insert(Moody(n, false)).unwrap());
        BREAKS.store(true, Ordering::SeqCst);
        for breaks_in_hash in [false, true] {
            let key = Moody(1, breaks_in_hash);
            let panics: [Box<dyn Fn() + '_>; 3] = [
                Box::new(|| drop(replies.insert(key.clone()))),
                Box::new(|| drop(replies.resolve(&key, "lost"))),
                Box::new(|| _ = replies.cancel(&key)),
            ];
            for panics in panics {
                assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
            }
        }
        // Replies ask for neither.
        drop(third);
        BREAKS.store(false, Ordering::SeqCst);
        assert_eq!(replies.len(), 2);
        assert!(replies.resolve(&Moody(1, false), "one").is_delivered());
        assert!(replies.cancel(&Moody(2, false)));
        assert_eq!(first.get(), "one");
        assert!(second.join().unwrap_err().is_cancelled());
    });
}

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
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
#[cfg(target_os = "linux")]
fn a_million_abandoned_replies_leave_the_memory_where_it_was() {
    const MILLION: u32 = 1_000_000;
    // A million entries would be 48 MB; what is open at once, and the other tests, need far less.
    const MARGIN: usize = 24 << 20;
    must_end(|| {
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
    });
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
