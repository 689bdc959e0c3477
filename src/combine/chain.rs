//! The functions that `join!`, `try_join!` and `race!` expand to.

use std::future::Future;

use super::{End, Join, Map, Race, RaceEnd, TryEnd, TryJoin};
use crate::eventual::Eventual;

/// `first`, and what follows.
pub fn join<A: Eventual, B: Eventual>(first: A, second: B) -> Join<A, B> {
    Join::new(first, second)
}

/// Nothing follows.
pub fn end() -> End {
    End::default()
}

/// `first`, and what follows, up to an error.
pub fn try_join<A: Eventual, B: Eventual>(first: A, second: B) -> TryJoin<A, B> {
    TryJoin::new(first, second)
}

/// Nothing follows.
pub fn try_end<E>() -> TryEnd<E> {
    TryEnd::new()
}

/// `first`, or what follows.
pub fn race<A: Eventual, B: Eventual<Output = A::Output>>(first: A, second: B) -> Race<A, B> {
    Race::new(first, second)
}

/// Nothing follows.
pub fn race_end<T>() -> RaceEnd<T> {
    RaceEnd::new()
}

/// Flattens what a chain gives.
pub fn flat<E, F, U>(chain: E, flatten: F) -> Map<E, F>
where
    E: Eventual,
    F: FnOnce(<E as Future>::Output) -> U,
{
    Map::new(chain, flatten)
}
