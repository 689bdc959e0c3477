//! All of several values: `join!`, `try_join!`, `join_all`, `try_join_all`.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::{Drops, Gate, Queue, must_end, panic_text, until};
use futures::executor::block_on;
use futures::future::FusedFuture;
use letgo::{
    Executor, JoinHandle, join, join_all, promise, race, race_ok, spawn_value, try_join,
    try_join_all,
};

const NO_TIME: Duration = Duration::ZERO;

#[test]
fn any_number_of_mixed_types_is_joined_to_a_flat_tuple() {
    must_end(|| {
        let v = || spawn_value(|| 1);
        assert_eq!(join!().get(), ());
        assert_eq!(join!(v()).get(), (1,));
        assert_eq!(join!(v(), spawn_value(|| "two"),).get(), (1, "two"));
        let nested = join!(v(), join!(v(), spawn_value(|| 2.5)), v() + v());
        assert_eq!(nested.get(), (1, (1, 2.5), 2));
        let (a, b, c, d, e, f, g, h, i, j, k, l) = join!(
            v(),
            spawn_value(|| 2_u8),
            spawn_value(|| 3_i64),
            spawn_value(|| '4'),
            spawn_value(|| "5"),
            spawn_value(|| String::from("6")),
            spawn_value(|| 7.0),
            spawn_value(|| vec![8]),
            spawn_value(|| Some(9)),
            spawn_value(|| [10]),
            spawn_value(|| (11,)),
            spawn_value(|| ()),
        )
        .get();
        assert_eq!((a, b, c, d, e, f), (1, 2, 3, '4', "5", "6".to_owned()));
        assert_eq!((g, h, i, j, k, l), (7.0, vec![8], Some(9), [10], (11,), ()));
        assert_eq!(block_on(join!(v(), v())), (1, 1));
    });
}

#[test]
fn a_join_starts_nothing_and_claims_when_it_is_got() {
    must_end(|| {
        let (queue, ran) = (Queue::new(), Arc::new(AtomicUsize::new(0)));
        let count = || {
            let ran = Arc::clone(&ran);
            queue.spawn_value(move || ran.fetch_add(1, Ordering::SeqCst))
        };
        let all = join!(count(), count(), join!(count(), count()));
        let all = all.try_get().unwrap_err();
        let all = all.get_timeout(NO_TIME).unwrap_err();
        assert!(!all.is_finished());
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        // In the order given, on this thread: nobody runs the queue.
        assert_eq!(all.get(), (0, 1, (2, 3)));
        assert_eq!(join_all([count(), count()]).get(), [4, 5]);
        let tried = try_join!(count().map(Ok::<_, ()>), count().map(Ok));
        assert_eq!(tried.get(), Ok((6, 7)));
        assert_eq!(try_join_all([count().map(Ok::<_, ()>)]).get().unwrap(), [8]);
    });
}

#[test]
fn what_a_join_cannot_claim_does_not_keep_it_from_claiming_the_rest() {
    must_end(|| {
        let (resolver, promised) = promise();
        let queue = Queue::new();
        let resolves = queue.spawn_value(move || resolver.resolve(1).unwrap());
        assert_eq!(join!(promised, resolves).get(), (1, ()));

        let (resolver, promised) = promise();
        let resolves = queue.spawn_value(move || {
            resolver.resolve(1).unwrap();
            0
        });
        assert_eq!(join_all([promised, resolves]).get(), [1, 0]);
    });
}

#[test]
fn what_arrives_after_the_claims_is_heard_of_through_any_nesting() {
    must_end(|| {
        let queue = Queue::new();
        // Two handles: the second's closure is claimed, and only then the first is resolved.
        let two = || {
            let (claimed, (resolver, promised)) = (Gate::new(), promise());
            let passes = claimed.clone();
            let resolving = thread::spawn(move || {
                passes.pass();
                resolver.resolve(()).unwrap();
            });
            let opens = queue.spawn_value(move || claimed.open());
            (promised, opens, resolving)
        };
        let (promised, opens, resolving) = two();
        let nested = join_all([join_all([promised]), join_all([opens])]);
        assert_eq!(nested.get().len(), 2);
        resolving.join().unwrap();

        let (promised, opens, resolving) = two();
        let ok = |handle: JoinHandle<()>| join!(try_join_all([handle.map(Ok::<_, ()>)]));
        let nested = join_all([ok(promised), ok(opens)]);
        assert_eq!(nested.get(), [(Ok(vec![()]),), (Ok(vec![()]),)]);
        resolving.join().unwrap();
    });
}

