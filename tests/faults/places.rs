//! Every place of the library that wakes.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use letgo::{
    Agent, Executor, FanIn, Job, PromiseMap, Reply, SingleFlight, as_completed, join, join_all,
    promise, race, race_ok, try_join, try_join_all,
};

use crate::common::Queue;

/// Gives whether it came to what it should.
pub(crate) type Waits = Pin<Box<dyn Future<Output = bool> + Send>>;
pub(crate) type Ends = Box<dyn FnOnce() + Send>;

/// Somebody who waits, and what ends the wait.
pub(crate) type Place = (&'static str, fn() -> (Waits, Ends));

fn place(
    waits: impl Future<Output = bool> + Send + 'static,
    wakes: impl FnOnce() + Send + 'static,
) -> (Waits, Ends) {
    (Box::pin(waits), Box::new(wakes))
}

/// Every place of the library that wakes.
pub(crate) const PLACES: &[Place] = &[
    ("a closure that ends", || {
        let queue = Queue::new();
        let handle = queue.spawn_value(|| 1);
        place(async { handle.await == 1 }, move || queue.run_all())
    }),
    ("a closure that panics", || {
        let queue = Queue::new();
        let handle = queue.spawn_value(|| -> i32 { panic!("no luck") });
        let ends = async { handle.settle().await.unwrap_err().is_panic() };
        place(ends, move || queue.run_all())
    }),
    ("a closure whose job is dropped", || {
        let queue = Queue::new();
        let handle = queue.spawn_value(|| 1);
        let ends = async { handle.settle().await.unwrap_err().is_cancelled() };
        place(ends, move || queue.drop_all())
    }),
    ("a future that ends", || {
        let queue = Queue::new();
        let handle = queue.spawn_future(async { 1 });
        place(async { handle.await == 1 }, move || queue.run_all())
    }),
    ("a future whose job is dropped", || {
        let queue = Queue::new();
        let (resolver, answer) = promise::<i32>();
        let handle = queue.spawn_future(answer);
        queue.run_all();
        let ends = async { handle.settle().await.unwrap_err().is_cancelled() };
        place(ends, move || {
            _ = resolver.resolve(1);
            queue.drop_all();
        })
    }),
    ("a future that waits for another", || {
        let (resolver, answer) = promise::<i32>();
        let inline = |job: Job| job.run();
        let handle = inline.spawn_future(answer);
        let wakes = move || _ = resolver.resolve(1);
        place(async { handle.await == 1 }, wakes)
    }),
    ("a promise that is resolved", || {
        let (resolver, answer) = promise();
        let wakes = move || _ = resolver.resolve(1);
        place(async { answer.await == 1 }, wakes)
    }),
    ("a promise whose resolver is dropped", || {
        let (resolver, answer) = promise::<i32>();
        let ends = async { answer.settle().await.unwrap_err().is_cancelled() };
        place(ends, || drop(resolver))
    }),
    ("a chained task", || {
        let (resolver, answer) = promise();
        let chained = answer.then(|n: i32| n + 1);
        let wakes = move || _ = resolver.resolve(1);
        place(async { chained.await == 2 }, wakes)
    }),
    ("one of those who share a value", || {
        let (resolver, answer) = promise();
        let shared = answer.shared();
        let other = shared.clone();
        let wakes = move || _ = resolver.resolve(1);
        place(async { shared.await == 1 && other.await == 1 }, wakes)
    }),
    ("a join", || {
        let ((resolver, last), (first, there)) = (promise(), promise());
        first.resolve(1).unwrap();
        let wakes = move || _ = resolver.resolve(2);
        place(async { join!(there, last).await == (1, 2) }, wakes)
    }),
    ("a join of many", || {
        let ((resolver, last), (first, there)) = (promise(), promise());
        first.resolve(1).unwrap();
        let wakes = move || _ = resolver.resolve(2);
        place(async { join_all([there, last]).await == [1, 2] }, wakes)
    }),
    ("a join that may fail", || {
        let ((resolver, first), (_never, second)) = (promise(), promise::<Result<i32, i32>>());
        let ends = async {
            let _never = _never;
            try_join!(first, second).await == Err::<(i32, i32), _>(1)
        };
        let wakes = move || _ = resolver.resolve(Err::<i32, _>(1));
        place(ends, wakes)
    }),
    ("a join of many that may fail", || {
        let ((resolver, last), (first, there)) = (promise(), promise());
        first.resolve(Ok::<_, i32>(1)).unwrap();
        let wakes = move || _ = resolver.resolve(Ok(2));
        let ends = async { try_join_all([there, last]).await == Ok(vec![1, 2]) };
        place(ends, wakes)
    }),
    ("a race", || {
        let ((resolver, first), (_never, second)) = (promise(), promise());
        let ends = async {
            let _never = _never;
            race!(second, first).await == 1
        };
        place(ends, move || _ = resolver.resolve(1))
    }),
    ("a race of many", || {
        let ((resolver, first), (_never, second)) = (promise(), promise());
        let ends = async {
            let _never = _never;
            race([second, first]).await == 1
        };
        place(ends, move || _ = resolver.resolve(1))
    }),
    ("a race for a success", || {
        let ((resolver, last), (first, there)) = (promise(), promise());
        first.resolve(Err::<i32, _>(0)).unwrap();
        let ends = async { race_ok([there, last]).await == Ok(1) };
        place(ends, move || _ = resolver.resolve(Ok(1)))
    }),
    ("values as they are completed", || {
        let ((resolver, first), (_never, second)) = (promise(), promise());
        let mut all = as_completed([second, first]);
        let ends = async move {
            let _never = _never;
            all.next().await == Some(1)
        };
        place(ends, move || _ = resolver.resolve(1))
    }),
    ("a sum", || {
        let ((resolver, last), (first, there)) = (promise(), promise::<i32>());
        first.resolve(1).unwrap();
        let wakes = move || _ = resolver.resolve(2);
        place(async { (there + last).await == 3 }, wakes)
    }),
    ("a receiver", || {
        let fan = FanIn::bounded(1);
        let sender = fan.sender();
        let wakes = move || _ = sender.try_send(1);
        place(async move { fan.recv_async().await == Some(1) }, wakes)
    }),
    ("a stream", || {
        let mut fan = FanIn::bounded(1);
        let sender = fan.sender();
        let wakes = move || _ = sender.try_send(1);
        place(async move { fan.next().await == Some(1) }, wakes)
    }),
    ("a receiver at the end", || {
        let fan = FanIn::<i32>::bounded(1);
        let sender = fan.sender();
        place(async move { fan.recv_async().await.is_none() }, || {
            drop(sender)
        })
    }),
    ("a sender for whom there is room", || {
        let fan = FanIn::bounded(1);
        let sender = fan.sender();
        sender.try_send(1).unwrap();
        let ends = async move { sender.send_async(2).await.is_ok() };
        place(ends, move || {
            assert_eq!(fan.recv(), Some(1));
            fan.recv();
        })
    }),
    ("a sender to whom nobody listens any more", || {
        let fan = FanIn::bounded(1);
        let sender = fan.sender();
        sender.try_send(1).unwrap();
        let ends = async move { sender.send_async(2).await.unwrap_err().0 == 2 };
        place(ends, move || drop(fan))
    }),
    ("a paced stream whose period is over", || {
        let fan = FanIn::bounded(2);
        let sender = fan.sender();
        sender.try_send(1).unwrap();
        sender.try_send(2).unwrap();
        let ends = async move {
            let mut paced = fan.paced(Duration::from_millis(50));
            paced.next().await == Some(1) && paced.next().await == Some(2)
        };
        place(ends, || drop(sender))
    }),
    ("a paced stream at the end", || {
        let fan = FanIn::bounded(1);
        let sender = fan.sender();
        sender.try_send(1).unwrap();
        let ends = async move {
            let mut paced = fan.paced(Duration::MAX);
            paced.next().await == Some(1) && paced.next().await.is_none()
        };
        place(ends, || drop(sender))
    }),
    ("a call to an agent", || {
        let queue = Queue::new();
        let agent = Agent::on(queue.clone(), 1);
        let call = agent.call(|n| *n);
        place(async { call.await == 1 }, move || queue.run_all())
    }),
    ("a call whose job is dropped", || {
        let queue = Queue::new();
        let agent = Agent::on(queue.clone(), 1);
        let call = agent.call(|n| *n);
        let ends = async { call.settle().await.unwrap_err().is_cancelled() };
        place(ends, move || queue.drop_all())
    }),
    ("an agent that stops", || {
        let queue = Queue::new();
        let stop = Agent::on(queue.clone(), 1).stop();
        place(async { stop.await == 1 }, move || queue.run_all())
    }),
    ("a reply that is answered", || {
        let map = PromiseMap::new();
        let reply = map.insert(1).unwrap();
        let wakes = move || _ = map.resolve(&1, 2);
        place(async { reply.await == 2 }, wakes)
    }),
    ("a reply that is cancelled", || {
        let map = PromiseMap::<i32, i32>::new();
        let reply = map.insert(1).unwrap();
        place(is_cancelled(reply), move || _ = map.cancel(&1))
    }),
    ("a reply that is cancelled with all others", || {
        let map = PromiseMap::<i32, i32>::new();
        let reply = map.insert(1).unwrap();
        place(is_cancelled(reply), move || _ = map.cancel_all())
    }),
    ("a reply whose map is dropped", || {
        let map = PromiseMap::<i32, i32>::new();
        let reply = map.insert(1).unwrap();
        place(is_cancelled(reply), move || drop(map))
    }),
    ("one of those on a single flight", || {
        let queue = Queue::new();
        let value = SingleFlight::new().run_on(&queue, 1, || 2);
        place(async { value.await == 2 }, move || queue.run_all())
    }),
];

async fn is_cancelled(reply: Reply<i32, i32>) -> bool {
    AssertUnwindSafe(reply).catch_unwind().await.is_err()
}
