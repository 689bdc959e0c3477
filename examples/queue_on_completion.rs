//! Question 6: results go into a queue as they are there, and nobody has to close it.
//!
//! The asker's goroutines called `queue.add(result)` through a pointer. The answer made a channel of the queue, and then
//! needed two more to learn that `f` and `g` were done and that everything was processed: somebody has to
//! close a channel, and only once. A fan-in counts its producers itself.

use letgo::{FanIn, FanInSender, spawn_value};

const VALUES: u64 = 1_000;

/// `for { ch <- … }`: it waits while the buffer is full, and is done when it returns.
fn send_all(values: impl Iterator<Item = u64>, out: FanInSender<u64>) {
    for value in values {
        out.send(value).unwrap();
    }
}

/// `for val := range ch`: it ends with the last producer.
fn process(queue: FanIn<u64>) -> (u64, u64) {
    queue
        .into_iter()
        .fold((0, 0), |(count, sum), value| (count + 1, sum + value))
}

fn expensive(n: u64) -> u64 {
    (1..=n).sum()
}

fn main() {
    // Two producers of many values, one processor, at most 16 values under way.
    let queue = FanIn::bounded(16);
    let (to_f, to_g) = (queue.sender(), queue.sender());
    let f = spawn_value(|| send_all(0..VALUES, to_f));
    let g = spawn_value(|| send_all(VALUES..2 * VALUES, to_g));
    let processed = spawn_value(|| process(queue));

    let (count, sum) = processed.get(); // `<-processFinished`
    println!("f and g sent {count} values, all of them were processed: their sum is {sum}");
    assert_eq!((count, sum), (2 * VALUES, (0..2 * VALUES).sum()));
    letgo::join!(f, g).get();

    // The same with tasks of one result each: it is added on completion.
    let queue = FanIn::bounded(16);
    for n in 0..VALUES {
        queue.spawn_value(move || expensive(n)); // go func() { queue.add(expensive(n)) }()
    }
    let (count, sum) = process(queue);
    println!("{count} tasks added their results on completion: their sum is {sum}");
    assert_eq!((count, sum), (VALUES, (0..VALUES).map(expensive).sum()));
}
