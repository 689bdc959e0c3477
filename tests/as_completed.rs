//! Many values, in the order they finish: `as_completed`.

mod common;

use std::pin::pin;
use std::thread;

use common::{Drops, Gate, Wakes, must_end, panic_text, until};
use futures::executor::block_on;
use futures::stream::FusedStream;
use futures::{Stream, StreamExt};
use letgo::{JoinHandle, Resolver, as_completed, join, promise, spawn_value};

fn promises<T: Send + 'static>(many: usize) -> (Vec<Resolver<T>>, Vec<JoinHandle<T>>) {
    (0..many).map(|_| promise()).unzip()
}

/// Resolves each with its number, in this order.
fn resolve_in(order: &[usize], resolvers: Vec<Resolver<usize>>) {
    let mut resolvers: Vec<_> = resolvers.into_iter().map(Some).collect();
    for &n in order {
        resolvers[n].take().unwrap().resolve(n).unwrap();
    }
}

const ORDER: [usize; 5] = [3, 0, 4, 1, 2];

#[test]
fn the_order_of_finishing_is_kept_without_a_reader() {
    must_end(|| {
        let (resolvers, promised) = promises(5);
        let values = as_completed(promised);
        resolve_in(&ORDER, resolvers);
        assert_eq!(values.into_iter().collect::<Vec<_>>(), ORDER);

        let (resolvers, promised) = promises(5);
        let values = as_completed(promised);
        resolve_in(&ORDER, resolvers);
        assert_eq!(block_on(values.collect::<Vec<_>>()), ORDER);
    });
}

#[test]
fn what_had_finished_before_comes_first() {
    must_end(|| {
        let (mut resolvers, promised) = promises(4);
        resolvers.remove(2).resolve(2).unwrap();
        resolvers.remove(1).resolve(1).unwrap();
        let mut values = as_completed(promised);
        resolvers.remove(1).resolve(3).unwrap();
        resolvers.remove(0).resolve(0).unwrap();
        let mut next = || values.recv().unwrap();
        assert_eq!([next(), next(), next(), next()], [1, 2, 3, 0]);
    });
}

#[test]
fn a_member_of_several_has_its_turn_when_the_last_of_them_is_there() {
    must_end(|| {
        let (first, a) = promise();
        let (second, b) = promise();
        let (alone, c) = promise();
        let both = join!(a, b).map(|(a, b)| a + b);
        let mut values = as_completed([both.boxed(), c.boxed()]);
        first.resolve(1).unwrap();
        alone.resolve(10).unwrap();
        second.resolve(2).unwrap();
        assert_eq!((values.recv(), values.recv()), (Some(10), Some(3)));
    });
}

/// Makes one type of two.
trait Boxed: letgo::Eventual<Output = i32> + Send + Sized + 'static {
    fn boxed(self) -> AnyOf {
        AnyOf(Box::new(self))
    }
}

impl<E: letgo::Eventual<Output = i32> + Send + 'static> Boxed for E {}

/// A user's own `Eventual`, over any other.
struct AnyOf(Box<dyn AnyEventual>);

trait AnyEventual: Future<Output = i32> + Unpin {
    fn finished(&self) -> bool;
}

impl<E: letgo::Eventual<Output = i32>> AnyEventual for E {
    fn finished(&self) -> bool {
        self.is_finished()
    }
}

impl Future for AnyOf {
    type Output = i32;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<i32> {
        std::pin::Pin::new(&mut self.0).poll(cx)
    }
}

impl letgo::Eventual for AnyOf {
    fn is_finished(&self) -> bool {
        self.0.finished()
    }

    fn cancel(&self) {}
}

#[test]
fn a_value_comes_while_others_are_still_to_come() {
    must_end(|| {
        let gate = Gate::new();
        let passes = gate.clone();
        let slow = spawn_value(move || {
            passes.pass();
            1
        });
        let mut values = as_completed([slow, spawn_value(|| 2)]);
        assert_eq!(values.recv(), Some(2));
        assert_eq!(values.len(), 1);
        gate.open();
        assert_eq!(values.recv(), Some(1));
        assert!(values.is_empty());
        assert_eq!(values.recv(), None);
        assert_eq!(values.recv(), None, "and so on");
    });
}

#[test]
fn of_none_it_ends_at_once() {
    let none: [JoinHandle<i32>; 0] = [];
    assert_eq!(as_completed(none).into_iter().next(), None);
    let none: [JoinHandle<i32>; 0] = [];
    let mut values = as_completed(none);
    assert!(values.is_terminated());
    assert_eq!(block_on(values.next()), None);
}

#[test]
fn a_panic_comes_at_its_turn_and_the_rest_goes_on() {
    must_end(|| {
        let (resolvers, promised) = promises(3);
        let values = promised
            .into_iter()
            .map(|n| n.map(|n| if n == 1 { panic!("one") } else { n }));
        let mut values = as_completed(values);
        resolve_in(&[2, 1, 0], resolvers);
        assert_eq!(values.recv(), Some(2));
        assert_eq!(panic_text(|| values.recv()), "one");
        assert_eq!(values.recv(), Some(0));
        assert_eq!(values.recv(), None);

        let gone = spawn_value(|| -> i32 { panic!("gone") });
        until("it has panicked", || gone.is_finished());
        let mut values = as_completed([gone, spawn_value(|| 1)]);
        assert_eq!(panic_text(|| block_on(values.next())), "gone");
        assert_eq!(block_on(values.next()), Some(1));
    });
}

