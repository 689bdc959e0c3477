//! One value of one: `Eventual`, `map`, `settle`, the operators.

mod common;

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::{Drops, Queue, Wakes, must_end, panic_text, poll};
use futures::executor::block_on;
use futures::future::FusedFuture;
use letgo::{Executor, Resolver, join, join_all, promise, spawn_value};

/// The trait is not imported in here.
mod inherent {
    use super::{Duration, Instant, common::must_end};
    use letgo::{join, join_all, promise, spawn_value, try_join, try_join_all};

    #[test]
    fn the_methods_need_no_import() {
        must_end(|| {
            let v = || spawn_value(|| 1);
            assert_eq!(v().map(|n| n + 1).get(), 2);
            assert_eq!(v().settle().get().unwrap(), 1);
            assert_eq!(v().shared().get(), 1);
            assert_eq!((v() + v()).get(), 2);
            let soon = Instant::now() + Duration::from_secs(3600);
            assert_eq!(join!(v()).get_deadline(soon).unwrap(), (1,));
            assert_eq!(join_all([v()]).get_timeout(Duration::MAX).unwrap(), [1]);
            let ok = || v().map(Ok::<_, ()>);
            assert_eq!(try_join!(ok()).get(), Ok((1,)));
            assert_eq!(try_join_all([ok()]).get(), Ok(vec![1]));
            assert_eq!(join_all([v(), v()]).map(|all| all.len()).get(), 2);
            assert_eq!(v().shared().map(|n| n + 1).get(), 2);
            assert!(v().settle().map(|n| n.is_ok()).get());
            let (_resolver, promised) = promise::<i32>();
            let given_up = promised.map(|n| n + 1);
            assert!(!given_up.is_finished());
            given_up.cancel();
            assert!(given_up.is_finished());
        });
    }
}

mod generic {
    use super::{common::must_end, join, join_all, spawn_value};
    use letgo::Eventual;

    fn doubled(value: impl Eventual<Output = i32>) -> i32 {
        value.get() * 2
    }

    #[test]
    fn code_may_be_generic_over_what_is_to_come() {
        must_end(|| {
            let v = || spawn_value(|| 1);
            assert_eq!(doubled(v()), 2);
            assert_eq!(doubled(v() + v()), 4);
            assert_eq!(doubled(v().shared()), 2);
            assert_eq!(doubled(join!(v(), v()).map(|(a, b)| a + b)), 4);
            assert_eq!(doubled(join_all([v(), v()]).map(|all| all[0])), 2);
            assert_eq!(doubled(v().settle().map(Result::unwrap)), 2);
        });
    }
}

/// A user's own: counts down, a step for each time it is polled.
struct Countdown {
    steps: u32,
    cancelled: Cell<bool>,
}

impl Future for Countdown {
    type Output = &'static str;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.steps == 0 {
            return Poll::Ready("lift-off");
        }
        self.steps -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl letgo::Eventual for Countdown {
    fn is_finished(&self) -> bool {
        self.steps == 0
    }

    fn cancel(&self) {
        self.cancelled.set(true);
    }
}

#[test]
fn a_future_of_ones_own_becomes_an_eventual() {
    use letgo::Eventual;
    let countdown = |steps| Countdown {
        steps,
        cancelled: Cell::new(false),
    };
    must_end(move || {
        assert_eq!(countdown(3).get(), "lift-off");
        assert_eq!(countdown(0).try_get().ok(), Some("lift-off"));
        let mut left = countdown(2).try_get().err().unwrap();
        assert_eq!(left.steps, 1, "it hands itself back");
        left.steps = u32::MAX;
        let left = left.get_timeout(Duration::from_millis(1)).err().unwrap();
        assert!(left.steps < u32::MAX && left.steps > 0);
        assert_eq!(
            countdown(5).get_timeout(Duration::MAX).ok(),
            Some("lift-off")
        );
        let both = join!(countdown(3), spawn_value(|| 1));
        assert_eq!(both.get(), ("lift-off", 1));
        assert_eq!(join_all([countdown(1), countdown(9)]).get().len(), 2);
        let one = countdown(1);
        one.cancel();
        assert!(one.cancelled.get());
    });
}

