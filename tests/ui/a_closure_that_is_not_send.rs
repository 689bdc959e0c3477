use std::rc::Rc;

fn main() {
    let local = Rc::new(1);
    let handle = letgo::spawn_value(move || *local);
    handle.get();
}
