use letgo::{Job, spawn_value_on};

fn main() {
    let clones = |job: Job| {
        job.clone().run();
        job.run();
    };
    spawn_value_on(&clones, || 1).get();
}
