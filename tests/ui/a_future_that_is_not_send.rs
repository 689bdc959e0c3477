use std::rc::Rc;

fn main() {
    let handle = letgo::spawn_future(async {
        let local = Rc::new(1);
        std::future::ready(()).await;
        *local
    });
    handle.get();
}
