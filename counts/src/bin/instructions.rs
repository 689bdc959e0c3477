//! Under callgrind: the instructions inside of [`collected`] are an operation's.
#![forbid(unsafe_code)]

use letgo_counts::{Meter, main_with};

#[derive(Clone, Copy)]
struct Instructions;

impl Meter for Instructions {
    fn collect(self, f: impl FnOnce()) {
        collected(f);
    }
}

/// What callgrind knows by its name.
#[inline(never)]
fn collected(f: impl FnOnce()) {
    f();
}

fn main() {
    main_with(Instructions, String::new);
}
