//! Waits that would never end, and waits that only look as if.

mod common;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use common::{Drops, Gate, Queue, must_end, until, until_blocked_for};
use futures::channel::oneshot;
use letgo::{
    Agent, Eventual, Executor, JoinHandle, as_completed, join, join_all, promise, race, race_ok,
    spawn_future, spawn_value, try_join, waiting,
};

/// How a task waits for the next one, and what it sees of that: the text of a panic, or "".
type Wait = fn(JoinHandle<()>) -> String;

/// Tasks in a ring, each of which waits for the next one's handle when all of them run. What each saw.
fn ring(waits: &[Wait]) -> Vec<String> {
    let all_run = Arc::new(Barrier::new(waits.len() + 1));
    let (tell, told) = channel();
    let (hands, handles): (Vec<_>, Vec<_>) = waits
        .iter()
        .map(|&wait| {
            let (all_run, tell) = (Arc::clone(&all_run), tell.clone());
            let (hand, handed) = channel::<JoinHandle<()>>();
            let handle = spawn_value(move || {
                all_run.wait();
                tell.send(wait(handed.recv().unwrap())).unwrap();
            });
            (hand, handle)
        })
        .unzip();
    all_run.wait();
    for (index, handle) in handles.into_iter().enumerate() {
        let before = (index + waits.len() - 1) % waits.len();
        hands[before].send(handle).unwrap();
    }
    drop(tell);
    told.iter().take(waits.len()).collect()
}

/// What a panic says, or nothing if there is none.
fn seen<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => String::new(),
        Err(payload) => *payload.downcast::<String>().expect("a text"),
    }
}

/// The ring breaks at one task, which sees why; the others get their values.
fn breaks_once(all: &[String]) -> String {
    let failures: Vec<_> = all.iter().filter(|text| !text.is_empty()).collect();
    assert_eq!(failures.len(), 1, "{all:?}");
    failures[0].clone()
}

fn joined(handle: JoinHandle<()>) -> String {
    match handle.join() {
        Ok(()) => String::new(),
        Err(error) => {
            assert!(error.is_deadlock(), "{error}");
            error.to_string()
        }
    }
}

#[test]
fn two_tasks_that_wait_for_each_other_are_a_deadlock_that_names_both() {
    must_end(|| {
        let text = breaks_once(&ring(&[joined, joined]));
        let here = format!("{}:", file!());
        assert!(text.starts_with(&format!("deadlock: {here}")), "{text}");
        assert_eq!(text.matches(&here).count(), 3, "{text}");
        assert_eq!(text.matches(" waits for ").count(), 2, "{text}");
    });
}

#[test]
fn the_links_are_named_in_the_order_in_which_they_wait() {
    must_end(|| {
        let (to_first, for_first) = channel::<JoinHandle<()>>();
        let (to_last, for_last) = channel::<JoinHandle<()>>();
        let (tell, told) = channel();
        let both_run = Arc::new(Barrier::new(3));
        let (now, also_now) = (Arc::clone(&both_run), Arc::clone(&both_run));
        let first = spawn_value(move || {
            now.wait();
            joined(for_first.recv().unwrap());
        });
        let first_at = first.spawned_at();
        let last = spawn_value(move || {
            also_now.wait();
            tell.send(joined(for_last.recv().unwrap())).unwrap();
        });
        let last_at = last.spawned_at();
        both_run.wait();
        to_first.send(last).unwrap();
        until_blocked_for(last_at);
        to_last.send(first).unwrap();
        assert_eq!(
            told.recv().unwrap(),
            format!("deadlock: {last_at} waits for {first_at} waits for {last_at}")
        );
    });
}

#[test]
fn a_task_that_waits_for_itself_is_a_deadlock() {
    must_end(|| {
        let text = breaks_once(&ring(&[joined]));
        assert_eq!(text.matches(" waits for ").count(), 1, "{text}");
    });
}

