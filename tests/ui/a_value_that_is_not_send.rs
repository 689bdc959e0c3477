use std::rc::Rc;

fn main() {
    letgo::spawn_value(|| Rc::new(1)).get();
}
