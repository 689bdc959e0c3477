//! Many members watched at once: each has a bell of its own, so that only those are polled that
//! have something to tell.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};

use crate::blocking;
use crate::error::JoinError;
use crate::eventual::{self, Eventual};
use crate::sync::{Arc, Mutex};
use crate::unwind::{Quiet, catch, quietly};
use crate::work::Outcome;

pub(super) struct Watch<E: Eventual> {
    /// `None`: has given its value.
    members: Vec<Option<Member<E>>>,
    left: usize,
    /// Whether a panic of one cancels the others.
    strict: bool,
    /// `None` until the first poll.
    news: Option<Arc<News>>,
    /// Whether a thread that blocks for it has polled all: a member can tell a deadlock only then.
    blocked_for: bool,
}

enum Member<E: Eventual> {
    Waiting(E),
    /// What there was when it was looked at before its turn: a value, or a panic.
    Arrived(Quiet<Outcome<E::Output>>),
}

/// Who has something to tell.
struct News(Mutex<Inbox>);

struct Inbox {
    /// Whose bells have rung, and the number of the ring.
    rung: VecDeque<(u64, usize)>,
    /// The number of each member's latest ring, if it is still to be looked at: a member made of others
    /// may ring several times before it has its value, and its turn is when it has.
    latest: Vec<Option<u64>>,
    rings: u64,
    waker: Option<Waker>,
}

