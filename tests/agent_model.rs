//! Agents against a plain model: random scripts of calls, gets, panics, cancels, drops and stops.

mod common;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use common::{Counted, Drops, must_end};
use letgo::{Agent, Job, JoinError, JoinHandle, Pool};
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

/// What a script does next. Indices count the handles that there are, round and round.
#[derive(Clone, Copy, Debug)]
enum Step {
    Cast { panics: bool },
    Call { panics: bool },
    Join(usize),
    TryGet(usize),
    Cancel(usize),
    DropHandle(usize),
    RunJob,
    DropJob,
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::bool::weighted(0.2).prop_map(|panics| Step::Cast { panics }),
        6 => prop::bool::weighted(0.2).prop_map(|panics| Step::Call { panics }),
        3 => any::<usize>().prop_map(Step::Join),
        1 => any::<usize>().prop_map(Step::TryGet),
        2 => any::<usize>().prop_map(Step::Cancel),
        2 => any::<usize>().prop_map(Step::DropHandle),
        2 => Just(Step::RunJob),
        1 => Just(Step::DropJob),
        1 => prop::bool::weighted(0.3).prop_map(|stops| if stops { Step::Stop } else { Step::RunJob }),
    ]
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

enum Handle {
    Call(JoinHandle<usize>),
    Stop(JoinHandle<State>),
}

impl Handle {
    fn join(self) -> End {
        match self {
            Self::Call(handle) => end_of(handle.join(), End::Value),
            Self::Stop(handle) => end_of(handle.join(), |state| End::State(state.log)),
        }
    }

    fn is_finished(&self) -> bool {
        match self {
            Self::Call(handle) => handle.is_finished(),
            Self::Stop(handle) => handle.is_finished(),
        }
    }

    fn cancel(&self) {
        match self {
            Self::Call(handle) => handle.cancel(),
            Self::Stop(handle) => handle.cancel(),
        }
    }
}

/// The model: what an agent is, said in the plainest way.
#[derive(Default)]
struct Model {
    log: Log,
    line: VecDeque<Message>,
    ends: Vec<Option<End>>,
    scheduled: bool,
    stopped: bool,
}

struct Message {
    number: usize,
    kind: Kind,
    cancelled: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Cast,
    Call,
    Panics,
    Stop,
}

impl Model {
    fn post(&mut self, number: usize, kind: Kind) {
        self.ends.push(None);
        if self.stopped {
            self.ends[number] = Some(End::Cancelled);
            return;
        }
        self.stopped = kind == Kind::Stop;
        self.scheduled = true;
        self.line.push_back(Message {
            number,
            kind,
            cancelled: false,
        });
    }

    fn serve_first(&mut self) {
        let message = self.line.pop_front().unwrap();
        if message.cancelled {
            return;
        }
        let end = match message.kind {
            Kind::Stop => End::State(std::mem::take(&mut self.log)),
            kind => {
                self.log.push(message.number);
                match kind {
                    Kind::Panics => End::Panicked,
                    _ => End::Value(self.log.len()),
                }
            }
        };
        self.ends[message.number] = Some(end);
    }

    fn serve_up_to(&mut self, number: usize) {
        while self.ends[number].is_none() {
            self.serve_first();
        }
    }

    fn cancel(&mut self, number: usize) {
        if self.ends[number].is_none() {
            self.ends[number] = Some(End::Cancelled);
            let message = self.line.iter_mut().find(|m| m.number == number);
            message.unwrap().cancelled = true;
        }
    }

    fn run_job(&mut self) {
        while !self.line.is_empty() {
            self.serve_first();
        }
        self.scheduled = false;
    }

    fn drop_job(&mut self) {
        for message in std::mem::take(&mut self.line) {
            self.ends[message.number].get_or_insert(End::Cancelled);
        }
        self.scheduled = false;
    }
}

fn follow(script: &[Step]) {
    let jobs = Arc::new(Mutex::new(Vec::<Job>::new()));
    let queue = Arc::clone(&jobs);
    let (captures, states) = (Drops::new(), Drops::new());
    let state = State {
        log: Log::new(),
        _counted: states.one(),
    };
    let agent = Agent::on(move |job: Job| queue.lock().unwrap().push(job), state);
    let mut model = Model::default();
    let mut handles: Vec<(usize, Handle)> = Vec::new();
    // Every handle is there once; those of casts and of dropped calls are not.
    for &step in script {
        let number = model.ends.len();
        let captured = captures.one();
        match step {
            Step::Cast { panics } => {
                agent.cast(move |state| {
                    let _captured = captured;
                    state.note(number);
                    assert!(!panics, "as the script says");
                });
                model.post(number, if panics { Kind::Panics } else { Kind::Cast });
            }
            Step::Call { panics } => {
                let call = agent.call(move |state| {
                    let _captured = captured;
                    let place = state.note(number);
                    assert!(!panics, "as the script says");
                    place
                });
                handles.push((number, Handle::Call(call)));
                model.post(number, if panics { Kind::Panics } else { Kind::Call });
            }
            Step::Stop => {
                handles.push((number, Handle::Stop(agent.clone().stop())));
                model.post(number, Kind::Stop);
            }
            Step::RunJob => {
                let job = jobs.lock().unwrap().pop();
                assert_eq!(job.is_some(), model.scheduled);
                job.into_iter().for_each(Job::run);
                model.run_job();
            }
            Step::DropJob => {
                drop(jobs.lock().unwrap().pop());
                // A job that nobody has can't be dropped.
                if model.scheduled {
                    model.drop_job();
                }
            }
            _ if handles.is_empty() => {}
            Step::Join(index) => {
                let (number, handle) = handles.swap_remove(index % handles.len());
                model.serve_up_to(number);
                assert_eq!(Some(handle.join()), model.ends[number]);
            }
            Step::TryGet(index) => {
                let (number, handle) = &handles[index % handles.len()];
                assert_eq!(handle.is_finished(), model.ends[*number].is_some());
            }
            Step::Cancel(index) => {
                let (number, handle) = &handles[index % handles.len()];
                handle.cancel();
                model.cancel(*number);
            }
            Step::DropHandle(index) => drop(handles.swap_remove(index % handles.len())),
        }
        let jobs = jobs.lock().unwrap().len();
        assert_eq!(jobs, usize::from(model.scheduled));
    }
    drop(agent);
    loop {
        let job = jobs.lock().unwrap().pop();
        let Some(job) = job else { break };
        job.run();
    }
    model.run_job();
    assert_eq!(captures.count(), script.len(), "a closure was lost");
    for (number, handle) in handles {
        assert!(handle.is_finished());
        assert_eq!(Some(handle.join()), model.ends[number]);
    }
    assert_eq!(states.count(), 1, "the state drops once");
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
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_agent_does_what_the_model_does(script in vec(step(), 0..60)) {
        must_end(move || follow(&script));
    }
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
