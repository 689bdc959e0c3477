//! The mailbox: messages in line, and the desk they are served at.
//!
//! The desk has the state. To *serve* is to have taken the desk out of the mailbox, with messages from
//! the front of the line: whoever has it runs them on the state, outside the lock, and puts it back.

use std::collections::VecDeque;
use std::task::Waker;

use super::request::Serve;
use crate::sync::{Arc, AtomicBool, Ordering};
use crate::unwind::quietly;
use crate::who::{self, Who};

pub(super) struct Mailbox<S> {
    pub(super) line: VecDeque<Message<S>>,
    /// `None`: somebody serves, or the state is gone for good.
    pub(super) desk: Option<Box<Desk<S>>>,
    /// Who serves.
    pub(super) server: Option<Who>,
    /// The number that the next message gets. They count up, so the line's first one follows.
    next: u64,
    pub(super) scheduled: bool,
    /// Who is handing the executor a job after a batch, and whether the executor has dropped it there
    /// and then.
    pub(super) rescheduler: Option<Who>,
    pub(super) refused: bool,
    /// Whether the executor has run it there and then.
    pub(super) came_back: bool,
    /// No message comes any more: the agent was stopped, or nobody has a handle.
    pub(super) ends: bool,
    /// The blocked threads to be woken when the state is put back, by the numbers of their calls.
    standby: Vec<(u64, Waker)>,
}

/// The state, and the messages that whoever serves has taken off the line.
pub(super) struct Desk<S> {
    /// `None` once it was given back by a stop.
    pub(super) state: Option<S>,
    batch: VecDeque<Message<S>>,
}

pub(super) enum Message<S> {
    Request(Arc<dyn Serve<S>>),
    Cast(Box<dyn FnOnce(&mut S) + Send>),
}

impl<S> Mailbox<S> {
    pub(super) fn new(state: S) -> Self {
        let desk = Desk {
            state: Some(state),
            batch: VecDeque::new(),
        };
        Self {
            line: VecDeque::new(),
            desk: Some(Box::new(desk)),
            server: None,
            next: 0,
            scheduled: false,
            rescheduler: None,
            refused: false,
            came_back: false,
            ends: false,
            standby: Vec::new(),
        }
    }

    /// Puts a message into the line, and gives its number.
    #[inline]
    pub(super) fn push(&mut self, message: Message<S>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.line.push_back(message);
        number
    }

    /// The number of the line's first message.
    pub(super) fn first(&self) -> u64 {
        self.next - self.line.len() as u64
    }

    /// Whether there is something to do for who has no message of its own in the line.
    pub(super) fn has_work(&self) -> bool {
        !self.line.is_empty() && self.desk.is_some()
    }

    /// Takes the state, with the first `count` messages, for the calling thread to serve.
    pub(super) fn take_desk(&mut self, count: usize, served: &AtomicBool) -> Option<Box<Desk<S>>> {
        let mut desk = self.desk.take()?;
        served.store(true, Ordering::Relaxed);
        self.server = Some(who::me());
        if count > 0 {
            desk.batch.extend(self.line.drain(..count));
        }
        Some(desk)
    }

    /// The thread that waits for message `number` is to be woken when the state is back. It waits until
    /// that message has left the line, so what is in here and in the line still waits.
    pub(super) fn stand_by(&mut self, number: u64, thread: &Waker) {
        self.standby.retain(|(other, _)| *other != number);
        // One of our own, a blocked thread's: fit to be cloned under the lock.
        self.standby.push((number, thread.clone()));
    }

    /// The thread to be woken now that the state is back.
    pub(super) fn next_standby(&mut self) -> Option<Waker> {
        if self.standby.is_empty() {
            return None;
        }
        let first = self.first();
        self.standby.retain(|(number, _)| *number >= first);
        let foremost = (0..self.standby.len()).min_by_key(|&index| self.standby[index].0)?;
        Some(self.standby.swap_remove(foremost).1)
    }
}

impl<S> Desk<S> {
    /// Runs the messages that were taken off the line.
    pub(super) fn serve(&mut self) {
        while let Some(message) = self.batch.pop_front() {
            // A value that nobody asks for is dropped here.
            quietly(|| message.serve(&mut self.state));
        }
    }
}

impl<S> Message<S> {
    fn serve(self, state: &mut Option<S>) {
        match self {
            Self::Request(request) => request.serve(state),
            Self::Cast(f) => {
                if let Some(state) = state {
                    f(state);
                }
            }
        }
    }

    pub(super) fn refuse(self) {
        match self {
            Self::Request(request) => request.refuse(),
            Self::Cast(f) => drop(f),
        }
    }
}