#[test]
fn a_map_runs_once_where_the_value_is_used() {
    must_end(|| {
        let ran = Cell::new(0);
        let (resolver, promised) = promise();
        let mapped = promised.map(|n: i32| {
            ran.set(ran.get() + 1);
            (n, thread::current().id())
        });
        let resolves = thread::spawn(move || resolver.resolve(1).unwrap());
        resolves.join().unwrap();
        assert!(mapped.is_finished());
        assert_eq!(ran.get(), 0, "it is lazy");
        assert_eq!(mapped.get(), (1, thread::current().id()));
        assert_eq!(ran.get(), 1);
        let dropped = spawn_value(|| 1).map(|_| ran.set(9));
        drop(dropped);
        assert_eq!(ran.get(), 1, "and nowhere else");
    });
}

#[test]
fn a_map_given_up_and_polled_again_loses_nothing() {
    must_end(|| {
        let (resolver, promised) = promise();
        let mapped = promised.map(|n: i32| n + 1);
        let mapped = mapped.try_get().unwrap_err();
        let mut mapped = mapped.get_timeout(Duration::from_millis(1)).unwrap_err();
        let (one, other) = (Wakes::new(), Wakes::new());
        assert!(poll(&mut mapped, &one.waker()).is_pending());
        assert!(poll(&mut mapped, &other.waker()).is_pending());
        resolver.resolve(1).unwrap();
        assert_eq!(
            (one.count(), other.count()),
            (0, 1),
            "the last waker counts"
        );
        assert!(!mapped.is_terminated());
        assert_eq!(poll(&mut mapped, Waker::noop()), Poll::Ready(2));
        assert!(mapped.is_terminated());
        assert!(panic_text(|| mapped.get()).contains("given away already"));
    });
}

#[test]
fn a_panic_in_a_map_is_its_users() {
    must_end(|| {
        let mapped = spawn_value(|| 1).map(|_| -> i32 { panic!("in the map") });
        assert_eq!(panic_text(|| mapped.get()), "in the map");
        let mapped = spawn_value(|| panic!("in the task")).map(|n: i32| n);
        assert_eq!(panic_text(|| block_on(mapped)), "in the task");
    });
}

#[test]
fn what_fails_settles_as_a_value() {
    must_end(|| {
        let failed = || spawn_value(|| -> i32 { panic!("no luck") }).settle();
        let message = |error: letgo::JoinError| error.message().map(str::to_owned);
        assert_eq!(message(failed().get().unwrap_err()).unwrap(), "no luck");
        assert_eq!(message(block_on(failed()).unwrap_err()).unwrap(), "no luck");
        let outcomes = join_all([failed(), spawn_value(|| 1).settle()]).get();
        assert!(outcomes[0].is_err() && *outcomes[1].as_ref().unwrap() == 1);

        let (resolver, promised): (Resolver<i32>, _) = promise();
        let settle = promised.settle().try_get().unwrap_err();
        let mut settle = settle.get_timeout(Duration::from_millis(1)).unwrap_err();
        assert!(!settle.is_finished() && !settle.is_terminated());
        settle.cancel();
        assert!(resolver.is_abandoned());
        assert!(block_on(&mut settle).unwrap_err().is_cancelled());
        assert!(settle.is_terminated());
        assert!(panic_text(|| settle.get()).contains("given its value away"));
    });
}

#[test]
fn a_settle_claims_as_its_handle_does() {
    must_end(|| {
        let queue = Queue::new();
        let spawn = || queue.spawn_value(|| thread::current().id());
        assert_eq!(spawn().settle().get().unwrap(), thread::current().id());
        let joined = join!(spawn().settle(), spawn().map(|id| id));
        assert_eq!(joined.get().1, thread::current().id());
    });
}

