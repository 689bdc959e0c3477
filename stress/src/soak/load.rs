//! The load: a bit of everything, each bit checked.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use letgo::{
    Agent, FanIn, JoinHandle, Pool, PromiseMap, SingleFlight, as_completed, join, join_all,
    promise, race, scope, spawn_future, spawn_value, try_join_all,
};

static ALIVE: AtomicI64 = AtomicI64::new(0);

/// A value, or something captured, that must be dropped in the end; a bit of memory goes with it.
pub(super) struct Counted([u64; 16]);

impl Counted {
    fn new(number: u64) -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self([number; 16])
    }

    pub(super) fn alive() -> i64 {
        ALIVE.load(Ordering::SeqCst)
    }

    fn number(&self) -> u64 {
        self.0[7]
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(self.number())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What lives as long as the load does.
pub(super) struct World {
    agent: Agent<Counted>,
    replies: PromiseMap<u64, Counted>,
    flights: SingleFlight<u64, Counted>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            agent: Agent::new(Counted::new(0)),
            replies: PromiseMap::new().linger(Duration::from_millis(20)),
            flights: SingleFlight::new(),
        }
    }
}

/// A panic that does not bother the panic hook.
fn panics() -> ! {
    resume_unwind(Box::new("as the load says"))
}

/// A part of the load, in turn `n` of a driver.
type Part = fn(&World, u64);

/// What the load is made of, and in which of so many turns.
pub(super) const PARTS: [(&str, u64, Part); 12] = [
    ("closures", 1, |_, n| closures(n)),
    ("futures", 1, |_, n| futures(n)),
    ("fan-in", 1, |_, n| fan_in(n)),
    ("agents", 1, agents),
    ("promises", 1, promises),
    ("combined", 1, |_, n| combined(n)),
    ("cancelled", 1, |_, n| cancelled(n)),
    ("scopes", 1, |_, n| scoped(n)),
    ("sleeps", 32, |_, _| sleeps()),
    ("paced", 31, |_, _| paced()),
    ("pools", 16, |_, n| own_pool(n, n % 32 == 0)),
    ("threads", 30, |_, n| foreign_threads(n)),
];

/// A driver's turn: all the parts that were asked for.
pub(super) fn one_round(world: &World, turn: u64, only: &[String]) {
    for (name, every, part) in PARTS {
        if turn.is_multiple_of(every) && (only.is_empty() || only.iter().any(|asked| asked == name))
        {
            part(world, turn);
        }
    }
}

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let captured = Counted::new(n);
    let half = spawn_value(move || fib(captured.number() - 1));
    fib(n - 2) + half.get()
}

fn closures(seed: u64) {
    assert_eq!(fib(8), 21);
    let all: Vec<_> = (0..50)
        .map(|n| {
            let captured = Counted::new(seed + n);
            spawn_value(move || match n % 10 {
                9 => panics(),
                _ => captured,
            })
        })
        .collect();
    for (n, handle) in all.into_iter().enumerate() {
        match n % 10 {
            9 => assert!(handle.join().is_err_and(|error| error.is_panic())),
            8 => drop(handle),
            7 => handle.detach(),
            6 => {
                let waited = handle.get_timeout(Duration::MAX);
                assert!(
                    waited.is_ok_and(|value| value.number() == seed + 10 * (n as u64 / 10) + 6)
                );
            }
            5 => {
                if let Err(handle) = handle.get_timeout(Duration::from_micros(5)) {
                    assert_eq!(handle.get().number(), seed + n as u64);
                }
            }
            _ => assert_eq!(handle.get().number(), seed + n as u64),
        }
    }
    let chain = spawn_value(move || seed).then(|n| n + 1).then(|n| n + 2);
    assert_eq!(chain.get(), seed + 3);
}

