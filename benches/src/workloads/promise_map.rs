//! What a promise per key costs: insert it, resolve it, get the answer.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Mutex;

use letgo::{Delivery, PromiseMap};

use crate::measure::{Samples, Workload};

const KEYS: u16 = 20_000;
/// How many wait for their answers at a time.
const IN_FLIGHT: usize = 64;

pub(crate) fn workload() -> Workload {
    Workload::new(
        "promise-map",
        "promises by key, 64 at a time: insert, resolve, get",
        "answer",
    )
    .contestant("letgo", |s| {
        let replies = PromiseMap::<u16, u64>::new();
        answers(
            s,
            |key| replies.insert(key).unwrap(),
            |key, value| assert_eq!(replies.resolve(&key, value), Delivery::Delivered),
            |reply| reply.get(),
        );
    })
    .contestant("mutex-map+oneshot", |s| {
        let senders = Mutex::new(HashMap::new());
        answers(
            s,
            |key| {
                let (sender, receiver) = oneshot::channel();
                assert!(senders.lock().unwrap().insert(key, sender).is_none());
                receiver
            },
            |key, value| {
                let sender: oneshot::Sender<u64> = senders.lock().unwrap().remove(&key).unwrap();
                sender.send(value).unwrap();
            },
            |receiver| receiver.recv().unwrap(),
        );
    })
}

fn answers<R>(
    samples: &mut Samples,
    insert: impl Fn(u16) -> R,
    resolve: impl Fn(u16, u64),
    get: impl Fn(R) -> u64,
) {
    let keys: Vec<u16> = (0..KEYS).collect();
    samples.per_op(KEYS.into(), || {
        for keys in keys.chunks(IN_FLIGHT) {
            let replies: Vec<_> = keys.iter().map(|&key| insert(black_box(key))).collect();
            for &key in keys {
                resolve(key, u64::from(key) + 1);
            }
            for (&key, reply) in keys.iter().zip(replies) {
                assert_eq!(get(reply), u64::from(key) + 1);
            }
        }
    });
}
