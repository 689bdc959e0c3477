//! The first of several values: `race!`, `race`, `race_ok`.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use common::{Drops, Gate, Queue, Wakes, must_end, panic_text, poll, until};
use futures::executor::block_on;
use futures::future::FusedFuture;
use letgo::{
    Executor, JoinHandle, Resolver, join, promise, race, race_ok, spawn_value, try_join,
    try_join_all,
};

fn promises<T: Send + 'static>(many: usize) -> (Vec<Resolver<T>>, Vec<JoinHandle<T>>) {
    (0..many).map(|_| promise()).unzip()
}

#[test]
fn the_first_to_finish_wins_and_the_losers_are_cancelled() {
    must_end(|| {
        let (mut resolvers, racers) = promises(3);
        let first = race(racers);
        resolvers.remove(1).resolve("second").unwrap();
        assert_eq!(first.get(), "second");
        for resolver in resolvers {
            assert_eq!(resolver.resolve("late"), Err("late"));
        }
        let (loses, a) = promise();
        let (also_loses, b) = promise();
        let first = race!(a, spawn_value(|| 2), b);
        assert_eq!(block_on(first), 2);
        assert!(loses.is_abandoned() && also_loses.is_abandoned());
    });
}

#[test]
fn what_races_may_be_of_any_kind_with_one_type_of_value() {
    must_end(|| {
        let (_resolver, never) = promise();
        let (_other, never_shared) = promise();
        let (_third, never_mapped) = promise::<u8>();
        let first = race!(
            never,
            never_shared.shared(),
            never_mapped.map(i32::from),
            spawn_value(|| 1) + spawn_value(|| 2),
        );
        assert_eq!(first.get(), 3);
        assert_eq!(race!(spawn_value(|| 1)).get(), 1);
        assert_eq!(
            race!(race!(spawn_value(|| 1)), race([spawn_value(|| 1)])).get(),
            1
        );
        assert_eq!(
            race([spawn_value(|| 1) + spawn_value(|| 1)])
                .map(|n| n + 1)
                .get(),
            3
        );
        assert_eq!(
            join!(race!(spawn_value(|| 1)), spawn_value(|| 2)).get(),
            (1, 2)
        );
    });
}

#[test]
fn of_several_that_have_finished_the_first_in_order_wins() {
    let (resolvers, racers) = promises(3);
    for (n, resolver) in resolvers.into_iter().enumerate().rev() {
        resolver.resolve(n).unwrap();
    }
    assert_eq!(race(racers).try_get().unwrap(), 0);
}

#[test]
fn a_race_never_claims() {
    must_end(|| {
        let queue = Queue::new();
        let spawn = || queue.spawn_value(|| thread::current().id());
        let here = thread::current().id();
        let first = race!(spawn(), spawn());
        let second = race([spawn(), spawn()]);
        let third = race_ok([spawn().map(Ok::<_, ()>), spawn().map(Ok)]);
        let elsewhere = {
            let queue = queue.clone();
            let go = Gate::new();
            let waits = go.clone();
            let runner = thread::spawn(move || {
                waits.pass();
                queue.run_all();
            });
            let id = runner.thread().id();
            let first = first.get_timeout(Duration::ZERO).unwrap_err();
            go.open();
            assert_eq!(first.get(), id);
            assert_eq!(second.get(), id);
            assert_eq!(third.get(), Ok(id));
            runner.join().unwrap();
            id
        };
        assert_ne!(elsewhere, here);
    });
}

#[test]
fn a_panic_before_a_winner_surfaces_at_once_and_cancels_the_others() {
    must_end(|| {
        let panics = || spawn_value(|| -> i32 { panic!("out of the race") });
        let (resolver, never) = promise();
        assert_eq!(
            panic_text(|| race!(never, panics()).get()),
            "out of the race"
        );
        assert!(resolver.is_abandoned());

        let (resolver, never) = promise();
        let mut first = race([never, panics()]);
        assert_eq!(panic_text(|| block_on(&mut first)), "out of the race");
        assert!(resolver.is_abandoned(), "though it is still held");
        assert!(first.is_terminated());
        assert!(panic_text(|| first.get()).contains("given away already"));

        let (resolver, never) = promise::<Result<i32, ()>>();
        let panics = spawn_value(|| -> Result<i32, ()> { panic!("out of the race") });
        assert_eq!(
            panic_text(|| race_ok([never, panics]).get()),
            "out of the race"
        );
        assert!(resolver.is_abandoned());
    });
}

