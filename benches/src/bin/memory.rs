//! What the memory of a pending closure is: a program of its own, because its allocator counts.

#![forbid(unsafe_code)]

use std::alloc::System;

use letgo_bench::Allocated;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    print!("{}", letgo_bench::memory(allocated));
}

fn allocated() -> Allocated {
    let stats = ALLOCATOR.stats();
    Allocated {
        count: stats.allocations + stats.reallocations,
        bytes: stats.bytes_allocated,
        freed: stats.bytes_deallocated,
    }
}
