//! A promise per key, played against a plain model: nothing lost, nothing twice, every key freed.

mod common;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use common::Wakes;
use letgo::{Delivery, Occupied, PromiseMap, Reply};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Insert(u8),
    Resolve(u8),
    Cancel(u8),
    CancelAll,
    /// Of one of the replies that are held.
    Poll(usize),
    TryGet(usize),
    Join(usize),
    CancelReply(usize),
    DropReply(usize),
    /// Of one of the handles, unless it is the last.
    DropHandle,
    CloneHandle,
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0..5_u8;
    let any = any::<usize>;
    let step = prop_oneof![
        6 => key().prop_map(Step::Insert),
        6 => key().prop_map(Step::Resolve),
        1 => key().prop_map(Step::Cancel),
        1 => Just(Step::CancelAll),
        2 => any().prop_map(Step::Poll),
        2 => any().prop_map(Step::TryGet),
        2 => any().prop_map(Step::Join),
        1 => any().prop_map(Step::CancelReply),
        2 => any().prop_map(Step::DropReply),
        1 => Just(Step::DropHandle),
        1 => Just(Step::CloneHandle),
    ];
    vec(step, 0..100)
}

/// An answer that counts the living.
#[derive(Debug)]
struct Answer(
    usize,
    #[expect(dead_code, reason = "it is only counted")] Arc<()>,
);

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Waits,
    Answered(usize),
    Cancelled,
}

/// A reply that is held, and what the model knows of it.
struct Held {
    reply: Reply<u8, Answer>,
    key: u8,
    state: State,
    wakes: Wakes,
    is_watched: bool,
}

impl Held {
    fn check(&self) -> Result<(), TestCaseError> {
        let has_ended = self.state != State::Waits;
        prop_assert_eq!(self.reply.is_finished(), has_ended);
        let wakes = self.wakes.count();
        prop_assert_eq!(wakes, usize::from(has_ended && self.is_watched));
        Ok(())
    }
}

/// How a key that lingers met its end.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Answered,
    GivenUp,
}

