//! A stack that many threads use and nobody locks: Push, Pop and Len are messages to its owner.
//!
//! "Don't communicate by sharing memory, share memory by communicating": an agent is the goroutine that
//! owns the data and the channels to it, without the goroutine and without the channels.

use std::thread;

use letgo::{Agent, JoinHandle, promise};

#[derive(Clone)]
struct Stack<T>(Agent<Vec<T>>);

impl<T: Send + 'static> Stack<T> {
    fn new() -> Self {
        Self(Agent::new(Vec::new()))
    }

    /// Sent, and forgotten.
    fn push(&self, value: T) {
        self.0.cast(|stack| stack.push(value));
    }

    /// Size, look and take are one step: nobody comes in between.
    fn pop(&self) -> JoinHandle<Option<T>> {
        self.0.call(Vec::pop)
    }

    fn len(&self) -> JoinHandle<usize> {
        self.0.call(|stack| stack.len())
    }
}

const THREADS: usize = 8;
const EACH: usize = 10_000;

fn main() {
    let stack = Stack::new();
    stack.push("a");
    stack.push("b");
    println!("pushed a and b, popped {}", stack.pop().get().unwrap());
    println!("{} is left", stack.len().get());

    // Eight threads push, and pop every other one of what there is.
    let stack = Stack::new();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let stack = stack.clone();
            thread::spawn(move || {
                let mut popped = Vec::new();
                for n in 0..EACH {
                    stack.push((thread, n));
                    if n % 2 == 0 {
                        popped.push(
                            stack
                                .pop()
                                .get()
                                .expect("what was just pushed, or another's"),
                        );
                    }
                }
                popped
            })
        })
        .collect();
    let popped: Vec<_> = threads
        .into_iter()
        .flat_map(|t| t.join().unwrap())
        .collect();
    println!(
        "{THREADS} threads pushed {EACH} each and popped {}",
        popped.len()
    );

    // The rest comes out last in, first out: what a thread pushed later comes earlier.
    let mut rest = Vec::new();
    while let Some(value) = stack.pop().get() {
        rest.push(value);
    }
    println!("popped {} at the end", rest.len());
    for thread in 0..THREADS {
        let of_thread = rest.iter().filter(|(by, _)| *by == thread);
        assert!(
            of_thread.is_sorted_by(|a, b| a.1 > b.1),
            "not last in, first out"
        );
    }

    // Nothing is lost, nothing came twice.
    let mut all = [popped, rest].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), THREADS * EACH);
    println!("{} different values in all", all.len());

    // And the answer's `resChan <- 1` from one goroutine to the other: a promise.
    let (res, received) = promise();
    thread::spawn(move || res.resolve(1).unwrap());
    let receiver = thread::spawn(move || received.get());
    println!("<-resChan is {}", receiver.join().unwrap());
}
