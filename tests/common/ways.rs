//! Every way to a value.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use letgo::{
    Agent, FanIn, JoinHandle, Pool, PromiseMap, SingleFlight, as_completed, join, join_all,
    promise, race, scope, spawn_future, spawn_value,
};

/// Every way to a value, wherever it may be: on a thread that ends, or where no thread can be made.
pub(crate) fn all_ways() {
    fn wait<T>(handle: JoinHandle<T>) -> T {
        handle.get_timeout(Duration::MAX).ok().unwrap()
    }
    assert_eq!(spawn_value(|| 1).get(), 1);
    assert_eq!(wait(spawn_value(|| 2)), 2);
    assert_eq!(spawn_future(async { 3 }).get(), 3);
    let (resolver, answer) = promise();
    spawn_value(move || resolver.resolve(4)).detach();
    assert_eq!(answer.get(), 4);
    assert_eq!(spawn_value(|| 4).then(|n| n + 1).get(), 5);
    assert_eq!(wait(spawn_value(|| 4).then(|n| n + 1)), 5);
    let shared = spawn_value(|| 6).shared();
    assert_eq!(shared.clone().get() + shared.get(), 12);
    assert_eq!(
        join!(spawn_value(|| 1), spawn_future(async { 2 })).get(),
        (1, 2)
    );
    let many = || (0..9).map(|n| spawn_value(move || n));
    assert_eq!(join_all(many()).get().len(), 9);
    assert_eq!(as_completed(many()).into_iter().sum::<i32>(), 36);
    assert!(race(many()).get() < 9);
    let fan = FanIn::bounded(1);
    for n in 0..3 {
        fan.spawn_value(move || n);
    }
    fan.spawn_future(async { 3 });
    assert_eq!(
        fan.paced(Duration::from_micros(1)).into_iter().sum::<i32>(),
        6
    );
    let agent = Agent::new(0);
    agent.cast(|n| *n += 1);
    assert_eq!(wait(agent.call(|n| *n)), 1);
    assert_eq!(agent.call(|n| *n).get(), 1);
    assert_eq!(agent.stop().get(), 1);
    let map = PromiseMap::new();
    let reply = map.insert(1).unwrap();
    spawn_value(move || map.resolve(&1, 2)).detach();
    assert_eq!(reply.get(), 2);
    assert_eq!(SingleFlight::new().run(1, || 2).get(), 2);
    let numbers = [1, 2];
    let sum = scope(|s| {
        let tasks = numbers.each_ref().map(|n| s.spawn_value(|| *n));
        tasks.into_iter().map(|task| task.get()).sum::<i32>()
    });
    assert_eq!(sum, 3);
    let ran = AtomicUsize::new(0);
    scope(|s| drop(s.spawn_value(|| ran.fetch_add(1, Ordering::Relaxed))));
    assert_eq!(ran.into_inner(), 1);
    let pool = Pool::builder().threads(1).build().unwrap();
    assert_eq!(wait(pool.spawn_value(|| 7)), 7);
    pool.shutdown();
}