fn play(script: Vec<Step>, lingers: bool) -> Result<(), TestCaseError> {
    let linger = Duration::from_secs(if lingers { 3600 } else { 0 });
    let mut handles = vec![PromiseMap::<u8, Answer>::new().linger(linger)];
    let living = Arc::new(());
    let mut held = Vec::<Held>::new();
    let mut ended = BTreeMap::<u8, End>::new();
    for (number, step) in script.into_iter().enumerate() {
        let map = handles.last().unwrap();
        let under = |held: &[Held], key: u8| {
            held.iter()
                .position(|held| held.key == key && held.state != State::Cancelled)
        };
        let mut end = |key, how| {
            if lingers {
                ended.entry(key).or_insert(how);
            }
        };
        match step {
            Step::Insert(key) => match map.insert(key) {
                Ok(reply) => {
                    prop_assert!(under(&held, key).is_none() && !ended.contains_key(&key));
                    let (state, wakes, is_watched) = (State::Waits, Wakes::new(), false);
                    held.push(Held {
                        reply,
                        key,
                        state,
                        wakes,
                        is_watched,
                    });
                }
                Err(Occupied(refused)) => {
                    prop_assert_eq!(refused, key);
                    prop_assert!(under(&held, key).is_some() || ended.contains_key(&key));
                }
            },
            Step::Resolve(key) => {
                let delivery = map.resolve(&key, Answer(number, Arc::clone(&living)));
                let index = under(&held, key);
                let state = index.map(|index| held[index].state);
                match (state, ended.get(&key)) {
                    (Some(State::Waits), _) => {
                        prop_assert!(delivery.is_delivered());
                        held[index.unwrap()].state = State::Answered(number);
                        if lingers {
                            ended.insert(key, End::Answered);
                        }
                    }
                    (Some(_), _) | (None, Some(End::Answered)) => {
                        prop_assert!(
                            matches!(delivery, Delivery::Duplicate(Answer(n, _)) if n == number)
                        );
                    }
                    (None, Some(End::GivenUp)) => {
                        prop_assert!(
                            matches!(delivery, Delivery::Late(Answer(n, _)) if n == number)
                        );
                    }
                    (None, None) => {
                        prop_assert!(
                            matches!(delivery, Delivery::Unknown(Answer(n, _)) if n == number)
                        );
                    }
                }
            }
            Step::Cancel(key) => {
                let index = under(&held, key).filter(|&index| held[index].state == State::Waits);
                prop_assert_eq!(map.cancel(&key), index.is_some());
                if let Some(index) = index {
                    held[index].state = State::Cancelled;
                    end(key, End::GivenUp);
                }
            }
            Step::CancelAll => {
                let mut count = 0;
                for held in held.iter_mut().filter(|held| held.state == State::Waits) {
                    held.state = State::Cancelled;
                    end(held.key, End::GivenUp);
                    count += 1;
                }
                prop_assert_eq!(map.cancel_all(), count);
            }
            Step::DropHandle if handles.len() > 1 => drop(handles.pop()),
            Step::CloneHandle => handles.push(map.clone()),
            Step::DropHandle => {}
            _ if held.is_empty() => {}
            Step::Poll(index) => {
                let index = index % held.len();
                let Held {
                    reply,
                    state,
                    wakes,
                    is_watched,
                    ..
                } = &mut held[index];
                if *state == State::Waits {
                    let waker = wakes.waker();
                    let poll = Pin::new(reply).poll(&mut Context::from_waker(&waker));
                    prop_assert!(poll.is_pending());
                    *is_watched = true;
                }
            }
            Step::TryGet(index) => {
                let index = index % held.len();
                if held[index].state != State::Cancelled {
                    let mut taken = held.swap_remove(index);
                    match taken.reply.try_get() {
                        Ok(Answer(n, _)) => prop_assert_eq!(taken.state, State::Answered(n)),
                        Err(reply) => {
                            prop_assert_eq!(taken.state, State::Waits);
                            taken.reply = reply;
                            held.push(taken);
                        }
                    }
                }
            }
            Step::Join(index) => {
                let index = index % held.len();
                if held[index].state != State::Waits {
                    let taken = held.swap_remove(index);
                    match taken.reply.join() {
                        Ok(Answer(n, _)) => prop_assert_eq!(taken.state, State::Answered(n)),
                        Err(error) => {
                            prop_assert!(error.is_cancelled());
                            prop_assert_eq!(taken.state, State::Cancelled);
                        }
                    }
                }
            }
            Step::CancelReply(index) => {
                let index = index % held.len();
                held[index].reply.cancel();
                if held[index].state == State::Waits {
                    held[index].state = State::Cancelled;
                    end(held[index].key, End::GivenUp);
                }
            }
            Step::DropReply(index) => {
                let dropped = held.swap_remove(index % held.len());
                if dropped.state == State::Waits {
                    end(dropped.key, End::GivenUp);
                }
                drop(dropped);
            }
        }
        held.iter().try_for_each(Held::check)?;
        let waiting = held
            .iter()
            .filter(|held| held.state == State::Waits)
            .count();
        let answered = held
            .iter()
            .filter(|held| matches!(held.state, State::Answered(_)));
        let map = handles.last().unwrap();
        prop_assert_eq!((map.len(), map.is_empty()), (waiting, waiting == 0));
        // Each answer is where the model says, and nowhere else.
        prop_assert_eq!(Arc::strong_count(&living) - 1, answered.count());
    }
    // With the last handle all that waits is cancelled; what was answered stays.
    handles.clear();
    for mut held in held {
        if held.state == State::Waits {
            held.state = State::Cancelled;
        }
        held.check()?;
        match held.reply.join() {
            Ok(Answer(n, _)) => prop_assert_eq!(held.state, State::Answered(n)),
            Err(_) => prop_assert_eq!(held.state, State::Cancelled),
        }
    }
    prop_assert_eq!(Arc::strong_count(&living), 1);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn without_a_linger_the_map_does_as_the_model(script in script()) {
        play(script, false)?;
    }

    #[test]
    fn with_a_linger_the_map_does_as_the_model(script in script()) {
        play(script, true)?;
    }
}
