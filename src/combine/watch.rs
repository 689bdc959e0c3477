//! Many members watched at once: each has a bell of its own, so that only those are polled that
//! have something to tell.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};

use crate::eventual::Eventual;
use crate::sync::{Arc, Mutex};
use crate::unwind::catch;

pub(super) struct Watch<E> {
    /// `None`: has given its value.
    members: Vec<Option<E>>,
    left: usize,
    /// Whether a panic of one cancels the others.
    strict: bool,
    /// `None` until the first poll.
    news: Option<Arc<News>>,
}

/// Who has something to tell.
struct News(Mutex<Inbox>);

struct Inbox {
    /// Whose bells have rung, by the number of the latest ring: a member made of others may ring
    /// several times before it has its value, and its turn is when it has.
    rung: BTreeMap<u64, usize>,
    /// The number of each member's latest ring.
    latest: Vec<u64>,
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
        let number = self.rings;
        self.rings += 1;
        let earlier = std::mem::replace(&mut self.latest[index], number);
        self.rung.remove(&earlier);
        self.rung.insert(number, index);
    }
}

impl News {
    /// Everybody is to be looked at once, in the order given.
    fn of_all(members: usize) -> Self {
        let numbers = 0..members as u64;
        Self(Mutex::new(Inbox {
            rung: numbers.clone().zip(0..members).collect(),
            rings: numbers.end,
            latest: numbers.collect(),
            waker: None,
        }))
    }

    /// The next to look at, or the promise to wake.
    fn next(&self, cx: &Context<'_>) -> Option<usize> {
        let mut mine = None;
        loop {
            let mut inbox = self.0.lock();
            if let Some((_, index)) = inbox.rung.pop_first() {
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
            strict: false,
            news: None,
        }
    }

    /// As [`new`](Self::new), but a panic of one cancels the others on its way.
    pub(super) fn strict(members: impl IntoIterator<Item = E>) -> Self {
        Self {
            strict: true,
            ..Self::new(members)
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
        // A member may wake itself whenever it is polled, to give way to other tasks.
        let mut looks = self.left;
        while self.left > 0 {
            let news = self
                .news
                .get_or_insert_with(|| Arc::new(News::of_all(self.members.len())));
            let Some(index) = news.next(cx) else {
                return Poll::Pending;
            };
            if looks == 0 {
                news.0.lock().ring(index);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            looks -= 1;
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

    /// Runs a member here, if it is claimable; its value, if it is there then, is news.
    pub(super) fn claim(&mut self, index: usize) {
        if let Some(mut member) = self.members[index].take() {
            self.left -= 1;
            self.guarded(|| member.claim());
            self.members[index] = Some(member);
            self.left += 1;
        }
    }

    fn poll_one(&mut self, index: usize, cx: &mut Context<'_>) -> Option<E::Output> {
        // Out while it is polled: one that panics is not polled again.
        let mut member = self.members[index].take()?;
        self.left -= 1;
        match self.guarded(|| Pin::new(&mut member).poll(cx)) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => {
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

    pub(super) fn is_finished(&self) -> bool {
        self.members.iter().flatten().all(Eventual::is_finished)
    }

    pub(super) fn cancel(&self) {
        self.members.iter().flatten().for_each(Eventual::cancel);
    }
}