#[test]
fn a_race_given_up_hands_itself_back_and_nothing_is_cancelled() {
    must_end(|| {
        let (mut resolvers, racers) = promises(2);
        let first = race(racers).try_get().unwrap_err();
        let first = first.get_timeout(Duration::from_millis(1)).unwrap_err();
        assert!(!first.is_finished());
        assert!(!resolvers[0].is_abandoned());
        resolvers.remove(1).resolve(1).unwrap();
        assert!(first.is_finished());
        assert_eq!(first.try_get().unwrap(), 1);

        let (resolver, a) = promise();
        let (_other, b) = promise();
        let first = race!(a, b)
            .get_timeout(Duration::from_millis(1))
            .unwrap_err();
        assert!(!first.is_finished() && !resolver.is_abandoned());
        resolver.resolve(1).unwrap();
        assert!(first.is_finished());
        assert_eq!(first.get(), 1);
    });
}

#[test]
fn the_values_of_losers_are_dropped_once_the_winners_is_kept() {
    must_end(|| {
        let drops = Drops::new();
        let (resolvers, racers) = promises(3);
        for resolver in resolvers {
            resolver.resolve(drops.one()).ok().unwrap();
        }
        let winner = race(racers).get();
        assert_eq!(drops.count(), 2);
        drop(winner);
        assert_eq!(drops.count(), 3);

        let gate = Gate::new();
        let spawn = |gate: &Gate| {
            let (counted, gate) = (drops.one(), gate.clone());
            spawn_value(move || {
                gate.pass();
                counted
            })
        };
        let open = Gate::new();
        open.open();
        let winner = race!(spawn(&gate), spawn(&open)).get();
        gate.open();
        until("the loser's value is dropped", || drops.count() == 4);
        drop(winner);
        assert_eq!(drops.count(), 5);
    });
}

#[test]
fn a_loser_that_was_not_started_never_runs() {
    must_end(|| {
        let queue = Queue::new();
        let ran = Arc::new(AtomicBool::new(false));
        let loser = || {
            let ran = Arc::clone(&ran);
            queue.spawn_value(move || ran.store(true, Ordering::SeqCst))
        };
        let winner = || (|job: letgo::Job| job.run()).spawn_value(|| ());
        race!(loser(), winner()).get();
        race!(winner(), loser()).get();
        race([loser(), winner(), loser()]).get();
        let ok = |handle: JoinHandle<()>| handle.map(Ok::<_, ()>);
        race_ok([ok(loser()), ok(winner())]).get().unwrap();
        queue.run_all();
        assert!(!ran.load(Ordering::SeqCst));
    });
}

#[test]
fn the_losers_are_gone_though_the_race_is_held() {
    must_end(|| {
        let (mut resolvers, racers) = promises(2);
        let mut first = race(racers);
        resolvers.remove(0).resolve(1).unwrap();
        assert_eq!(block_on(&mut first), 1);
        assert!(resolvers[0].is_abandoned());

        let (mut resolvers, racers) = promises(2);
        let mut first = race_ok(racers);
        resolvers.remove(0).resolve(Ok::<_, ()>(1)).unwrap();
        assert_eq!(block_on(&mut first), Ok(1));
        assert!(resolvers[0].is_abandoned());
    });
}

fn resolved<T: Send + 'static>(value: T) -> JoinHandle<T> {
    let (resolver, handle) = promise();
    assert!(resolver.resolve(value).is_ok());
    handle
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_losers_value_that_panics_as_it_is_dropped_costs_nobody_his() {
    must_end(|| {
        let (wins, a) = promise();
        let (loses, b) = promise::<Option<Bomb>>();
        wins.resolve(None).ok().unwrap();
        loses.resolve(Some(Bomb)).ok().unwrap();
        assert!(race([a, b]).get().is_none());

        let (wins, a) = promise();
        let (loses, b) = promise::<Option<Bomb>>();
        wins.resolve(None).ok().unwrap();
        loses.resolve(Some(Bomb)).ok().unwrap();
        assert!(race!(a, b).get().is_none());

        // Here the values are losers that were taken already.
        let errors = || [resolved(Err(Bomb)), resolved(Err(Bomb))];
        let winner = race_ok(errors().into_iter().chain([resolved(Ok(1))]));
        assert_eq!(winner.get().ok(), Some(1));

        let failure = try_join!(resolved(Ok(Bomb)), resolved(Err::<i32, _>(1)));
        assert_eq!(failure.get().err(), Some(1));
        let failure = try_join!(resolved(Err::<i32, _>(1)), resolved(Ok(Bomb)));
        assert_eq!(failure.get().err(), Some(1));

        let values = [resolved(Ok(Bomb)), resolved(Ok(Bomb))];
        let failure = try_join_all(values.into_iter().chain([resolved(Err(1))]));
        assert_eq!(failure.get().err(), Some(1));
    });
}

#[test]
fn dropping_a_race_detaches_its_members() {
    must_end(|| {
        let drops = Drops::new();
        let gate = Gate::new();
        let (counted, passes) = (drops.one(), gate.clone());
        let member = spawn_value(move || {
            passes.pass();
            drop(counted);
        });
        drop(race([member]));
        gate.open();
        until("it has run", || drops.count() == 1);
    });
}

