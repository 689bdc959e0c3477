//! Who serves, and when: the protocol that forgets no message and no thread.
//!
//! Two kinds of threads serve: one that runs the agent's job, a batch at a time; and one that blocks for
//! a call, up to that call.
//!
//! **No message is forgotten.** While there are messages the agent is *scheduled* (its executor has a
//! job of it, or runs it) or served; who puts the state back schedules the agent if there is more and
//! no job of it. A job that finds no messages, or the state gone, is used up. So calls that are got at
//! once leave one job standing for many of them. (A worker of our pool holds on
//! to the job until it has fallen asleep: a next call would bring it back at once.)
//!
//! **No blocked thread is forgotten.** The job may never be run: the threads of its executor may all be
//! blocked, for calls to this agent perhaps. So whoever finds the state gone stands by; and each time
//! that the state is put back, the foremost of those whose call is still in line is woken to take it.

use std::panic::AssertUnwindSafe;
use std::task::{Poll, Waker};

use super::mailbox::{Desk, Mailbox, Message};
use crate::executor::Executor;
use crate::job::Job;
use crate::pool::Pool;
use crate::rights::{Run, Visit};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering, SpinLock};
use crate::unwind::quietly;
use crate::who::{self, Who};

/// How many messages a job serves before it goes to the end of its executor's line.
const BATCH: usize = 64;

/// An agent, without its handles.
pub(super) struct Core<S> {
    mailbox: SpinLock<Mailbox<S>>,
    /// Is the state out? Only a hint, for those who would rather not lock: `Relaxed`.
    served: AtomicBool,
    /// Has a claimer served? Only a hint, for who wonders whether it pays to wait: `Relaxed`.
    claimed: AtomicBool,
    /// How many handles there are.
    handles: AtomicUsize,
    /// To schedule is a user's code: it runs outside the lock, and what it leaves behind when it panics
    /// is theirs to guard.
    executor: AssertUnwindSafe<On>,
}

/// Where the agent's jobs run.
pub(super) enum On {
    Global,
    Other(Box<dyn Executor + Send + Sync>),
}

/// Who puts the state back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    /// A thread that blocked for its call.
    Claimer,
    /// The agent's job.
    Job,
    /// The agent's job, on a thread that holds on to it if there is no more to do.
    Visit,
    /// The agent's job, after the executor has refused another.
    LastJob,
}

/// What there is to do when the state was put back.
pub(super) enum After<S> {
    Nothing,
    /// There are more messages, for whoever the agent was scheduled for.
    More,
    /// These, here and now: the executor takes no job any more, and they were in the line before
    /// anybody could know.
    Refused(Box<Desk<S>>),
    /// These, here and now: the executor runs jobs as it gets them.
    CameBack(Box<Desk<S>>),
}

/// What came of asking for the state to serve up to some message.
pub(super) enum Turn<S> {
    /// It is the caller's. The message was taken off the line.
    Mine(Box<Desk<S>>),
    /// Somebody else serves.
    Busy,
    /// The caller is being served: to wait for its turn is to wait for itself.
    Own,
    /// Somebody else has taken the message off the line.
    Late,
}

impl<S> Core<S> {
    pub(super) fn new(state: S, executor: On) -> Self {
        Self {
            mailbox: SpinLock::new(Mailbox::new(state)),
            served: AtomicBool::new(false),
            claimed: AtomicBool::new(false),
            handles: AtomicUsize::new(1),
            executor: AssertUnwindSafe(executor),
        }
    }

