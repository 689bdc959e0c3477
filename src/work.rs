//! What a task has to do, and what is kept of it meanwhile.

use crate::error::JoinError;
use crate::sync::Arc;
use crate::unwind::catch;
use crate::waits::Awaited;
use crate::who::{self, Who};

/// What a task comes to.
pub(crate) type Outcome<T> = Result<T, JoinError>;

/// What a task has to do before it has a value.
pub(crate) trait Work: Send + Sized {
    type Value: Send;
    /// What is kept while it runs.
    type Running: Running;

    /// Whether a thread that wants the value may do the work itself.
    const CLAIMABLE: bool;
    /// Whether its cell is used again, with its [entry](crate::entries), by the next task of the kind.
    const IS_KEPT: bool = false;

    /// What to keep while [`run`](Self::run) runs.
    fn running(&mut self) -> Self::Running {
        Self::Running::default()
    }

    /// What [`run`](Self::run) would wait for. It is asked under the cell's lock.
    fn source(&self) -> Option<Arc<dyn Awaited>> {
        None
    }

    /// Does the work. `None`: the value comes later, through [`Finish`](crate::rights::Finish).
    fn run(self) -> Option<Outcome<Self::Value>>;
}

/// What is kept of a task while it runs: the means to stop it from outside, if there is one.
pub(crate) trait Running: Default + Send + 'static {
    /// Whether the task ends there and then if it is cancelled or nobody asks any more.
    const ENDS_AT_ONCE: bool = false;

    /// The thread that runs it from its start to its end, if there is one.
    fn by(&self) -> Option<Who> {
        None
    }

    fn cancel(self) {}
    fn detach(self) {}
}

/// What can't be stopped.
impl Running for () {}

/// A closure runs where it was started, and can't be stopped.
#[derive(Default)]
pub(crate) struct By(Option<Who>);

impl By {
    #[inline]
    pub(crate) fn me() -> Self {
        Self(Some(who::me()))
    }
}

impl Running for By {
    fn by(&self) -> Option<Who> {
        self.0
    }
}

/// The work of a closure.
pub(crate) struct Call<F>(pub(crate) F);

impl<F, T> Work for Call<F>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    type Value = T;
    type Running = By;
    const CLAIMABLE: bool = true;
    const IS_KEPT: bool = true;

    #[inline]
    fn running(&mut self) -> By {
        By::me()
    }

    #[inline]
    fn run(self) -> Option<Outcome<T>> {
        Some(catch(self.0).map_err(JoinError::panicked))
    }
}
