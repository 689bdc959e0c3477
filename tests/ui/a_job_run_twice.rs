use letgo::{Job, spawn_value_on};

fn main() {
    let runs_twice = |job: Job| {
        job.run();
        job.run();
    };
    spawn_value_on(&runs_twice, || 1).get();
}
