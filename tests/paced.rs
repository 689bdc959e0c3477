//! The paced fan-in: at most one value per period.

mod common;

use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use common::{Wakes, must_end, until};
use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use letgo::FanIn;

/// Long enough to be told from no time at all on a loaded machine, short enough for a test.
const PERIOD: Duration = Duration::from_millis(20);
/// Whoever waits for this hangs.
const AGES: Duration = Duration::from_secs(3600);

fn filled(count: usize) -> FanIn<usize> {
    let fan = FanIn::bounded(count);
    let out = fan.sender();
    (0..count).for_each(|n| out.send(n).unwrap());
    fan
}

/// Of values that were asked for from `start` on, none came before its turn. (Nothing is said of the time between two of them: who is slow to
/// look at the clock after the first is not so after the second.)
fn are_paced(start: Instant, times: &[Instant]) -> bool {
    (0..)
        .zip(times)
        .all(|(before, time)| *time - start >= before * PERIOD)
}

#[test]
fn iterated_there_is_one_value_per_period_the_first_at_once() {
    must_end(|| {
        let fan = filled(4);
        let mut paced = fan.paced(AGES).into_iter();
        assert_eq!(paced.next(), Some(0));
        drop(paced);
        let (start, mut times) = (Instant::now(), Vec::new());
        let values: Vec<_> = fan
            .paced(PERIOD)
            .into_iter()
            .inspect(|_| times.push(Instant::now()))
            .collect();
        assert_eq!(values, [1, 2, 3]);
        assert!(are_paced(start, &times), "{times:?}");
    });
}

#[test]
fn streamed_there_is_one_value_per_period_the_first_at_once() {
    must_end(|| {
        block_on(async {
            let fan = filled(4);
            assert_eq!(fan.paced(AGES).next().now_or_never(), Some(Some(0)));
            let (start, mut times) = (Instant::now(), Vec::new());
            let mut paced = fan.paced(PERIOD);
            for expected in 1..4 {
                assert_eq!(paced.next().await, Some(expected));
                times.push(Instant::now());
            }
            assert_eq!(paced.next().await, None);
            assert!(are_paced(start, &times), "{times:?}");
        });
    });
}

#[test]
fn who_stalls_gets_no_burst_afterwards() {
    must_end(|| {
        let fan = filled(8);
        let mut paced = fan.paced(PERIOD).into_iter();
        paced.next();
        // Time is the point here: five periods go by.
        thread::sleep(5 * PERIOD);
        let start = Instant::now();
        let times: Vec<_> = (0..3)
            .map(|_| paced.next().map(|_| Instant::now()).unwrap())
            .collect();
        assert!(are_paced(start, &times), "{times:?}");
    });
}

#[test]
fn a_value_is_taken_only_when_it_is_due() {
    must_end(|| {
        let fan = filled(2);
        let mut paced = fan.paced(AGES);
        assert_eq!(paced.next().now_or_never(), Some(Some(0)));
        assert_eq!(paced.next().now_or_never(), None);
        // Others may have it.
        assert_eq!(fan.try_recv(), Ok(1));
        // And then it ends, ages before the period does.
        assert_eq!(block_on(paced.next()), None);
    });
}

#[test]
fn the_end_does_not_wait_out_the_period() {
    must_end(|| {
        let fan = FanIn::bounded(2);
        let out = fan.sender();
        out.send(1).unwrap();
        out.send(2).unwrap();
        thread::scope(|scope| {
            let iterates = scope.spawn(|| fan.paced(AGES).into_iter().count());
            let streams = scope.spawn(|| block_on(fan.paced(AGES).count()));
            until("both have theirs", || {
                fan.try_recv().is_err() && format!("{fan:?}").contains("buffered: 0")
            });
            drop(out);
            let counts = (iterates.join().unwrap(), streams.join().unwrap());
            assert!(counts.0 <= 1 && counts.1 <= 1, "{counts:?}");
        });
    });
}

