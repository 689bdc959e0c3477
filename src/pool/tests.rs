//! What only the inside shows: after whatever happened, everybody is counted right.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use super::Pool;
use super::seat::Seat;
use super::sleep::{Rest, SOON, Sleep, Wake};
use crate::sync::parker;
use crate::{JoinHandle, promise};

/// Waits until all threads sleep, and checks the counts; and that of a thread that left nothing is kept.
#[track_caller]
fn comes_to_rest(pool: &Pool) {
    let start = Instant::now();
    loop {
        let counts = pool.core().sleep.counts();
        let alive = pool.threads();
        let rests = counts.active() == 0 && counts.searching() == 0 && counts.idle() == alive;
        let core = pool.core();
        let (known, seats) = (core.queues.known(), core.seats.lock().len());
        // Each has two queues at the most; the monitor is a thread, too.
        let kept = known <= 2 * alive && seats <= alive && core.known_threads() <= alive + 1;
        if rests && counts.monitor_asleep() && pool.queued() == 0 && kept {
            return;
        }
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "never at rest: {counts:?}, {} active, {} searching, {} idle of {alive}, {} queued, {known} queues, {seats} seats",
            counts.active(),
            counts.searching(),
            counts.idle(),
            pool.queued()
        );
        thread::sleep(Duration::from_millis(1));
    }
}

/// One of the many things a task may do, by number.
fn something(pool: &Pool, n: usize, depth: usize) {
    let inner = pool.clone();
    match n % 13 {
        0 => thread::sleep(Duration::from_millis(3)),
        1 => std::panic::resume_unwind(Box::new(n)),
        2 => _ = pool.spawn_value(move || n).get(),
        3 => {
            let (resolver, answer) = promise();
            pool.spawn_value(move || resolver.resolve(n).unwrap())
                .detach();
            assert_eq!(answer.get(), n);
        }
        4 => {
            let (resolver, answer) = promise::<usize>();
            assert!(answer.get_timeout(Duration::from_micros(300)).is_err());
            drop(resolver);
        }
        5 => {
            let (resolver, answer) = promise();
            let (second, second_answer) = promise::<usize>();
            pool.spawn_value(move || resolver.resolve(1).unwrap())
                .detach();
            pool.spawn_value(move || second.resolve(2).unwrap())
                .detach();
            let sum = answer.map(move |one| one + second_answer.get());
            assert_eq!(sum.get(), 3);
        }
        6 => {
            let mut yields = 3;
            let handle = pool.spawn_future(std::future::poll_fn(move |cx| {
                yields -= 1;
                cx.waker().wake_by_ref();
                if yields == 0 {
                    Poll::Ready(n)
                } else {
                    Poll::Pending
                }
            }));
            assert_eq!(handle.get(), n);
        }
        7 => _ = (0..20_000_u64).fold(0, |sum, n| std::hint::black_box(sum ^ n)),
        8 => {
            // Unseen waits: by a lock that another holds, and by a channel.
            let lock = Arc::new(StdMutex::new(()));
            let guard = lock.lock().unwrap();
            let other = Arc::clone(&lock);
            let waits = pool.spawn_value(move || drop(other.lock().unwrap()));
            thread::sleep(Duration::from_millis(2));
            drop(guard);
            waits.get_timeout(Duration::MAX).unwrap();
        }
        9 => pool.spawn_value(|| ()).cancel(),
        10 => {
            let handle = pool.spawn_future(std::future::pending::<()>());
            handle.cancel();
            assert!(handle.join().is_err());
        }
        _ if depth > 0 => {
            pool.spawn_value(move || something(&inner, n / 13, depth - 1))
                .detach();
            let inner = pool.clone();
            let _ = pool
                .spawn_value(move || something(&inner, n / 5, depth - 1))
                .join();
        }
        _ => {}
    }
}

