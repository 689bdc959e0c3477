//! A worker as others see it: what it is doing, and how to wake it.

use super::os::OsThread;
use crate::sync::{AtomicBool, AtomicU64, Ordering, Unparker};

pub(super) struct Seat {
    pub(super) unparker: Unparker,
    /// Asleep and on the list of sleepers. Changed only under that list's lock.
    pub(super) asleep: AtomicBool,
    /// The number of the job, and what the worker is doing about it.
    ///
    /// Only the worker changes it, but for `Working` to `Presumed` and back: that is the monitor's. Both agree
    /// on who made a change, for a change that may meet another is a read-modify-write. What either then does
    /// to the counts comes after what the other did to them before: hence acquire and release.
    status: AtomicU64,
    pub(super) os: Option<OsThread>,
}

/// What a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Looking for a job, or asleep.
    Looking,
    /// Running a job.
    Working,
    /// Blocked in its job, as far as the monitor can see.
    Presumed,
    /// Blocked in its job, as it said itself.
    Waiting,
}

const DOING: [Doing; 4] = [
    Doing::Looking,
    Doing::Working,
    Doing::Presumed,
    Doing::Waiting,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) job: u64,
    pub(super) doing: Doing,
}

impl Status {
    fn pack(self) -> u64 {
        (self.job << 2) | self.doing as u64
    }

    fn unpack(word: u64) -> Self {
        Self {
            job: word >> 2,
            doing: DOING[(word & 3) as usize],
        }
    }
}

impl Seat {
    pub(super) fn new(unparker: Unparker, os: Option<OsThread>) -> Self {
        let status = AtomicU64::new(
            Status {
                job: 0,
                doing: Doing::Looking,
            }
            .pack(),
        );
        Self {
            unparker,
            asleep: AtomicBool::new(false),
            status,
            os,
        }
    }

    /// Whether the operating system calls it blocked, if it can be asked.
    pub(super) fn is_blocked(&self) -> Option<bool> {
        self.os.as_ref().and_then(OsThread::is_blocked)
    }

    pub(super) fn status(&self) -> Status {
        Status::unpack(self.status.load(Ordering::Relaxed))
    }

    /// The worker is at work on a job. It was looking for one or waiting, which nobody else changes: a
    /// store does.
    pub(super) fn works_on(&self, job: u64) {
        let doing = Doing::Working;
        self.status
            .store(Status { job, doing }.pack(), Ordering::Release);
    }

    /// The worker's own change; gives what it was doing until now.
    pub(super) fn set(&self, job: u64, doing: Doing) -> Doing {
        Status::unpack(
            self.status
                .swap(Status { job, doing }.pack(), Ordering::AcqRel),
        )
        .doing
    }

    /// The monitor's change: `from` one thing to another, if the worker has not moved on.
    pub(super) fn presume(&self, job: u64, from: Doing, to: Doing) -> bool {
        let (from, to) = (
            Status { job, doing: from }.pack(),
            Status { job, doing: to }.pack(),
        );
        self.status
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
}
