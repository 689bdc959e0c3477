//! A wake-up at a point in time, without a runtime: one thread for all, there only while somebody
//! may want one.

use std::collections::BTreeMap;
use std::task::Waker;
use std::thread;
use std::time::Instant;

use parking::{Parker, Unparker};

use crate::sync::fixed::Mutex;
use crate::unwind::quietly;

/// When, and a number that tells those of the same moment apart.
type Key = (Instant, u64);

struct Clock {
    waiting: BTreeMap<Key, Waker>,
    next: u64,
    /// How many alarms there are, set or not.
    alarms: usize,
    /// The thread, while there is one.
    thread: Option<Unparker>,
}

static CLOCK: Mutex<Clock> = Mutex::new(Clock {
    waiting: BTreeMap::new(),
    next: 0,
    alarms: 0,
    thread: None,
});

/// Wakes somebody at a point in time, once it is set; dropped, it does not.
#[derive(Debug)]
pub(crate) struct Alarm {
    key: Option<Key>,
}

impl Alarm {
    pub(crate) fn new() -> Self {
        CLOCK.lock().alarms += 1;
        Self { key: None }
    }

    /// Wakes `waker` at the given time, and not as it was set before.
    ///
    /// If no thread can be had it is woken at once, to look for itself: that costs speed only.
    pub(crate) fn set(&mut self, at: Instant, waker: &Waker) {
        let waker = waker.clone();
        let mut clock = CLOCK.lock();
        let before = self.key.and_then(|key| clock.waiting.remove(&key));
        let key = (at, clock.next);
        clock.next += 1;
        clock.waiting.insert(key, waker);
        self.key = Some(key);
        let is_first = clock.waiting.keys().next() == Some(&key);
        let mut refused = None;
        match &clock.thread {
            Some(thread) if is_first => _ = thread.unpark(),
            Some(_) => {}
            None => {
                let (parker, unparker) = parking::pair();
                let builder = thread::Builder::new().name("letgo-timer".to_owned());
                // It waits for the lock that is held here before it looks around.
                match builder.spawn(move || run(&parker)) {
                    Ok(_) => clock.thread = Some(unparker),
                    Err(_) => refused = clock.waiting.remove(&key),
                }
            }
        }
        drop(clock);
        quietly(|| drop(before));
        if let Some(waker) = refused {
            quietly(|| waker.wake());
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut clock = CLOCK.lock();
        let waker = self.key.and_then(|key| clock.waiting.remove(&key));
        clock.alarms -= 1;
        // Without a further one the thread has nothing to stay for.
        if let Some(thread) = clock.thread.as_ref().filter(|_| clock.alarms == 0) {
            thread.unpark();
        }
        drop(clock);
        quietly(|| drop(waker));
    }
}

fn run(parker: &Parker) {
    loop {
        let mut clock = CLOCK.lock();
        if clock.alarms == 0 {
            // Under the lock: whoever comes next finds none, and makes one.
            clock.thread = None;
            return;
        }
        let Some(entry) = clock.waiting.first_entry() else {
            drop(clock);
            parker.park();
            continue;
        };
        let (at, _) = *entry.key();
        if at <= Instant::now() {
            let waker = entry.remove();
            drop(clock);
            quietly(|| waker.wake());
        } else {
            drop(clock);
            parker.park_deadline(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::sync::{Arc, Mutex};
    use std::task::{Wake, Waker};
    use std::time::{Duration, Instant};

    use super::{Alarm, CLOCK};

    /// The clock is everybody's: one test at a time.
    static TURN: Mutex<()> = Mutex::new(());

    struct Tell(std::sync::mpsc::Sender<&'static str>, &'static str);

    impl Wake for Tell {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(self.1);
        }
    }

    fn bells() -> (impl Fn(&'static str) -> Waker, Receiver<&'static str>) {
        let (send, receive) = channel();
        (
            move |name| Waker::from(Arc::new(Tell(send.clone(), name))),
            receive,
        )
    }

    fn no_thread_is_left() {
        while CLOCK.lock().thread.is_some() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn alarms_ring_in_the_order_of_their_times_and_leave_no_thread() {
        let _turn = TURN.lock().unwrap();
        let (bell, rung) = bells();
        let start = Instant::now();
        let (mut late, mut early) = (Alarm::new(), Alarm::new());
        late.set(start + Duration::from_millis(60), &bell("late"));
        early.set(start + Duration::from_millis(20), &bell("early"));
        assert_eq!(rung.recv(), Ok("early"));
        assert!(start.elapsed() >= Duration::from_millis(20));
        assert_eq!(rung.recv(), Ok("late"));
        assert!(start.elapsed() >= Duration::from_millis(60));
        drop((early, late));
        no_thread_is_left();
    }

    #[test]
    fn a_dropped_alarm_does_not_ring_and_drops_its_waker() {
        let _turn = TURN.lock().unwrap();
        let (bell, rung) = bells();
        let mut alarm = Alarm::new();
        alarm.set(Instant::now() + Duration::from_secs(3600), &bell("never"));
        drop((alarm, bell));
        // Every sender is gone: the waker was dropped, too.
        assert!(rung.recv().is_err());
        no_thread_is_left();
    }

    #[test]
    fn an_alarm_that_is_set_anew_rings_as_it_was_set_last() {
        let _turn = TURN.lock().unwrap();
        let (bell, rung) = bells();
        let mut alarm = Alarm::new();
        alarm.set(Instant::now() + Duration::from_secs(3600), &bell("first"));
        alarm.set(Instant::now(), &bell("second"));
        assert_eq!(rung.recv(), Ok("second"));
        alarm.set(Instant::now(), &bell("third"));
        assert_eq!(rung.recv(), Ok("third"));
        drop((alarm, bell));
        assert!(rung.recv().is_err());
        no_thread_is_left();
    }
}
