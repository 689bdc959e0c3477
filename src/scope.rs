//! Tasks that borrow from whoever spawns them.

mod crew;

use std::fmt;
use std::marker::PhantomData;
use std::panic::{Location, resume_unwind};
use std::thread;

use self::crew::Crew;
use crate::error::JoinError;
use crate::rights::{Claim, Gives};
use crate::sync::{Arc, Mutex};
use crate::task::Task;
use crate::unwind::catch;
use crate::work::{Outcome, Work};
use crate::{stack, wait};

/// Runs `f`, whose tasks may borrow what outlives this call; no task outlives it.
///
/// It is `std::thread::scope` with handles that claim, on threads that the tasks share. One stands by
/// from the start; others start as there is something to run: as many run at a time as there are cores,
/// more while some of them block, up to one for each task. What nobody has asked for by the end of
/// `f` is waited for, and run on this thread as well; where no thread can be made, all of it is.
///
/// ```
/// use letgo::scope;
///
/// let numbers = [1, 2, 3, 4];
/// let (left, right) = numbers.split_at(2);
/// let sum = scope(|s| {
///     let left = s.spawn_value(|| left.iter().sum::<i32>());
///     let right = s.spawn_value(|| right.iter().sum::<i32>());
///     left.get() + right.get()
/// });
/// assert_eq!(sum, 10);
/// ```
///
/// A task can spawn further ones:
///
/// ```
/// let text = String::from("let go");
/// let lengths = letgo::scope(|s| {
///     let words = s.spawn_value(|| {
///         let words = text.split(' ');
///         words.map(|word| s.spawn_value(move || word.len())).collect::<Vec<_>>()
///     });
///     words.get().into_iter().map(|length| length.get()).collect::<Vec<_>>()
/// });
/// assert_eq!(lengths, [3, 2]);
/// ```
///
/// A handle can't leave its scope:
///
/// ```compile_fail
/// let handle = letgo::scope(|s| s.spawn_value(|| 1));
/// ```
///
/// # Panics
/// With `f`'s own panic; and if a task has panicked whose panic nobody was given by
/// [`get`](ScopedJoinHandle::get), [`join`](ScopedJoinHandle::join) or
/// [`try_get`](ScopedJoinHandle::try_get). In both cases when all tasks have ended.
///
/// # Blocking
/// It blocks until all tasks have ended. On a thread of a [`Pool`](crate::Pool) it tells the pool
/// meanwhile. Inside an async runtime it blocks the runtime's thread.
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope {
        crew: Crew::new(),
        env: PhantomData,
    };
    let outcome = thread::scope(|threads| {
        scope.crew.begin(threads);
        let outcome = catch(|| f(&scope));
        scope.crew.finish();
        outcome
    });
    match outcome {
        Ok(_) if scope.crew.has_panicked() => {
            panic!("a scoped task panicked, and nobody joined it")
        }
        Ok(value) => value,
        Err(payload) => resume_unwind(payload),
    }
}

/// Spawns the tasks of a [`scope`].
///
/// `'scope` is the time in which tasks run, `'env` the one in which what they borrow from outside lives.
pub struct Scope<'scope, 'env: 'scope> {
    crew: Crew<'scope>,
    /// Invariant, as in std: `'env` must neither shrink nor grow.
    env: PhantomData<&'env mut &'env ()>,
}

/// The value of a scoped task.
///
/// Dropping it detaches the task: it goes on, and ends before its [`scope`] does.
pub struct ScopedJoinHandle<'scope, T> {
    value: Arc<dyn Gives<T> + 'scope>,
    crew: &'scope Crew<'scope>,
    /// `Send` and `Sync` if `T` is `Send`: the value is only ever moved out.
    gives: PhantomData<Mutex<T>>,
}

/// The work of a scoped task: it tells the scope that it has ended.
struct ScopedCall<'scope, F> {
    f: F,
    crew: &'scope Crew<'scope>,
}