#[test]
fn operators_chain_and_mix() {
    must_end(|| {
        let v = |n: i32| spawn_value(move || n);
        assert_eq!((v(1) + v(2)).get(), 3);
        assert_eq!(((v(1) + v(2)) * v(3)).get(), 9);
        assert_eq!((v(1) + v(2) * v(3) - v(4) / v(2) % v(7)).get(), 5);
        assert_eq!((-v(1)).get(), -1);
        assert_eq!((!(v(1) | v(2)) & v(7) ^ v(1)).get(), 5);
        assert_eq!((v(1) << v(4) >> v(2)).get(), 4);
        assert!((!spawn_value(|| false)).get());
        let text = spawn_value(|| String::from("let")) + spawn_value(|| "go");
        assert_eq!((text + spawn_value(|| "!")).get(), "letgo!");
        let shared = v(5).shared();
        assert_eq!((shared.clone() + shared.clone() * v(2)).get(), 15);
        assert_eq!((v(2).map(|n| n * 10) + v(1)).get(), 21);
        assert_eq!((v(1) + v(2).map(|n| n * 10)).get(), 21);
        assert_eq!(block_on(v(1) + v(2)), 3);
        assert_eq!((join!(v(1), v(2)).map(|(a, b)| a - b) + v(1)).get(), 0);
    });
}

#[test]
fn an_operators_value_given_up_keeps_what_has_arrived() {
    must_end(|| {
        let (resolver, promised) = promise();
        let there = (|job: letgo::Job| job.run()).spawn_value(|| 1);
        let sum = there + promised;
        let sum = sum.get_timeout(Duration::from_millis(1)).unwrap_err();
        let sum = sum.try_get().unwrap_err();
        resolver.resolve(2).unwrap();
        assert_eq!(sum.try_get().unwrap(), 3);
    });
}

#[test]
fn an_overflow_panics_where_the_sum_is_used() {
    must_end(|| {
        let sum = spawn_value(|| i32::MAX) + spawn_value(|| 1);
        assert!(panic_text(|| sum.get()).contains("overflow"));
    });
}

#[test]
fn what_is_given_up_is_dropped_once() {
    must_end(|| {
        let drops = Drops::new();
        let spawn = || {
            let counted = drops.one();
            spawn_value(move || counted)
        };
        let mapped = spawn().map(|counted| counted);
        drop(mapped.get());
        assert_eq!(drops.count(), 1);
        drop(join!(spawn(), spawn()).get());
        assert_eq!(drops.count(), 3);
        drop(spawn().settle().get().ok());
        assert_eq!(drops.count(), 4);
    });
}

#[test]
fn all_have_a_debug_form() {
    let text = format!("{:?}", spawn_value(|| 1).map(|n: i32| n));
    assert!(text.starts_with("Map(JoinHandle"), "{text}");
    let text = format!("{:?}", spawn_value(|| 1) + spawn_value(|| 1));
    assert!(text.starts_with("Map(Join"), "{text}");
    let text = format!("{:?}", spawn_value(|| 1).settle());
    assert!(text.starts_with("Settle(JoinHandle"), "{text}");
    let text = format!("{:?}", spawn_value(|| 1).shared());
    assert!(
        text.starts_with("Shared") && text.contains(file!()),
        "{text}"
    );
}

#[test]
fn auto_traits_and_fusing_are_as_promised() {
    use letgo::{
        End, Eventual, Join, JoinAll, JoinHandle, Map, Operation, Race, RaceAll, RaceEnd, RaceOk,
        Settle, Shared, TryEnd, TryJoin, TryJoinAll,
    };
    fn promises<E: Eventual + FusedFuture + std::fmt::Debug + Send + Sync + Unpin>() {}
    type Handle = JoinHandle<i32>;
    promises::<Handle>();
    promises::<Map<Handle, fn(i32) -> i32>>();
    promises::<Operation<Handle, Handle, i32>>();
    promises::<Settle<Handle>>();
    promises::<Shared<i32>>();
    promises::<JoinAll<Handle>>();
    type Fallible = JoinHandle<Result<i32, i32>>;
    promises::<TryJoinAll<Fallible>>();
    promises::<Join<Handle, End>>();
    promises::<End>();
    promises::<TryJoin<Fallible, TryEnd<i32>>>();
    promises::<TryEnd<i32>>();
    promises::<Race<Handle, RaceEnd<i32>>>();
    promises::<RaceEnd<i32>>();
    promises::<RaceAll<Handle>>();
    promises::<RaceOk<Fallible>>();
}
