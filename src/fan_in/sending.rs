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
pub(super) fn block<I>(channel: &Channel<I>, item: I) -> Result<(), I> {
    let mut pushed = channel.try_push(item);
    if is_full(&pushed) {
        linger::giving_way_always(|| push_again(channel, &mut pushed));
    }
    let item = match pushed {
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

type Pushed<I> = Result<(), Refused<I>>;

fn is_full<I>(pushed: &Pushed<I>) -> bool {
    matches!(pushed, Err(Refused::Full(_)))
}

/// Adds an item that found no room before; whether there is an end of it.
///
/// A thread that finds no room lets others run, before its item gets in line: a consumer that has to wake somebody for each
/// item it takes is no faster than they are, and the buffer stays full.
fn push_again<I>(channel: &Channel<I>, pushed: &mut Pushed<I>) -> bool {
    *pushed = match mem::replace(pushed, Ok(())) {
        Err(Refused::Full(item)) => channel.try_push(item),
        ended => ended,
    };
    !is_full(pushed)
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
        let mut pushed = self.channel.try_push(item);
        let moment =
            is_full(&pushed).then(|| linger::giving_way(|| push_again(self.channel, &mut pushed)));
        match pushed {
            Ok(()) => Poll::Ready(Ok(())),
            Err(Refused::Closed(item)) => Poll::Ready(Err(item)),
            Err(Refused::Full(item)) => {
                let ticket = self.channel.line_up(item, cx.waker().clone());
                if moment == Some(Moment::Forgone) {
                    linger::until(|| ticket.is_settled());
                }
                self.stage = Stage::InLine(ticket);
                self.poll(cx)
            }
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