#[test]
fn after_a_wild_mixture_everybody_is_counted_right() {
    for (threads, max_threads) in [(1, 1000), (2, 1000), (3, 6)] {
        let pool = Pool::builder()
            .threads(threads)
            .max_threads(max_threads)
            .keep_alive(Duration::from_millis(5))
            .build()
            .unwrap();
        // Of a few threads only so many may wait for others, or nobody is left.
        let left = |n: usize| max_threads > 10 || ![3, 5, 6, 8, 10].contains(&(n % 13));
        for round in 0..5 {
            let ended = Arc::new(AtomicUsize::new(0));
            let mut spawned = 0;
            for n in (round..300 + round).filter(|n| left(*n)) {
                let (inner, ended) = (pool.clone(), Arc::clone(&ended));
                struct Ends(Arc<AtomicUsize>);
                impl Drop for Ends {
                    fn drop(&mut self) {
                        self.0.fetch_add(1, Ordering::SeqCst);
                    }
                }
                let depth = if max_threads > 10 { 3 } else { 0 };
                pool.spawn_value(move || {
                    let _ends = Ends(ended);
                    something(&inner, n, depth);
                })
                .detach();
                spawned += 1;
            }
            let start = Instant::now();
            while ended.load(Ordering::SeqCst) < spawned {
                assert!(start.elapsed() < Duration::from_secs(60), "it hangs");
                thread::sleep(Duration::from_millis(1));
            }
            comes_to_rest(&pool);
        }
    }
}

#[test]
fn a_job_that_is_presumed_blocked_and_goes_on_is_counted_once() {
    let pool = Pool::builder()
        .threads(1)
        .keep_alive(Duration::ZERO)
        .build()
        .unwrap();
    for _ in 0..50 {
        let (open, opened) = std::sync::mpsc::channel();
        let (resolver, answer) = promise::<()>();
        // It blocks unseen until another runs, computes, then waits as seen.
        let all = [
            pool.spawn_value(move || {
                opened.recv().unwrap();
                std::hint::black_box((0..20_000_u64).sum::<u64>());
                answer.get();
            }),
            pool.spawn_value(move || open.send(()).unwrap()),
        ];
        pool.spawn_value(move || resolver.resolve(()).unwrap())
            .detach();
        for handle in all {
            handle.get_timeout(Duration::MAX).unwrap();
        }
        comes_to_rest(&pool);
    }
}

#[test]
fn entries_that_are_left_behind_are_swept() {
    let pool = Pool::builder().threads(1).max_threads(1).build().unwrap();
    let inner = pool.clone();
    // No thief is there to clear them away.
    let most = pool.spawn_value(move || {
        let spawn_and_get = |_| {
            let all = [0; 10].map(|n| inner.spawn_value(move || n));
            for handle in all {
                handle.get();
            }
            inner.queued()
        };
        (0..1000).map(spawn_and_get).max()
    });
    let most = most.get_timeout(Duration::MAX).unwrap();
    assert!(most < Some(500), "{most:?}");
}

#[test]
fn tasks_of_several_kinds_leave_no_more_behind_though_nobody_clears_up() {
    let pool = Pool::builder().threads(1).max_threads(1).build().unwrap();
    let inner = pool.clone();
    let most = pool.spawn_value(move || {
        let get_all = |handles: Vec<JoinHandle<usize>>| {
            handles
                .into_iter()
                .rev()
                .for_each(|handle| _ = handle.get());
        };
        let first = |many| (0..many).map(|n| inner.spawn_value(move || n)).collect();
        let second = |many| {
            (0..many)
                .map(|n| inner.spawn_value(move || n + 1))
                .collect()
        };
        let mut most = 0;
        for waits in [0, 1, 20] {
            let waiting: Vec<_> = (0..waits).map(|_| inner.spawn_value(|| ())).collect();
            for many in [20, 300, 1000] {
                get_all(first(many));
                get_all(second(many));
                for _ in 0..2000 {
                    get_all(second(1));
                    most = most.max(inner.queued());
                }
            }
            waiting.into_iter().for_each(JoinHandle::get);
        }
        most
    });
    let most = most.get_timeout(Duration::MAX).unwrap();
    assert!(most < 500, "{most}");
}