/// Panics, or gives a value, in the very poll it is first looked at in.
struct Sudden(Option<&'static str>);

impl Future for Sudden {
    type Output = i32;

    fn poll(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<i32> {
        match self.0 {
            Some(message) => panic!("{message}"),
            None => std::task::Poll::Ready(1),
        }
    }
}

impl letgo::Eventual for Sudden {
    fn is_finished(&self) -> bool {
        false
    }

    fn cancel(&self) {}
}

#[test]
fn what_arrives_while_it_is_made_waits_for_its_turn() {
    let mut values = as_completed([Sudden(Some("sudden")), Sudden(None)]);
    assert_eq!(values.len(), 2);
    assert_eq!(panic_text(|| values.recv()), "sudden");
    assert_eq!(values.recv(), Some(1));
    assert_eq!(values.recv(), None);
}

#[test]
fn failures_settle_as_values() {
    must_end(|| {
        let tasks = [
            spawn_value(|| 1),
            spawn_value(|| -> i32 { panic!("gone") }),
            spawn_value(|| 3),
        ];
        let values = as_completed(tasks.map(JoinHandle::settle));
        let mut outcomes: Vec<_> = values.into_iter().map(Result::ok).collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes, [None, Some(1), Some(3)]);
    });
}

#[test]
fn a_stream_is_woken_once_per_value_by_the_last_waker() {
    let (one, other) = (Wakes::new(), Wakes::new());
    let (mut resolvers, promised) = promises(2);
    let mut values = as_completed(promised);
    let mut poll = |waker: std::task::Waker| {
        pin!(&mut values).poll_next(&mut std::task::Context::from_waker(&waker))
    };
    assert!(poll(one.waker()).is_pending());
    assert!(poll(other.waker()).is_pending());
    resolvers.remove(1).resolve(1).unwrap();
    assert_eq!((one.count(), other.count()), (0, 1));
    assert_eq!(poll(one.waker()), std::task::Poll::Ready(Some(1)));
    assert!(poll(one.waker()).is_pending());
    resolvers.remove(0).resolve(0).unwrap();
    assert_eq!((one.count(), other.count()), (1, 1));
    assert_eq!(values.recv(), Some(0), "polled, then received");
}

#[test]
fn an_awaited_value_given_up_is_not_lost() {
    must_end(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let (resolver, promised) = promise();
        let next = runtime.block_on(async {
            let mut values = as_completed([promised]);
            tokio::select! {
                biased;
                _ = values.recv_async() => panic!("nothing is there yet"),
                () = tokio::task::yield_now() => {}
            }
            resolver.resolve(1).unwrap();
            tokio::select! {
                biased;
                () = std::future::ready(()) => {}
                _ = values.recv_async() => panic!("the other was first"),
            }
            values.recv_async().await
        });
        assert_eq!(next, Some(1));
    });
}

#[test]
fn what_was_not_asked_for_is_detached_and_dropped_once() {
    must_end(|| {
        let (drops, gate) = (Drops::new(), Gate::new());
        let (first, second, passes) = (drops.one(), drops.one(), gate.clone());
        let there = spawn_value(move || first);
        until("the first is there", || there.is_finished());
        let slow = spawn_value(move || {
            passes.pass();
            second
        });
        drop(as_completed([there, slow]));
        assert_eq!(drops.count(), 1);
        gate.open();
        until("the other has gone on", || drops.count() == 2);
    });
}

#[test]
fn a_cancel_reaches_what_has_not_ended() {
    let (mut resolvers, promised) = promises(2);
    let mut values = as_completed(promised);
    resolvers.remove(0).resolve(1).unwrap();
    values.cancel();
    assert!(resolvers[0].is_abandoned());
    assert_eq!(values.recv(), Some(1));
    assert!(panic_text(|| values.recv()).contains("cancelled"));
}

#[test]
fn ten_thousand_arrive_from_several_threads() {
    const MANY: usize = 10_000;
    must_end(|| {
        let (resolvers, promised) = promises(MANY);
        let values = as_completed(promised);
        assert_eq!(Stream::size_hint(&values), (MANY, Some(MANY)));
        let mut resolvers: Vec<_> = resolvers.into_iter().enumerate().collect();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let mine = resolvers.split_off(resolvers.len() - MANY / 4);
                thread::spawn(move || {
                    for (n, resolver) in mine {
                        resolver.resolve(n).unwrap();
                    }
                })
            })
            .collect();
        let iter = values.into_iter();
        assert_eq!(iter.len(), MANY);
        let mut all: Vec<_> = iter.collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..MANY));
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn it_is_as_promised() {
    use letgo::{AsCompleted, AsCompletedIter};
    fn promises<T: std::fmt::Debug + Send + Sync + Unpin>() {}
    promises::<AsCompleted<JoinHandle<i32>>>();
    promises::<AsCompletedIter<JoinHandle<i32>>>();
    let (_resolver, promised) = promise::<i32>();
    let text = format!("{:?}", as_completed([promised]));
    assert_eq!(text, "AsCompleted { to_come: 1, .. }");
}
