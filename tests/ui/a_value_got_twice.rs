use letgo::spawn_value;

fn main() {
    let handle = spawn_value(|| 1);
    let once = handle.get();
    let twice = handle.get();
    println!("{}", once + twice);
}
