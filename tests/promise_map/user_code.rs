//! Code of the user that runs inside the map: keys, values and wakers that come back, or panic.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use letgo::{Occupied, PromiseMap};

use crate::HOUR;
use crate::common::must_end;

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