#[test]
fn a_race_of_none_panics_where_it_is_made() {
    let none: [JoinHandle<i32>; 0] = [];
    assert!(panic_text(|| race(none)).contains("at least one"));
}

#[test]
fn a_race_is_polled_with_changing_wakers_then_got() {
    must_end(|| {
        let (one, other) = (Wakes::new(), Wakes::new());
        let (mut resolvers, racers) = promises(3);
        let mut first = race(racers);
        assert!(poll(&mut first, &one.waker()).is_pending());
        assert!(poll(&mut first, &other.waker()).is_pending());
        resolvers.remove(2).resolve(3).unwrap();
        assert_eq!((one.count(), other.count()), (0, 1));
        assert_eq!(first.get(), 3);

        let (_loses, a) = promise();
        let (wins, b) = promise();
        let mut first = race!(a, b);
        assert!(poll(&mut first, &one.waker()).is_pending());
        assert!(poll(&mut first, &other.waker()).is_pending());
        wins.resolve(2).unwrap();
        assert_eq!((one.count(), other.count()), (0, 2));
        assert!(!first.is_terminated());
        assert_eq!(block_on(&mut first), 2);
        assert!(first.is_terminated());
        assert!(panic_text(|| first.get()).contains("given away already"));
    });
}

#[test]
fn a_race_in_select_loses_nothing() {
    must_end(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let (mut resolvers, racers) = promises(2);
        let winner = runtime.block_on(async {
            let mut first = race(racers);
            tokio::select! {
                biased;
                _ = &mut first => panic!("nobody has finished"),
                () = tokio::task::yield_now() => {}
            }
            resolvers.remove(0).resolve(1).unwrap();
            first.await
        });
        assert_eq!(winner, 1);
    });
}

#[test]
fn the_first_ok_wins_over_errors_that_came_before() {
    must_end(|| {
        let (mut resolvers, racers) = promises(3);
        let mut first = race_ok(racers);
        resolvers.remove(2).resolve(Err("c")).unwrap();
        first = first.try_get().unwrap_err();
        first = first.get_timeout(Duration::from_millis(1)).unwrap_err();
        resolvers.remove(1).resolve(Ok(2)).unwrap();
        assert_eq!(first.get(), Ok(2));
        assert!(resolvers[0].is_abandoned());
    });
}

#[test]
fn without_an_ok_there_are_all_the_errors_in_order() {
    must_end(|| {
        let (resolvers, racers) = promises(3);
        let first = race_ok(racers);
        for (n, resolver) in resolvers.into_iter().enumerate().rev() {
            resolver.resolve(Err::<(), _>(n)).unwrap();
        }
        assert!(first.is_finished());
        assert_eq!(block_on(first), Err(vec![0, 1, 2]));
        let none: [JoinHandle<Result<i32, i32>>; 0] = [];
        assert_eq!(race_ok(none).get(), Err(vec![]));
    });
}

#[test]
fn ten_thousand_race() {
    must_end(|| {
        let (mut resolvers, racers) = promises(10_000);
        let mut first = race(racers);
        assert!(poll(&mut first, &Wakes::new().waker()).is_pending());
        resolvers.pop().unwrap().resolve(1).unwrap();
        assert_eq!(first.get(), 1);
        assert!(resolvers.iter().all(Resolver::is_abandoned));
    });
}

#[test]
fn a_cancelled_race_is_over() {
    let (resolvers, racers) = promises::<i32>(2);
    let first = race(racers);
    first.cancel();
    assert!(resolvers.iter().all(Resolver::is_abandoned));
    assert!(first.is_finished());
    assert!(panic_text(|| first.get()).contains("cancelled"));
}

#[test]
fn races_are_as_promised() {
    use letgo::{Eventual, Race, RaceAll, RaceEnd, RaceOk};
    fn promises<E: Eventual + FusedFuture + std::fmt::Debug + Send + Sync + Unpin>(_: &E) {}
    let (_resolver, handle) = promise::<i32>();
    let first: Race<JoinHandle<i32>, RaceEnd<i32>> = race!(handle);
    promises(&first);
    assert!(
        format!("{first:?}").starts_with("Race(JoinHandle"),
        "{first:?}"
    );
    let first: RaceAll<JoinHandle<i32>> = race([spawn_value(|| 1)]);
    promises(&first);
    assert_eq!(format!("{first:?}"), "RaceAll { given: 1, over: false }");
    let first: RaceOk<JoinHandle<Result<i32, ()>>> = race_ok([spawn_value(|| Ok(1))]);
    promises(&first);
    assert!(format!("{first:?}").starts_with("RaceOk"), "{first:?}");
}