#[test]
fn a_panic_surfaces_at_once_and_the_rest_of_a_join_goes_on() {
    must_end(|| {
        let gate = Gate::new();
        let done = Gate::new();
        let slow = || {
            let (gate, done) = (gate.clone(), done.clone());
            spawn_value(move || {
                gate.pass();
                done.open();
            })
        };
        let both = join!(slow(), spawn_value(|| -> i32 { panic!("first out") }));
        assert_eq!(panic_text(|| both.get_timeout(Duration::MAX)), "first out");
        let panics = spawn_value(|| panic!("first out"));
        let all = join_all([slow(), panics]);
        assert_eq!(
            panic_text(|| block_on(all)),
            "first out",
            "while the other one waits for its gate"
        );
        gate.open();
        done.pass();
    });
}

#[test]
fn a_panic_that_is_there_already_surfaces_before_anything_is_claimed() {
    must_end(|| {
        let queue = Queue::new();
        let ran = Arc::new(AtomicBool::new(false));
        let unstarted = || {
            let ran = Arc::clone(&ran);
            queue.spawn_value(move || ran.store(true, Ordering::SeqCst))
        };
        let panicked = || {
            let panicked = (|job: letgo::Job| job.run()).spawn_value(|| panic!("over"));
            assert!(panicked.is_finished());
            panicked
        };
        assert_eq!(panic_text(|| join!(unstarted(), panicked()).get()), "over");
        let deep = join!(unstarted(), join!(unstarted(), panicked()), unstarted());
        assert_eq!(panic_text(|| deep.get()), "over");
        let all = join_all([unstarted(), panicked()]);
        assert_eq!(panic_text(|| all.get()), "over");
        let panics = || queue.spawn_value(|| panic!("over"));
        let claimed = join!(panics(), unstarted());
        assert_eq!(
            panic_text(|| claimed.get()),
            "over",
            "a claim's panic as well"
        );
        let claimed = join_all([panics(), unstarted()]);
        assert_eq!(
            panic_text(|| claimed.get()),
            "over",
            "a claim's panic as well"
        );
        assert!(!ran.load(Ordering::SeqCst));
        queue.run_all();
        assert!(ran.load(Ordering::SeqCst), "the rest goes on");
    });
}

#[test]
fn the_first_error_comes_at_once_and_cancels_the_others() {
    must_end(|| {
        let (resolver, forever) = promise::<Result<i32, &str>>();
        let both = try_join!(forever, spawn_value(|| Err::<u8, _>("bad")));
        assert_eq!(both.get(), Err("bad"));
        assert_eq!(resolver.resolve(Ok(1)), Err(Ok(1)), "nobody waits for it");

        let (resolver, forever) = promise();
        let all = try_join_all([forever, spawn_value(|| Err("bad"))]);
        assert_eq!(block_on(all), Err("bad"));
        assert_eq!(resolver.resolve(Ok(1)), Err(Ok(1)), "nobody waits for it");
    });
}

#[test]
fn an_error_that_is_there_already_comes_before_anything_is_claimed() {
    must_end(|| {
        let (queue, drops) = (Queue::new(), Drops::new());
        let unstarted = || -> JoinHandle<Result<i32, &str>> {
            let counted = drops.one();
            queue.spawn_value(move || {
                drop(counted);
                panic!("it was to be cancelled")
            })
        };
        let failed = || (|job: letgo::Job| job.run()).spawn_value(|| Err::<i32, _>("bad"));
        assert_eq!(try_join!(unstarted(), failed()).get(), Err("bad"));
        assert_eq!(drops.count(), 1, "cancelled there and then");
        let deep = try_join!(unstarted(), try_join!(unstarted(), failed()), unstarted());
        assert_eq!(deep.get(), Err("bad"));
        assert_eq!(drops.count(), 4);
        let all = try_join_all([unstarted(), failed(), unstarted()]);
        assert_eq!(all.get(), Err("bad"));
        assert_eq!(drops.count(), 6);
        queue.run_all();
    });
}