async fn yields(times: u32) {
    let mut left = times;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn futures(seed: u64) {
    let all: Vec<_> = (0..20)
        .map(|n| {
            let captured = Counted::new(n);
            let inner = spawn_value(move || Counted::new(seed + n));
            spawn_future(async move {
                yields(n as u32 % 4).await;
                let value = inner.await;
                drop(captured);
                if n == 13 {
                    panics();
                }
                value
            })
        })
        .collect();
    for (n, handle) in all.into_iter().enumerate() {
        match n {
            13 => assert!(handle.join().is_err_and(|error| error.is_panic())),
            14 => drop(handle),
            _ => assert_eq!(handle.get().number(), seed + n as u64),
        }
    }
}

fn fan_in(seed: u64) {
    let fan = FanIn::bounded(4);
    for n in 0..6 {
        fan.spawn_value(move || if n == 5 { panics() } else { Counted::new(seed) });
    }
    for _ in 0..2 {
        let out = fan.sender();
        spawn_future(async move {
            for _ in 0..20 {
                assert!(out.send_async(Counted::new(seed)).await.is_ok());
            }
        })
        .detach();
    }
    let mut came = (0, 0);
    while let Some(item) = fan.recv_settled() {
        match item {
            Ok(value) => {
                assert_eq!(value.number(), seed);
                came.0 += 1;
            }
            Err(_) => came.1 += 1,
        }
    }
    assert_eq!(came, (45, 1));
    // Given up with its producers still at it.
    let fan = FanIn::bounded(1);
    for n in 0..4 {
        fan.spawn_value(move || Counted::new(n));
    }
    assert!(fan.recv().is_some());
}

fn agents(world: &World, seed: u64) {
    for _ in 0..20 {
        let captured = Counted::new(seed);
        world.agent.cast(move |state| *state = captured);
    }
    world.agent.cast(|_| panics());
    let failed = world.agent.call(|_| -> u64 { panics() });
    assert!(failed.join().is_err_and(|error| error.is_panic()));
    let cancelled = world.agent.call(|state| state.clone());
    cancelled.cancel();
    drop(cancelled);
    let own = Agent::new(Vec::new());
    for n in 0..10 {
        own.cast(move |log| log.push(Counted::new(n)));
    }
    let last = own.call(|log| log.len());
    assert_eq!(last.get(), 10);
    assert_eq!(own.stop().get().len(), 10);
}

fn promises(world: &World, seed: u64) {
    let base = seed * 100;
    let replies: Vec<_> = (0..20)
        .filter_map(|n| world.replies.insert(base + n).ok())
        .collect();
    let map = world.replies.clone();
    spawn_value(move || {
        for n in 0..20 {
            // Some are too late, and come back.
            drop(map.resolve(&(base + n), Counted::new(base + n)));
        }
    })
    .detach();
    for (n, reply) in replies.into_iter().enumerate() {
        match n % 5 {
            4 => drop(reply),
            3 => {
                world.replies.cancel(reply.key());
                drop(reply.join());
            }
            _ => {
                let (key, got) = (*reply.key(), reply.join());
                assert!(got.is_ok_and(|value| value.number() == key));
            }
        }
    }
    let (resolver, handle) = promise();
    let shared = handle.shared();
    let waiters: Vec<JoinHandle<Counted>> = (0..4)
        .map(|_| {
            let shared = shared.clone();
            spawn_future(shared)
        })
        .collect();
    assert!(resolver.resolve(Counted::new(seed)).is_ok());
    assert!(
        join_all(waiters)
            .get()
            .iter()
            .all(|value| value.number() == seed)
    );
    let first = world.flights.run(seed % 8, move || Counted::new(seed % 8));
    let second = world.flights.run(seed % 8, move || Counted::new(seed % 8));
    assert_eq!(first.get().number(), second.get().number());
}

fn combined(seed: u64) {
    let value = move |n| spawn_value(move || Counted::new(seed + n));
    let (a, b) = join!(value(1), value(2)).get();
    assert_eq!(a.number() + 1, b.number());
    let (_late, never) = promise();
    assert_eq!(race([never, value(3)]).get().number(), seed + 3);
    let all = as_completed((0..10).map(value));
    assert_eq!(all.into_iter().count(), 10);
    let tried =
        (0..10).map(|n| spawn_value(move || if n == 7 { Err(n) } else { Ok(Counted::new(n)) }));
    assert!(try_join_all(tried).get().is_err());
    let caught = catch_unwind(AssertUnwindSafe(|| {
        join_all((0..4).map(|n| spawn_value(move || if n == 2 { panics() } else { n }))).get()
    }));
    assert!(caught.is_err());
}

fn cancelled(seed: u64) {
    // Ends when the last that has a sender of it is dropped.
    let fan = FanIn::<u64>::bounded(1);
    for n in 0..10 {
        let captured = Counted::new(n);
        let handle = spawn_value(move || captured);
        handle.cancel();
        drop(handle.join());
        let captured = (Counted::new(seed), fan.sender());
        let handle = spawn_future(async move {
            std::future::pending::<()>().await;
            captured
        });
        match n % 2 {
            0 => {
                handle.cancel();
                assert!(handle.join().is_err_and(|error| error.is_cancelled()));
            }
            // Nobody has its waker: it is dropped, not forgotten.
            _ => handle.detach(),
        }
    }
    assert_eq!(fan.recv(), None);
}

fn scoped(seed: u64) {
    let numbers = [seed, 1, 2, 3];
    let sum = scope(|s| {
        let (left, right) = numbers.split_at(2);
        let left = s.spawn_value(|| left.iter().sum::<u64>());
        let right = s.spawn_value(|| right.iter().sum::<u64>());
        left.get() + right.get()
    });
    assert_eq!(sum, seed + 6);
}

fn sleeps() {
    let all: Vec<_> = (0..16)
        .map(|n| {
            spawn_value(move || {
                thread::sleep(Duration::from_millis(2));
                Counted::new(n)
            })
        })
        .collect();
    for handle in all {
        assert!(handle.get_timeout(Duration::MAX).is_ok());
    }
}

fn paced() {
    let fan = FanIn::bounded(8);
    for n in 0..5 {
        fan.spawn_value(move || Counted::new(n));
    }
    assert_eq!(fan.paced(Duration::from_micros(500)).into_iter().count(), 5);
}

fn own_pool(seed: u64, waits: bool) {
    let pool = Pool::builder().threads(2).name("soak").build();
    let pool = pool.expect("a pool of two threads is allowed");
    let all: Vec<_> = (0..20)
        .map(|n| pool.spawn_value(move || Counted::new(seed + n)))
        .collect();
    let future = pool.spawn_future(async move {
        yields(3).await;
        Counted::new(seed)
    });
    let blocked: Vec<_> = (0..4)
        .map(|_| pool.spawn_value(|| thread::sleep(Duration::from_micros(200))))
        .collect();
    assert_eq!(future.get().number(), seed);
    assert_eq!(join_all(all).get().len(), 20);
    drop(blocked);
    if waits {
        pool.shutdown();
        assert_eq!(pool.threads(), 0);
    }
}

/// Threads that spawn, and end with their queues not empty.
fn foreign_threads(seed: u64) {
    let all: Vec<_> = (0..4)
        .map(|n| {
            thread::spawn(move || {
                let captured = Counted::new(n);
                spawn_value(move || drop(captured)).detach();
                spawn_value(move || Counted::new(seed + n))
            })
        })
        .collect();
    for (n, thread) in all.into_iter().enumerate() {
        let handle = thread.join().expect("it does not panic");
        let value = handle.get_timeout(Duration::MAX);
        assert!(value.is_ok_and(|value| value.number() == seed + n as u64));
    }
}
