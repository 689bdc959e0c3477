//! The promise: resolve × cancel × drop of either side × who waits.

use std::task::Poll;
use std::time::Duration;

use loom::thread;

use super::promise;
use crate::models::{Bed, Count, Dropped, explore};
use crate::sync::Arc;

#[test]
fn resolve_meets_a_cancel_and_who_waits() {
    explore(3, || {
        let drops = Count::default();
        let value = Dropped(drops.clone());
        let (resolver, answer) = promise();
        let answer = Arc::new(answer);
        let other = Arc::clone(&answer);
        let resolves = thread::spawn(move || resolver.resolve(value).is_ok());
        other.cancel();
        drop(other);
        let resolved = resolves.join().unwrap();
        let outcome = Arc::into_inner(answer).unwrap().join();
        assert_eq!(outcome.is_ok(), resolved, "it arrives or is handed back");
        drop(outcome);
        assert_eq!(drops.get(), 1);
    });
}

#[test]
fn resolve_meets_who_waits() {
    explore(3, || {
        let (resolver, answer) = promise();
        let resolves = thread::spawn(move || resolver.resolve(7).unwrap());
        assert_eq!(answer.get(), 7);
        resolves.join().unwrap();
    });
}

#[test]
fn who_waits_meets_a_cancel_from_elsewhere_and_the_resolver() {
    explore(3, || {
        let (resolver, mut answer) = promise();
        let bed = Bed::new();
        let first = answer.poll_outcome(&mut bed.context());
        let resolves = thread::spawn(move || resolver.resolve(7).is_ok());
        answer.cancel();
        let outcome = match first {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => {
                bed.sleep();
                answer.join()
            }
        };
        assert_eq!(outcome.is_ok(), resolves.join().unwrap());
    });
}

#[test]
fn resolve_meets_the_drop_of_the_handle() {
    explore(3, || {
        let drops = Count::default();
        let value = Dropped(drops.clone());
        let (resolver, answer) = promise();
        let resolves = thread::spawn(move || {
            let sure = resolver.is_abandoned();
            let resolved = resolver.resolve(value);
            assert!(!(sure && resolved.is_ok()), "it was abandoned before");
            resolved.is_ok()
        });
        drop(answer);
        let _ = resolves.join().unwrap();
        assert_eq!(drops.get(), 1, "it is dropped by the handle or handed back");
    });
}

#[test]
fn a_resolver_that_is_dropped_meets_who_waits_with_changing_wakers() {
    explore(3, || {
        let (resolver, mut answer) = promise::<i32>();
        let drops = thread::spawn(move || drop(resolver));
        let beds = [Bed::new(), Bed::new()];
        let mut outcomes = beds
            .iter()
            .map(|bed| answer.poll_outcome(&mut bed.context()));
        let ended = outcomes.find_map(|outcome| match outcome {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        });
        let outcome = ended.unwrap_or_else(|| {
            beds[1].sleep();
            answer
                .settle()
                .get_timeout(Duration::MAX)
                .unwrap_or_else(|_| unreachable!())
        });
        assert!(outcome.unwrap_err().is_cancelled());
        drops.join().unwrap();
    });
}