#[test]
fn an_error_that_a_claim_brings_keeps_the_rest_from_being_claimed() {
    must_end(|| {
        let queue = Queue::new();
        let spawn = |result: Result<i32, &'static str>| queue.spawn_value(move || result);
        let never =
            || queue.spawn_value(|| -> Result<i32, &str> { panic!("it was to be cancelled") });
        assert_eq!(
            try_join!(spawn(Ok(1)), spawn(Err("bad")), never()).get(),
            Err("bad")
        );
        let all = [spawn(Ok(1)), spawn(Err("bad")), never()];
        assert_eq!(try_join_all(all).get(), Err("bad"));
        let nested = try_join!(try_join_all([spawn(Err("bad")), never()]), never());
        assert_eq!(nested.get(), Err("bad"));
        queue.run_all();
    });
}

#[test]
fn a_panic_cancels_the_rest_of_a_try_join() {
    must_end(|| {
        let (resolver, forever) = promise::<Result<i32, ()>>();
        let panics = spawn_value(|| -> Result<u8, ()> { panic!("worse") });
        assert_eq!(panic_text(|| try_join!(forever, panics).get()), "worse");
        assert!(resolver.is_abandoned());

        let (resolver, forever) = promise::<Result<i32, ()>>();
        let panics = spawn_value(|| -> Result<i32, ()> { panic!("worse") });
        let mut all = try_join_all([forever, panics]);
        assert_eq!(panic_text(|| block_on(&mut all)), "worse");
        assert!(resolver.is_abandoned(), "though the rest is still held");
        drop(all);
    });
}

#[test]
fn of_nothing_there_is_an_empty_vec_at_once() {
    let nothing: [JoinHandle<i32>; 0] = [];
    assert_eq!(join_all(nothing).try_get().unwrap(), []);
    let nothing: [JoinHandle<Result<i32, ()>>; 0] = [];
    assert_eq!(try_join_all(nothing).try_get().unwrap(), Ok(vec![]));
    assert_eq!(try_join!().get(), Ok::<_, ()>(()));
}

#[test]
fn whatever_a_panic_came_out_of_is_terminated() {
    must_end(|| {
        let bad = || {
            let bad = spawn_value(|| -> Result<i32, i32> { panic!("bad") });
            until("it has panicked", || bad.is_finished());
            bad
        };
        let good = || promise::<Result<i32, i32>>();
        ends_with_the_panic(bad());
        ends_with_the_panic(bad().map(|n| n));
        ends_with_the_panic(spawn_value(|| 1).map(|_| panic!("bad")));
        ends_with_the_panic(bad().shared());
        // The other one is not there, before it or after it.
        let (_resolver, other) = good();
        ends_with_the_panic(join!(bad(), other));
        let (_resolver, other) = good();
        ends_with_the_panic(join!(other, bad()));
        let (_resolver, other) = good();
        ends_with_the_panic(try_join!(bad(), other));
        let (_resolver, other) = good();
        ends_with_the_panic(try_join!(other, bad()));
        let (_resolver, other) = good();
        ends_with_the_panic(bad().map(Result::unwrap) + other.map(Result::unwrap));
        let (_resolver, other) = good();
        ends_with_the_panic(join_all([other, bad()]));
        let (_resolver, other) = good();
        ends_with_the_panic(try_join_all([other, bad()]));
        let (_resolver, other) = good();
        ends_with_the_panic(race!(other, bad()));
        let (_resolver, other) = good();
        ends_with_the_panic(race([other, bad()]));
        let (_resolver, other) = good();
        ends_with_the_panic(race_ok([other, bad()]));
    });
}

fn ends_with_the_panic<F: FusedFuture + Unpin>(mut future: F) {
    assert!(!future.is_terminated());
    assert_eq!(panic_text(|| block_on(&mut future)), "bad");
    let name = std::any::type_name::<F>();
    assert!(future.is_terminated(), "{name} would be polled again");
}