#[test]
fn the_last_value_taken_by_one_ends_the_others() {
    must_end(|| {
        let fan = filled(3);
        thread::scope(|scope| {
            let (tell, told) = std::sync::mpsc::channel();
            for _ in 0..2 {
                let (fan, tell) = (&fan, tell.clone());
                scope.spawn(move || {
                    let mut paced = fan.paced(AGES).into_iter();
                    paced.next().unwrap();
                    tell.send(()).unwrap();
                    assert_eq!(paced.next(), None);
                });
            }
            told.recv().unwrap();
            told.recv().unwrap();
            fan.recv().unwrap();
        });
    });
}

#[test]
fn several_side_by_side_share_the_values() {
    must_end(|| {
        let fan = filled(12);
        let mut all = thread::scope(|scope| {
            let consumers = [(); 3].map(|()| {
                scope.spawn(|| {
                    let (start, mut times) = (Instant::now(), Vec::new());
                    let values: Vec<_> = fan
                        .paced(PERIOD)
                        .into_iter()
                        .inspect(|_| times.push(Instant::now()))
                        .collect();
                    assert!(are_paced(start, &times), "{times:?}");
                    values
                })
            });
            consumers.map(|consumer| consumer.join().unwrap()).concat()
        });
        all.sort_unstable();
        assert_eq!(all, (0..12).collect::<Vec<_>>());
    });
}

#[test]
fn a_stream_beside_an_iterator_shares_the_values_too() {
    must_end(|| {
        let fan = filled(9);
        let mut all = thread::scope(|scope| {
            let iterates = scope.spawn(|| fan.paced(PERIOD).into_iter().collect::<Vec<_>>());
            let streams =
                [(); 2].map(|()| scope.spawn(|| block_on(fan.paced(PERIOD).collect::<Vec<_>>())));
            let streamed = streams.map(|streams| streams.join().unwrap()).concat();
            [iterates.join().unwrap(), streamed].concat()
        });
        all.sort_unstable();
        assert_eq!(all, (0..9).collect::<Vec<_>>());
    });
}

#[test]
fn a_period_of_zero_does_not_pace_and_one_without_end_gives_one_value() {
    must_end(|| {
        let fan = filled(1000);
        assert_eq!(fan.paced(Duration::ZERO).into_iter().take(999).count(), 999);
        let mut paced = fan.paced(Duration::MAX).into_iter();
        assert_eq!(paced.next(), Some(999));
        assert_eq!(paced.next(), None);
    });
}

#[test]
fn a_panic_is_a_value_of_its_period() {
    must_end(|| {
        let fan = FanIn::<i32>::bounded(2);
        fan.spawn_value_on(&|job: letgo::Job| job.run(), || panic!("no luck"));
        fan.spawn_value_on(&|job: letgo::Job| job.run(), || 1);
        let mut paced = fan.paced(PERIOD).into_iter();
        let start = Instant::now();
        let first = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| paced.next()));
        assert!(first.is_err());
        assert_eq!(paced.next(), Some(1));
        assert!(start.elapsed() >= PERIOD);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn dropped_it_leaves_no_timer_thread() {
    must_end(|| {
        let timers = || {
            let tasks = std::fs::read_dir("/proc/self/task").unwrap();
            tasks
                .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
                .filter(|name| name.trim() == "letgo-timer")
                .count()
        };
        let fan = filled(2);
        let mut paced = fan.paced(AGES);
        assert_eq!(paced.next().now_or_never(), Some(Some(0)));
        assert_eq!(paced.next().now_or_never(), None);
        until("there is a timer", || timers() == 1);
        drop(paced);
        // Streams of tests beside this one have it, too, for as long as they last.
        until("there is none", || timers() == 0);
    });
}

#[test]
fn a_stream_that_is_dropped_in_its_rest_keeps_no_waker() {
    let fan = FanIn::bounded(2);
    let sender = fan.sender();
    let mut stream = fan.paced(Duration::MAX);
    let (wakes, waker) = Wakes::pair();
    let mut cx = Context::from_waker(&waker);
    sender.send(1).unwrap();
    assert_eq!(stream.poll_next_unpin(&mut cx), Poll::Ready(Some(1)));
    assert!(stream.poll_next_unpin(&mut cx).is_pending());
    drop(waker);
    assert!(wakes.is_held());
    drop(stream);
    assert!(!wakes.is_held());
}
