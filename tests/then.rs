//! A task that a value's arrival starts: `then`.

mod common;

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use common::{Drops, Gate, Queue, must_end, panic_text, until};
use futures::executor::block_on;
use letgo::{Executor, join, join_all, promise, spawn_future, spawn_value};

#[test]
fn it_runs_by_itself_once_the_value_is_there() {
    must_end(|| {
        let (tell, told) = channel();
        let (resolver, promised) = promise();
        promised.then(move |n| tell.send(n).unwrap()).detach();
        assert!(told.try_recv().is_err());
        resolver.resolve(42).unwrap();
        assert_eq!(told.recv(), Ok(42), "though its handle was dropped");

        let (tell, told) = channel();
        let there = spawn_value(|| 1);
        until("the value is there", || there.is_finished());
        drop(there.then(move |n| tell.send(n).unwrap()));
        assert_eq!(told.recv(), Ok(1));
    });
}

#[test]
fn it_never_runs_in_its_resolver() {
    must_end(|| {
        let gate = Gate::new();
        let (resolver, promised) = promise();
        let passes = gate.clone();
        let then = promised.then(move |()| {
            passes.pass();
            thread::current().id()
        });
        resolver.resolve(()).unwrap();
        gate.open();
        assert_ne!(
            then.get_timeout(Duration::MAX).unwrap(),
            thread::current().id()
        );
    });
}

#[test]
fn a_get_claims_both() {
    must_end(|| {
        let queue = Queue::new();
        let here = thread::current().id();
        let then = queue
            .spawn_value(|| thread::current().id())
            .then(|source| (source, thread::current().id()));
        assert_eq!(then.get(), (here, here));
    });
}

#[test]
fn a_get_waits_for_a_source_that_cannot_be_claimed() {
    must_end(|| {
        let (resolver, promised) = promise();
        let then = promised.then(|n| n + 1);
        let resolves = thread::spawn(move || resolver.resolve(1).unwrap());
        assert_eq!(then.get(), 2);
        resolves.join().unwrap();
    });
}

#[test]
fn in_a_join_it_does_not_wait_before_the_rest_is_claimed() {
    must_end(|| {
        let queue = Queue::new();
        let (resolver, promised) = promise();
        let then = promised.then(|n| n + 1).then(|n| n * 2);
        let resolves = queue.spawn_value(move || resolver.resolve(20).unwrap());
        assert_eq!(join!(then, resolves).get(), (42, ()));

        let (resolver, promised) = promise();
        let then = promised.then(|n| n + 1).shared();
        let resolves = queue.spawn_value(move || resolver.resolve(41).unwrap());
        assert_eq!(join!(then, resolves).get(), (42, ()));
    });
}

#[test]
fn a_cancel_passes_through_and_drops_the_closure() {
    let drops = Drops::new();
    let counted = drops.one();
    let (resolver, promised) = promise::<i32>();
    let then = promised.then(move |_| drop(counted)).then(|()| 1);
    then.cancel();
    assert_eq!(drops.count(), 1);
    assert!(resolver.is_abandoned());
    assert!(then.join().unwrap_err().is_cancelled());
}

#[test]
fn a_failed_source_fails_it_and_drops_the_closure() {
    must_end(|| {
        let drops = Drops::new();
        let counted = drops.one();
        let panics = spawn_value(|| -> i32 { panic!("at the source") });
        let then = panics.then(move |_| drop(counted)).then(|()| 1);
        assert_eq!(panic_text(|| block_on(then)), "at the source");
        assert_eq!(drops.count(), 1);

        let (resolver, promised) = promise::<i32>();
        let then = promised.then(|n| n + 1);
        drop(resolver);
        assert!(block_on(then.settle()).unwrap_err().is_cancelled());

        let then = spawn_value(|| 1).then(|_| -> i32 { panic!("in the closure") });
        assert_eq!(then.join().unwrap_err().message(), Some("in the closure"));
    });
}

#[test]
fn chains_of_fifty_thousand_are_got_claimed_and_cancelled() {
    const LINKS: u32 = 50_000;
    must_end(|| {
        let queue = Queue::new();
        let (resolver, promised) = promise();
        let chain = (0..LINKS).fold(promised, |chain, _| chain.then(|n: u32| n + 1));
        resolver.resolve(0).unwrap();
        assert_eq!(chain.get_timeout(Duration::MAX).unwrap(), LINKS);

        let unstarted = queue.spawn_value(|| 0);
        let chain = (0..LINKS).fold(unstarted, |chain, _| chain.then(|n: u32| n + 1));
        assert_eq!(chain.get(), LINKS, "claimed, link by link");

        let (resolver, promised) = promise::<u32>();
        let chain = (0..LINKS).fold(promised, |chain, _| chain.then(|n: u32| n + 1));
        chain.cancel();
        assert!(resolver.is_abandoned());

        let (resolver, promised) = promise::<u32>();
        let chain = (0..LINKS).fold(promised, |chain, _| chain.then(|n: u32| n + 1));
        drop(resolver);
        assert!(chain.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_chain_of_fifty_thousand_is_a_member_like_others() {
    must_end(|| {
        let (resolver, promised) = promise();
        let chain = (0..50_000).fold(promised, |chain, _| chain.then(|n: u32| n + 1));
        let queue = Queue::new();
        let resolves = queue.spawn_value(move || {
            resolver.resolve(0).unwrap();
            0
        });
        assert_eq!(join_all([chain, resolves]).get(), [50_000, 0]);
    });
}

#[test]
fn a_future_a_then_and_a_get_meet() {
    must_end(|| {
        for _ in 0..300 {
            let (resolver, promised) = promise();
            let source = spawn_future(async move { promised.await + 1 });
            let then = source.then(|n: i32| n * 2);
            let resolves = spawn_value(move || resolver.resolve(20).unwrap());
            assert_eq!(then.get(), 42);
            resolves.get();
        }
    });
}