#[test]
fn a_ring_of_many_breaks_at_one() {
    must_end(|| {
        for size in [3, 8, 32] {
            breaks_once(&ring(&vec![joined as Wait; size]));
        }
    });
}

#[test]
fn every_way_to_wait_without_end_takes_part() {
    let waits: &[Wait] = &[
        |other| seen(|| other.get()),
        |other| seen(|| other.get_timeout(Duration::MAX).unwrap()),
        |other| seen(|| join!(other, spawn_value(|| 1)).get().0),
        |other| seen(|| _ = join_all([other]).get()),
        |other| seen(|| _ = join_all([other]).get_timeout(Duration::MAX)),
        |other| seen(|| other.map(|()| ()).get()),
        |other| {
            other
                .settle()
                .get()
                .map_or_else(|e| e.to_string(), |()| String::new())
        },
        |other| seen(|| _ = try_join!(other.settle()).get().unwrap()),
        |other| seen(|| other.shared().get()),
        |other| seen(|| other.then(|()| ()).get()),
        |other| seen(|| join!(other.then(|()| ())).get().0),
        |other| seen(|| race!(other).get()),
        |other| seen(|| race([other]).get()),
        |other| seen(|| race_ok([other.settle()]).get().unwrap()),
        |other| seen(|| _ = as_completed([other]).recv()),
        |other| {
            let agent = Agent::new(());
            seen(|| agent.call(move |()| other.get()).get())
        },
        |other| {
            let agent = Agent::new(());
            let (serves, served) = channel();
            let busy = agent.call(move |()| {
                serves.send(()).unwrap();
                other.get();
            });
            served.recv().unwrap();
            seen(|| agent.call(|()| ()).get());
            seen(|| busy.get())
        },
        |other| seen(|| letgo::scope(|_| other.get())),
    ];
    for &wait in waits {
        must_end(move || {
            for pair in [[wait, joined], [joined, wait], [wait, wait]] {
                let all = ring(&pair);
                let text = all.iter().find(|text| !text.is_empty()).unwrap();
                assert!(text.contains("deadlock"), "{text}");
            }
        });
    }
}

#[test]
fn a_claimed_task_that_waits_for_the_task_that_claimed_it_is_a_deadlock() {
    must_end(|| {
        breaks_once(&ring(&[|me| {
            let held = Queue::new();
            held.clone().spawn_value(|| joined(me)).get()
        }]));
    });
}

#[test]
fn a_ring_of_agents_is_a_deadlock() {
    must_end(|| {
        let (a, b) = (Agent::new(()), Agent::new(()));
        let both = Arc::new(Barrier::new(2));
        let crossed = |own: &Agent<()>, other: &Agent<()>| {
            let (other, both) = (other.clone(), Arc::clone(&both));
            own.call(move |()| {
                both.wait();
                seen(|| other.call(|()| ()).get())
            })
        };
        // Two threads, so that both are served at once.
        let (first, last) = (crossed(&a, &b), crossed(&b, &a));
        let first = thread::spawn(move || first.get());
        let seen = [last.get(), first.join().unwrap()];
        let text = breaks_once(&seen);
        assert!(text.contains(" waits for "), "{text}");
        // Both serve on.
        a.call(|()| ()).get();
        b.call(|()| ()).get();
    });
}

#[test]
fn what_a_third_may_bring_is_no_deadlock() {
    must_end(|| {
        // Each waits for the other, or for a promise.
        let (resolver, promised) = promise::<()>();
        let promised = promised.shared();
        let waits: [Box<dyn FnOnce(JoinHandle<()>) + Send>; 2] = [promised.clone(), promised].map(
            |promised| -> Box<dyn FnOnce(JoinHandle<()>) + Send> {
                Box::new(move |other| race!(other, promised).get())
            },
        );
        let ends = crossed(waits);
        ends.both_wait();
        resolver.resolve(()).unwrap();
        ends.both_end();
    });
}

