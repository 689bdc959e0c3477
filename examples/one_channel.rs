//! The answer's second program: both values come through one channel, as each is done.

mod question;

use std::time::Instant;

use letgo::FanIn;
use question::{assert_they_overlapped, get_a, get_b};

fn main() {
    let start = Instant::now();

    let ch = FanIn::bounded(2); // ch := make(chan int)
    ch.spawn_value(get_a); //      go getA(ch)
    ch.spawn_value(get_b); //      go getB(ch)

    // `None` would say that nobody is left to send.
    let c = ch.recv().unwrap() + ch.recv().unwrap(); // C := <-ch + <-ch

    println!("Result: {c}");
    println!("All done!");

    assert_eq!(c, 300);
    assert_eq!(ch.recv(), None); // nobody had to close it
    assert_they_overlapped(start);
}
