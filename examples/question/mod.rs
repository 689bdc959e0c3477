//! The question's two functions, and the proof that they ran at the same time.

use std::thread;
use std::time::{Duration, Instant};

/// Go's `func getA() int`.
pub(crate) fn get_a() -> i32 {
    println!("getA: Calculating...");
    thread::sleep(Duration::from_millis(300));
    println!("getA: Done!");
    100
}

/// Go's `func getB() int`.
pub(crate) fn get_b() -> i32 {
    println!("getB: Calculating...");
    thread::sleep(Duration::from_millis(400));
    println!("getB: Done!");
    200
}

/// One after the other, the two would take 300 + 400 ms.
pub(crate) fn assert_they_overlapped(start: Instant) {
    let took = start.elapsed();
    assert!(took < Duration::from_millis(700), "it took {took:?}");
}
