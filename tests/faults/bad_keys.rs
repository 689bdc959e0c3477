//! What else may panic when it is dropped: futures of a fan-in, keys of a map.

use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use letgo::{FanIn, PromiseMap};

use crate::bombs::{Bomb, Bombs, OriginalBomb};
use crate::common::{Drops, Wakes, must_end, poll};

/// Gives its value, and panics when it is dropped.
struct Explosive(#[expect(dead_code, reason = "for its drop")] Bomb);

impl Future for Explosive {
    type Output = i32;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<i32> {
        Poll::Ready(1)
    }
}

#[test]
fn a_future_that_panics_when_dropped_arrives_in_a_fan_in_as_that_panic() {
    must_end(|| {
        let (fan, bombs) = (FanIn::bounded(1), Bombs(Drops::new()));
        fan.spawn_future(Explosive(bombs.one()));
        let settled = fan.recv_settled().unwrap();
        assert_eq!(settled.unwrap_err().message(), Some("in the drop"));
        assert!(fan.recv().is_none());
        assert_eq!(bombs.0.count(), 1);
    });
}

/// A key whose clones are harmless: the map has the original.
#[derive(Clone)]
struct Key(
    u16,
    #[expect(dead_code, reason = "for its drop")] OriginalBomb,
);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[test]
fn keys_and_answers_that_panic_when_dropped_leave_no_other_question_waiting() {
    must_end(|| {
        let bombs = Bombs(Drops::new());
        let key = |number| Key(number, OriginalBomb(Some(bombs.one())));
        let plain = |number| Key(number, OriginalBomb(None));
        for linger in [Duration::ZERO, Duration::from_nanos(1)] {
            let map = PromiseMap::new().linger(linger);
            let ask = || [1, 2, 3].map(|number| map.insert(key(number)).ok().unwrap());
            // Of no use, a key is dropped at once.
            let asked = ask();
            assert!(map.insert(key(1)).is_err());
            let waits = asked.map(|mut reply| {
                let (wakes, waker) = Wakes::pair();
                assert!(poll(&mut reply, &waker).is_pending());
                (reply, wakes)
            });
            assert_eq!(map.cancel_all(), 3);
            for (reply, wakes) in waits {
                assert_eq!(wakes.count(), 1);
                assert!(reply.join().is_err());
            }
            let asked = ask();
            for number in [1, 2, 3] {
                assert!(map.resolve(&plain(number), bombs.one()).is_delivered());
            }
            drop(asked);
            let asked = ask();
            assert!(map.cancel(&plain(1)));
            drop(map);
            for reply in asked {
                assert!(reply.join().is_err());
            }
        }
    });
}
