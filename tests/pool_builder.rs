//! What a pool was asked for is what it is, and nonsense is refused in words that help.

mod common;

use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

use common::{Gate, must_end, until};
use letgo::{Executor, Pool, spawn_value_on};

#[track_caller]
fn refused(builder: letgo::Builder, says: &[&str]) {
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let text = error.to_string();
    for part in says {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

#[test]
fn nonsense_is_refused_and_what_is_allowed_is_said() {
    refused(Pool::builder().threads(0), &["at least 1", "threads(0)"]);
    refused(
        Pool::builder().threads(5).max_threads(4),
        &["5 threads", "max_threads(4)", "at least 5"],
    );
    refused(
        Pool::builder().max_threads(0),
        &["max_threads(0)", "at least 1"],
    );
    refused(Pool::builder().name("a\0b"), &["name", "NUL"]);
    refused(
        Pool::builder().threads(usize::MAX),
        &[&usize::MAX.to_string()],
    );
}

#[test]
fn threads_are_named_after_their_pool() {
    must_end(|| {
        let pool = Pool::builder().threads(1).name("mine").build().unwrap();
        let name = pool.spawn_value(|| thread::current().name().map(str::to_owned));
        let name = name.get_timeout(Duration::MAX).unwrap().unwrap();
        assert!(name.starts_with("mine-"), "{name:?}");
    });
}

#[test]
fn a_pool_has_all_its_threads_once_it_is_built() {
    must_end(|| {
        for threads in [1, 2, 5, 200] {
            let pool = Pool::builder().threads(threads).build().unwrap();
            assert_eq!(pool.threads(), threads);
            until("all sleep", || pool.idle_threads() == threads);
            assert_eq!(pool.threads(), threads);
        }
    });
}

fn dive(depth: usize) -> usize {
    let frame = std::hint::black_box([depth; 128]); // 1 KiB
    if depth == 0 {
        0
    } else {
        dive(depth - 1) + frame[127] - (depth - 1)
    }
}

#[test]
fn stacks_are_as_large_as_asked_for() {
    const STACK: usize = 64 * 1024 * 1024;
    must_end(|| {
        let pool = Pool::builder()
            .threads(1)
            .stack_size(STACK)
            .build()
            .unwrap();
        let dive = pool.spawn_value(|| dive(STACK / 4096));
        assert_eq!(dive.get_timeout(Duration::MAX).unwrap(), STACK / 4096);
    });
}

#[test]
fn what_a_pool_is_doing_can_be_seen() {
    must_end(|| {
        let builder = Pool::builder().threads(2).max_threads(2).name("seen");
        assert!(format!("{builder:?}").contains("seen"));
        let pool = builder.build().unwrap();
        assert_eq!(pool.max_threads(), 2);
        let gate = Gate::new();
        let all: Vec<_> = (0..7)
            .map(|_| {
                let gate = gate.clone();
                pool.spawn_value(move || gate.pass())
            })
            .collect();
        until("two run, the others wait", || pool.queued() == 5);
        assert_eq!(pool.threads(), 2);
        assert_eq!(pool.idle_threads(), 0);
        let text = format!("{pool:?}");
        for part in [
            "Pool",
            "\"seen\"",
            "threads: 2",
            "max_threads: 2",
            "queued: 5",
        ] {
            assert!(text.contains(part), "{text} does not say {part:?}");
        }
        gate.open();
        all.into_iter().for_each(|handle| handle.get());
        until("both sleep", || pool.idle_threads() == 2);
        assert_eq!(pool.queued(), 0);
    });
}

#[test]
fn a_long_keep_alive_keeps_threads_and_the_longest_is_no_overflow() {
    must_end(|| {
        let pool = Pool::builder()
            .threads(1)
            .keep_alive(Duration::MAX)
            .build()
            .unwrap();
        let (gate, meet) = (Gate::new(), std::sync::Arc::new(std::sync::Barrier::new(9)));
        for _ in 0..8 {
            let (gate, meet) = (gate.clone(), meet.clone());
            pool.spawn_value(move || {
                meet.wait();
                gate.pass();
            })
            .detach();
        }
        meet.wait();
        gate.open();
        until("all sleep", || pool.idle_threads() == pool.threads());
        assert!(pool.threads() >= 8);
        let first = pool.threads();
        thread::sleep(Duration::from_millis(20)); // none of them leaves, however long this is
        assert_eq!(pool.threads(), first);
        pool.shutdown();
        assert_eq!(pool.threads(), 0);
    });
}

#[test]
fn a_keep_alive_of_nothing_is_allowed() {
    must_end(|| {
        let pool = Pool::builder()
            .threads(1)
            .keep_alive(Duration::ZERO)
            .build()
            .unwrap();
        for _ in 0..50 {
            let (resolver, answer) = letgo::promise();
            let waits = pool.spawn_value(move || answer.get());
            pool.spawn_value(move || resolver.resolve(1).unwrap())
                .detach();
            assert_eq!(waits.get_timeout(Duration::MAX).unwrap(), 1);
        }
        until("it is as small as before", || pool.threads() == 1);
    });
}

#[test]
fn a_pool_is_an_executor_by_value_and_by_reference() {
    must_end(|| {
        let pool = Pool::builder().threads(1).build().unwrap();
        assert_eq!(spawn_value_on(&pool, || 1).get(), 1);
        assert_eq!(spawn_value_on(&&pool, || 2).get(), 2);
        assert_eq!(Executor::spawn_future(&pool, async { 3 }).get(), 3);
        let boxed: Box<dyn Fn(letgo::Job)> = Box::new(move |job| pool.execute(job));
        assert_eq!(spawn_value_on(&boxed, || 4).get(), 4);
    });
}
