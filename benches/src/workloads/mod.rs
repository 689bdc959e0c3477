//! The workloads, one a file: each says what is done, who does it, and how often.
//!
//! To add one: a file with a function that gives a [`Workload`], and its name in [`all`].

mod agent;
mod await_value;
mod fan_in;
mod fan_out;
mod fib;
mod futures;
mod promise_map;
mod scaling;
mod skynet;
mod sleepers;
mod spawn_get;
mod start_delay;
mod two_jobs;

use crate::measure::Workload;

/// All there are. Those that make pools grow come last: the threads stay for a while.
///
/// `long`: with the points that take minutes.
pub(crate) fn all(long: bool) -> Vec<Workload> {
    let mut all = vec![
        spawn_get::workload(),
        fan_out::workload(),
        fib::workload(),
        skynet::workload(),
        two_jobs::workload(),
        await_value::workload(),
        start_delay::workload(),
        futures::got(),
        futures::awaited(),
    ];
    all.extend(futures::yielding());
    all.extend(fan_in::blocking());
    all.extend(fan_in::awaiting());
    all.push(fan_in::tasks());
    all.extend([agent::alone(), agent::among_many(), promise_map::workload()]);
    all.extend([
        scaling::spawners(),
        scaling::spawners_of_many(),
        scaling::pending(long),
        scaling::depth(),
    ]);
    all.extend(sleepers::workloads());
    all
}
