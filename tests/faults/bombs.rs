//! Values that panic when they are dropped.

use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use letgo::{Eventual, JoinHandle, promise};

use crate::common::Drops;

/// Counts its drop, and panics. Two that are dropped in one go end the process.
pub(crate) struct Bomb(Drops);

impl Drop for Bomb {
    fn drop(&mut self) {
        drop(self.0.one());
        // Without a word on standard error.
        resume_unwind(Box::new("in the drop"));
    }
}

/// A clone is harmless: what is dropped is the value that is shared.
#[derive(Default)]
pub(crate) struct OriginalBomb(
    #[expect(dead_code, reason = "for its drop")] pub(crate) Option<Bomb>,
);

impl Clone for OriginalBomb {
    fn clone(&self) -> Self {
        Self(None)
    }
}

/// Makes bombs.
#[derive(Clone)]
pub(crate) struct Bombs(pub(crate) Drops);

impl Bombs {
    pub(crate) fn one(&self) -> Bomb {
        Bomb(self.0.clone())
    }

    /// A promise that has its value.
    pub(crate) fn resolved(&self) -> JoinHandle<Bomb> {
        let (resolver, handle) = promise();
        assert!(resolver.resolve(self.one()).is_ok());
        handle
    }
}

/// There as soon as it is looked at.
pub(crate) struct Here(pub(crate) Option<Bomb>);

impl Future for Here {
    type Output = Bomb;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Bomb> {
        self.0.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Eventual for Here {
    fn is_finished(&self) -> bool {
        false
    }

    fn cancel(&self) {}
}
