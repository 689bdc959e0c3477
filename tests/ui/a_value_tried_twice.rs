use letgo::spawn_value;

fn main() {
    let handle = spawn_value(|| 1);
    let _ = handle.try_get(); // would have given the handle back
    handle.get();
}