impl<'scope> Scope<'scope, '_> {
    /// Runs a closure on one of the scope's threads, or where its value is asked for, whichever is first.
    ///
    /// ```
    /// let text = String::from("four");
    /// assert_eq!(letgo::scope(|s| s.spawn_value(|| text.len()).get()), 4);
    /// ```
    #[track_caller]
    pub fn spawn_value<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let crew = &self.crew;
        let task = Arc::new(Task::new(ScopedCall { f, crew }, Location::caller()));
        crew.push(Arc::clone(&task) as _);
        ScopedJoinHandle {
            value: task,
            crew,
            gives: PhantomData,
        }
    }
}

impl<F, T> Work for ScopedCall<'_, F>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    type Value = T;
    type Running = ();
    const CLAIMABLE: bool = true;

    fn run(self) -> Option<Outcome<T>> {
        let outcome = catch(self.f).map_err(JoinError::panicked);
        self.crew.ended(outcome.is_err());
        Some(outcome)
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Blocks until the value is there, and gives it; a closure that no thread has started is claimed:
    /// see [`JoinHandle::get`](crate::JoinHandle::get).
    ///
    /// # Panics
    /// With the task's own panic.
    ///
    /// # Blocking
    /// As [`JoinHandle::get`](crate::JoinHandle::get).
    pub fn get(self) -> T {
        let spawned_at = self.value.spawned_at();
        self.join().unwrap_or_else(|error| error.resume(spawned_at))
    }

    /// As [`get`](Self::get), with a panic as an error.
    ///
    /// ```
    /// letgo::scope(|s| {
    ///     let unlucky = s.spawn_value(|| -> i32 { panic!("no luck") });
    ///     assert_eq!(unlucky.join().unwrap_err().message(), Some("no luck"));
    /// });
    /// ```
    ///
    /// # Errors
    /// [`JoinError::Panicked`] if the task panicked.
    ///
    /// # Blocking
    /// As [`JoinHandle::get`](crate::JoinHandle::get).
    pub fn join(self) -> Result<T, JoinError> {
        let outcome = self.claim().or_else(|| {
            let value = &self.value;
            wait::block_until(None, |cx| value.poll(cx.waker()))
        });
        match outcome {
            Some(outcome) => self.joined(outcome),
            None => unreachable!("a wait without a deadline ends with the value"),
        }
    }

    /// The value if it is there, else the handle back. Neither blocks nor claims.
    ///
    /// # Errors
    /// The handle, if the task has not ended.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn try_get(self) -> Result<T, Self> {
        let Some(outcome) = self.value.take() else {
            return Err(self);
        };
        let spawned_at = self.value.spawned_at();
        Ok(self
            .joined(outcome)
            .unwrap_or_else(|error| error.resume(spawned_at)))
    }

    /// Whether the task has ended, be it with a value or a panic.
    pub fn is_finished(&self) -> bool {
        self.value.is_finished()
    }

    /// Runs the task here if no thread has started it and there is stack enough for it. If there is
    /// not, it is left to the scope's threads: one of them is to be had, as this one blocks.
    fn claim(&self) -> Option<Outcome<T>> {
        if !self.value.is_claimable() {
            return None;
        }
        // The entry first: what the closure spawns must find the top of the queue free.
        let entry = self.crew.retract(Arc::as_ptr(&self.value).cast());
        match stack::if_room(|| self.value.claim()) {
            Some(Claim::Mine(outcome)) => Some(outcome),
            Some(_) => None,
            None => {
                if let Some(entry) = entry {
                    self.crew.put_back(entry);
                }
                None
            }
        }
    }

    /// From now on a panic is the caller's, not the scope's.
    fn joined(&self, outcome: Outcome<T>) -> Outcome<T> {
        if outcome.is_err() {
            self.crew.panic_joined();
        }
        outcome
    }
}

impl<T> Drop for ScopedJoinHandle<'_, T> {
    fn drop(&mut self) {
        self.value.detach();
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("pending", &self.crew.pending())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle")
            .field("spawned_at", &format_args!("{}", self.value.spawned_at()))
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
