//! Waiting for all of several values: wakers, time-outs, what is given up and taken up again.

mod common;

use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use common::{Drops, Wakes, must_end, panic_text, poll, until_blocked_for};
use futures::executor::block_on;
use futures::future::FusedFuture;
use letgo::{JoinHandle, Resolver, join, join_all, promise, spawn_value, try_join, try_join_all};

#[test]
fn the_order_is_the_one_given_whatever_finishes_first() {
    must_end(|| {
        let (resolvers, promised): (Vec<_>, Vec<_>) = (0..10).map(|_| promise()).unzip();
        let mut all = join_all(promised);
        let wakes = Wakes::new();
        assert!(poll(&mut all, &wakes.waker()).is_pending());
        for (n, resolver) in resolvers.into_iter().enumerate().rev() {
            resolver.resolve(n).unwrap();
        }
        assert!(all.is_finished());
        assert!(wakes.count() >= 1);
        assert_eq!(all.get(), (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn ten_thousand_are_joined_got_or_awaited_flat_or_nested() {
    must_end(|| {
        let spawn = |n: usize| spawn_value(move || n);
        let all: Vec<_> = (0..10_000).collect();
        assert_eq!(join_all((0..10_000).map(spawn)).get(), all);
        assert_eq!(block_on(join_all((0..10_000).map(spawn))), all);
        let tried = try_join_all((0..10_000).map(|n| spawn_value(move || Ok::<_, ()>(n))));
        assert_eq!(block_on(tried).unwrap(), all);
        let nested = join_all((0..100).map(|_| join_all((0..100).map(spawn))));
        assert_eq!(nested.get().concat().len(), 10_000);
    });
}

/// Resolves in turns from another thread while `join_all` is awaited here.
#[test]
fn no_wake_up_is_lost_between_a_poll_and_an_arrival() {
    must_end(|| {
        for _ in 0..300 {
            let (resolvers, promised): (Vec<Resolver<u32>>, Vec<_>) =
                (0..8).map(|_| promise()).unzip();
            let resolving = thread::spawn(move || {
                for resolver in resolvers {
                    resolver.resolve(1).unwrap();
                }
            });
            assert_eq!(block_on(join_all(promised)).iter().sum::<u32>(), 8);
            resolving.join().unwrap();
        }
    });
}

#[test]
fn whatever_members_are_made_of_none_is_lost() {
    /// A handle of `n`, of a kind and with a delay that `seed` decides on.
    fn any(n: u64, seed: u64) -> JoinHandle<u64> {
        let busy = move || (0..seed % 7).for_each(|_| thread::yield_now());
        match seed % 5 {
            0 => spawn_value(move || n),
            1 => spawn_value(busy).then(move |()| n),
            2 => {
                let (resolver, promised) = promise();
                spawn_value(move || {
                    busy();
                    resolver.resolve(n).unwrap();
                })
                .detach();
                promised
            }
            3 => letgo::spawn_future(async move {
                spawn_value(busy).await;
                n
            }),
            _ => letgo::spawn_future(async move { n }).then(|n| n),
        }
    }
    must_end(|| {
        let mut seed = 1_u64;
        for round in 0..300 {
            let mut next = |n| {
                // A linear congruential generator: the same sequence each time.
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                any(n, seed >> 33)
            };
            let sets: Vec<_> = (0..4).map(|_| join_all((0..4).map(&mut next))).collect();
            let all = join!(join_all(sets), next(4) + next(5), next(6).shared());
            let (sets, sum, shared) = if round % 2 == 0 {
                all.get()
            } else {
                block_on(all)
            };
            assert_eq!(sets, [[0, 1, 2, 3]; 4]);
            assert_eq!((sum, shared), (9, 6));
        }
    });
}

#[test]
fn a_join_given_up_hands_itself_back_with_what_has_arrived() {
    must_end(|| {
        let drops = Drops::new();
        let (resolver, promised) = promise();
        let (first, second) = (drops.one(), drops.one());
        let both = join!(spawn_value(move || first), promised);
        let both = both.get_timeout(Duration::from_millis(1)).err().unwrap();
        let both = both.try_get().err().unwrap();
        resolver.resolve(second).ok().unwrap();
        let both = both.get_timeout(Duration::MAX).ok().unwrap();
        assert_eq!(drops.count(), 0);
        drop(both);
        assert_eq!(drops.count(), 2);

        let (resolver, promised) = promise();
        let (first, second) = (drops.one(), drops.one());
        let all = join_all([spawn_value(move || first), promised]);
        let all = all.get_timeout(Duration::from_millis(1)).err().unwrap();
        resolver.resolve(second).ok().unwrap();
        let all = all.get_timeout(Duration::MAX).ok().unwrap();
        assert_eq!(all.len(), 2);
        drop(all);
        assert_eq!(drops.count(), 4);
    });
}

#[test]
fn a_join_is_polled_then_polled_with_another_waker_then_got() {
    must_end(|| {
        let (one, other) = (Wakes::new(), Wakes::new());
        let (resolver, promised) = promise();
        let mut all = join_all([promised, spawn_value(|| 2)]);
        assert!(poll(&mut all, &one.waker()).is_pending());
        assert!(poll(&mut all, &other.waker()).is_pending());
        let before = (one.count(), other.count());
        resolver.resolve(1).unwrap();
        assert_eq!(one.count(), before.0, "the last waker counts");
        assert!(other.count() > before.1);
        assert_eq!(all.get(), [1, 2]);

        let (resolver, promised) = promise();
        let mut both = join!(promised, spawn_value(|| 2));
        assert!(poll(&mut both, &one.waker()).is_pending());
        assert!(poll(&mut both, &other.waker()).is_pending());
        let before = other.count();
        resolver.resolve(1).unwrap();
        assert!(other.count() > before);
        assert_eq!(both.get(), (1, 2));
    });
}

#[test]
fn a_join_in_select_loses_nothing() {
    must_end(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let (resolver, promised) = promise();
        let sum = runtime.block_on(async {
            let mut all = join_all([promised, spawn_value(|| 2)]);
            tokio::select! {
                biased;
                _ = &mut all => panic!("one is not there yet"),
                () = tokio::task::yield_now() => {}
            }
            resolver.resolve(1).unwrap();
            all.await.into_iter().sum::<i32>()
        });
        assert_eq!(sum, 3);
    });
}

#[test]
fn what_was_given_away_is_terminated_and_says_so() {
    let mut both = join!(spawn_value(|| 1), spawn_value(|| 2));
    let mut all = join_all([spawn_value(|| 1)]);
    let mut tried = try_join!(spawn_value(|| Ok::<_, ()>(1)));
    let mut all_tried = try_join_all([spawn_value(|| Ok::<_, ()>(1))]);
    assert!(!both.is_terminated() && !all.is_terminated());
    assert!(!tried.is_terminated() && !all_tried.is_terminated());
    assert_eq!(block_on(&mut both), (1, 2));
    assert_eq!(block_on(&mut all), [1]);
    assert_eq!(block_on(&mut tried), Ok((1,)));
    assert_eq!(block_on(&mut all_tried), Ok(vec![1]));
    assert!(both.is_terminated() && all.is_terminated());
    assert!(tried.is_terminated() && all_tried.is_terminated());
    for message in [
        panic_text(|| both.get()),
        panic_text(|| all.get()),
        panic_text(|| tried.get()),
        panic_text(|| all_tried.get()),
    ] {
        assert!(message.contains("given away already"), "{message}");
    }
}

#[test]
fn after_a_panic_no_shorter_vec_is_given() {
    must_end(|| {
        let mut all = join_all([spawn_value(|| 1), spawn_value(|| panic!("gone"))]);
        assert_eq!(panic_text(|| block_on(&mut all)), "gone");
        assert!(all.is_terminated());
        assert!(panic_text(|| all.get()).contains("given away already"));
    });
}

#[test]
fn a_cancel_reaches_every_member() {
    must_end(|| {
        let (one, a) = promise::<i32>();
        let (two, b) = promise::<i32>();
        let (three, c) = promise::<i32>();
        let all = join!(a, join_all([b, c]));
        all.cancel();
        assert!(one.is_abandoned() && two.is_abandoned() && three.is_abandoned());
        assert!(all.is_finished());
        assert!(panic_text(|| all.get()).contains("cancelled"));
    });
}

/// A future that gives way each time it is polled, until it was polled `left` times.
struct GivesWay {
    left: usize,
}

impl Future for GivesWay {
    type Output = ();

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Self::Output> {
        if self.left == 0 {
            return Poll::Ready(());
        }
        self.left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl letgo::Eventual for GivesWay {
    fn is_finished(&self) -> bool {
        self.left == 0
    }

    fn cancel(&self) {}
}

#[test]
fn a_member_that_gives_way_lets_the_task_give_way() {
    let members = || [GivesWay { left: 100 }, GivesWay { left: 200 }];
    let mut all = join_all(members());
    let wakes = Wakes::new();
    assert!(poll(&mut all, &wakes.waker()).is_pending());
    assert!(wakes.count() > 0, "it is to be polled again");
    assert_eq!(block_on(all).len(), 2);
    assert_eq!(join_all(members()).get().len(), 2);
}

#[test]
fn the_debug_form_tells_how_far_it_is() {
    let (resolver, promised) = promise::<i32>();
    let all = join_all([promised]);
    assert_eq!(
        format!("{all:?}"),
        "JoinAll(members { given: 1, to_come: 1 })"
    );
    resolver.resolve(1).unwrap();
    let both = join!(spawn_value(|| 1), all);
    assert!(format!("{both:?}").contains("first_finished"));
    let mut tried = try_join_all([spawn_value(|| Ok::<_, ()>(1))]);
    assert!(format!("{tried:?}").starts_with("TryJoinAll"));
    let _ = poll(&mut tried, Waker::noop());
    assert_eq!(both.get(), (1, vec![1]));
}

#[test]
fn a_member_made_of_others_is_heard_though_a_claim_looked_at_it() {
    must_end(|| {
        let (resolver, promised) = promise();
        let place = promised.spawned_at();
        let all = join_all([join_all([promised])]);
        let all = all.get_timeout(Duration::from_millis(1)).unwrap_err();
        let resolves = thread::spawn(move || {
            until_blocked_for(place);
            resolver.resolve(1).unwrap();
        });
        assert_eq!(all.get(), [[1]]);
        resolves.join().unwrap();
    });
}