#[test]
fn what_others_claim_of_a_busy_thread_does_not_pile_up() {
    let pool = Pool::builder().threads(1).max_threads(1).build().unwrap();
    let inner = pool.clone();
    let ran = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ran);
    let (give, given) = std::sync::mpsc::sync_channel(0);
    let most = pool.spawn_value(move || {
        let spawn = |n| {
            if n % 1000 == 0 {
                let counted = Arc::clone(&counted);
                let count = move || _ = counted.fetch_add(1, Ordering::SeqCst);
                inner.spawn_value(count).detach();
            }
            give.send(inner.spawn_value(move || n)).unwrap();
            inner.queued()
        };
        (0..20_000).map(spawn).max()
    });
    for (n, handle) in given.iter().enumerate() {
        assert_eq!(handle.get(), n);
    }
    let most = most.get_timeout(Duration::MAX).unwrap();
    assert!(most < Some(5000), "{most:?}");
    comes_to_rest(&pool);
    assert_eq!(ran.load(Ordering::SeqCst), 20);
}

#[test]
fn what_is_claimed_from_outside_does_not_pile_up_while_all_are_busy() {
    let pool = Pool::builder().threads(1).max_threads(1).build().unwrap();
    let (open, opened) = std::sync::mpsc::channel();
    let busy = pool.spawn_value(move || opened.recv().unwrap());
    let ran = Arc::new(AtomicUsize::new(0));
    let mut most = 0;
    for n in 0..20_000 {
        if n % 1000 == 0 {
            let counted = Arc::clone(&ran);
            let count = move || _ = counted.fetch_add(1, Ordering::SeqCst);
            pool.spawn_value(count).detach();
        }
        assert_eq!(pool.spawn_value(move || n).get(), n);
        most = most.max(pool.queued());
    }
    assert!(most < 5000, "{most}");
    open.send(()).unwrap();
    busy.get_timeout(Duration::MAX).unwrap();
    comes_to_rest(&pool);
    assert_eq!(ran.load(Ordering::SeqCst), 20);
}

/// A pool of `threads`, all asleep, as its counts see it.
fn asleep(threads: usize) -> Sleep {
    let sleep = Sleep::new(threads, threads);
    fall_asleep(&sleep, threads);
    sleep
}

/// So many new threads find nothing to do.
fn fall_asleep(sleep: &Sleep, threads: usize) {
    for _ in 0..threads {
        fall_asleep_at(sleep, Instant::now());
    }
}

/// A new thread finds nothing to do.
fn fall_asleep_at(sleep: &Sleep, slept_at: Instant) -> Arc<Seat> {
    assert!(matches!(sleep.first_thread(), Wake::NewThread));
    let seat = Arc::new(Seat::new(parker().1, None));
    assert_eq!(sleep.rest(&seat, slept_at, || false), Rest::Asleep);
    seat
}

/// Wakes one, who finds nothing, and sleeps again.
fn wake_in_vain(sleep: &Sleep, slept_at: Instant) -> Arc<Seat> {
    let Wake::Sleeper(seat) = sleep.wake_for_job() else {
        panic!("all are asleep");
    };
    assert_eq!(sleep.rest(&seat, slept_at, || false), Rest::Asleep);
    seat
}

#[test]
fn who_has_just_searched_in_vain_lets_another_be_woken_first() {
    let sleep = asleep(3);
    // (Whatever the time is meanwhile.)
    let just_now = Instant::now() + Duration::from_secs(3600);
    let first = wake_in_vain(&sleep, just_now);
    let second = wake_in_vain(&sleep, just_now);
    assert!(!Arc::ptr_eq(&first, &second));
    for _ in 0..3 {
        // And the third sleeps on.
        assert!(Arc::ptr_eq(&first, &wake_in_vain(&sleep, just_now)));
        assert!(Arc::ptr_eq(&second, &wake_in_vain(&sleep, just_now)));
    }
}

