//! Agents: waits that would never end.

mod common;

use std::pin::Pin;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::{Queue, must_end, panic_text, poll, until, until_blocked_for};
use letgo::{
    Agent, Eventual, Executor, Job, JoinHandle, as_completed, join, join_all, promise, race,
    race_ok, spawn_value, try_join, try_join_all,
};

#[test]
fn a_call_within_a_job_of_the_same_agent_that_is_joined_is_a_deadlock() {
    must_end(|| {
        let agent = Agent::new(0);
        let inner = agent.clone();
        let error = agent.call(move |_| inner.call(|n| *n += 1).join()).get();
        let error = error.unwrap_err();
        assert!(error.is_deadlock() && !error.is_cancelled() && !error.is_panic());
        assert!(error.to_string().contains("its own agent"), "{error}");
        assert_eq!(error.message(), None);
        assert_eq!(
            agent.stop().get(),
            0,
            "the call that could not be waited for ran"
        );
    });
}

fn in_a_while() -> Instant {
    Instant::now() + Duration::from_secs(1000)
}

fn given_up<F: Future + Unpin>(mut future: F) -> F {
    assert!(poll(&mut future, Waker::noop()).is_pending());
    future
}

#[test]
fn every_way_to_block_for_the_own_agent_says_that_it_is_a_deadlock() {
    must_end(|| {
        type Wait = fn(JoinHandle<i32>);
        let waits: &[Wait] = &[
            |call| _ = call.get(),
            |call| _ = call.get_timeout(Duration::MAX),
            |call| _ = call.get_timeout(Duration::from_secs(1000)),
            |call| _ = call.get_deadline(in_a_while()),
            |call| _ = join!(call, spawn_value(|| 1)).get(),
            |call| _ = join!(call, spawn_value(|| 1)).get_timeout(Duration::MAX),
            |call| _ = join_all([call]).get(),
            |call| _ = join_all([call]).get_timeout(Duration::MAX),
            |call| _ = (call + spawn_value(|| 1)).get(),
            |call| _ = (call + spawn_value(|| 1)).get_timeout(Duration::MAX),
            |call| _ = (-call).get_deadline(in_a_while()),
            |call| _ = call.map(|n| n).get(),
            |call| _ = call.map(|n| n).get_timeout(Duration::MAX),
            |call| _ = call.settle().get().unwrap(),
            |call| _ = call.settle().get_timeout(Duration::MAX).unwrap().unwrap(),
            |call| _ = try_join!(call.settle()).get().unwrap(),
            |call| {
                _ = try_join!(call.settle())
                    .get_timeout(Duration::MAX)
                    .unwrap()
                    .unwrap()
            },
            |call| _ = try_join_all([call.settle()]).get().unwrap(),
            |call| {
                _ = try_join_all([call.settle()])
                    .get_deadline(in_a_while())
                    .unwrap()
                    .unwrap()
            },
            |call| _ = call.shared().get(),
            |call| _ = call.shared().join().unwrap(),
            |call| _ = call.shared().get_timeout(Duration::MAX),
            |call| _ = race!(call).get(),
            |call| _ = race!(call).get_timeout(Duration::MAX),
            |call| _ = race([call]).get(),
            |call| _ = race_ok([call.settle()]).get().unwrap(),
            |call| _ = as_completed([call]).recv(),
            // Polled before the wait begins.
            |call| _ = given_up(call).get_timeout(Duration::MAX),
            |call| _ = given_up(join_all([call])).get_timeout(Duration::MAX),
            |call| _ = given_up(race([call])).get(),
            |call| {
                let shared = call.shared();
                let other = shared.clone();
                panic_text(|| given_up(shared).get_timeout(Duration::MAX));
                _ = other.get();
            },
        ];
        let add = |n: &mut i32| {
            *n += 1;
            *n
        };
        for wait in waits {
            let agent = Agent::new(1);
            let inner = agent.clone();
            let message = agent.call(move |_| panic_text(|| wait(inner.call(add))));
            let message = message.get();
            assert!(
                message.contains("deadlock") || message.contains("Deadlock"),
                "{message}"
            );
            // The call has not run, and the agent serves on.
            assert_eq!(agent.call(|n| *n).get(), 1);
        }
    });
}

#[test]
fn a_deadlock_is_seen_through_agents_and_claims_in_between_and_on_the_last_of_the_stack() {
    must_end(|| {
        // Queue, so that it is this thread that serves both.
        let held = Queue::new();
        let a = Agent::on(held.clone(), ());
        let b = Agent::on(held.clone(), ());
        let (a2, b2) = (a.clone(), b.clone());
        let error = a.call(move |()| b2.call(move |()| a2.call(|()| ()).join()).get());
        assert!(error.get().unwrap_err().is_deadlock());

        // The innermost claims run on fresh threads, which stand in for this one.
        fn deep(depth: u32, agent: Agent<()>) -> bool {
            if depth == 0 {
                return agent.call(|()| ()).join().unwrap_err().is_deadlock();
            }
            let held = Queue::new();
            let next = held.clone().spawn_value(move || deep(depth - 1, agent));
            next.get()
        }
        let a2 = a.clone();
        assert!(a.call(move |()| deep(20_000, a2)).get());
        drop((held, b));
    });
}

