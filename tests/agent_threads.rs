//! Agents that threads share: random scripts lose nothing, do nothing twice, keep each thread's order.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use common::{Counted, Drops, must_end};
use letgo::{Agent, Job, JoinError, Pool};
use proptest::collection::vec;
use proptest::prelude::*;

/// What each message leaves in the state: its number.
type Log = Vec<usize>;

struct State {
    log: Log,
    _counted: Counted,
}

impl State {
    /// Notes that the message was here, and as which one.
    fn note(&mut self, number: usize) -> usize {
        self.log.push(number);
        self.log.len()
    }
}

/// What a handle gives.
#[derive(Clone, Debug, PartialEq)]
enum End {
    Value(usize),
    State(Log),
    Panicked,
    Cancelled,
}

fn end_of<T>(outcome: Result<T, JoinError>, value: impl FnOnce(T) -> End) -> End {
    match outcome {
        Ok(given) => value(given),
        Err(error) if error.is_panic() => End::Panicked,
        Err(error) if error.is_cancelled() => End::Cancelled,
        Err(error) => panic!("{error}"),
    }
}

/// What one of several threads does with an agent that it shares with the others.
#[derive(Clone, Copy, Debug)]
enum Act {
    Cast,
    CallAndGet,
    CallAndAwait,
    CallAndPanic,
    CallAndDrop,
    CallAndCancel,
    Stop,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        40 => Just(Act::Cast),
        40 => Just(Act::CallAndGet),
        20 => Just(Act::CallAndAwait),
        20 => Just(Act::CallAndPanic),
        20 => Just(Act::CallAndDrop),
        20 => Just(Act::CallAndCancel),
        1 => Just(Act::Stop),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Where {
    Global,
    OneThread,
    Inline,
    ThreadPerJob,
    /// A thread per job, and every third job is dropped.
    Lossy,
}

fn place() -> impl Strategy<Value = Where> {
    prop::sample::select(vec![
        Where::Global,
        Where::OneThread,
        Where::Inline,
        Where::ThreadPerJob,
        Where::Lossy,
    ])
}

fn agent_at<S: Send + 'static>(place: Where, state: S) -> Agent<S> {
    let on_thread = |job: Job| {
        thread::spawn(move || job.run());
    };
    match place {
        Where::Global => Agent::new(state),
        Where::OneThread => {
            let pool = Pool::builder().threads(1).max_threads(1).build();
            Agent::on(pool.unwrap(), state)
        }
        Where::Inline => Agent::on(|job: Job| job.run(), state),
        Where::ThreadPerJob => Agent::on(on_thread, state),
        Where::Lossy => {
            let count = AtomicUsize::new(0);
            let lossy = move |job: Job| {
                if count.fetch_add(1, Ordering::Relaxed) % 3 != 2 {
                    on_thread(job);
                }
            };
            Agent::on(lossy, state)
        }
    }
}

/// What a thread knows of a message of its own.
#[derive(Debug)]
struct Trace {
    number: usize,
    /// `None`: nobody asked.
    end: Option<End>,
}

fn perform(agent: &Agent<State>, number: usize, act: Act) -> Trace {
    let note = move |state: &mut State| state.note(number);
    let end = match act {
        Act::Cast => {
            agent.cast(move |state| _ = note(state));
            None
        }
        Act::CallAndGet => Some(end_of(agent.call(note).join(), End::Value)),
        Act::CallAndAwait => {
            let settled = futures::executor::block_on(agent.call(note).settle());
            Some(end_of(settled, End::Value))
        }
        Act::CallAndPanic => {
            let call = agent.call(move |state| -> usize {
                note(state);
                panic!("as the script says")
            });
            Some(end_of(call.join(), End::Value))
        }
        Act::CallAndDrop => {
            drop(agent.call(note));
            None
        }
        Act::CallAndCancel => {
            let call = agent.call(note);
            call.cancel();
            Some(end_of(call.join(), End::Value))
        }
        Act::Stop => {
            let stopped = agent.clone().stop();
            Some(end_of(stopped.join(), |state| End::State(state.log)))
        }
    };
    Trace { number, end }
}

/// Numbers tell the thread and the place in its script.
const PER_THREAD: usize = 1000;

fn follow_together(place: Where, scripts: Vec<Vec<Act>>) {
    let states = Drops::new();
    let state = State {
        log: Log::new(),
        _counted: states.one(),
    };
    let agent = agent_at(place, state);
    let is_stopped = scripts.iter().flatten().any(|a| matches!(a, Act::Stop));
    let threads: Vec<_> = scripts
        .into_iter()
        .enumerate()
        .map(|(thread, script)| {
            let agent = agent.clone();
            thread::spawn(move || {
                let start = thread * PER_THREAD;
                let acts = script.into_iter().enumerate();
                acts.map(|(n, act)| perform(&agent, start + n, act))
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let mut traces: Vec<_> = threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect();
    // On a lossy executor this may take some trying; but `join` serves what is there before it.
    let last = agent.stop().join();
    traces.push(Trace {
        number: usize::MAX,
        end: Some(end_of(last, |state| End::State(state.log))),
    });

    let logs: Vec<&Log> = traces
        .iter()
        .filter_map(|trace| match &trace.end {
            Some(End::State(log)) => Some(log),
            _ => None,
        })
        .collect();
    if place != Where::Lossy {
        assert_eq!(logs.len(), 1, "one stop gets the state");
    }
    assert!(logs.len() <= 1, "two got the state");
    if let Some(&log) = logs.first() {
        let mut sorted = log.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), log.len(), "a message ran twice");
        for thread in 0..traces.len() {
            let of_thread = |number: &&usize| **number / PER_THREAD == thread;
            assert!(log.iter().filter(of_thread).is_sorted(), "out of order");
        }
        for Trace { number, end } in &traces {
            match end {
                Some(End::Value(place)) => assert_eq!(log[place - 1], *number),
                Some(End::Panicked) => assert!(log.contains(number)),
                Some(End::Cancelled) => assert!(!log.contains(number)),
                Some(End::State(_)) => {}
                None if is_stopped || place == Where::Lossy => {}
                None => assert!(log.contains(number), "{number} was lost"),
            }
        }
    }
    drop(traces);
    common::until("the state is dropped", || states.count() == 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn threads_that_share_an_agent_lose_nothing(
        place in place(),
        scripts in vec(vec(act(), 0..80), 1..5),
    ) {
        must_end(move || follow_together(place, scripts));
    }
}