    pub(super) fn add_handle(&self) {
        // Relaxed: whoever clones a handle has one.
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// The last handle closes the mailbox.
    pub(super) fn remove_handle(&self) {
        // Relaxed: what follows is under the lock.
        if self.handles.fetch_sub(1, Ordering::Relaxed) == 1 {
            let mut mailbox = self.mailbox.lock();
            mailbox.ends = true;
            let is_idle = mailbox.line.is_empty();
            let left_over = mailbox.desk.take_if(|_| is_idle);
            drop(mailbox);
            quietly(|| drop(left_over));
        }
    }

    pub(super) fn queued(&self) -> usize {
        self.mailbox.lock().line.len()
    }

    pub(super) fn is_served_by_me(&self) -> bool {
        self.server() == Some(who::me())
    }

    /// Whether a claimer has served since this was asked for the last time.
    fn was_claimed(&self) -> bool {
        self.claimed.swap(false, Ordering::Relaxed)
    }

    /// Whether somebody serves: a hint.
    pub(super) fn is_served(&self) -> bool {
        self.served.load(Ordering::Relaxed)
    }

    /// Who serves, if anybody does.
    pub(super) fn server(&self) -> Option<Who> {
        self.mailbox.lock().server
    }

    /// Whether it pays to [take a turn](Self::take_turn) for message `number`; if not, the waker is woken
    /// when it does.
    pub(super) fn poll_turn(&self, number: u64, waker: &Waker) -> Poll<()> {
        let mut mailbox = self.mailbox.lock();
        let waits = mailbox.desk.is_none()
            && mailbox.server != Some(who::me())
            && number >= mailbox.first();
        if !waits {
            return Poll::Ready(());
        }
        mailbox.stand_by(number, waker);
        Poll::Pending
    }

    /// Asks for the state, to serve up to message `number`.
    pub(super) fn take_turn(&self, number: u64) -> Turn<S> {
        let mut mailbox = self.mailbox.lock();
        if mailbox.server == Some(who::me()) {
            return Turn::Own;
        }
        let Some(before) = number.checked_sub(mailbox.first()) else {
            return Turn::Late;
        };
        let Some(desk) = mailbox.take_desk(before as usize, &self.served) else {
            return Turn::Busy;
        };
        self.claimed.store(true, Ordering::Relaxed);
        let own = mailbox.line.pop_front();
        drop(mailbox);
        // The claimer has the message in another guise.
        drop(own);
        Turn::Mine(desk)
    }
}

impl<S: Send + 'static> Core<S> {
    /// Puts a message into the line and gives its number; hands it back if none is taken any more.
    #[inline]
    pub(super) fn post(
        self: &Arc<Self>,
        message: Message<S>,
        last: bool,
    ) -> Result<u64, Message<S>> {
        let mut mailbox = self.mailbox.lock();
        if mailbox.ends {
            return Err(message);
        }
        mailbox.ends = last;
        let number = mailbox.push(message);
        // Whoever serves looks at the line when the state is put back.
        let schedule = !mailbox.scheduled && mailbox.desk.is_some();
        mailbox.scheduled |= schedule;
        drop(mailbox);
        if schedule {
            self.schedule();
        }
        Ok(number)
    }

    #[cold]
    fn schedule(self: &Arc<Self>) {
        let turn = JobTurn {
            core: Arc::clone(self),
            used: AtomicBool::new(false),
        };
        let job = Job::task(Arc::new(turn));
        match &self.executor.0 {
            On::Global => Pool::global().execute(job),
            On::Other(executor) => executor.execute(job),
        }
    }

    /// The state for the agent's job, with a batch of messages. If there is nothing to do, the job is
    /// used up, if so asked.
    fn take_batch(&self, use_up: bool) -> Option<Box<Desk<S>>> {
        let mut mailbox = self.mailbox.lock();
        if !mailbox.has_work() {
            mailbox.scheduled = !use_up;
            return None;
        }
        let count = mailbox.line.len().min(BATCH);
        mailbox.take_desk(count, &self.served)
    }

    /// Uses the job up, unless there is something to do.
    fn use_up_if_idle(&self) -> bool {
        let mut mailbox = self.mailbox.lock();
        mailbox.scheduled = mailbox.has_work();
        !mailbox.scheduled
    }

    /// The executor has dropped the job: what is queued is cancelled.
    fn cancel_line(&self) {
        let mut mailbox = self.mailbox.lock();
        mailbox.scheduled = false;
        if mailbox.rescheduler == Some(who::me()) {
            mailbox.refused = true;
            return;
        }
        let line = std::mem::take(&mut mailbox.line);
        let ends = mailbox.ends;
        let left_over = mailbox.desk.take_if(|_| ends);
        drop(mailbox);
        for message in line {
            quietly(|| message.refuse());
        }
        quietly(|| drop(left_over));
    }

