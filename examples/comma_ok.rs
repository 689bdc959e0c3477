//! Go's comma-ok: `try_get` gives the value if it is there, else the handle back, and never blocks.

mod question;

use std::time::Instant;

use letgo::spawn_value;
use question::{assert_they_overlapped, get_a, get_b};

fn main() {
    let start = Instant::now();

    let mut c = spawn_value(get_a) + spawn_value(get_b);

    let mut primes = Vec::new();
    let mut numbers = 2..;
    let c = loop {
        // This thread has work of its own: a prime at a time.
        primes.extend(numbers.find(|n| primes.iter().all(|prime| n % prime != 0)));

        match c.try_get() {
            Ok(c) => break c,
            Err(not_yet) => c = not_yet,
        }
    };

    println!("Result: {c}");
    println!("All done!");

    assert_eq!(c, 300);
    assert!(primes.starts_with(&[2]));
    assert_they_overlapped(start);
}
