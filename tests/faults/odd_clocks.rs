//! Clocks that stand still, durations and instants at their ends: nothing overflows, no wait is cut short or
//! spins for ever.

use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use futures::StreamExt;
use letgo::{
    Agent, Eventual, Executor, FanIn, JoinHandle, Pool, PromiseMap, RecvTimeoutError, SingleFlight,
    join, join_all, promise, race, race_ok, try_join, try_join_all,
};

use crate::common::{Queue, Wakes, must_end, poll, until};

/// The last moment that the clock knows, to the nanosecond.
fn the_end_of_time() -> Instant {
    let mut end = Instant::now();
    let mut step = Duration::MAX;
    while !step.is_zero() {
        match end.checked_add(step) {
            Some(later) => end = later,
            None => step /= 2,
        }
    }
    end
}

/// The first one.
fn the_beginning_of_time() -> Instant {
    let mut beginning = Instant::now();
    let mut step = Duration::MAX;
    while !step.is_zero() {
        match beginning.checked_sub(step) {
            Some(earlier) => beginning = earlier,
            None => step /= 2,
        }
    }
    beginning
}

const NOTHING: [Duration; 2] = [Duration::ZERO, Duration::from_nanos(1)];

/// So long that now and this is past the end of time, or just not.
fn for_ever() -> Vec<Duration> {
    let left = the_end_of_time() - Instant::now();
    vec![
        Duration::MAX,
        Duration::MAX - Duration::from_nanos(1),
        Duration::from_secs(u64::MAX),
        Duration::from_secs(i64::MAX as u64),
        left,
        left - Duration::from_secs(1),
        Duration::from_nanos(u64::MAX),
        // Counted in 64 bits of nanoseconds, it would be nothing.
        Duration::from_nanos(u64::MAX) + Duration::from_nanos(1),
    ]
}

fn long_past() -> [Instant; 3] {
    let now = Instant::now();
    let beginning = the_beginning_of_time();
    [beginning, beginning + Duration::from_nanos(1), now]
}

fn never_to_come() -> [Instant; 2] {
    let end = the_end_of_time();
    [end, end - Duration::from_secs(1)]
}

/// Something to wait for, and what makes it 7.
type Pair<E> = (E, Box<dyn FnOnce() + Send>);

/// What a wait for `make`'s value does at every end of time.
fn waits_well<E>(make: impl Fn() -> Pair<E>)
where
    E: Eventual<Output = i32>,
{
    let soon = |ends: Box<dyn FnOnce() + Send>| {
        thread::spawn(|| {
            // So that it most likely waits by then.
            thread::sleep(Duration::from_millis(2));
            ends();
        })
    };
    for timeout in NOTHING.into_iter().chain(for_ever()) {
        let (there, ends) = make();
        ends();
        until("it is there", || there.is_finished());
        assert_eq!(there.get_timeout(timeout).ok(), Some(7));
    }
    for deadline in long_past().into_iter().chain(never_to_come()) {
        let (there, ends) = make();
        ends();
        until("it is there", || there.is_finished());
        assert_eq!(there.get_deadline(deadline).ok(), Some(7));
    }
    for timeout in NOTHING {
        let (waits, ends) = make();
        let waits = waits.get_timeout(timeout).err().unwrap();
        ends();
        assert_eq!(waits.get(), 7);
    }
    for deadline in long_past() {
        let (waits, ends) = make();
        let waits = waits.get_deadline(deadline).err().unwrap();
        ends();
        assert_eq!(waits.get(), 7);
    }
    for timeout in for_ever() {
        let (waits, ends) = make();
        let ends = soon(ends);
        assert_eq!(waits.get_timeout(timeout).ok(), Some(7));
        ends.join().unwrap();
    }
    for deadline in never_to_come() {
        let (waits, ends) = make();
        let ends = soon(ends);
        assert_eq!(waits.get_deadline(deadline).ok(), Some(7));
        ends.join().unwrap();
    }
}

