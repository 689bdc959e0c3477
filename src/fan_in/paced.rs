//! At most one value per period.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream;

use super::channel::Channel;
use super::receive::Receiving;
use super::{FanIn, value};
use crate::timer::Alarm;
use crate::wait;
use crate::waiters::Place;

/// What [`FanIn::paced`] gives: the values, at most one per period, to be iterated or streamed.
///
/// # Blocking
/// Iterated, it blocks between values as [`FanIn::recv`] does for them. Streamed, it waits for a timer
/// that needs no runtime: a thread that all such streams share, and that is there only while there are
/// some.
///
/// # Cancel safety
/// It may be given up at any time: a value is taken only when it is given out.
#[must_use = "it receives nothing unless it is iterated or streamed"]
pub struct Paced<'a, T> {
    fan: &'a FanIn<T>,
    pace: Pace,
    /// Among those who wait for values.
    receives: Place,
    /// Among those who wait for the end.
    mourns: Place,
    alarm: Option<Alarm>,
}

/// The values, at most one per period: what `for value in fan.paced(period)` goes through.
///
/// # Panics
/// As [`FanIn::recv`], at the producer's turn; asked again, it gives the next value, a period later.
///
/// # Blocking
/// As [`FanIn::recv`], for each value and for the rest of the period before it.
#[must_use = "it receives nothing unless it is iterated"]
pub struct PacedIter<'a, T> {
    fan: &'a FanIn<T>,
    pace: Pace,
}

#[derive(Clone, Copy)]
struct Pace {
    period: Duration,
    /// When the last value was given out.
    last: Option<Instant>,
}

/// Until when no value may be taken.
enum Rest {
    Over,
    Until(Instant),
    /// Until later than the clock can tell.
    ForEver,
}

impl Pace {
    fn rest(self) -> Rest {
        match self.last.map(|last| last.checked_add(self.period)) {
            None => Rest::Over,
            Some(Some(end)) if end <= Instant::now() => Rest::Over,
            Some(Some(end)) => Rest::Until(end),
            Some(None) => Rest::ForEver,
        }
    }

    /// A value is given out, late or not: the next one is due a period from now.
    fn begin(&mut self) {
        self.last = Some(Instant::now());
    }
}

impl<'a, T> Paced<'a, T> {
    pub(super) fn new(fan: &'a FanIn<T>, period: Duration) -> Self {
        Self {
            fan,
            pace: Pace { period, last: None },
            receives: Place::SOFT,
            mourns: Place::SOFT,
            alarm: None,
        }
    }
}

/// Blocks up to the deadline, or for the end if that comes first.
fn ends_before<I>(channel: &Channel<I>, deadline: Option<Instant>) -> bool {
    let mut mourns = Place::FIRM;
    let ended = wait::block_until(deadline, |cx| channel.poll_end(&mut mourns, cx));
    channel.leave_mourners(&mut mourns);
    ended.is_some()
}

impl<T> Iterator for PacedIter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        let channel = &self.fan.channel;
        let ended = match self.pace.rest() {
            Rest::Over => false,
            Rest::Until(end) => ends_before(channel, Some(end)),
            Rest::ForEver => ends_before(channel, None),
        };
        if ended {
            return None;
        }
        let item = Receiving::new(channel).block(None).flatten()?;
        self.pace.begin();
        Some(value(item))
    }
}

impl<'a, T> IntoIterator for Paced<'a, T> {
    type Item = T;
    type IntoIter = PacedIter<'a, T>;

    fn into_iter(self) -> PacedIter<'a, T> {
        let (fan, pace) = (self.fan, self.pace);
        PacedIter { fan, pace }
    }
}

/// A stream of the values, at most one per period, which ends when the fan-in has.
///
/// # Panics
/// With a producer's panic, at its turn; the stream goes on afterwards.
impl<T> Stream for Paced<'_, T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let channel = &this.fan.channel;
        let rest = this.pace.rest();
        if !matches!(rest, Rest::Over) {
            if channel.poll_end(&mut this.mourns, cx).is_ready() {
                this.alarm = None;
                return Poll::Ready(None);
            }
            if let Rest::Until(end) = rest {
                let alarm = this.alarm.get_or_insert_with(Alarm::new);
                alarm.set(end, cx.waker());
            }
            return Poll::Pending;
        }
        channel.leave_mourners(&mut this.mourns);
        let item = std::task::ready!(channel.poll(&mut this.receives, cx));
        if item.is_some() {
            this.pace.begin();
        }
        Poll::Ready(item.map(value))
    }
}

impl<T> Drop for Paced<'_, T> {
    fn drop(&mut self) {
        self.fan.channel.leave(&mut self.receives);
        self.fan.channel.leave_mourners(&mut self.mourns);
    }
}

impl<T> fmt::Debug for Paced<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paced")
            .field("fan", self.fan)
            .field("period", &self.pace.period)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for PacedIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacedIter")
            .field("fan", self.fan)
            .field("period", &self.pace.period)
            .finish_non_exhaustive()
    }
}
