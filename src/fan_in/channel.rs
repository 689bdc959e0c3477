//! The channel beneath a fan-in: a bounded buffer, and those who wait at its two ends.
//!
//! The buffer has two halves, each with a lock of its own. Producers fill the *inbox*; a receiver that
//! finds the *outbox* empty takes the whole inbox for it in one go, so that the two sides meet once for
//! many items. What is left in the outbox still counts against the bound.
//!
//! A producer that finds no room leaves its item with a [`Ticket`] in the *line*. Whoever makes room
//! admits the oldest of them: the item moves into the buffer there and then, without waiting until
//! its producer runs again.
//!
//! **Nobody waits beside what he waits for.** The outbox's lock decides. Under it a receiver takes an item and
//! then looks whether somebody is in line, a producer gets in line before it looks for room: whoever comes
//! second sees the other. Likewise the end: a receiver that takes the last item then counts the
//! producers, the last producer goes before it looks for items.
//!
//! Lock order: outbox, inbox, ticket. Under none of them is a waker cloned, woken or dropped, or an item
//! dropped: that is a user's code.

use std::collections::VecDeque;
use std::mem;
use std::ops::Deref;
use std::task::{Context, Poll, Waker};

use super::ticket::Ticket;
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering, SpinGuard, SpinLock};
use crate::unwind::quietly;
use crate::waiters::{Place, Waiters};
use crate::{lend, linger};

pub(super) struct Channel<T> {
    inbox: Apart<SpinLock<Inbox<T>>>,
    outbox: Apart<Outbox<T>>,
    capacity: usize,
    /// How long the line is. Changed under the inbox's lock; raised under the outbox's, too.
    in_line: AtomicUsize,
    /// How many may still produce.
    producers: AtomicUsize,
    /// Whether the inbox has items: a hint for a receiver that lingers. Changed under its lock.
    is_filled: Apart<AtomicBool>,
}

/// What the threads of one side write must not share a cache line with what the other's do. 128: the
/// processors of today fetch lines by twos.
#[repr(align(128))]
struct Apart<T>(T);

impl<T> Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

struct Outbox<T> {
    items: SpinLock<VecDeque<T>>,
    /// How many items there are, for those who have not the lock. Changed under it; raised under the
    /// inbox's lock, too, so that a producer may find too little room, never too much.
    ///
    /// Relaxed, as the counts of the channel: where an order matters, the locks make it.
    left: AtomicUsize,
}

struct Inbox<T> {
    items: VecDeque<T>,
    /// The outbox has no more items than that: it had so many when last asked. To ask it for each item
    /// would be to fetch what a receiver has just written.
    left_at_most: usize,
    /// Whether the receivers found a single item the last time that they found any, though there is room for
    /// more: a hint.
    in_step: bool,
    /// Producers that wait for room, oldest first.
    line: VecDeque<Arc<Ticket<T>>>,
    /// Receivers that wait for an item.
    receivers: Waiters,
    /// Those who wait for nothing but the end.
    mourners: Waiters,
    /// Whether nobody will receive any more.
    closed: bool,
}

/// Why an item was not taken.
pub(super) enum Refused<T> {
    Full(T),
    Closed(T),
}

/// What a receiver finds; of `Empty`, what came of that.
pub(super) enum Look<T, R> {
    Item(T),
    Empty(R),
    /// Nothing is left, and nobody produces any more.
    Ended,
}

impl<T, R> Look<T, R> {
    /// An item, or the end; `None` if there is neither.
    fn found(self) -> Option<Option<T>> {
        match self {
            Self::Item(item) => Some(Some(item)),
            Self::Ended => Some(None),
            Self::Empty(rest) => {
                quietly(|| drop(rest));
                None
            }
        }
    }
}

