//! Members, and what has come of them so far.

use std::fmt;
use std::task::{Context, Poll, Waker};

use super::watch::Watch;
use crate::eventual::Eventual;
use crate::unwind::Quiet;

pub(super) struct Gather<E: Eventual> {
    watch: Watch<E>,
    values: Vec<Option<Quiet<E::Output>>>,
    /// One that needs no others any more.
    stopped_by: Option<usize>,
    spent: bool,
}

impl<E: Eventual> Gather<E> {
    pub(super) fn new(watch: Watch<E>) -> Self {
        let values = (0..watch.len()).map(|_| None).collect();
        Self {
            watch,
            values,
            stopped_by: None,
            spent: false,
        }
    }

    /// Takes in what has come, up to one that `stops` it. `Ready`: that one is there, or all are.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stops: impl Fn(&E::Output) -> bool,
    ) -> Poll<()> {
        // It stays so if a member panics: there is no whole any more.
        let spent = std::mem::replace(&mut self.spent, true);
        assert!(
            !spent,
            "this value was given away already: it can be had only once"
        );
        let ended = loop {
            if self.stopped_by.is_some() {
                break Poll::Ready(());
            }
            match self.watch.poll_next(cx) {
                Poll::Ready(Some((index, value))) => self.keep(index, value, &stops),
                Poll::Ready(None) => break Poll::Ready(()),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.spent = false;
        ended
    }

    fn keep(&mut self, index: usize, value: E::Output, stops: impl Fn(&E::Output) -> bool) {
        if stops(&value) {
            self.stopped_by = Some(index);
        }
        self.values[index] = Some(Quiet::new(value));
    }

    /// Runs here what is claimable, one after the other, up to one that `stops` it.
    pub(super) fn claim(&mut self, stops: impl Fn(&E::Output) -> bool) {
        for index in 0..self.values.len() {
            // Each time: what has come meanwhile may make the rest superfluous.
            if self.look(&stops).is_ready() {
                return;
            }
            if let Some(value) = self.watch.claim(index) {
                self.keep(index, value, &stops);
            }
        }
    }

    pub(super) fn look(&mut self, stops: impl Fn(&E::Output) -> bool) -> Poll<()> {
        self.poll(&mut Context::from_waker(Waker::noop()), stops)
    }

    pub(super) fn is_finished(&self) -> bool {
        self.stopped_by.is_some() || self.watch.all_finished()
    }

    pub(super) fn take_stopper(&mut self) -> Option<E::Output> {
        self.stopped_by
            .and_then(|index| self.values[index].take())
            .map(Quiet::take)
    }

    pub(super) fn take(&mut self) -> impl Iterator<Item = E::Output> {
        self.spent = true;
        std::mem::take(&mut self.values)
            .into_iter()
            .flatten()
            .map(Quiet::take)
    }

    /// Drops the values that came besides the one that is given: what their code does to that is lost,
    /// not the value.
    pub(super) fn drop_rest(&mut self) {
        self.spent = true;
        self.values.clear();
    }

    /// Whether nothing can be had of it any more.
    pub(super) fn is_spent(&self) -> bool {
        self.spent
    }

    pub(super) fn cancel(&self) {
        self.watch.cancel();
    }

    /// Cancels and drops the members that are left.
    pub(super) fn dismiss(&mut self) {
        self.watch.dismiss();
    }
}

impl<E: Eventual> fmt::Debug for Gather<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("members")
            .field("given", &self.watch.len())
            .field("to_come", &self.watch.left())
            .finish()
    }
}
