use std::cell::RefCell;
use std::rc::Rc;

use letgo::{Executor, Job};

fn main() {
    let queue = Rc::new(RefCell::new(Vec::new()));
    let enqueues = move |job: Job| queue.borrow_mut().push(job);
    enqueues.spawn_future(async { 1 }).get();
}
