//! Values, closures and states whose `Drop` panics, wherever the library drops one.

use std::panic::panic_any;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use letgo::{
    Agent, Executor, FanIn, Job, Pool, PromiseMap, SingleFlight, as_completed, join, join_all,
    promise, race, race_ok, try_join_all,
};

use crate::bombs::{Bomb, Bombs, Here, OriginalBomb};
use crate::common::{Drops, Gate, Queue, must_end, panic_text, poll, until};

/// What the library drops, and how many bombs there are in it.
type Path = (&'static str, usize, fn(&Bombs));

fn glance<F: Future + Unpin>(future: &mut F) {
    assert!(poll(future, Waker::noop()).is_pending());
}

const PATHS: &[Path] = &[
    ("a value that nobody gets", 2, |bombs| {
        let queue = Queue::new();
        let (first, second) = (bombs.one(), bombs.one());
        queue.spawn_value(move || first).detach();
        queue.spawn_future(async { second }).detach();
        queue.run_all();
    }),
    ("a value whose handle is dropped", 3, |bombs| {
        let queue = Queue::new();
        let (first, second) = (bombs.one(), bombs.one());
        let closure = queue.spawn_value(move || first);
        let future = queue.spawn_future(async { second });
        queue.run_all();
        drop((closure, future, bombs.resolved()));
    }),
    ("a value that was timed out for", 1, |bombs| {
        let queue = Queue::new();
        let value = bombs.one();
        let handle = queue.spawn_value(move || value);
        let Err(handle) = handle.get_timeout(Duration::ZERO) else {
            panic!("it is not there");
        };
        drop(handle);
        queue.run_all();
    }),
    ("what a cancelled task has captured", 3, |bombs| {
        let queue = Queue::new();
        let (first, second, third) = (bombs.one(), bombs.one(), bombs.one());
        queue.spawn_value(move || _ = &first).cancel();
        queue.spawn_future(async move { _ = &second }).cancel();
        let (_resolver, answer) = promise::<()>();
        let waits = queue.spawn_future(async move {
            let _third = third;
            answer.await;
        });
        queue.run_all();
        waits.cancel();
        queue.run_all();
    }),
    ("what is in a job that is dropped", 2, |bombs| {
        let queue = Queue::new();
        let (first, second) = (bombs.one(), bombs.one());
        queue.spawn_value(move || _ = &first).detach();
        queue.spawn_future(async move { _ = &second }).detach();
        queue.drop_all();
    }),
    ("what a closed pool is given", 2, |bombs| {
        let pool = Pool::builder().threads(1).build().unwrap();
        pool.shutdown();
        let (first, second) = (bombs.one(), bombs.one());
        pool.spawn_value(move || _ = &first).detach();
        pool.spawn_future(async move { _ = &second }).detach();
    }),
    ("what is queued in a pool that is dropped", 2, |bombs| {
        let pool = Pool::builder().threads(1).max_threads(1).build().unwrap();
        let (gate, first, second) = (Gate::new(), bombs.one(), bombs.one());
        let passes = gate.clone();
        pool.spawn_value(move || passes.pass()).detach();
        pool.spawn_value(move || first).detach();
        pool.spawn_future(async move { second }).detach();
        drop(pool);
        gate.open();
        until("both have run", || bombs.0.count() == 2);
    }),
    ("a chained closure, and its source", 2, |bombs| {
        let (captured, (resolver, source)) = (bombs.one(), promise::<Bomb>());
        let chained = source.then(move |_| _ = &captured);
        drop(chained.settle());
        drop(resolver);
        let source = bombs.resolved();
        source.then(|_| ()).detach();
        until("both are gone", || bombs.0.count() == 2);
    }),
    ("a chained task that is cancelled", 1, |bombs| {
        let (captured, (resolver, source)) = (bombs.one(), promise::<i32>());
        let chained = source.then(move |_| _ = &captured);
        chained.cancel();
        assert!(chained.is_finished());
        assert_eq!(resolver.resolve(1), Err(1));
    }),
    ("a value that was shared", 1, |bombs| {
        let (resolver, handle) = promise();
        let shared = handle.shared();
        let other = shared.clone();
        assert!(resolver.resolve(OriginalBomb(Some(bombs.one()))).is_ok());
        drop(shared.get());
        assert_eq!(bombs.0.count(), 0);
        // The last one: it is given its clone all the same.
        drop(other.get());
    }),
    ("a value that was to be shared", 2, |bombs| {
        let (resolver, handle) = promise();
        let mut shared = handle.shared();
        glance(&mut shared);
        assert!(resolver.resolve(OriginalBomb(Some(bombs.one()))).is_ok());
        drop(shared);
        let queue = Queue::new();
        let bomb = bombs.one();
        let shared = queue.spawn_value(move || OriginalBomb(Some(bomb))).shared();
        drop(shared);
        queue.run_all();
    }),
    ("what has arrived for a join that is given up", 4, |bombs| {
        let (_resolver, never) = promise::<()>();
        let mut all = join!(bombs.resolved(), bombs.resolved(), never);
        glance(&mut all);
        drop(all);
        let (_resolver, never) = promise::<Bomb>();
        let mut all = join_all([bombs.resolved(), bombs.resolved(), never]);
        glance(&mut all);
        drop(all);
    }),
    (
        "what has arrived for a join whose other member panics",
        4,
        |bombs| {
            let panics = || {
                let inline = |job: Job| job.run();
                inline.spawn_value(|| -> Bomb { panic!("no luck") })
            };
            let (_resolver, never) = promise::<()>();
            let all = join!(bombs.resolved(), bombs.resolved(), panics(), never);
            assert_eq!(panic_text(|| drop(all.get())), "no luck");
            let all = join_all([bombs.resolved(), bombs.resolved(), panics()]);
            assert_eq!(panic_text(|| drop(all.get())), "no luck");
        },
    ),
    ("what an error makes superfluous", 3, |bombs| {
        let (resolver, failed) = promise::<Result<Bomb, i32>>();
        resolver.resolve(Err(1)).ok().unwrap();
        let there = || {
            let (resolver, there) = promise();
            assert!(resolver.resolve(Ok(bombs.one())).is_ok());
            there
        };
        let all = try_join_all([there(), there(), failed, there()]);
        assert!(matches!(all.get(), Err(1)));
    }),
    ("errors that a success makes superfluous", 3, |bombs| {
        let failed = || {
            let (resolver, failed) = promise::<Result<i32, Bomb>>();
            assert!(resolver.resolve(Err(bombs.one())).is_ok());
            failed
        };
        let (resolver, there) = promise();
        assert!(resolver.resolve(Ok(1)).is_ok());
        let all = race_ok([failed(), failed(), there, failed()]);
        assert!(matches!(all.get(), Ok(1)));
    }),
    ("errors before a panic", 2, |bombs| {
        let failed = || {
            let (resolver, failed) = promise::<Result<i32, Bomb>>();
            assert!(resolver.resolve(Err(bombs.one())).is_ok());
            failed
        };
        let inline = |job: Job| job.run();
        let panics = inline.spawn_value(|| -> Result<i32, Bomb> { panic!("no luck") });
        let all = race_ok([failed(), failed(), panics]);
        assert_eq!(panic_text(|| all.get().is_ok()), "no luck");
    }),
    ("losers of a race", 3, |bombs| {
        let winner = race([bombs.resolved(), bombs.resolved(), bombs.resolved()]).get();
        assert_eq!(bombs.0.count(), 2);
        assert_eq!(panic_text(|| drop(winner)), "in the drop");
    }),
    ("losers of a race that are odd themselves", 4, |bombs| {
        let here = || Here(Some(bombs.one()));
        for winner in [race([here(), here()]).get(), race!(here(), here()).get()] {
            assert_eq!(panic_text(|| drop(winner)), "in the drop");
        }
    }),
    ("what nobody asks for as it is completed", 2, |bombs| {
        drop(as_completed([bombs.resolved(), bombs.resolved()]));
    }),
    ("what was there before anybody asked for it", 2, |bombs| {
        drop(as_completed([1, 2].map(|_| Here(Some(bombs.one())))));
    }),
    ("what is buffered in a fan-in that is dropped", 5, |bombs| {
        let fan = FanIn::bounded(4);
        let sender = fan.sender();
        let inline = |job: Job| job.run();
        for _ in 0..2 {
            let value = bombs.one();
            fan.spawn_value_on(&inline, move || value);
        }
        let value = bombs.one();
        fan.spawn_value_on(&inline, move || panic_any(value));
        assert!(sender.try_send(bombs.one()).is_ok());
        let first = fan.try_recv().ok().unwrap();
        drop(fan.into_iter());
        // It ends, and nobody wants what it comes to.
        let value = bombs.one();
        sender.spawn_value_on(&inline, move || value);
        assert_eq!(panic_text(|| drop(first)), "in the drop");
    }),
    ("what was in line of a fan-in that is dropped", 2, |bombs| {
        let (fan, queue) = (FanIn::bounded(1), Queue::new());
        let (first, second) = (bombs.one(), bombs.one());
        fan.spawn_value_on(&queue, move || first);
        fan.spawn_value_on(&queue, move || second);
        queue.pop().unwrap().run();
        let job = queue.pop().unwrap();
        let runs = thread::spawn(move || job.run());
        drop(fan);
        runs.join().unwrap();
    }),
    ("an agent's state", 3, |bombs| {
        let queue = Queue::new();
        drop(Agent::on(queue.clone(), bombs.one()));
        Agent::on(queue.clone(), bombs.one()).stop().detach();
        let agent = Agent::on(queue.clone(), bombs.one());
        agent.cast(|_| ());
        drop(agent);
        queue.run_all();
    }),
    ("what an agent is told, or gives", 3, |bombs| {
        let queue = Queue::new();
        let agent = Agent::on(queue.clone(), 0);
        let (first, second, third) = (bombs.one(), bombs.one(), bombs.one());
        agent.cast(move |_| drop(first));
        agent.cast(move |_| _ = &second);
        agent.call(move |_| third).detach();
        let last = agent.call(|n| *n);
        queue.run_all();
        assert_eq!(last.get(), 0);
    }),
    (
        "what is queued for an agent whose job is dropped",
        3,
        |bombs| {
            let queue = Queue::new();
            let agent = Agent::on(queue.clone(), 0);
            let (first, second, third) = (bombs.one(), bombs.one(), bombs.one());
            agent.cast(move |_| _ = &first);
            agent.cast(move |_| _ = &second);
            agent.call(move |_| _ = &third).detach();
            let last = agent.call(|n| *n);
            queue.drop_all();
            assert!(last.join().unwrap_err().is_cancelled());
            assert_eq!(agent.call(|n| *n).get(), 0);
        },
    ),
    ("what an agent that was stopped is told", 2, |bombs| {
        let queue = Queue::new();
        let agent = Agent::on(queue.clone(), 0);
        let still = agent.clone();
        agent.stop().get();
        let (first, second) = (bombs.one(), bombs.one());
        still.cast(move |_| _ = &first);
        let call = still.call(move |_| _ = &second);
        assert!(call.join().is_err());
    }),
    ("an answer that nobody takes", 3, |bombs| {
        let map = PromiseMap::new();
        let replies = [1, 2].map(|key| map.insert(key).unwrap());
        for reply in &replies {
            assert!(map.resolve(reply.key(), bombs.one()).is_delivered());
        }
        drop(replies);
        let reply = map.insert(3).unwrap();
        assert!(map.resolve(&3, bombs.one()).is_delivered());
        drop(map);
        drop(reply);
    }),
    ("what comes of a single flight", 1, |bombs| {
        let (flights, queue) = (SingleFlight::new(), Queue::new());
        let bomb = bombs.one();
        let one = flights.run_on(&queue, 1, || OriginalBomb(Some(bomb)));
        let other = flights.run_on(&queue, 1, OriginalBomb::default);
        queue.run_all();
        drop((one.get(), flights));
        drop(other.get());
    }),
    ("what a payload leaves", 4, |bombs| {
        let queue = Queue::new();
        let payloads = [(); 4].map(|()| bombs.one());
        let [first, second, third, fourth] = payloads;
        queue
            .spawn_value(move || -> i32 { panic_any(first) })
            .detach();
        let kept = queue.spawn_value(move || -> i32 { panic_any(second) });
        let shared = queue
            .spawn_value(move || -> i32 { panic_any(third) })
            .shared();
        let agent = Agent::on(queue.clone(), 0);
        agent.cast(move |_| panic_any(fourth));
        queue.run_all();
        drop(kept);
        assert!(shared.join().is_err());
    }),
];

#[test]
fn a_value_that_panics_when_dropped_harms_nobody_wherever_it_is_dropped() {
    must_end(|| {
        for (name, count, path) in PATHS {
            println!("{name}");
            let bombs = Bombs(Drops::new());
            path(&bombs);
            assert_eq!(bombs.0.count(), *count, "{name}");
        }
    });
}