#[test]
fn a_time_limit_is_a_way_out() {
    must_end(|| {
        let seen = ring(&[joined, |other| {
            match other.get_timeout(Duration::from_millis(50)) {
                Ok(()) => String::from("the other one ended first"),
                Err(_) => String::new(),
            }
        }]);
        assert_eq!(seen, ["", ""]);
    });
}

/// An eventual of a user's own: its value comes from any of several.
struct Any(Vec<JoinHandle<()>>);

impl Future for Any {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut polls = self.0.iter_mut().map(|handle| Pin::new(handle).poll(cx));
        match polls.any(|poll| poll.is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Eventual for Any {
    fn is_finished(&self) -> bool {
        false
    }

    fn cancel(&self) {}
}

/// Another one: its value comes from elsewhere, unseen.
struct Elsewhere(oneshot::Receiver<()>);

impl Future for Elsewhere {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(|_| ())
    }
}

impl Eventual for Elsewhere {
    fn is_finished(&self) -> bool {
        false
    }

    fn cancel(&self) {}
}

#[test]
fn an_eventual_of_a_users_own_may_have_a_way_out() {
    must_end(|| {
        type Waits = fn(JoinHandle<()>, JoinHandle<()>);
        let all: [Waits; 3] = [
            |other, out| Any(vec![other, out]).get(),
            |other, out| race!(other, Any(vec![out])).get(),
            |other, out| {
                let (tell, told) = oneshot::channel();
                out.then(move |()| tell.send(())).detach();
                race!(other, Elsewhere(told)).get();
            },
        ];
        for wait in all {
            let (resolvers, ways_out): (Vec<_>, Vec<_>) =
                [promise(), promise()].into_iter().unzip();
            let waits = ways_out
                .into_iter()
                .map(|out| -> Box<dyn FnOnce(_) + Send> {
                    // Another task brings it, one that nobody sees running.
                    let out = spawn_future(out);
                    Box::new(move |other| wait(other, out))
                });
            let ends = crossed(waits.collect::<Vec<_>>().try_into().ok().unwrap());
            ends.both_wait();
            for resolver in resolvers {
                let _ = resolver.resolve(());
            }
            ends.both_end();
        }
    });
}

#[test]
fn a_wait_that_ends_in_a_panic_keeps_nothing_of_what_it_waited_for() {
    must_end(|| {
        let (gate, drops) = (Gate::new(), Drops::new());
        let (passes, value) = (gate.clone(), drops.one());
        let slow = spawn_future(async move {
            passes.pass();
            value
        });
        let me = thread::current().id();
        let fails = spawn_future(async move {
            until_it_waits(me);
            panic!("while the other is waited for");
        });
        let both = join!(slow, fails);
        let failed = catch_unwind(AssertUnwindSafe(|| _ = both.get()));
        assert!(failed.is_err());
        gate.open();
        until("its value is dropped, as nobody has it", || {
            drops.count() == 1
        });
    });
}

#[test]
fn an_error_for_one_clone_leaves_the_others_waiting() {
    must_end(|| {
        let (hand_out, twin) = channel();
        let (tell_who, who) = channel();
        let ends = crossed([
            Box::new(|other| other.get()),
            Box::new(move |other| {
                let shared = other.shared();
                hand_out.send(shared.clone()).unwrap();
                let outside: ThreadId = who.recv().unwrap();
                let before = Instant::now();
                assert!(shared.join().unwrap_err().is_deadlock());
                // Looked at again, its clone still waits.
                until("it waits again", || {
                    let since_then = |wait: &letgo::Blocked| wait.waited() < before.elapsed();
                    waiting()
                        .iter()
                        .any(|wait| wait.thread().id() == outside && since_then(wait))
                });
            }),
        ]);
        let twin = twin.recv().unwrap();
        let outside = thread::spawn(move || twin.get());
        until_it_waits(outside.thread().id());
        until_it_waits(ends.threads[0]);
        tell_who.send(outside.thread().id()).unwrap();
        ends.both_end();
        outside.join().unwrap();
    });
}

/// Two tasks, each of which waits in its own way for the other.
struct Crossed {
    threads: Vec<ThreadId>,
    ended: Receiver<()>,
}

fn crossed(waits: [Box<dyn FnOnce(JoinHandle<()>) + Send>; 2]) -> Crossed {
    let (tell, ended) = channel();
    let (runs, run) = channel();
    let mut threads = Vec::new();
    let (hands, handles): (Vec<_>, Vec<_>) = waits
        .into_iter()
        .map(|wait| {
            let (hand, handed) = channel();
            let (runs, tell) = (runs.clone(), tell.clone());
            let handle = spawn_value(move || {
                runs.send(thread::current().id()).unwrap();
                wait(handed.recv().unwrap());
                tell.send(()).unwrap();
            });
            threads.push(run.recv().unwrap());
            (hand, handle)
        })
        .unzip();
    for (hand, handle) in hands.iter().zip(handles.into_iter().rev()) {
        hand.send(handle).unwrap();
    }
    Crossed { threads, ended }
}

impl Crossed {
    fn both_wait(&self) {
        self.threads.iter().copied().for_each(until_it_waits);
    }

