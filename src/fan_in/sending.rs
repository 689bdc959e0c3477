//! Sending an item: at once if there is room, else by way of the line.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::channel::{Channel, Refused};
use super::ticket::Ticket;
use crate::linger::{self, Moment};
use crate::sync::Arc;
use crate::{lend, wait};

/// An item on its way; it comes back if nobody will receive it.
pub(super) struct Sending<'a, I> {
    channel: &'a Channel<I>,
    stage: Stage<I>,
}

enum Stage<I> {
    New(I),
    InLine(Arc<Ticket<I>>),
    Over,
}

/// Sends an item, and blocks this thread until there is room.
#[inline]
pub(super) fn block<I>(channel: &Channel<I>, item: I) -> Result<(), I> {
    match channel.try_push(item) {
        Ok(()) => Ok(()),
        Err(Refused::Closed(item)) => Err(item),
        Err(Refused::Full(item)) => wait_for_room(channel, item),
    }
}

#[cold]
fn wait_for_room<I>(channel: &Channel<I>, item: I) -> Result<(), I> {
    let mut turns = Turns::new(channel, item);
    linger::giving_way_always(|| turns.push());
    let item = match turns.pushed {
        Ok(()) => return Ok(()),
        Err(Refused::Closed(item)) => return Err(item),
        Err(Refused::Full(item)) => item,
    };
    if lend::is_helping() {
        // The one who makes room may be this very thread, once it has its own wait behind it.
        return leave(channel, item);
    }
    let mut sending = Sending::new(channel, item);
    match wait::block_until(None, |cx| Pin::new(&mut sending).poll(cx)) {
        Some(result) => result,
        None => unreachable!("a wait without a deadline ends with the value"),
    }
}

/// An item that found no room.
///
/// A thread whose item finds none lets others run before the item gets in line: a consumer that has to wake somebody for
/// each item it takes is no faster than they are, and the buffer stays full.
struct Turns<'a, I> {
    channel: &'a Channel<I>,
    pushed: Result<(), Refused<I>>,
}

impl<'a, I> Turns<'a, I> {
    fn new(channel: &'a Channel<I>, item: I) -> Self {
        let pushed = Err(Refused::Full(item));
        Self { channel, pushed }
    }

    /// Tries again; whether there is an end of it.
    fn push(&mut self) -> bool {
        self.pushed = match mem::replace(&mut self.pushed, Ok(())) {
            Err(Refused::Full(item)) => self.channel.try_push(item),
            ended => ended,
        };
        !matches!(self.pushed, Err(Refused::Full(_)))
    }
}

/// Sends an item without waiting for room: it waits in line by itself.
pub(super) fn leave<I>(channel: &Channel<I>, item: I) -> Result<(), I> {
    match channel.try_push(item) {
        Ok(()) => Ok(()),
        Err(Refused::Closed(item)) => Err(item),
        Err(Refused::Full(item)) => {
            let ticket = channel.line_up(item, Waker::noop().clone());
            match ticket.poll(&Context::from_waker(Waker::noop())) {
                Poll::Ready(result) => result,
                Poll::Pending => Ok(()),
            }
        }
    }
}

impl<'a, I> Sending<'a, I> {
    pub(super) fn new(channel: &'a Channel<I>, item: I) -> Self {
        let stage = Stage::New(item);
        Self { channel, stage }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    fn poll_for_room(&mut self, item: I, cx: &mut Context<'_>) -> Poll<Result<(), I>> {
        let mut turns = Turns::new(self.channel, item);
        let moment = linger::giving_way(|| turns.push());
        match turns.pushed {
            Ok(()) => Poll::Ready(Ok(())),
            Err(Refused::Closed(item)) => Poll::Ready(Err(item)),
            Err(Refused::Full(item)) => {
                let ticket = self.channel.line_up(item, cx.waker().clone());
                if moment == Moment::Forgone {
                    linger::until(|| ticket.is_settled());
                }
                self.stage = Stage::InLine(ticket);
                Pin::new(self).poll(cx)
            }
        }
    }
}

/// An item is moved, never pinned.
impl<I> Unpin for Sending<'_, I> {}

impl<I> Future for Sending<'_, I> {
    type Output = Result<(), I>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Stage::InLine(ticket) = &self.stage {
            let Poll::Ready(result) = ticket.poll(cx) else {
                lend::help_while_pending(cx);
                return Poll::Pending;
            };
            self.stage = Stage::Over;
            return Poll::Ready(result);
        }
        let Stage::New(item) = mem::replace(&mut self.stage, Stage::Over) else {
            panic!("this value was sent already: it can be sent only once");
        };
        match self.channel.try_push(item) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(Refused::Closed(item)) => Poll::Ready(Err(item)),
            Err(Refused::Full(item)) => self.poll_for_room(item, cx),
        }
    }
}

impl<I> Drop for Sending<'_, I> {
    fn drop(&mut self) {
        if let Stage::InLine(ticket) = &self.stage {
            drop(self.channel.withdraw(ticket));
        }
    }
}