impl<T> Channel<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let inbox = Inbox {
            items: VecDeque::new(),
            left_at_most: 0,
            in_step: false,
            line: VecDeque::new(),
            receivers: Waiters::default(),
            mourners: Waiters::default(),
            closed: false,
        };
        Self {
            inbox: Apart(SpinLock::new(inbox)),
            outbox: Apart(Outbox {
                items: SpinLock::new(VecDeque::new()),
                left: AtomicUsize::new(0),
            }),
            capacity,
            in_line: AtomicUsize::new(0),
            producers: AtomicUsize::new(0),
            is_filled: Apart(AtomicBool::new(false)),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn len(&self) -> usize {
        let inbox = self.inbox.lock();
        inbox.items.len() + self.outbox.left.load(Ordering::Relaxed)
    }

    pub(super) fn producers(&self) -> usize {
        self.producers.load(Ordering::Relaxed)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.inbox.lock().closed
    }

    pub(super) fn add_producer(&self) {
        self.producers.fetch_add(1, Ordering::Relaxed);
    }

    /// A producer is gone. The last one ends the channel, if nothing is left in it.
    pub(super) fn remove_producer(&self) {
        if self.producers.fetch_sub(1, Ordering::Relaxed) == 1 {
            drop(self.outbox.items.lock());
            self.tell_end();
        }
    }

    /// Adds an item, if there is room and nobody is in line for it.
    #[inline]
    pub(super) fn try_push(&self, item: T) -> Result<(), Refused<T>> {
        let mut inbox = self.inbox.lock();
        if inbox.closed {
            return Err(Refused::Closed(item));
        }
        if !inbox.line.is_empty() || !self.has_room(&mut inbox) {
            return Err(Refused::Full(item));
        }
        self.fill(inbox, item);
        Ok(())
    }

    /// Puts an item in the inbox, where there is room.
    #[inline]
    fn fill(&self, mut inbox: SpinGuard<'_, Inbox<T>>, item: T) {
        inbox.items.push_back(item);
        if inbox.items.len() == 1 {
            self.is_filled.store(true, Ordering::Relaxed);
        }
        let receivers = inbox.receivers.next();
        drop(inbox);
        if let Some(receivers) = receivers {
            receivers.wake();
        }
    }

    /// Leaves an item in the line, to be let in when there is room; `waker` is woken then.
    pub(super) fn line_up(&self, item: T, waker: Waker) -> Arc<Ticket<T>> {
        let ticket = Arc::new(Ticket::new(item, waker));
        let outbox = self.outbox.items.lock();
        let mut inbox = self.inbox.lock();
        if inbox.closed {
            drop((inbox, outbox));
            self.turn_away(&ticket);
        } else {
            inbox.line.push_back(Arc::clone(&ticket));
            self.in_line.store(inbox.line.len(), Ordering::Relaxed);
            drop((inbox, outbox));
            self.admit();
        }
        ticket
    }

    /// Leaves the line. The item comes back if it was not let in.
    pub(super) fn withdraw(&self, ticket: &Arc<Ticket<T>>) -> Option<T> {
        let item = ticket.take_back();
        let mut inbox = self.inbox.lock();
        inbox.line.retain(|other| !Arc::ptr_eq(other, ticket));
        self.in_line.store(inbox.line.len(), Ordering::Relaxed);
        item
    }

    fn turn_away(&self, ticket: &Ticket<T>) {
        if let Some(producer) = ticket.refuse() {
            quietly(|| producer.wake());
        }
    }

    /// Lets in the oldest of the line, while there is room.
    fn admit(&self) {
        loop {
            let mut inbox = self.inbox.lock();
            if !self.has_room(&mut inbox) {
                return;
            }
            let Some(ticket) = inbox.line.pop_front() else {
                return;
            };
            self.in_line.store(inbox.line.len(), Ordering::Relaxed);
            let Some((item, producer)) = ticket.admit() else {
                continue;
            };
            self.fill(inbox, item);
            quietly(|| producer.wake());
        }
    }

    #[inline]
    fn has_room(&self, inbox: &mut Inbox<T>) -> bool {
        if inbox.items.len() + inbox.left_at_most < self.capacity {
            return true;
        }
        inbox.left_at_most = self.outbox.left.load(Ordering::Relaxed);
        inbox.items.len() + inbox.left_at_most < self.capacity
    }

    /// The oldest item, if there is one; if not, whether producers and receivers are in step.
    #[inline]
    pub(super) fn look(&self) -> Look<T, bool> {
        self.look_or(|inbox| inbox.in_step)
    }

    /// The oldest item, or the end, or the promise to wake.
    pub(super) fn poll(&self, place: &mut Place, cx: &Context<'_>) -> Poll<Option<T>> {
        // At first without a waker: mostly none is needed.
        let mut item = self.look().found();
        if item.is_none() && linger::until(|| self.is_filled.load(Ordering::Relaxed)) {
            item = self.look().found();
        }
        if item.is_none() {
            let waker = cx.waker().clone();
            item = self
                .look_or(|inbox| inbox.receivers.wait(place, waker))
                .found();
        }
        let Some(item) = item else {
            lend::help_while_pending(cx);
            return Poll::Pending;
        };
        // Woken for an item, it has one. Woken for another, as it came by itself for this: that one is a
        // further receiver's.
        self.leave(place);
        Poll::Ready(item)
    }

    #[inline]
    fn look_or<R>(&self, if_empty: impl FnOnce(&mut Inbox<T>) -> R) -> Look<T, R> {
        let mut outbox = self.outbox.items.lock();
        if outbox.is_empty() {
            let mut inbox = self.inbox.lock();
            if inbox.items.is_empty() {
                if self.is_ended(&inbox) {
                    return Look::Ended;
                }
                return Look::Empty(if_empty(&mut inbox));
            }
            mem::swap(&mut *outbox, &mut inbox.items);
            self.is_filled.store(false, Ordering::Relaxed);
            // Under both locks: no producer may find room where there is none.
            inbox.left_at_most = outbox.len();
            inbox.in_step = outbox.len() == 1 && self.capacity > 1;
            self.outbox.left.store(outbox.len(), Ordering::Relaxed);
        }
        let Some(item) = outbox.pop_front() else {
            unreachable!("it was not empty, or was just filled");
        };
        self.outbox.left.store(outbox.len(), Ordering::Relaxed);
        let somebody_waits = self.in_line.load(Ordering::Relaxed) > 0;
        let may_be_last = outbox.is_empty() && self.producers.load(Ordering::Relaxed) == 0;
        drop(outbox);
        if somebody_waits {
            self.admit();
        }
        if may_be_last {
            self.tell_end();
        }
        Look::Item(item)
    }

    /// A receiver waits no longer. If it was woken, and there is something it may have been woken for, another
    /// is woken in its place.
    #[inline]
    pub(super) fn leave(&self, place: &mut Place) {
        if place.is_taken() {
            self.leave_line(place);
        }
    }

    fn leave_line(&self, place: &mut Place) {
        let mut inbox = self.inbox.lock();
        let own = inbox.receivers.leave(place);
        let is_empty = inbox.items.is_empty() && self.outbox.left.load(Ordering::Relaxed) == 0;
        let heirs = if own.is_none() && !is_empty {
            inbox.receivers.next()
        } else {
            None
        };
        drop(inbox);
        quietly(|| drop(own));
        if let Some(heirs) = heirs {
            heirs.wake();
        }
    }

    /// Whether it has ended, or the promise to wake.
    pub(super) fn poll_end(&self, place: &mut Place, cx: &Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut inbox = self.inbox.lock();
        if self.is_ended(&inbox) {
            drop(inbox);
            return Poll::Ready(());
        }
        let old = inbox.mourners.wait(place, waker);
        drop(inbox);
        quietly(|| drop(old));
        Poll::Pending
    }

    /// Does not wait for the end any more.
    pub(super) fn leave_mourners(&self, place: &mut Place) {
        if place.is_taken() {
            let own = self.inbox.lock().mourners.leave(place);
            quietly(|| drop(own));
        }
    }

    fn is_ended(&self, inbox: &Inbox<T>) -> bool {
        self.producers.load(Ordering::Relaxed) == 0
            && inbox.items.is_empty()
            && inbox.line.is_empty()
            && self.outbox.left.load(Ordering::Relaxed) == 0
    }

    /// Wakes everybody, if it has ended.
    #[cold]
    fn tell_end(&self) {
        let mut inbox = self.inbox.lock();
        if !self.is_ended(&inbox) {
            return;
        }
        let everybody = inbox.receivers.all().chain(inbox.mourners.all());
        drop(inbox);
        for waker in everybody {
            quietly(|| waker.wake());
        }
    }

    /// Nobody will receive any more: those in line get their items back, the others are dropped.
    pub(super) fn close(&self) {
        let mut outbox = self.outbox.items.lock();
        let mut inbox = self.inbox.lock();
        inbox.closed = true;
        let items = (mem::take(&mut *outbox), mem::take(&mut inbox.items));
        let line = mem::take(&mut inbox.line);
        let waiters = (inbox.receivers.all(), inbox.mourners.all());
        self.outbox.left.store(0, Ordering::Relaxed);
        self.in_line.store(0, Ordering::Relaxed);
        drop((inbox, outbox));
        for ticket in line {
            self.turn_away(&ticket);
        }
        // One that panics must not take the next one's along, which would end the process.
        let (outbox, inbox) = items;
        for item in outbox.into_iter().chain(inbox) {
            quietly(|| drop(item));
        }
        let (receivers, mourners) = waiters;
        for waker in receivers.chain(mourners) {
            quietly(|| drop(waker));
        }
    }
}