fn promised() -> Pair<JoinHandle<i32>> {
    let (resolver, answer) = promise();
    (answer, Box::new(|| resolver.resolve(7).unwrap()))
}

fn of_a_promise<E>(make: impl FnOnce(JoinHandle<i32>) -> E) -> Pair<E> {
    let (source, ends) = promised();
    (make(source), ends)
}

fn on_a_queue<E>(spawn: impl FnOnce(&Queue) -> E) -> Pair<E> {
    let queue = Queue::new();
    let spawned = spawn(&queue);
    (spawned, Box::new(move || queue.run_all()))
}

#[test]
fn handles_wait_well_at_every_end_of_time() {
    must_end(|| {
        waits_well(promised);
        waits_well(|| on_a_queue(|queue| queue.spawn_value(|| 7)));
        waits_well(|| on_a_queue(|queue| queue.spawn_future(async { 7 })));
        waits_well(|| of_a_promise(|source| source.then(|n| n)));
        waits_well(|| on_a_queue(|queue| Agent::on(queue.clone(), 7).call(|n| *n)));
        waits_well(|| on_a_queue(|queue| Agent::on(queue.clone(), 7).stop()));
    });
}

#[test]
fn combinators_wait_well_at_every_end_of_time() {
    let there = |n| {
        let (resolver, answer) = promise();
        resolver.resolve(n).unwrap();
        answer
    };
    must_end(move || {
        waits_well(|| of_a_promise(|source| source.shared()));
        waits_well(|| of_a_promise(|source| source.map(|n| n)));
        waits_well(|| of_a_promise(|source| source.settle().map(Result::unwrap)));
        waits_well(|| of_a_promise(|source| source + there(0)));
        waits_well(|| of_a_promise(|source| join!(there(0), source).map(|(_, n)| n)));
        waits_well(|| of_a_promise(|source| join_all([there(0), source]).map(|all| all[1])));
        waits_well(|| {
            let (never, waits) = promise();
            of_a_promise(|source| {
                race!(waits, source).map(|n| {
                    drop(never);
                    n
                })
            })
        });
        waits_well(|| of_a_promise(|source| race([source])));
        waits_well(|| {
            let (resolver, answer) = promise();
            let value = race_ok([answer]).map(|all| all.unwrap());
            (
                value,
                Box::new(|| resolver.resolve(Ok::<_, i32>(7)).unwrap()),
            )
        });
        waits_well(|| {
            let (resolver, answer) = promise();
            let value = try_join_all([answer]).map(|all| all.unwrap()[0]);
            (
                value,
                Box::new(|| resolver.resolve(Ok::<_, i32>(7)).unwrap()),
            )
        });
        waits_well(|| {
            let (resolver, answer) = promise();
            let value = try_join!(answer).map(|all| all.unwrap().0);
            (
                value,
                Box::new(|| resolver.resolve(Ok::<_, i32>(7)).unwrap()),
            )
        });
        waits_well(|| on_a_queue(|queue| SingleFlight::new().run_on(queue, 1, || 7)));
    });
}

#[test]
fn replies_wait_well_and_keys_linger_well_at_every_end_of_time() {
    must_end(|| {
        for linger in NOTHING.into_iter().chain(for_ever()) {
            waits_well(|| {
                let map = PromiseMap::new().linger(linger);
                let reply = map.insert(1).unwrap();
                (
                    reply,
                    Box::new(move || assert!(map.resolve(&1, 7).is_delivered())),
                )
            });
            let map = PromiseMap::<i32, i32>::new().linger(linger);
            drop(map.insert(1).unwrap());
            // Nothing overflows; and what is for ever is for ever.
            let again = map.insert(1).is_ok();
            assert_eq!(again, linger < Duration::from_secs(1), "{linger:?}");
        }
    });
}

