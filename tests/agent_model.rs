//! Agents against a plain model: random scripts of calls, gets, panics, cancels, drops and stops.

mod common;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use common::{Counted, Drops, must_end};
use letgo::{Agent, Job, JoinError, JoinHandle};
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_agent_does_what_the_model_does(script in vec(step(), 0..60)) {
        must_end(move || follow(&script));
    }
}