/// A member's waker.
struct Bell {
    index: usize,
    news: Arc<News>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waker = {
            let mut inbox = self.news.0.lock();
            inbox.ring(self.index);
            inbox.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Inbox {
    fn ring(&mut self, index: usize) {
        if self.rung.len() >= 2 * self.latest.len() {
            let latest = &self.latest;
            self.rung
                .retain(|&(number, index)| latest[index] == Some(number));
        }
        self.latest[index] = Some(self.rings);
        self.rung.push_back((self.rings, index));
        self.rings += 1;
    }

    /// The member whose latest ring was the earliest.
    fn pop(&mut self) -> Option<usize> {
        while let Some((number, index)) = self.rung.pop_front() {
            if self.latest[index] == Some(number) {
                self.latest[index] = None;
                return Some(index);
            }
        }
        None
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        quietly(|| drop(self.waker.take()));
    }
}

impl News {
    fn of_none(members: usize) -> Self {
        Self(Mutex::new(Inbox {
            rung: VecDeque::new(),
            latest: vec![None; members],
            rings: 0,
            waker: None,
        }))
    }

    /// Everybody is to be looked at once, in the order given.
    fn of_all(members: usize) -> Self {
        let news = Self::of_none(members);
        (0..members).for_each(|index| news.ring(index));
        news
    }

    fn bell(self: &Arc<Self>, index: usize) -> Waker {
        let news = Arc::clone(self);
        Arc::new(Bell { index, news }).into()
    }

    fn ring(&self, index: usize) {
        self.0.lock().ring(index);
    }

    /// Those that have not rung are to be looked at once more.
    fn ring_silent<M>(&self, members: &[Option<M>]) {
        let mut inbox = self.0.lock();
        for (index, member) in members.iter().enumerate() {
            if member.is_some() && inbox.latest[index].is_none() {
                inbox.ring(index);
            }
        }
    }

    /// The next to look at, or the promise to wake.
    fn next(&self, cx: &Context<'_>) -> Option<usize> {
        let mut mine = None;
        loop {
            let mut inbox = self.0.lock();
            if let Some(index) = inbox.pop() {
                return Some(index);
            }
            if inbox
                .waker
                .as_ref()
                .is_some_and(|old| old.will_wake(cx.waker()))
            {
                return None;
            }
            // Cloning and dropping a waker is a user's code: outside the lock.
            if let Some(mine) = mine.take() {
                let old = inbox.waker.replace(mine);
                drop(inbox);
                quietly(|| drop(old));
                return None;
            }
            drop(inbox);
            mine = Some(cx.waker().clone());
        }
    }
}

impl<E: Eventual> Watch<E> {
    pub(super) fn new(members: impl IntoIterator<Item = E>) -> Self {
        let members: Vec<_> = members
            .into_iter()
            .map(|member| Some(Member::Waiting(member)))
            .collect();
        Self {
            left: members.len(),
            members,
            strict: false,
            news: None,
            blocked_for: false,
        }
    }

    /// As [`new`](Self::new), but a panic of one cancels the others on its way.
    pub(super) fn strict(members: impl IntoIterator<Item = E>) -> Self {
        Self {
            strict: true,
            ..Self::new(members)
        }
    }

    /// Watches from now on, not from the first poll on; so the members' turns are in the order they
    /// end in, those first that have ended.
    pub(super) fn begin(&mut self) {
        let news = Arc::new(News::of_none(self.members.len()));
        for (index, slot) in self.members.iter_mut().enumerate() {
            let Some(Member::Waiting(member)) = slot else {
                continue;
            };
            // What has ended is left to whoever asks for the values.
            if !member.is_finished() {
                let bell = news.bell(index);
                let mut cx = Context::from_waker(&bell);
                let arrived = match catch(|| Pin::new(member).poll(&mut cx)) {
                    Ok(Poll::Pending) => continue,
                    Ok(Poll::Ready(value)) => Ok(value),
                    Err(payload) => Err(JoinError::panicked(payload)),
                };
                *slot = Some(Member::Arrived(Quiet::new(arrived)));
            }
            news.ring(index);
        }
        self.news = Some(news);
    }

    /// How many there were at first.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// How many have not given their values.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// The next value to be had, and whose it is; `None` when all are.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, E::Output)>> {
        // A member may wake itself whenever it is polled, to give way to other tasks.
        let mut looks = self.left;
        while self.left > 0 {
            if self.news.is_none() {
                self.blocked_for = blocking::is_so();
            }
            let news = self
                .news
                .get_or_insert_with(|| Arc::new(News::of_all(self.members.len())));
            let Some(index) = news.next(cx) else {
                if blocking::is_so() && !std::mem::replace(&mut self.blocked_for, true) {
                    news.ring_silent(&self.members);
                    looks = self.left;
                    continue;
                }
                return Poll::Pending;
            };
            if looks == 0 {
                news.ring(index);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            looks -= 1;
            let bell = news.bell(index);
            if let Some(value) = self.poll_one(index, &mut Context::from_waker(&bell)) {
                return Poll::Ready(Some((index, value)));
            }
        }
        Poll::Ready(None)
    }

    /// Runs a member here, if it is claimable. Gives its value, if that is there then; else it is to be
    /// looked at again.
    pub(super) fn claim(&mut self, index: usize) -> Option<E::Output> {
        let mut member = self.members[index].take()?;
        self.left -= 1;
        if let Member::Waiting(eventual) = &mut member {
            self.guarded(|| eventual.claim());
        }
        let finished = member.is_finished();
        self.members[index] = Some(member);
        self.left += 1;
        let mut cx = Context::from_waker(Waker::noop());
        let value = finished.then(|| self.poll_one(index, &mut cx)).flatten();
        if let (None, Some(news)) = (&value, &self.news) {
            // It may have lost its bell.
            news.ring(index);
        }
        value
    }

    fn poll_one(&mut self, index: usize, cx: &mut Context<'_>) -> Option<E::Output> {
        // Out while it is polled: one that panics is not polled again.
        let mut member = self.members[index].take()?;
        self.left -= 1;
        let polled = self.guarded(|| match &mut member {
            Member::Waiting(eventual) => eventual::poll(eventual, cx),
            Member::Arrived(_) => Poll::Pending,
        });
        match (polled, member) {
            (Poll::Ready(value), _) => Some(value),
            (_, Member::Arrived(outcome)) => match outcome.take() {
                Ok(value) => Some(value),
                Err(panic) => resume_unwind(panic.into_panic()),
            },
            (_, member) => {
                self.members[index] = Some(member);
                self.left += 1;
                None
            }
        }
    }

    /// Runs the code of one that is out.
    fn guarded<R>(&self, f: impl FnOnce() -> R) -> R {
        if !self.strict {
            return f();
        }
        catch(f).unwrap_or_else(|payload| {
            self.cancel();
            resume_unwind(payload)
        })
    }

    /// Cancels and drops the members that are left. What their code does to that is lost, not the value
    /// they were dismissed for.
    pub(super) fn dismiss(&mut self) {
        self.left = 0;
        for member in self.members.iter_mut().filter_map(Option::take) {
            quietly(|| {
                member.cancel();
                drop(member);
            });
        }
    }

    pub(super) fn all_finished(&self) -> bool {
        self.members.iter().flatten().all(Member::is_finished)
    }

    pub(super) fn any_finished(&self) -> bool {
        self.members.iter().flatten().any(Member::is_finished)
    }

    pub(super) fn cancel(&self) {
        self.members.iter().flatten().for_each(Member::cancel);
    }
}

impl<E: Eventual> Member<E> {
    fn is_finished(&self) -> bool {
        match self {
            Self::Waiting(eventual) => eventual.is_finished(),
            Self::Arrived(_) => true,
        }
    }

    fn cancel(&self) {
        if let Self::Waiting(eventual) = self {
            eventual.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::News;

    #[test]
    fn a_member_that_rings_and_rings_is_remembered_once_at_its_latest() {
        let news = News::of_none(3);
        for index in [2, 0, 1] {
            news.ring(index);
        }
        (0..1_000).for_each(|_| news.ring(2));
        let mut inbox = news.0.lock();
        assert!(inbox.rung.len() <= 6, "{} rings are kept", inbox.rung.len());
        assert_eq!(
            [(); 4].map(|()| inbox.pop()),
            [Some(0), Some(1), Some(2), None]
        );
    }
}