#[test]
fn receivers_wait_well_at_every_end_of_time() {
    must_end(|| {
        let fan = FanIn::bounded(1);
        let sender = fan.sender();
        for timeout in NOTHING {
            assert_eq!(fan.recv_timeout(timeout), Err(RecvTimeoutError::Timeout));
            sender.try_send(7).unwrap();
            assert_eq!(fan.recv_timeout(timeout), Ok(7));
        }
        for timeout in for_ever() {
            let sends = sender.clone();
            let sends = thread::spawn(move || {
                thread::sleep(Duration::from_millis(2)); // so that it most likely waits
                sends.send(7).unwrap();
            });
            assert_eq!(fan.recv_timeout(timeout), Ok(7));
            sends.join().unwrap();
        }
        drop(sender);
        for timeout in NOTHING.into_iter().chain(for_ever()) {
            assert_eq!(fan.recv_timeout(timeout), Err(RecvTimeoutError::Closed));
        }
    });
}

#[test]
fn values_are_paced_well_at_every_end_of_time() {
    must_end(|| {
        let filled = || {
            let fan = FanIn::bounded(3);
            let sender = fan.sender();
            (0..3).for_each(|n| sender.try_send(n).unwrap());
            (fan, sender)
        };
        for period in NOTHING {
            let (fan, sender) = filled();
            drop(sender);
            assert!(fan.paced(period).into_iter().eq(0..3));
            let (fan, sender) = filled();
            drop(sender);
            let streamed = fan.paced(period).collect::<Vec<_>>();
            assert_eq!(futures::executor::block_on(streamed), [0, 1, 2]);
        }
        for period in for_ever() {
            let (fan, sender) = filled();
            let (wakes, waker) = Wakes::pair();
            let mut paced = fan.paced(period);
            assert_eq!(poll(&mut paced.next(), &waker), Poll::Ready(Some(0)));
            assert_eq!(poll(&mut paced.next(), &waker), Poll::Pending);
            // It still hears of the end, once others have taken the rest.
            assert_eq!((fan.recv(), fan.recv()), (Some(1), Some(2)));
            assert_eq!(wakes.count(), 0);
            drop(sender);
            assert_eq!(wakes.count(), 1);
            assert_eq!(poll(&mut paced.next(), &waker), Poll::Ready(None));
            let (fan, sender) = filled();
            let mut paced = fan.paced(period).into_iter();
            assert_eq!(paced.next(), Some(0));
            assert_eq!((fan.recv(), fan.recv()), (Some(1), Some(2)));
            let ends = thread::spawn(move || {
                thread::sleep(Duration::from_millis(2)); // so that it most likely waits
                drop(sender);
            });
            assert_eq!(paced.next(), None);
            ends.join().unwrap();
        }
    });
}

#[test]
fn pools_keep_their_threads_well_at_every_end_of_time() {
    must_end(|| {
        for keep_alive in NOTHING.into_iter().chain(for_ever()) {
            let pool = Pool::builder()
                .threads(1)
                .keep_alive(keep_alive)
                .build()
                .unwrap();
            // It grows by one that is soon of no use.
            let (resolver, answer) = promise();
            let waits = pool.spawn_value(move || answer.get());
            let resolves = pool.spawn_value(move || resolver.resolve(7).unwrap());
            resolves.get_timeout(Duration::MAX).ok().unwrap();
            assert_eq!(waits.get_timeout(Duration::MAX).ok(), Some(7));
            if keep_alive < Duration::from_secs(1) {
                until("it has shrunk", || pool.threads() == 1);
            } else {
                assert_eq!(pool.threads(), 2, "{keep_alive:?}");
            }
            assert_eq!(
                pool.spawn_value(|| 7).get_timeout(Duration::MAX).ok(),
                Some(7)
            );
            pool.shutdown();
            assert_eq!(pool.threads(), 0);
        }
    });
}

#[test]
fn a_deadline_of_now_is_over_however_often_it_is_asked() {
    must_end(|| {
        let (resolver, mut answer) = promise::<i32>();
        let now = Instant::now();
        for _ in 0..1000 {
            answer = answer.get_deadline(now).unwrap_err();
        }
        resolver.resolve(7).unwrap();
        assert_eq!(answer.get_deadline(now).ok(), Some(7));
    });
}
