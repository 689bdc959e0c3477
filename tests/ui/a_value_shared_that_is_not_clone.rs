struct Unique;

fn main() {
    let shared = letgo::spawn_value(|| Unique).shared();
    shared.get();
}
