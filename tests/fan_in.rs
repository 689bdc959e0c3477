//! The fan-in: one channel, many producers, an end by itself.

mod common;

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use common::{Drops, Gate, HANGS, Wakes, must_end, panic_text, poll, until};
use futures::executor::block_on;
use futures::future::FusedFuture;
use futures::{FutureExt, StreamExt};
use letgo::{
    FanIn, Job, Pool, RecvTimeoutError, SendError, TryRecvError, TrySendError, spawn_value,
};

#[test]
fn what_is_awaited_says_when_it_is_over() {
    let fan = FanIn::bounded(1);
    let out = fan.sender();
    let mut receives = fan.recv_async();
    assert!(poll(&mut receives, Waker::noop()).is_pending());
    assert!(!receives.is_terminated());
    let mut sends = out.send_async(1);
    assert!(!sends.is_terminated());
    assert_eq!(block_on(&mut sends), Ok(()));
    assert!(sends.is_terminated());
    assert_eq!(block_on(&mut receives), Some(1));
    assert!(receives.is_terminated());
}

#[test]
fn two_tasks_through_one_channel_then_the_end() {
    must_end(|| {
        let fan = FanIn::bounded(16);
        fan.spawn_value(|| 100);
        fan.spawn_value(|| 200);
        assert_eq!(fan.recv().unwrap() + fan.recv().unwrap(), 300);
        assert_eq!(fan.recv(), None);
        assert_eq!(fan.try_recv(), Err(TryRecvError::Closed));
        assert_eq!(fan.recv_timeout(HANGS), Err(RecvTimeoutError::Closed));
        assert_eq!(fan.recv_async().now_or_never(), Some(None));
    });
}

#[test]
fn a_fan_in_without_producers_has_ended() {
    let fan = FanIn::<i32>::bounded(1);
    assert_eq!(fan.recv(), None);
    assert_eq!(fan.into_iter().count(), 0);
}

#[test]
fn spawned_on_again_it_is_open_again() {
    must_end(|| {
        let fan = FanIn::bounded(1);
        for round in 0..3 {
            fan.spawn_value(move || round);
            assert_eq!(fan.recv(), Some(round));
            assert_eq!(fan.recv(), None);
        }
    });
}

#[test]
fn a_sender_held_keeps_the_end_away() {
    must_end(|| {
        let fan = FanIn::<i32>::bounded(1);
        let held = fan.sender();
        assert_eq!(fan.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(
            fan.recv_timeout(Duration::from_millis(1)),
            Err(RecvTimeoutError::Timeout)
        );
        held.spawn_value(|| 1);
        assert_eq!(fan.recv(), Some(1));
        let last = held.clone();
        drop(held);
        assert_eq!(fan.try_recv(), Err(TryRecvError::Empty));
        drop(last);
        // The task may take a moment to end after it has sent.
        until("it has ended", || {
            fan.try_recv() == Err(TryRecvError::Closed)
        });
    });
}

#[test]
fn the_end_wakes_every_receiver_that_waits() {
    must_end(|| {
        let fan = Arc::new(FanIn::<i32>::bounded(1));
        let out = fan.sender();
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                let fan = Arc::clone(&fan);
                thread::spawn(move || fan.iter().count())
            })
            .collect();
        let mut awaiting = Box::pin(fan.recv_async());
        assert!(awaiting.as_mut().now_or_never().is_none());
        out.send(1).unwrap();
        out.send(2).unwrap();
        drop(out);
        let own = usize::from(block_on(awaiting).is_some());
        let others: usize = receivers.into_iter().map(|r| r.join().unwrap()).sum();
        assert_eq!(own + others, 2);
    });
}

#[test]
fn the_bound_counts_what_was_taken_in_bulk() {
    let fan = FanIn::bounded(3);
    let out = fan.sender();
    for n in 0..3 {
        out.try_send(n).unwrap();
    }
    assert_eq!(out.try_send(3), Err(TrySendError::Full(3)));
    // All three are taken from the producers' side, two are still in the buffer.
    assert_eq!(fan.recv(), Some(0));
    out.try_send(3).unwrap();
    assert_eq!(out.try_send(4), Err(TrySendError::Full(4)));
    assert_eq!(
        [fan.recv(), fan.recv(), fan.recv()],
        [Some(1), Some(2), Some(3)]
    );
}

