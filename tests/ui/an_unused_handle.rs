#![deny(unused_must_use)]

fn main() {
    letgo::spawn_value(|| 1);
    letgo::spawn_value(|| 1).map(|n| n + 1);
    letgo::spawn_value(|| 1).settle();
    letgo::spawn_value(|| 1).shared();
    letgo::join!(letgo::spawn_value(|| 1));
}
