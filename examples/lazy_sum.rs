//! `C := A + B` to the letter: the sum of two handles is a value to come, and blocks nowhere.

mod question;

use std::time::Instant;

use letgo::spawn_value;
use question::{assert_they_overlapped, get_a, get_b};

fn main() {
    let start = Instant::now();

    let a = spawn_value(get_a); // A := go getA()
    let b = spawn_value(get_b); // B := go getB()
    let c = a + b; // C := A + B, which nobody waits for: it is to come as well

    // Here somebody does. If no thread has started getA yet, it runs here, while another runs getB.
    let c = c.get();

    println!("Result: {c}");
    println!("All done!");

    assert_eq!(c, 300);
    assert_they_overlapped(start);
}