#[test]
fn who_fell_asleep_last_is_woken_first_if_it_was_a_while_ago() {
    let sleep = asleep(3);
    let long_ago = Instant::now() - SOON;
    let first = wake_in_vain(&sleep, long_ago);
    for _ in 0..3 {
        assert!(Arc::ptr_eq(&first, &wake_in_vain(&sleep, long_ago)));
    }
}

#[test]
fn who_had_searched_in_vain_is_forgotten_when_he_gets_up() {
    let sleep = Sleep::new(3, 3);
    let now = Instant::now();
    let just_now = now + Duration::from_secs(3600);
    let [_, second, third] =
        [now - SOON, now - SOON, just_now].map(|slept_at| fall_asleep_at(&sleep, slept_at));
    sleep.get_up(&third);
    sleep.stops_searching();
    assert!(Arc::ptr_eq(&second, &wake_in_vain(&sleep, now)));
}

#[test]
fn who_had_searched_in_vain_is_forgotten_when_another_falls_asleep_after_work() {
    let sleep = Sleep::new(2, 8);
    fall_asleep(&sleep, 1);
    let just_now = Instant::now() + Duration::from_secs(3600);
    wake_in_vain(&sleep, just_now);
    for _ in 0..3 {
        assert!(matches!(sleep.first_thread(), Wake::NewThread));
        sleep.stops_searching();
    }
    let surplus = Arc::new(Seat::new(parker().1, None));
    assert!(sleep.rest_if_surplus(&surplus));
    sleep.blocks();
    assert!(Arc::ptr_eq(&surplus, &wake_in_vain(&sleep, just_now)));
}

#[test]
fn the_surplus_of_a_pool_of_one_sleeps_on_though_the_other_searches_in_vain() {
    let sleep = Sleep::new(1, 2);
    fall_asleep(&sleep, 2);
    let just_now = Instant::now() + Duration::from_secs(3600);
    let first = wake_in_vain(&sleep, just_now);
    for _ in 0..3 {
        assert!(Arc::ptr_eq(&first, &wake_in_vain(&sleep, just_now)));
    }
}

#[test]
fn another_thread_is_woken_where_the_first_does_not_come() {
    let sleep = asleep(3);
    assert!(matches!(sleep.wake_second(), Wake::Nobody));
    assert!(matches!(sleep.wake_for_job(), Wake::Sleeper(_)));
    assert!(matches!(sleep.wake_second(), Wake::Sleeper(_)));
    // But no third.
    assert!(matches!(sleep.wake_second(), Wake::Nobody));
}

#[test]
fn no_other_thread_is_woken_once_the_first_has_come() {
    let sleep = asleep(2);
    assert!(matches!(sleep.wake_for_job(), Wake::Sleeper(_)));
    sleep.has_come();
    assert!(matches!(sleep.wake_second(), Wake::Nobody));
}

#[test]
fn no_other_thread_is_woken_beyond_the_target() {
    let sleep = asleep(1);
    assert!(matches!(sleep.wake_for_job(), Wake::Sleeper(_)));
    assert!(matches!(sleep.wake_second(), Wake::Nobody));
}

#[test]
fn the_monitor_adds_nobody_where_another_was_woken_meanwhile() {
    let sleep = Sleep::new(1, 8);
    assert!(matches!(sleep.wake_up_to(1), Wake::NewThread));
    assert!(matches!(sleep.wake_up_to(1), Wake::Nobody));
    assert!(matches!(sleep.wake_up_to(2), Wake::NewThread));
}

#[test]
fn where_the_one_who_was_woken_does_not_come_another_runs_the_jobs() {
    let pool = Pool::builder().threads(2).build().unwrap();
    comes_to_rest(&pool);
    let Wake::Sleeper(seat) = pool.core().sleep.wake_for_job() else {
        panic!("both threads are asleep");
    };
    // As far as the counts know it is on its way; nobody has told it.
    let jobs = [1, 2].map(|n| pool.spawn_value(move || n));
    let values = jobs.map(|job| job.get_timeout(Duration::from_secs(60)).ok());
    assert_eq!(values, [Some(1), Some(2)]);
    seat.unparker.unpark();
    comes_to_rest(&pool);
}
