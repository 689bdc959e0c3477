fn main() {
    let text = String::from("borrowed");
    let handle = letgo::spawn_value(|| text.len());
    handle.get();
}
