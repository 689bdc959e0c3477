//! The question's program: two closures run at once, and `get` blocks where their values are used.

mod question;

use std::time::Instant;

use letgo::spawn_value;
use question::{assert_they_overlapped, get_a, get_b};

fn main() {
    let start = Instant::now();

    let a = spawn_value(get_a); // A := go getA()
    let b = spawn_value(get_b); // B := go getB()

    // If no thread has started getA yet, `a.get()` runs it here, while another runs getB.
    let c = a.get() + b.get(); // C := A + B, which waits till getA() and getB() return

    println!("Result: {c}");
    println!("All done!");

    assert_eq!(c, 300);
    assert_they_overlapped(start);
}