#[test]
fn a_blocked_send_is_done_as_soon_as_there_is_room() {
    must_end(|| {
        for _ in 0..200 {
            let fan = FanIn::bounded(1);
            let out = fan.sender();
            out.send(1).unwrap();
            let blocked = thread::spawn(move || out.send(2).unwrap());
            assert_eq!(fan.recv(), Some(1));
            // Nobody receives any more.
            blocked.join().unwrap();
            assert_eq!(fan.try_recv(), Ok(2));
        }
    });
}

#[test]
fn who_is_in_line_is_not_overtaken() {
    let fan = FanIn::bounded(1);
    let (out, late) = (fan.sender(), fan.sender());
    out.send(1).unwrap();
    let mut in_line = Box::pin(out.send_async(2));
    assert!(in_line.as_mut().now_or_never().is_none());
    assert_eq!(fan.recv(), Some(1));
    assert_eq!(late.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(fan.recv(), Some(2));
    assert_eq!(in_line.now_or_never(), Some(Ok(())));
}

#[test]
fn a_full_buffer_holds_tasks_back_until_they_are_received() {
    must_end(|| {
        let pool = Pool::builder().threads(1).build().unwrap();
        let fan = FanIn::bounded(1);
        for n in 0..100 {
            fan.spawn_value_on(&pool, move || n);
        }
        // The consumer is one of the pool's tasks as well, behind all the producers.
        let sum = pool.spawn_value(move || fan.into_iter().sum::<i32>());
        assert_eq!(sum.get_timeout(HANGS).unwrap(), 4950);
    });
}

#[test]
fn of_each_producer_the_order_is_kept() {
    must_end(|| {
        for bound in [1, 2, 7, 64] {
            let fan = FanIn::bounded(bound);
            for producer in 0..4 {
                let out = fan.sender();
                thread::spawn(move || (0..500).for_each(|n| out.send((producer, n)).unwrap()));
            }
            let mut next = [0; 4];
            for (producer, n) in &fan {
                assert_eq!(n, next[producer]);
                next[producer] += 1;
            }
            assert_eq!(next, [500; 4]);
        }
    });
}

#[test]
fn no_receiver_hides_values_from_another() {
    must_end(|| {
        let fan = FanIn::bounded(8);
        let out = fan.sender();
        (0..8).for_each(|n| out.send(n).unwrap());
        drop(out);
        thread::scope(|scope| {
            // One takes one, and never comes back; the others have the rest.
            let one = scope.spawn(|| fan.recv().unwrap()).join().unwrap();
            let rest: i32 = scope.spawn(|| fan.iter().sum()).join().unwrap();
            assert_eq!(one + rest, 28);
        });
    });
}

#[test]
fn a_panic_arrives_at_its_turn_however_one_receives() {
    must_end(|| {
        type Way = fn(&mut FanIn<i32>) -> Option<i32>;
        let ways: [Way; 8] = [
            |fan| fan.recv(),
            |fan| fan.try_recv().ok(),
            |fan| fan.recv_timeout(HANGS).ok(),
            |fan| block_on(fan.recv_async()),
            |fan| fan.iter().next(),
            |fan| block_on(fan.next()),
            |fan| block_on(fan.paced(Duration::ZERO).next()),
            |fan| fan.recv_settled().map(Result::unwrap),
        ];
        for receive in ways {
            let inline = |job: Job| job.run();
            let mut fan = FanIn::bounded(3);
            fan.spawn_value_on(&inline, || 1);
            fan.spawn_value_on(&inline, || panic!("no luck"));
            fan.spawn_value_on(&inline, || 3);
            assert_eq!(receive(&mut fan), Some(1));
            assert!(panic_text(|| receive(&mut fan)).contains("no luck"));
            assert_eq!(receive(&mut fan), Some(3));
            assert_eq!(receive(&mut fan), None);
        }
    });
}

#[test]
fn settled_a_panic_is_an_error_with_its_payload() {
    let fan = FanIn::<i32>::bounded(1);
    fan.spawn_value(|| std::panic::panic_any(7_u8));
    let error = fan.recv_settled().unwrap().unwrap_err();
    assert_eq!(*error.into_panic().downcast::<u8>().unwrap(), 7);
    assert!(fan.recv_settled().is_none());
}

#[test]
fn a_future_that_panics_arrives_as_a_panic() {
    must_end(|| {
        let fan = FanIn::<i32>::bounded(1);
        fan.spawn_future(async { panic!("no luck") });
        assert_eq!(
            fan.recv_settled().unwrap().unwrap_err().message(),
            Some("no luck")
        );
        assert!(fan.recv().is_none());
    });
}

#[test]
fn a_producer_dropped_by_its_executor_arrives_as_a_cancellation_with_its_place() {
    let drops = Drops::new();
    let fan = FanIn::<i32>::bounded(2);
    let captured = drops.one();
    let line = line!() + 1;
    fan.spawn_value_on(&|job: Job| drop(job), move || {
        drop(captured);
        0
    });
    assert_eq!(drops.count(), 1);
    fan.spawn_value_on(&|job: Job| drop(job), || 0);
    assert!(panic_text(|| fan.recv()).contains(&format!("fan_in.rs:{line}")));
    assert!(fan.recv_settled().unwrap().unwrap_err().is_cancelled());
    assert!(fan.recv().is_none());
}

#[test]
fn a_cancellation_waits_in_line_without_a_thread() {
    let fan = FanIn::<i32>::bounded(1);
    fan.sender().send(1).unwrap();
    let pool = Pool::builder().threads(1).build().unwrap();
    pool.shutdown();
    for _ in 0..3 {
        // Would hang, did it wait for room.
        fan.spawn_value_on(&pool, || 0);
    }
    assert_eq!(fan.recv(), Some(1));
    for _ in 0..3 {
        assert!(fan.recv_settled().unwrap().unwrap_err().is_cancelled());
    }
    assert!(fan.recv_settled().is_none());
}

#[test]
fn dropping_it_sets_blocked_senders_free_with_their_values() {
    must_end(|| {
        let fan = FanIn::bounded(1);
        let out = fan.sender();
        out.send(1).unwrap();
        let blocked: Vec<_> = (0..3)
            .map(|n| {
                let out = out.clone();
                thread::spawn(move || out.send(n).unwrap_err().into_inner())
            })
            .collect();
        let mut awaiting = Box::pin(out.send_async(3));
        assert!(awaiting.as_mut().now_or_never().is_none());
        drop(fan);
        let back: Vec<_> = blocked.into_iter().map(|b| b.join().unwrap()).collect();
        assert_eq!(back, [0, 1, 2]);
        assert_eq!(block_on(awaiting), Err(SendError(3)));
        assert_eq!(out.send(4), Err(SendError(4)));
        assert_eq!(out.try_send(5), Err(TrySendError::Closed(5)));
        assert_eq!(block_on(out.send_async(6)), Err(SendError(6)));
    });
}

#[test]
fn dropping_it_drops_what_is_buffered_and_tasks_left_still_run() {
    must_end(|| {
        let drops = Drops::new();
        let (gate, ran) = (Gate::new(), channel());
        let fan = FanIn::bounded(4);
        let out = fan.sender();
        out.send(drops.one()).unwrap();
        out.send(drops.one()).unwrap();
        let (waits, value, tell) = (gate.clone(), drops.one(), ran.0);
        fan.spawn_value(move || {
            waits.pass();
            tell.send(()).unwrap();
            value
        });
        drop(fan);
        assert_eq!(drops.count(), 2);
        let value = drops.one();
        out.spawn_value(move || value);
        gate.open();
        ran.1.recv().unwrap();
        until("all values are dropped", || drops.count() == 4);
    });
}

#[test]
fn a_send_given_up_sends_nothing_and_lets_others_in() {
    let drops = Drops::new();
    let fan = FanIn::bounded(1);
    let out = fan.sender();
    out.try_send(None).unwrap();
    let mut given_up = Box::pin(out.send_async(Some(drops.one())));
    assert!(given_up.as_mut().now_or_never().is_none());
    let mut other = Box::pin(out.send_async(None));
    assert!(other.as_mut().now_or_never().is_none());
    drop(given_up);
    assert_eq!(drops.count(), 1);
    assert!(fan.recv().unwrap().is_none());
    assert!(other.now_or_never().is_some());
    assert!(fan.recv().unwrap().is_none());
    drop(out);
    assert!(fan.recv().is_none());
}

#[test]
fn a_receiver_that_is_woken_and_goes_passes_the_value_on() {
    must_end(|| {
        let fan = Arc::new(FanIn::bounded(2));
        let out = fan.sender();
        let mut given_up = Box::pin(fan.recv_async());
        assert!(given_up.as_mut().now_or_never().is_none());
        let other = {
            let fan = Arc::clone(&fan);
            spawn_value(move || fan.recv())
        };
        // The first in line is woken, and does not come.
        out.send(1).unwrap();
        drop(given_up);
        assert_eq!(other.get(), Some(1));
    });
}

#[test]
fn a_stream_that_is_polled_no_more_keeps_no_value_from_a_receiver() {
    must_end(|| {
        let mut fan = FanIn::bounded(2);
        let out = fan.sender();
        assert!(fan.next().now_or_never().is_none());
        let mut paced = fan.paced(Duration::ZERO);
        assert!(paced.next().now_or_never().is_none());
        thread::scope(|scope| {
            let receives = scope.spawn(|| fan.recv());
            // Not before it waits, or the test shows nothing.
            thread::sleep(Duration::from_millis(20));
            out.send(1).unwrap();
            assert_eq!(receives.join().unwrap(), Some(1));
        });
    });
}

#[test]
fn a_stream_can_be_selected_on_and_given_up() {
    must_end(|| {
        block_on(async {
            let mut fan = FanIn::bounded(1);
            let out = fan.sender();
            assert!(fan.next().now_or_never().is_none());
            out.send_async(1).await.unwrap();
            let mut never = std::future::pending::<()>().fuse();
            let got = futures::select! {
                value = fan.next().fuse() => value,
                () = never => None,
            };
            assert_eq!(got, Some(1));
            drop(out);
            assert_eq!(fan.next().await, None);
            fan.spawn_future(async { 2 });
            assert_eq!(fan.next().await, Some(2));
            assert_eq!(fan.collect::<Vec<_>>().await, []);
        });
    });
}

#[test]
#[should_panic(expected = "a fan-in needs room for at least 1 value")]
fn room_for_nothing_says_what_is_allowed() {
    let _ = FanIn::<i32>::bounded(0);
}

#[test]
fn of_many_racing_everything_arrives_once() {
    must_end(|| {
        for bound in [1, 3, 100] {
            let drops = Drops::new();
            let fan = Arc::new(FanIn::bounded(bound));
            let seen = Arc::new(Mutex::new(vec![0_u8; 4 * 400]));
            let receivers: Vec<_> = {
                // Not before there is a producer.
                let _held = fan.sender();
                for producer in 0..4 {
                    let (out, drops) = (fan.sender(), drops.clone());
                    thread::spawn(move || {
                        for n in 0..400 {
                            let value = (producer * 400 + n, drops.one());
                            match n % 4 {
                                0 => out.send(value).unwrap(),
                                1 => block_on(out.send_async(value)).unwrap(),
                                2 => out.spawn_value(move || value),
                                _ => {
                                    let mut value = Some(value);
                                    while let Some(back) = value.take() {
                                        // Given up at once if it had to wait.
                                        match out.try_send(back) {
                                            Ok(()) => {}
                                            Err(full) => value = Some(full.into_inner()),
                                        }
                                        thread::yield_now();
                                    }
                                }
                            }
                        }
                    });
                }
                (0..3)
                    .map(|receiver| {
                        let (fan, seen) = (Arc::clone(&fan), Arc::clone(&seen));
                        thread::spawn(move || {
                            loop {
                                let item = match receiver {
                                    0 => fan.recv(),
                                    1 => block_on(fan.recv_async()),
                                    _ => match fan.recv_timeout(Duration::from_micros(50)) {
                                        Ok(item) => Some(item),
                                        Err(RecvTimeoutError::Timeout) => continue,
                                        Err(RecvTimeoutError::Closed) => None,
                                    },
                                };
                                let Some((number, _counted)) = item else {
                                    return;
                                };
                                seen.lock().unwrap()[number] += 1;
                            }
                        })
                    })
                    .collect()
            };
            receivers.into_iter().for_each(|r| r.join().unwrap());
            assert!(seen.lock().unwrap().iter().all(|&times| times == 1));
            assert_eq!(drops.count(), 4 * 400);
        }
    });
}

#[test]
fn a_receiver_that_is_woken_and_gives_up_leaves_its_turn_to_another() {
    let fan = FanIn::bounded(2);
    let sender = fan.sender();
    let (mut first, mut second) = (fan.recv_async(), fan.recv_async());
    let ((_, first_waker), (wakes, waker)) = (Wakes::pair(), Wakes::pair());
    assert!(poll(&mut first, &first_waker).is_pending());
    assert!(poll(&mut second, &waker).is_pending());
    sender.send(1).unwrap();
    assert_eq!(wakes.count(), 0);
    drop(first);
    assert_eq!(wakes.count(), 1);
    assert_eq!(poll(&mut second, &waker), Poll::Ready(Some(1)));
}

#[test]
fn a_receiver_that_gives_up_before_it_is_woken_takes_nobodys_turn() {
    let fan = FanIn::bounded(2);
    let sender = fan.sender();
    let (mut first, mut second) = (fan.recv_async(), fan.recv_async());
    let ((given_up, first_waker), (wakes, waker)) = (Wakes::pair(), Wakes::pair());
    assert!(poll(&mut first, &first_waker).is_pending());
    assert!(poll(&mut second, &waker).is_pending());
    drop((first, first_waker));
    assert!(!given_up.is_held());
    assert_eq!(wakes.count(), 0);
    sender.send(1).unwrap();
    assert_eq!((given_up.count(), wakes.count()), (0, 1));
}

#[test]
fn of_three_receivers_the_last_is_woken_for_what_two_have_left() {
    let fan = FanIn::bounded(2);
    let sender = fan.sender();
    let mut receivers = [fan.recv_async(), fan.recv_async(), fan.recv_async()];
    let (wakes, waker) = Wakes::pair();
    let (others, other) = Wakes::pair();
    for (receiver, waker) in receivers.iter_mut().zip([&other, &other, &waker]) {
        assert!(poll(receiver, waker).is_pending());
    }
    // Two are woken for two values, of which somebody else takes one.
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert_eq!(others.count(), 2);
    assert_eq!(fan.recv(), Some(1));
    let [first, second, mut last] = receivers;
    drop((first, second));
    assert_eq!(wakes.count(), 1);
    assert_eq!(poll(&mut last, &waker), Poll::Ready(Some(2)));
}

#[test]
fn debug_tells_how_full_it_is_and_who_is_left() {
    let fan = FanIn::bounded(3);
    let (sender, other) = (fan.sender(), fan.sender());
    for n in 0..3 {
        sender.send(n).unwrap();
    }
    assert_eq!(fan.recv(), Some(0));
    sender.send(3).unwrap();
    let text = format!("{fan:?}");
    assert!(
        text.contains("buffered: 3, capacity: 3, producers: 2"),
        "{text}"
    );
    drop(other);
    assert!(format!("{sender:?}").contains("closed: false"));
    drop(fan);
    assert!(format!("{sender:?}").contains("closed: true"));
}
