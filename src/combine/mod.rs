//! Values made of values: each is itself an [`Eventual`](crate::Eventual).
//!
//! | wait for | go on at an error | stop at an error |
//! |---|---|---|
//! | all | [`join!`](crate::join), [`join_all`] | [`try_join!`](crate::try_join), [`try_join_all`] |
//! | the first | [`race_ok`] | [`race!`](macro@crate::race), [`race`](fn@race) |
//!
//! [`as_completed`](fn@as_completed) gives all, one at a time, the first one first.

/// Gives a type the methods of its `Eventual` as its own, so that no trait need be imported.
macro_rules! eventual_methods {
    ([$($generics:tt)*] $type:ty [$($bounds:tt)*]) => {
        impl<$($generics)*> $type
        where
            $($bounds)*
        {
            /// Blocks until the value is there, and gives it: see [`Eventual::get`].
            ///
            /// # Panics
            /// As [`Eventual::get`].
            ///
            /// # Blocking
            /// As [`JoinHandle::get`].
            ///
            /// [`Eventual::get`]: crate::Eventual::get
            /// [`JoinHandle::get`]: crate::JoinHandle::get
            #[track_caller]
            pub fn get(self) -> <Self as std::future::Future>::Output {
                crate::Eventual::get(self)
            }

            /// The value if it is there, else `self`: see [`Eventual::try_get`].
            ///
            /// # Errors
            /// `self`, if the value is not there.
            ///
            /// # Panics
            /// As [`get`](Self::get).
            ///
            /// [`Eventual::try_get`]: crate::Eventual::try_get
            #[track_caller]
            pub fn try_get(self) -> Result<<Self as std::future::Future>::Output, Self> {
                crate::Eventual::try_get(self)
            }

            /// Blocks until the value is there or the time is over: see
            /// [`Eventual::get_timeout`].
            ///
            /// # Errors
            /// `self`, if the time was over first.
            ///
            /// # Panics
            /// As [`get`](Self::get).
            ///
            /// # Blocking
            /// As [`get`](Self::get).
            ///
            /// [`Eventual::get_timeout`]: crate::Eventual::get_timeout
            #[track_caller]
            pub fn get_timeout(
                self,
                timeout: std::time::Duration,
            ) -> Result<<Self as std::future::Future>::Output, Self> {
                crate::Eventual::get_timeout(self, timeout)
            }

            /// As [`get_timeout`](Self::get_timeout), up to a point in time.
            ///
            /// # Errors
            /// `self`, if the point was reached first.
            ///
            /// # Panics
            /// As [`get`](Self::get).
            ///
            /// # Blocking
            /// As [`get`](Self::get).
            #[track_caller]
            pub fn get_deadline(
                self,
                deadline: std::time::Instant,
            ) -> Result<<Self as std::future::Future>::Output, Self> {
                crate::Eventual::get_deadline(self, deadline)
            }

            /// Whether the value is there, or what there is instead of it.
            pub fn is_finished(&self) -> bool {
                crate::Eventual::is_finished(self)
            }

            /// Cancels the tasks it is made of: see [`JoinHandle::cancel`].
            ///
            /// [`JoinHandle::cancel`]: crate::JoinHandle::cancel
            pub fn cancel(&self) {
                crate::Eventual::cancel(self);
            }

            /// The value, changed by `f` where it is used: see [`JoinHandle::map`].
            ///
            /// [`JoinHandle::map`]: crate::JoinHandle::map
            pub fn map<V, G>(
                self,
                f: G,
            ) -> crate::combine::Map<Self, G>
            where
                G: FnOnce(<Self as std::future::Future>::Output) -> V,
            {
                crate::combine::Map::new(self, f)
            }
        }
    };
}

pub(crate) use eventual_methods;

mod all;
mod as_completed;
pub(crate) mod chain;
mod gather;
mod join;
mod map;
mod ops;
mod race;
mod race_all;
mod settle;
mod shared;
mod slot;
mod then;
mod try_join;
mod watch;

pub use all::{JoinAll, TryJoinAll, join_all, try_join_all};
pub use as_completed::{AsCompleted, AsCompletedIter, as_completed};
pub use join::{End, Join};
pub use map::Map;
pub use ops::{Operation, UnaryOperation};
pub use race::{Race, RaceEnd};
pub use race_all::{RaceAll, RaceOk, race, race_ok};
pub use settle::Settle;
pub use shared::Shared;
pub use try_join::{TryEnd, TryJoin};
