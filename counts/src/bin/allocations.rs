//! Counts what an operation allocates: how often, and how many bytes. To allocate and free costs more with a
//! count, so that instructions are counted by another program.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicU64, Ordering};

use letgo_counts::{Meter, main_with};

static COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Copy)]
struct Allocations;

impl Meter for Allocations {
    fn collect(self, f: impl FnOnce()) {
        let info = allocation_counter::measure(f);
        // Relaxed: who reads it waits for the task that did this.
        COUNT.store(info.count_total, Ordering::Relaxed);
        BYTES.store(info.bytes_total, Ordering::Relaxed);
    }
}

fn main() {
    main_with(Allocations, || {
        let [count, bytes] = [&COUNT, &BYTES].map(|count| count.load(Ordering::Relaxed));
        format!("{count} {bytes}")
    });
}
