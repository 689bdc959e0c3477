//! A member of a combinator: to come, there, or given away.

use std::task::{Context, Poll, Waker};

use crate::eventual::{self, Eventual};
use crate::unwind::{Quiet, quietly};

pub(super) enum Slot<E: Eventual> {
    Waiting(E),
    Arrived(Quiet<E::Output>),
    Empty,
}

impl<E: Eventual> Slot<E> {
    /// Whether the value is there.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        if let Self::Waiting(eventual) = self {
            match eventual::poll(eventual, cx) {
                Poll::Ready(value) => *self = Self::Arrived(Quiet::new(value)),
                Poll::Pending => return false,
            }
        }
        true
    }

    /// Runs here what is claimable; if the value, or a panic, is there then, it shows at once.
    pub(super) fn claim(&mut self) {
        if let Self::Waiting(eventual) = self {
            eventual.claim();
            self.look();
        }
    }

    /// If the value, or a panic, is there, it shows.
    pub(super) fn look(&mut self) {
        if let Self::Waiting(eventual) = self {
            eventual.look();
            if eventual.is_finished() {
                self.poll(&mut Context::from_waker(Waker::noop()));
            }
        }
    }

    pub(super) fn take(&mut self) -> Option<E::Output> {
        match std::mem::replace(self, Self::Empty) {
            Self::Arrived(value) => Some(value.take()),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Cancels and drops the member, if it is still to come.
    pub(super) fn dismiss(&mut self) {
        let member = std::mem::replace(self, Self::Empty);
        quietly(|| member.cancel());
        quietly(|| drop(member));
    }

    pub(super) fn arrived(&self) -> Option<&E::Output> {
        match self {
            Self::Arrived(value) => Some(value.get()),
            _ => None,
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        match self {
            Self::Waiting(eventual) => eventual.is_finished(),
            _ => true,
        }
    }

    pub(super) fn cancel(&self) {
        if let Self::Waiting(eventual) = self {
            eventual.cancel();
        }
    }
}