    fn both_end(self) {
        assert_eq!(self.ended.iter().take(2).count(), 2, "one has failed");
    }
}

fn until_it_waits(thread: ThreadId) {
    until("it waits", || {
        waiting().iter().any(|wait| wait.thread().id() == thread)
    });
}

#[test]
fn long_chains_of_waits_that_end_are_no_deadlock() {
    must_end(|| {
        for _ in 0..200 {
            let gate = Gate::new();
            let passed = gate.clone();
            let mut last = spawn_value(move || passed.pass()).shared();
            let readers: Vec<_> = (0..20)
                .map(|_| {
                    let before = last.clone();
                    last = spawn_value(move || before.get()).shared();
                    let now = last.clone();
                    spawn_value(move || now.get())
                })
                .collect();
            gate.open();
            join_all(readers).get();
        }
    });
}

#[test]
fn a_snapshot_tells_who_waits_for_what_and_who_runs_that() {
    must_end(|| {
        let (resolver, promised) = promise::<i32>();
        let promised_at = promised.spawned_at();
        let (runs, run) = channel();
        let task = spawn_value(move || {
            runs.send(()).unwrap();
            promised.get()
        });
        let task_at = task.spawned_at();
        run.recv().unwrap();
        let asker = thread::Builder::new().name("asker".into());
        let asker = asker.spawn(move || task.get()).unwrap();
        let waits_for = |place| {
            waiting()
                .iter()
                .any(|wait| wait.places().any(|other| other == place))
        };
        until("both wait", || waits_for(promised_at) && waits_for(task_at));
        let text = waiting().to_string();
        let line = text.lines().find(|line| line.contains("`asker`")).unwrap();
        assert!(line.contains(&task_at.to_string()), "{text}");
        assert!(line.contains("is run by thread `letgo-"), "{text}");
        resolver.resolve(7).unwrap();
        assert_eq!(asker.join().unwrap(), 7);
        assert!(!waits_for(promised_at) && !waits_for(task_at));
    });
}

#[test]
fn who_waits_is_listed_with_the_time_it_has_waited() {
    must_end(|| {
        let (resolver, answer) = promise::<()>();
        let (tell, told) = channel();
        let waits = spawn_value(move || {
            tell.send(thread::current().id()).unwrap();
            answer.get();
        });
        let thread = told.recv().unwrap();
        until_it_waits(thread);
        let seen = Instant::now();
        let waited = || {
            let all = waiting();
            let mine = (&all).into_iter().find(|wait| wait.thread().id() == thread);
            mine.unwrap().waited()
        };
        let first = waited();
        until("time passes", || seen.elapsed() > Duration::from_millis(5));
        assert!(waited() >= first + Duration::from_millis(4));
        resolver.resolve(()).unwrap();
        waits.get();
    });
}
