//! Promises: a value by hand, for whoever still waits.

use std::sync::{Arc, Mutex, mpsc};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use letgo::{JoinHandle, Resolver, promise};

use crate::common::{Drops, Gate, Wakes, must_end, panic_text, poll};

#[test]
fn a_promise_is_resolved_from_another_thread() {
    must_end(|| {
        let (resolver, answer) = promise();
        let thread = thread::spawn(move || resolver.resolve("forty-two").unwrap());
        assert_eq!(answer.get(), "forty-two");
        thread.join().unwrap();
        let (resolver, answer) = promise();
        let thread = thread::spawn(move || resolver.resolve("forty-two").unwrap());
        assert_eq!(block_on(answer), "forty-two");
        thread.join().unwrap();
    });
}

/// May keep the handle.
type GivesUp = fn(JoinHandle<String>) -> Option<JoinHandle<String>>;

#[test]
fn resolve_hands_the_value_back_when_nobody_waits_any_more() {
    must_end(|| {
        let ends: [GivesUp; 3] = [
            |handle| {
                drop(handle);
                None
            },
            |handle| {
                handle.detach();
                None
            },
            |handle| {
                handle.cancel();
                Some(handle)
            },
        ];
        for end in ends {
            let (resolver, handle) = promise();
            assert!(!resolver.is_abandoned());
            let left = end(handle);
            assert!(resolver.is_abandoned());
            assert_eq!(
                resolver.resolve("value".to_owned()),
                Err("value".to_owned())
            );
            if let Some(handle) = left {
                assert!(handle.join().unwrap_err().is_cancelled());
            }
        }
    });
}

#[test]
fn a_resolver_dropped_unresolved_cancels() {
    must_end(|| {
        let (resolver, mut handle) = promise::<i32>();
        let (wakes, waker) = Wakes::pair();
        assert!(poll(&mut handle, &waker).is_pending());
        drop(resolver);
        assert_eq!(wakes.count(), 1);
        assert!(handle.join().unwrap_err().is_cancelled());

        let (resolver, handle) = promise::<i32>();
        drop(resolver);
        let text = panic_text(|| handle.get());
        assert!(text.contains("its resolver was dropped"), "{text}");
    });
}

#[test]
fn a_thread_that_panics_cancels_the_promises_it_has() {
    must_end(|| {
        let (resolver, handle) = promise::<i32>();
        let thread = thread::spawn(move || {
            let _resolver = resolver;
            panic!("before it is resolved");
        });
        assert!(handle.join().unwrap_err().is_cancelled());
        assert!(thread.join().is_err());
    });
}

#[test]
fn every_value_is_dropped_once() {
    must_end(|| {
        let drops = Drops::new();
        let (resolver, handle) = promise();
        assert!(resolver.resolve(drops.one()).is_ok());
        assert_eq!(drops.count(), 0);
        drop(handle); // resolved, never asked for
        assert_eq!(drops.count(), 1);

        let (resolver, handle) = promise();
        assert!(resolver.resolve(drops.one()).is_ok());
        drop(handle.get());
        assert_eq!(drops.count(), 2);

        let (resolver, handle) = promise();
        drop(handle);
        drop(resolver.resolve(drops.one()));
        assert_eq!(drops.count(), 3);

        let (resolver, handle) = promise();
        let handle = handle.get_timeout(Duration::ZERO).map(drop).unwrap_err();
        assert!(resolver.resolve(drops.one()).is_ok());
        drop(block_on(handle));
        assert_eq!(drops.count(), 4);
    });
}

#[test]
fn resolve_never_runs_the_chained_closure_inline() {
    must_end(|| {
        let (resolver, source) = promise();
        let (gate, theirs) = (Gate::new(), thread::current().id());
        let passes = gate.clone();
        let ran_on = source.then(move |()| {
            passes.pass(); // inline, this would hang
            thread::current().id()
        });
        resolver.resolve(()).unwrap();
        gate.open();
        assert_ne!(ran_on.get_timeout(Duration::MAX).unwrap(), theirs);
    });
}

#[test]
fn a_then_made_after_the_value_came_is_started_too() {
    must_end(|| {
        let (tell, told) = mpsc::channel();
        let (resolver, source) = promise();
        resolver.resolve(1).unwrap();
        source.then(move |n| tell.send(n).unwrap()).detach();
        assert_eq!(told.recv(), Ok(1));
    });
}

/// When woken, does with the handle what the test wants.
struct Reacts<F: Fn() + Send + Sync>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Reacts<F> {
    fn wake(self: Arc<Self>) {
        self.0();
    }
}

#[test]
fn a_waker_may_take_the_value_or_drop_the_handle() {
    must_end(|| {
        for takes in [true, false] {
            let drops = Drops::new();
            let (resolver, handle) = promise();
            let slot = Arc::new(Mutex::new(Some(handle)));
            let theirs = Arc::clone(&slot);
            let waker = Waker::from(Arc::new(Reacts(move || {
                let handle = theirs.lock().unwrap().take().unwrap();
                assert!(handle.is_finished());
                if takes {
                    drop(handle.get());
                }
            })));
            assert!(poll(slot.lock().unwrap().as_mut().unwrap(), &waker).is_pending());
            assert!(resolver.resolve(drops.one()).is_ok());
            assert_eq!(drops.count(), 1);
            assert!(slot.lock().unwrap().is_none(), "the waker was not woken");
        }
    });
}

#[test]
fn a_value_may_resolve_the_next_promise_as_it_is_dropped() {
    must_end(|| {
        struct Next(Option<Resolver<Self>>);
        impl Drop for Next {
            fn drop(&mut self) {
                if let Some(resolver) = self.0.take() {
                    _ = resolver.resolve(Self(None));
                }
            }
        }
        let (last, end) = promise();
        let (resolver, handle) = promise();
        assert!(resolver.resolve(Next(Some(last))).is_ok());
        drop(handle);
        assert!(end.is_finished());
        assert!(end.get().0.is_none());
    });
}

#[test]
fn a_resolver_says_whether_it_is_abandoned() {
    let (resolver, handle) = promise::<i32>();
    assert!(format!("{resolver:?}").contains("abandoned: false"));
    drop(handle);
    assert!(format!("{resolver:?}").contains("abandoned: true"));
}
