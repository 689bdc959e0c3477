//! The agent's queue: who serves, so that no message is forgotten and no thread.

use std::mem;
use std::time::Duration;

use loom::thread;

use super::Agent;
use crate::job::{Job, Visited};
use crate::models::{Count, Dropped, explore};
use crate::sync::{Arc, Mutex};

/// Runs each job on a thread of its own.
fn threads(job: Job) {
    thread::spawn(move || job.run());
}

/// Waits without claiming.
#[track_caller]
fn wait<T>(handle: crate::JoinHandle<T>) -> T {
    let Ok(value) = handle.get_timeout(Duration::MAX) else {
        unreachable!("it was waited for without end");
    };
    value
}

#[test]
fn a_claim_meets_the_job() {
    explore(3, || {
        let agent = Agent::on(threads, 0);
        agent.cast(|n| *n += 1);
        assert_eq!(agent.call(|n| *n).get(), 1);
    });
}

#[test]
fn a_post_meets_a_job_that_puts_the_state_back() {
    explore(3, || {
        let agent = Agent::on(threads, 0);
        agent.cast(|n| *n += 1);
        agent.cast(|n| *n += 1);
        assert_eq!(wait(agent.call(|n| *n)), 2);
    });
}

#[test]
fn two_threads_call_where_no_job_is_ever_run() {
    explore(3, || {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&kept);
        let agent = Agent::on(move |job: Job| keep.lock().push(job), 0);
        let other = agent.clone();
        let calls = thread::spawn(move || other.call(|n| mem::replace(n, *n + 1)).get());
        let mine = agent.call(|n| mem::replace(n, *n + 1)).get();
        assert_eq!(mine + calls.join().unwrap(), 1);
        drop(mem::take(&mut *kept.lock()));
    });
}

#[test]
fn three_threads_call_where_no_job_is_ever_run() {
    explore(2, || {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&kept);
        let agent = Agent::on(move |job: Job| keep.lock().push(job), 0);
        let calls = [(); 2].map(|()| {
            let agent = agent.clone();
            thread::spawn(move || agent.call(|n| mem::replace(n, *n + 1)).get())
        });
        let mine = agent.call(|n| mem::replace(n, *n + 1)).get();
        let others = calls.map(|thread| thread.join().unwrap());
        assert_eq!(mine + others[0] + others[1], 3);
        drop(mem::take(&mut *kept.lock()));
    });
}

#[test]
fn a_claim_meets_a_cancel_and_the_job() {
    explore(3, || {
        let agent = Agent::on(threads, 0);
        let call = agent.call(|n| *n += 1);
        let next = agent.call(|n| *n);
        call.cancel();
        let ran = call.join().is_ok();
        assert_eq!(next.get(), i32::from(ran));
    });
}

#[test]
fn the_last_handle_meets_the_job_and_the_state_is_dropped_once() {
    explore(3, || {
        let (drops, served) = (Count::default(), Count::default());
        let agent = Agent::on(threads, Dropped(drops.clone()));
        let counts = served.clone();
        let call = agent.call(move |_| counts.add());
        drop(agent);
        wait(call);
        assert_eq!(served.get(), 1);
    });
}

#[test]
fn a_stop_meets_the_job_and_a_post() {
    explore(3, || {
        let agent = Agent::on(threads, 0);
        let other = agent.clone();
        let posts = thread::spawn(move || other.call(|n| *n += 1).join().is_ok());
        let state = agent.stop().get();
        assert_eq!(state, i32::from(posts.join().unwrap()));
    });
}

#[test]
fn a_job_that_is_dropped_meets_a_post() {
    explore(3, || {
        let drops = |job: Job| drop(thread::spawn(move || drop(job)));
        let agent = Agent::on(drops, 0);
        let first = agent.call(|n| *n += 1);
        let second = agent.call(|n| *n += 1);
        // Claimed, or cancelled with the job; never forgotten.
        let ran = [first, second].map(|call| usize::from(call.join().is_ok()));
        assert!(ran.iter().sum::<usize>() <= 2);
    });
}

#[test]
fn a_visit_meets_a_post_and_a_claim() {
    explore(3, || {
        let visit = |job: Job| {
            thread::spawn(move || {
                if let Some((held, _)) = job.visit() {
                    if let Some(again) = held.let_go() {
                        again.run();
                    }
                }
            });
        };
        let agent = Agent::on(visit, 0);
        assert_eq!(wait(agent.call(|n| mem::replace(n, 1))), 0);
        assert_eq!(agent.call(|n| mem::replace(n, 2)).get(), 1);
        assert_eq!(wait(agent.call(|n| *n)), 2);
    });
}
