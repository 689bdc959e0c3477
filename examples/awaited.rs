//! The same handles in async code: `.await` where sync code says `get`, on any runtime.

mod question;

use std::time::Instant;

use letgo::spawn_value;
use question::{assert_they_overlapped, get_a, get_b};

// One thread: if an `.await` blocked it, nothing else on this runtime could go on.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let start = Instant::now();

    let a = spawn_value(get_a); // these sleep on threads of letgo's
    let b = spawn_value(get_b);
    let c = a.await + b.await;

    println!("Result: {c}");
    println!("All done!");

    assert_eq!(c, 300);
    assert_they_overlapped(start);
}
