//! Random scripts, played to the table and to a plain model that knows the time as well.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Got, Question, Table, Wanted};
use crate::promise_map::Delivery;

#[derive(Clone, Debug)]
enum Step {
    Ask(u8),
    Answer(u8),
    Cancel(u8),
    CancelAll,
    /// Of one of the questions asked so far.
    Take(usize),
    LetGo(usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..6_u8;
    let step = prop_oneof![
        4 => key.clone().prop_map(Step::Ask),
        4 => key.clone().prop_map(Step::Answer),
        1 => key.prop_map(Step::Cancel),
        1 => Just(Step::CancelAll),
        2 => any::<usize>().prop_map(Step::Take),
        2 => any::<usize>().prop_map(Step::LetGo),
        3 => (0..15_u64).prop_map(Step::Pass),
    ];
    vec(step, 0..80)
}

/// What the model knows of a key that is in use.
#[derive(Debug)]
struct Known {
    asked: usize,
    /// When it ended; `None`: it waits.
    ended: Option<u64>,
    /// What is still to be taken.
    answer: Option<usize>,
    was_answered: bool,
}

/// Three hashes for six keys: collisions are met, too.
fn hash(key: u8) -> u64 {
    u64::from(key % 3)
}

fn play(script: Vec<Step>, linger: u64) -> Result<(), TestCaseError> {
    let start = Instant::now();
    let mut time = 0;
    let mut table = Table::<u8, usize>::new();
    let mut model = BTreeMap::<u8, Known>::new();
    // Those whose askers are still there.
    let mut open = Vec::<(u8, usize, Question)>::new();
    let mut asked = 0;
    let end = [Step::Pass(1000)];
    for (answer, step) in script.into_iter().chain(end).enumerate() {
        let now = start + Duration::from_millis(time);
        while !table.sweep(now, Duration::from_millis(linger)).is_empty() {}
        model.retain(|_, known| {
            let lingers = known.ended.is_none_or(|ended| ended + linger > time);
            lingers || known.answer.is_some()
        });
        let told = (linger > 0).then_some(now);
        match step {
            Step::Ask(key) => {
                let question = table.ask(hash(key), key);
                prop_assert_eq!(question.is_ok(), !model.contains_key(&key));
                if let Ok(question) = question {
                    let known = Known {
                        asked,
                        ended: None,
                        answer: None,
                        was_answered: false,
                    };
                    model.insert(key, known);
                    open.push((key, asked, question));
                    asked += 1;
                }
            }
            Step::Answer(key) => {
                let (delivery, _) = table.answer(Wanted(hash(key), &key), answer, told);
                let expected = match model.get_mut(&key) {
                    None => Delivery::Unknown(answer),
                    Some(known) if known.ended.is_none() => {
                        known.ended = Some(time);
                        known.answer = Some(answer);
                        known.was_answered = true;
                        Delivery::Delivered
                    }
                    Some(known) if known.was_answered => Delivery::Duplicate(answer),
                    Some(_) => Delivery::Late(answer),
                };
                prop_assert_eq!(delivery, expected);
            }
            Step::Cancel(key) => {
                let question = table.question(Wanted(hash(key), &key));
                let cancelled = question.and_then(|question| table.cancel(question, told));
                let waits = model.get_mut(&key).filter(|known| known.ended.is_none());
                prop_assert_eq!(cancelled.is_some(), waits.is_some());
                if let Some(known) = waits {
                    known.ended = Some(time);
                }
            }
            Step::CancelAll => {
                let cancelled = table.cancel_all(told).len();
                let waiting = model.values_mut().filter(|known| known.ended.is_none());
                let expected = waiting.map(|known| known.ended = Some(time)).count();
                prop_assert_eq!(cancelled, expected);
            }
            Step::Take(index) if !open.is_empty() => {
                let index = index % open.len();
                let (key, number, question) = open[index];
                let got = table.take(
                    question,
                    Some(Waker::noop()),
                    &mut Some(Waker::noop().clone()),
                );
                let known = model.get_mut(&key).filter(|known| known.asked == number);
                match got {
                    Got::Answer(value, _) => {
                        prop_assert_eq!(known.and_then(|known| known.answer.take()), Some(value));
                    }
                    Got::Nothing => {
                        let gone =
                            known.is_none_or(|known| known.ended.is_some() && !known.was_answered);
                        prop_assert!(gone);
                    }
                    Got::Waits(_) => prop_assert!(known.is_some_and(|known| known.ended.is_none())),
                    Got::Unwatched => prop_assert!(false, "there was a clone"),
                }
                if table.has_ended(question) {
                    open.swap_remove(index);
                }
            }
            Step::LetGo(index) if !open.is_empty() => {
                let (key, number, question) = open.swap_remove(index % open.len());
                let _ = table.let_go(question, told);
                if let Some(known) = model.get_mut(&key).filter(|known| known.asked == number) {
                    known.answer = None;
                    known.ended.get_or_insert(time);
                }
            }
            Step::Take(_) | Step::LetGo(_) => {}
            Step::Pass(millis) => time += millis,
        }
        let waiting = model.values().filter(|known| known.ended.is_none()).count();
        prop_assert_eq!(table.waiting(), waiting);
    }
    // When all are gone, and the time has passed, nothing is left.
    let now = start + Duration::from_millis(time);
    for (_, _, question) in open {
        let _ = table.let_go(question, (linger > 0).then_some(now));
    }
    let now = now + Duration::from_millis(linger);
    while !table.sweep(now, Duration::from_millis(linger)).is_empty() {}
    prop_assert_eq!(table.entries.iter_mut().count(), 0);
    prop_assert!(!table.lingers());
    prop_assert_eq!(table.waiting(), 0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn without_a_linger_the_table_does_as_the_model(script in steps()) {
        play(script, 0)?;
    }

    #[test]
    fn with_a_linger_the_table_does_as_the_model(script in steps()) {
        play(script, 20)?;
    }
}

#[test]
fn a_table_that_was_large_gives_its_memory_back() {
    for linger in [Duration::ZERO, Duration::from_secs(1)] {
        let mut table = Table::<u32, ()>::new();
        let now = Instant::now();
        let questions: Vec<_> = (0..10_000)
            .map(|key| table.ask(key.into(), key).ok().unwrap())
            .collect();
        assert!(table.entries.capacity() >= 10_000);
        for question in questions {
            let _ = table.let_go(question, (!linger.is_zero()).then_some(now));
        }
        while !table.sweep(now + linger, linger).is_empty() {}
        let kept = table.entries.capacity().max(table.lingering.capacity());
        assert!(kept <= 2048, "{kept} entries' memory");
    }
}
