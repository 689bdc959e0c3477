//! Many members watched at once: each has a waker of its own, so that only those are polled that
//! have something to tell.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};

use crate::eventual::Eventual;
use crate::sync::{Arc, Mutex};

pub(super) struct Watch<E> {
    /// `None`: has given its value.
    members: Vec<Option<E>>,
    left: usize,
    /// `None` until the first poll: a `get` that can claim everything needs no wakers.
    news: Option<Arc<News>>,
}

/// Who has something to tell, in the order they came.
struct News(Mutex<Inbox>);

struct Inbox {
    ready: VecDeque<usize>,
    waker: Option<Waker>,
}

/// A member's waker.
struct Bell {
    index: usize,
    news: Arc<News>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let waker = {
            let mut inbox = self.news.0.lock();
            inbox.ready.push_back(self.index);
            inbox.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl News {
    /// The next to look at, or the promise to wake.
    fn next(&self, cx: &Context<'_>) -> Option<usize> {
        let mut mine = None;
        loop {
            let mut inbox = self.0.lock();
            if let Some(index) = inbox.ready.pop_front() {
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
                drop(old);
                return None;
            }
            drop(inbox);
            mine = Some(cx.waker().clone());
        }
    }
}

impl<E: Eventual> Watch<E> {
    pub(super) fn new(members: impl IntoIterator<Item = E>) -> Self {
        let members: Vec<_> = members.into_iter().map(Some).collect();
        Self {
            left: members.len(),
            members,
            news: None,
        }
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
        while self.left > 0 {
            let news = self.news.get_or_insert_with(|| {
                // Everybody is to be polled once, with a bell of its own.
                let ready = (0..self.members.len()).collect();
                Arc::new(News(Mutex::new(Inbox { ready, waker: None })))
            });
            let Some(index) = news.next(cx) else {
                return Poll::Pending;
            };
            let bell = Waker::from(Arc::new(Bell {
                index,
                news: Arc::clone(news),
            }));
            if let Some(value) = self.poll_one(index, &mut Context::from_waker(&bell)) {
                return Poll::Ready(Some((index, value)));
            }
        }
        Poll::Ready(None)
    }

    /// Runs a member here, if it is claimable; gives its value if it is there then.
    pub(super) fn claim(&mut self, index: usize) -> Option<E::Output> {
        let member = self.members[index].as_mut()?;
        member.claim();
        if !member.is_finished() {
            return None;
        }
        self.poll_one(index, &mut Context::from_waker(Waker::noop()))
    }

    fn poll_one(&mut self, index: usize, cx: &mut Context<'_>) -> Option<E::Output> {
        // Out while it is polled: one that panics is not polled again.
        let mut member = self.members[index].take()?;
        self.left -= 1;
        match Pin::new(&mut member).poll(cx) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => {
                self.members[index] = Some(member);
                self.left += 1;
                None
            }
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.members.iter().flatten().all(Eventual::is_finished)
    }

    pub(super) fn cancel(&self) {
        self.members.iter().flatten().for_each(Eventual::cancel);
    }
}
