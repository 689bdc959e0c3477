//! `main` returns while tasks run: the process ends well, and at once.
//!
//! Without libtest, whose tests are not run on the main thread: each scenario is the `main` of a process.

#[path = "common/ways.rs"]
mod ways;

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::process::Command;
use std::sync::OnceLock;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::StreamExt;
use letgo::{
    Agent, FanIn, JoinHandle, Pool, PromiseMap, Reply, promise, spawn_future, spawn_value,
};

use ways::all_ways;

const SCENARIOS: &[(&str, fn())] = &[
    ("closures_that_block", || {
        let own = Pool::builder().threads(2).build().unwrap();
        for _ in 0..20 {
            spawn_value(sleep).detach();
            own.spawn_value(sleep).detach();
        }
        started();
    }),
    ("closures_that_compute", || {
        for _ in 0..4 {
            spawn_value(|| -> i32 {
                loop {
                    std::hint::spin_loop();
                }
            })
            .detach();
        }
        started();
    }),
    ("closures_that_spawn_and_get", || {
        for _ in 0..4 {
            spawn_value(|| {
                loop {
                    spawn_value(|| ()).get();
                    drop(spawn_value(|| ()).get_timeout(Duration::MAX));
                    spawn_value(|| ()).detach();
                }
            })
            .detach();
        }
        started();
    }),
    ("closures_that_print", || {
        for _ in 0..4 {
            spawn_value(|| {
                loop {
                    println!("still here");
                }
            })
            .detach();
        }
        started();
    }),
    ("closures_that_nobody_has_started", || {
        let own = Pool::builder().threads(1).max_threads(1).build().unwrap();
        own.spawn_value(sleep).detach();
        for _ in 0..10_000 {
            own.spawn_value(|| ()).detach();
            spawn_value(|| ()).detach();
        }
    }),
    ("futures_that_wait_or_never_rest", || {
        spawn_future(pending::<()>()).detach();
        let restless = poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        spawn_future(restless).detach();
        started();
    }),
    ("threads_that_wait", || {
        for _ in 0..4 {
            let (resolver, answer) = promise::<()>();
            spawn_value(move || answer.get()).detach();
            let (other, answer) = promise::<()>();
            thread::spawn(move || answer.get());
            std::mem::forget((resolver, other));
        }
        started();
    }),
    ("producers_that_are_held_back", || {
        let fan = FanIn::bounded(1);
        for n in 0..4 {
            fan.spawn_value(move || n);
        }
        fan.recv();
        started();
        // Not dropped: they are to be held back still.
        std::mem::forget(fan);
    }),
    ("a_paced_stream_that_waits", || {
        spawn_future(async {
            let fan = FanIn::bounded(1);
            let sender = fan.sender();
            sender.try_send(1).unwrap();
            let mut paced = fan.paced(Duration::from_secs(3600));
            while paced.next().await.is_some() {}
        })
        .detach();
        started();
    }),
    ("an_agent_at_work", || {
        let agent = Agent::new(0);
        agent.cast(|_| sleep());
        agent.call(|n| *n).detach();
        started();
    }),
    ("all_kinds_in_statics", || {
        static POOL: OnceLock<Pool> = OnceLock::new();
        static HANDLE: OnceLock<JoinHandle<()>> = OnceLock::new();
        static AGENT: OnceLock<Agent<i32>> = OnceLock::new();
        static FAN: OnceLock<FanIn<i32>> = OnceLock::new();
        static REPLY: OnceLock<(PromiseMap<i32, i32>, Reply<i32, i32>)> = OnceLock::new();
        let pool = POOL.get_or_init(|| Pool::builder().threads(2).build().unwrap());
        HANDLE.get_or_init(|| pool.spawn_value(sleep));
        AGENT.get_or_init(|| Agent::on(pool, 0)).cast(|_| sleep());
        FAN.get_or_init(|| FanIn::bounded(1)).spawn_value(|| 1);
        REPLY.get_or_init(|| {
            let map = PromiseMap::new();
            let reply = map.insert(1).unwrap();
            (map, reply)
        });
        started();
    }),
    ("mains_own_thread_locals", || {
        at_the_end(&EARLY, all_ways);
        all_ways();
        at_the_end(&LATE, all_ways);
    }),
    ("mains_own_thread_locals_and_nothing_before", || {
        at_the_end(&EARLY, all_ways);
    }),
];

fn sleep() {
    loop {
        thread::park();
    }
}

/// Something else has run, so that what was spawned before most likely runs.
fn started() {
    for _ in 0..10 {
        let ran = spawn_value(|| ()).get_timeout(Duration::from_millis(5));
        drop(ran);
    }
}

struct Last(fn());

impl Drop for Last {
    fn drop(&mut self) {
        self.0();
        // A panic in here would end the process with a signal; and that it was run is to be seen.
        eprintln!("{LAST}");
    }
}

const LAST: &str = "the last moment has come";

thread_local! {
    static EARLY: RefCell<Option<Last>> = const { RefCell::new(None) };
    static LATE: RefCell<Option<Last>> = const { RefCell::new(None) };
}

fn at_the_end(place: &'static thread::LocalKey<RefCell<Option<Last>>>, f: fn()) {
    place.set(Some(Last(f)));
}

const CHILD: &str = "LETGO_TEST_CHILD";

/// How often each is run: what goes wrong at an end does so now and then.
const ROUNDS: usize = 5;

/// Far longer than a process needs to end on a loaded machine.
const HANGS: Duration = Duration::from_secs(60);

fn check(name: &str) {
    for _ in 0..ROUNDS {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env_remove("LETGO_THREADS").env(CHILD, name);
        let output = spawn_value(move || command.output().unwrap());
        let Ok(output) = output.get_timeout(HANGS) else {
            panic!("{name}: the process does not end");
        };
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{name}: {}\n{error}",
            output.status
        );
        let lasts = match name {
            "mains_own_thread_locals" => 2,
            "mains_own_thread_locals_and_nothing_before" => 1,
            _ => 0,
        };
        assert_eq!(error.matches(LAST).count(), lasts, "{name}: {error}");
    }
}

/// As much of libtest's command line as its callers use.
fn main() {
    if let Ok(child) = std::env::var(CHILD) {
        let scenario = SCENARIOS.iter().find(|(name, _)| *name == child);
        return scenario.expect("a scenario of this name").1();
    }
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    for (name, _) in SCENARIOS {
        let wanted = filter.is_none_or(|filter| match has("--exact") {
            true => filter == name,
            false => name.contains(filter.as_str()),
        });
        if !wanted || has("--ignored") {
            continue;
        }
        if has("--list") {
            println!("{name}: test");
        } else {
            check(name);
            println!("test {name} ... ok");
        }
    }
}
