//! A producer that gave no value: what arrives instead.

use std::panic::Location;

use crate::error::JoinError;

/// What goes through a fan-in. The failure is boxed, so that it takes no room in a buffer of values.
pub(super) type Item<T> = Result<T, Box<Failure>>;

pub(super) struct Failure {
    pub(super) error: JoinError,
    /// Where the producer was spawned.
    pub(super) spawned_at: &'static Location<'static>,
}

impl Failure {
    /// Passes it on to whoever receives it.
    #[track_caller]
    pub(super) fn resume(self) -> ! {
        self.error.resume(self.spawned_at)
    }
}