#[test]
fn a_job_that_waits_for_its_own_handle_or_a_later_call_is_a_deadlock() {
    must_end(|| {
        let held = Queue::new();
        let agent = Agent::on(held.clone(), ());
        let (to_own, own) = channel::<JoinHandle<bool>>();
        let first = agent.call(move |()| own.recv().unwrap().join().unwrap_err().is_deadlock());
        let (to_first, later) = channel::<JoinHandle<()>>();
        let second = agent.call(move |()| later.recv().unwrap().join().unwrap_err().is_deadlock());
        to_first.send(agent.call(|()| ())).unwrap();
        // The job itself: nothing can come of it but the error that it sees.
        let (tell, told) = channel();
        let (to_third, own_too) = channel::<JoinHandle<()>>();
        let third = agent.call(move |()| {
            let own: JoinHandle<()> = own_too.recv().unwrap();
            tell.send(own.join().unwrap_err().is_deadlock()).unwrap();
        });
        to_third.send(third).unwrap();
        to_own.send(agent.call(|()| false)).unwrap();
        held.run_all();
        assert!(first.get());
        assert!(second.get());
        assert!(told.recv().unwrap());
    });
}

#[test]
fn to_wait_for_another_agent_or_for_a_finished_call_is_no_deadlock() {
    must_end(|| {
        let agent = Agent::new(1);
        let other = Agent::new(2);
        let before = agent.call(|n| *n);
        until("it is finished", || before.is_finished());
        let sum = agent.call(move |n| *n + before.get() + other.call(|n| *n).get());
        assert_eq!(sum.get(), 4);
        // To cast into the own agent is fine.
        let inner = agent.clone();
        agent.call(move |_| inner.cast(|n| *n = 7)).get();
        assert_eq!(agent.call(|n| *n).get(), 7);
    });
}

#[test]
fn a_look_within_a_blocking_wait_is_no_deadlock() {
    must_end(|| {
        let agent = Agent::new(1);
        let inner = agent.clone();
        let sum = agent.call(move |_| {
            let later = inner.call(|n| *n) + inner.call(|n| *n);
            // `map` looks at it while this thread blocks for something else.
            let (resolver, promised) = promise();
            let looks = promised.map(move |()| later.try_get().unwrap_err());
            let resolves = thread::spawn(move || resolver.resolve(()).unwrap());
            let later = looks.get_timeout(Duration::MAX).ok().unwrap();
            resolves.join().unwrap();
            later
        });
        assert_eq!(sum.get().get(), 2);
    });
}

#[test]
fn a_circle_by_way_of_a_job_that_waits_is_seen_by_a_wait_for_many() {
    must_end(|| {
        let agent = Agent::new(());
        let (hand, handed) = channel::<JoinHandle<()>>();
        let (tell, told) = channel();
        let (start, started) = channel();
        let task = spawn_value(move || {
            start.send(()).unwrap();
            let call = handed.recv().unwrap();
            tell.send(panic_text(|| _ = join_all([call]).get()))
                .unwrap();
        });
        let place = task.spawned_at();
        // Or the job would run it.
        started.recv().unwrap();
        // The job waits for the task, and then the task for the job.
        let call = agent.call(move |()| task.get());
        until_blocked_for(place);
        hand.send(call).unwrap();
        let text = told.recv().unwrap();
        assert!(
            text.contains("deadlock") && text.contains(&place.to_string()),
            "{text}"
        );
        assert_eq!(agent.stop().join().ok(), Some(()));
    });
}

/// Is ready at once; the poll does something else on the way.
struct OnTheWay<F>(Option<F>);

impl<F: FnOnce() + Unpin> Future for OnTheWay<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        self.0.take().expect("it is polled once")();
        Poll::Ready(())
    }
}

impl<F: FnOnce() + Unpin> Eventual for OnTheWay<F> {
    fn is_finished(&self) -> bool {
        false
    }

    fn cancel(&self) {}
}

#[test]
fn a_future_polled_on_the_way_of_a_wait_may_await_the_agent() {
    must_end(|| {
        let agent = Agent::new(0);
        let (resolver, answer) = promise();
        let inner = agent.clone();
        let inline = |job: Job| job.run();
        let sum = inline.spawn_future(async move {
            let some = answer.await;
            some + inner.call(|n| *n).await
        });
        let on_the_way = OnTheWay(Some(move || resolver.resolve(40).unwrap()));
        agent
            .call(move |n| {
                *n = 1;
                // The future is woken and polled here and now: in a job of the agent, within its wait.
                on_the_way.get();
            })
            .get();
        assert_eq!(sum.get(), 41);
    });
}

#[test]
fn a_closure_claimed_on_the_way_of_a_wait_may_poll_a_call_to_the_agent() {
    must_end(|| {
        let agent = Agent::new(0);
        let inner = agent.clone();
        let held = Queue::new();
        let claimed = held.clone().spawn_value(move || {
            let mut call = inner.call(|n| *n);
            // It has other things to turn to.
            assert!(poll(&mut call, Waker::noop()).is_pending());
            call
        });
        let call = agent.call(move |n| {
            *n = 1;
            let mut call = None;
            OnTheWay(Some(|| call = Some(claimed.get()))).get();
            call.unwrap()
        });
        assert_eq!(call.get().get(), 1);
    });
}
