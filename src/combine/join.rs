//! All of several values, of different types.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::FusedFuture;

use super::slot::Slot;
use crate::eventual::Eventual;

/// All the values, as a tuple, once all are there. Starts nothing, blocks nowhere.
///
/// Takes any number of [`Eventual`](crate::Eventual)s. A panic of one surfaces at once; the
/// others go on.
///
/// ```
/// use letgo::{join, spawn_value};
///
/// let all = join!(spawn_value(|| 1), spawn_value(|| "two"), spawn_value(|| 3.0));
/// assert_eq!(all.get(), (1, "two", 3.0));
/// # futures::executor::block_on(async {
/// assert_eq!(join!(spawn_value(|| 1), spawn_value(|| 2)).await, (1, 2));
/// # });
/// ```
#[macro_export]
macro_rules! join {
    ($($member:expr),* $(,)?) => {
        $crate::__chain!(join [] [] $($member,)*)
    };
}

/// Chains members to nested pairs, and flattens what these give to one tuple.
///
/// The `value`s are as many different names as there are members: each is written in an expansion
/// of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! __chain {
    ($kind:ident [$($name:ident)*] [$($member:expr,)*] $next:expr, $($rest:expr,)*) => {
        $crate::__chain!($kind [$($name)* value] [$($member,)* $next,] $($rest,)*)
    };
    (join [$($name:ident)*] [$($member:expr,)*]) => {
        $crate::__private::flat(
            $crate::__nest!([$crate::__private::join] [$crate::__private::end()] $($member,)*),
            |$crate::__nest!([] [()] $($name,)*)| ($($name,)*),
        )
    };
    (try_join [$($name:ident)*] [$($member:expr,)*]) => {
        $crate::__private::flat(
            $crate::__nest!(
                [$crate::__private::try_join] [$crate::__private::try_end()] $($member,)*
            ),
            |all| all.map(|$crate::__nest!([] [()] $($name,)*)| ($($name,)*)),
        )
    };
}

/// `f(a, f(b, end))`.
#[doc(hidden)]
#[macro_export]
macro_rules! __nest {
    ([$($f:tt)*] [$($end:tt)*]) => { $($end)* };
    ([$($f:tt)*] [$($end:tt)*] $first:ident, $($rest:ident,)*) => {
        $($f)*($first, $crate::__nest!([$($f)*] [$($end)*] $($rest,)*))
    };
    ([$($f:tt)*] [$($end:tt)*] $first:expr, $($rest:expr,)*) => {
        $($f)*($first, $crate::__nest!([$($f)*] [$($end)*] $($rest,)*))
    };
}

/// Two values; chained, any number. What [`join!`](crate::join) and the operators are made of.
///
/// # Cancel safety
/// Awaiting may be given up at any time: the values that came so far are kept.
#[must_use = "it does nothing unless it is got or awaited"]
pub struct Join<A: Eventual, B: Eventual> {
    first: Slot<A>,
    second: Slot<B>,
    spent: bool,
}

/// The end of a chain of [`Join`]s: a value of nothing, always there.
#[derive(Debug, Default)]
#[must_use = "it does nothing unless it is got or awaited"]
pub struct End(());

/// No value is ever pinned: only `Unpin` members are polled, and what they give is moved.
impl<A: Eventual, B: Eventual> Unpin for Join<A, B> {}

impl<A: Eventual, B: Eventual> Join<A, B> {
    #[doc(hidden)]
    pub fn new(first: A, second: B) -> Self {
        Self {
            first: Slot::Waiting(first),
            second: Slot::Waiting(second),
            spent: false,
        }
    }
}

impl<A: Eventual, B: Eventual> Future for Join<A, B> {
    type Output = (A::Output, B::Output);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // It stays so if a member panics.
        let spent = std::mem::replace(&mut self.spent, true);
        assert!(
            !spent,
            "this value was given away already: it can be had only once"
        );
        // Both, each time: a panic of the second must not wait for the first.
        let (first, second) = (self.first.poll(cx), self.second.poll(cx));
        if !(first && second) {
            self.spent = false;
            return Poll::Pending;
        }
        match (self.first.take(), self.second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            _ => unreachable!("both have arrived"),
        }
    }
}

impl<A: Eventual, B: Eventual> FusedFuture for Join<A, B> {
    fn is_terminated(&self) -> bool {
        self.spent
    }
}

impl<A: Eventual, B: Eventual> Eventual for Join<A, B> {
    fn is_finished(&self) -> bool {
        self.first.is_finished() && self.second.is_finished()
    }

    fn cancel(&self) {
        self.first.cancel();
        self.second.cancel();
    }

    fn claim(&mut self) {
        self.look();
        self.first.claim();
        self.second.claim();
    }

    fn look(&mut self) {
        self.first.look();
        self.second.look();
    }

    fn is_traced(&self) -> bool {
        true
    }
}

eventual_methods!([A, B] Join<A, B> [A: Eventual, B: Eventual]);

impl<A: Eventual, B: Eventual> fmt::Debug for Join<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join")
            .field("first_finished", &self.first.is_finished())
            .field("second_finished", &self.second.is_finished())
            .finish_non_exhaustive()
    }
}

impl Future for End {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl FusedFuture for End {
    /// It may be polled again and again.
    fn is_terminated(&self) -> bool {
        false
    }
}

impl Eventual for End {
    fn is_finished(&self) -> bool {
        true
    }

    fn cancel(&self) {}

    fn is_traced(&self) -> bool {
        true
    }
}