    /// Ends the caller's turn.
    #[inline]
    pub(super) fn put_back(self: &Arc<Self>, desk: Box<Desk<S>>, by: Server) -> After<S> {
        let by_job = by != Server::Claimer;
        let mut left_over = None;
        let mut mailbox = self.mailbox.lock();
        mailbox.server = None;
        self.served.store(false, Ordering::Relaxed);
        let more = !mailbox.line.is_empty();
        if more || !mailbox.ends {
            mailbox.desk = Some(desk);
        } else {
            left_over = Some(desk);
        }
        let schedule = more && (by_job || !mailbox.scheduled);
        mailbox.scheduled = more || by == Server::Visit || (mailbox.scheduled && !by_job);
        let may_be_refused = schedule && matches!(by, Server::Job | Server::Visit);
        if may_be_refused {
            mailbox.rescheduler = Some(who::me());
        }
        let standby = mailbox.next_standby();
        drop(mailbox);
        if let Some(thread) = standby {
            thread.wake();
        }
        if schedule {
            // An executor that panics has dropped the job.
            quietly(|| self.schedule());
            if may_be_refused {
                if let Some(rest) = self.take_rest() {
                    return rest;
                }
            }
        }
        if left_over.is_some() {
            quietly(|| drop(left_over));
        }
        if more { After::More } else { After::Nothing }
    }

    /// Serves the messages on the desk, and schedules the agent if there are more. `true`: there are
    /// none.
    fn serve(self: &Arc<Self>, mut desk: Box<Desk<S>>, by: Server) -> bool {
        loop {
            desk.serve();
            match self.put_back(desk, by) {
                After::Nothing => return true,
                After::More => return false,
                After::CameBack(rest) => desk = rest,
                After::Refused(mut rest) => {
                    rest.serve();
                    self.put_back(rest, Server::LastJob);
                    return false;
                }
            }
        }
    }

    /// All there is in the line, if the job that was to go on with it has come to nothing.
    fn take_rest(&self) -> Option<After<S>> {
        let mut mailbox = self.mailbox.lock();
        if mailbox.rescheduler != Some(who::me()) {
            // Another thread has had a turn since, and is rescheduling in its turn.
            return None;
        }
        mailbox.rescheduler = None;
        let came_back = std::mem::take(&mut mailbox.came_back);
        let refused = std::mem::take(&mut mailbox.refused);
        if !(came_back || refused) || !mailbox.has_work() {
            return None;
        }
        let count = mailbox.line.len();
        let desk = mailbox.take_desk(count, &self.served)?;
        Some(if refused {
            After::Refused(desk)
        } else {
            After::CameBack(desk)
        })
    }

    /// Whether this thread is just handing its executor the next job: that one runs it here and now, within
    /// the turn before. The turn goes on instead, or they would nest without bound.
    fn comes_back(&self) -> bool {
        let mut mailbox = self.mailbox.lock();
        let comes_back = mailbox.rescheduler == Some(who::me());
        if comes_back {
            mailbox.came_back = true;
            mailbox.scheduled = false;
        }
        comes_back
    }
}

/// The agent's job, as its executor gets it: good for one turn.
struct JobTurn<S> {
    core: Arc<Core<S>>,
    /// Relaxed: the job is in one place at a time.
    used: AtomicBool,
}

impl<S: Send + 'static> Run for JobTurn<S> {
    fn run(&self) {
        self.used.store(true, Ordering::Relaxed);
        if self.core.comes_back() {
            return;
        }
        if let Some(desk) = self.core.take_batch(true) {
            self.core.serve(desk, Server::Job);
        }
    }

    fn visit(&self) -> Visit {
        let idle = match self.core.take_batch(false) {
            Some(desk) => self.core.serve(desk, Server::Visit),
            None => true,
        };
        self.used.store(!idle, Ordering::Relaxed);
        match idle {
            false => Visit::Over,
            true if self.core.was_claimed() => Visit::Nap,
            true => Visit::Lull,
        }
    }

    fn let_go(&self) -> bool {
        let goes = self.core.use_up_if_idle();
        self.used.store(goes, Ordering::Relaxed);
        goes
    }

    /// The executor has dropped the job.
    fn abandon(&self) {
        self.core.cancel_line();
    }

    fn cancel(&self) {
        self.abandon();
    }

    fn is_fresh(&self) -> bool {
        !self.used.load(Ordering::Relaxed)
    }

    fn comes_again(&self) -> bool {
        true
    }
}
