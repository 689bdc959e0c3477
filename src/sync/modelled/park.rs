//! Parking: what the `parking` crate does, told in the checker's terms.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::checker::sync::{Condvar, Mutex};
use super::checker::thread;

#[derive(Default)]
struct Token {
    is_there: Mutex<bool>,
    comes: Condvar,
}

pub(crate) struct Parker(Unparker);

#[derive(Clone)]
pub(crate) struct Unparker(Arc<Token>);

pub(crate) fn parker() -> (Parker, Unparker) {
    let parker = Parker::new();
    let unparker = parker.unparker();
    (parker, unparker)
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self(Unparker(Arc::default()))
    }

    pub(crate) fn unparker(&self) -> Unparker {
        self.0.clone()
    }

    pub(crate) fn park(&self) {
        let token = &*self.0.0;
        let mut is_there = token.is_there.lock().unwrap();
        while !*is_there {
            is_there = token.comes.wait(is_there).unwrap();
        }
        *is_there = false;
    }

    /// There is no clock in a model: any time may be over by the time that others had a chance to run.
    /// A look in no time shows nothing that a later one doesn't.
    pub(crate) fn park_timeout(&self, time: Duration) -> bool {
        if time.is_zero() {
            return false;
        }
        let mut is_there = self.0.0.is_there.lock().unwrap();
        if !*is_there {
            drop(is_there);
            thread::yield_now();
            is_there = self.0.0.is_there.lock().unwrap();
        }
        std::mem::take(&mut *is_there)
    }

    pub(crate) fn park_deadline(&self, _end: Instant) -> bool {
        self.park_timeout(Duration::MAX)
    }
}

impl Unparker {
    pub(crate) fn unpark(&self) -> bool {
        let token = &*self.0;
        let mut is_there = token.is_there.lock().unwrap();
        let was_there = std::mem::replace(&mut *is_there, true);
        drop(is_there);
        token.comes.notify_one();
        !was_there
    }
}
