//! Runs a program on an executor, and tells what the [model](crate::model) does not allow.

mod body;
mod combined;
mod fan;
mod outcome;
mod things;
mod wait;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicIsize, AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use self::body::{Captures, Mode};
use self::things::Token;
use crate::executors::{Exec, Site};
use crate::model::{MAIN, Out, Outs, Plan};
use crate::program::{BodyId, Id, Program};

pub(crate) use self::outcome::silence_expected_panics;

/// What came of a run.
#[derive(Debug)]
pub(crate) enum Verdict {
    Fine,
    /// What happened that must not.
    Failed(Vec<String>),
    /// The main body, or on one thread whatever was left, has not ended.
    Hung,
}

impl Verdict {
    pub(crate) fn is_fine(&self) -> bool {
        matches!(self, Self::Fine)
    }
}

/// A program on its way.
struct Run {
    program: Arc<Program>,
    plan: Plan,
    exec: Exec,
    /// How many values and captures there are.
    alive: Arc<AtomicIsize>,
    /// How often each body was started.
    ran: Vec<AtomicU32>,
    /// In which order.
    order: Mutex<Vec<BodyId>>,
    failures: Mutex<Vec<String>>,
}

/// Runs a program, once. What has not ended after `patience` hangs; its threads are left behind then.
pub(crate) fn run(
    program: &Arc<Program>,
    plan: Plan,
    site: &Site,
    seed: u64,
    patience: Duration,
) -> Verdict {
    begin(program, plan, site, seed, patience).0
}

/// Runs it, and hands it over for a closer look.
fn begin(
    program: &Arc<Program>,
    plan: Plan,
    site: &Site,
    seed: u64,
    patience: Duration,
) -> (Verdict, Arc<Run>) {
    let exec = site.executor();
    if let Exec::Scrambled(queue) = &exec {
        queue.reseed(seed);
    }
    let run = Arc::new(Run {
        ran: program.bodies.iter().map(|_| AtomicU32::new(0)).collect(),
        program: Arc::clone(program),
        plan,
        exec,
        alive: Arc::default(),
        order: Mutex::default(),
        failures: Mutex::default(),
    });
    let (tell, told) = channel();
    let inside = Arc::clone(&run);
    let thread = thread::Builder::new().name("main body".into());
    let spawned = thread.spawn(move || {
        let parts: [&dyn Fn(); 2] = [&|| inside.main_body(), &|| inside.end(patience)];
        for part in parts {
            if catch_unwind(AssertUnwindSafe(part)).is_err() {
                inside.fail("the stress test itself panicked".into());
            }
            // Nobody listens any more once it is late.
            let _ = tell.send(());
        }
    });
    if spawned.is_err() {
        run.fail("no thread can be made for the main body".into());
    }
    let mut verdict = None;
    // The end has a patience of its own, with others.
    for patience in [patience, patience * 2] {
        if told.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            verdict = Some(Verdict::Hung);
            break;
        }
    }
    let verdict = verdict.unwrap_or_else(|| run.verdict());
    (verdict, run)
}

impl Run {
    fn main_body(self: &Arc<Self>) {
        let main = Captures::new(self, 0, MAIN);
        let got = catch_unwind(AssertUnwindSafe(|| main.run_here(Mode::Main)));
        self.check("main", self.plan.main(), outcome::of_got(&got));
    }

    /// When all is over: what must have been run was, once.
    fn end(&self, patience: Duration) {
        self.settle(patience);
        for body in self.plan.must_run() {
            if self.ran[body].load(Ordering::SeqCst) == 0 {
                self.fail(format!("body {body} was never run"));
            }
        }
        for (body, ran) in self.ran.iter().enumerate() {
            let ran = ran.load(Ordering::SeqCst);
            if ran > 1 {
                self.fail(format!("body {body} was run {ran} times"));
            }
        }
    }

    /// Lets everything end, and looks whether all that was made is dropped.
    fn settle(&self, patience: Duration) {
        if let Exec::Scrambled(queue) = &self.exec {
            while queue.run_one() {}
        }
        let start = Instant::now();
        let mut looks = 0_u32;
        loop {
            let alive = self.alive.load(Ordering::SeqCst);
            if alive == 0 {
                return;
            }
            // On one thread there is nothing to wait for.
            if matches!(self.exec, Exec::Scrambled(_)) || start.elapsed() > patience {
                self.fail(format!("{alive} values or captures were never dropped"));
                return;
            }
            looks += 1;
            match looks {
                0..200 => thread::yield_now(),
                _ => thread::sleep(Duration::from_micros(100)),
            }
        }
    }

    fn token(&self) -> Token {
        Token::new(&self.alive)
    }

    fn fail(&self, what: String) {
        locked(&self.failures).push(what);
    }

    fn verdict(&self) -> Verdict {
        let failures = locked(&self.failures);
        match failures.is_empty() {
            true => Verdict::Fine,
            false => Verdict::Failed(failures.clone()),
        }
    }

    fn started(&self, body: BodyId) {
        self.ran[body].fetch_add(1, Ordering::SeqCst);
        locked(&self.order).push(body);
    }

    fn check(&self, who: &str, allowed: &Outs, out: Result<Out, String>) {
        match out {
            Err(what) => self.fail(format!("{who}: {what}")),
            Ok(out) if is_allowed(allowed, out) => {}
            Ok(out) => self.fail(format!("{who} came to {out:?}, not to one of {allowed:?}")),
        }
    }

    fn check_handle(&self, h: Id, out: Result<Out, String>) {
        self.check_handles(&[h], out);
    }

    /// Checks what one of these has come to.
    fn check_handles(&self, handles: &[Id], out: Result<Out, String>) {
        let mut allowed = Outs::new();
        for h in handles {
            match self.plan.handle(*h) {
                Some(outs) => allowed.extend(outs),
                None => self.fail(format!(
                    "handle {h} was made, and the model knows nothing of it"
                )),
            }
        }
        self.check(&format!("handle {handles:?}"), &allowed, out);
    }
}

/// Nobody panics while he has it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of a cancelled task's value, `get` panics.
fn is_allowed(allowed: &Outs, out: Out) -> bool {
    allowed.contains(&out) || (out == Out::NoValue && allowed.contains(&Out::Cancelled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executors::Kind;
    use crate::{generate, model};

    fn order(program: &Arc<Program>, seed: u64) -> Vec<BodyId> {
        let plan = model::plan(program).unwrap_or_else(|error| panic!("{}", error.0));
        let site = Kind::Scrambled.open();
        let (verdict, run) = begin(program, plan, &site, seed, Duration::from_secs(30));
        assert!(verdict.is_fine(), "seed {seed}: {verdict:?}");
        locked(&run.order).clone()
    }

    #[test]
    fn a_seed_of_the_scrambled_queue_brings_the_same_run_back() {
        silence_expected_panics();
        let mut differ = 0;
        for seed in 0..200 {
            let program = Arc::new(generate::program(seed, true));
            let first = order(&program, seed);
            assert_eq!(first, order(&program, seed));
            differ += usize::from(first != order(&program, seed + 1));
        }
        assert!(differ > 20, "another seed is another order");
    }
}
