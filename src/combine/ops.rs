//! Go's `C := A + B`: the operators of `std::ops`, on values to come.

use std::future::Future;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Rem, Shl, Shr, Sub};

use super::join::Join;
use super::map::Map;
use super::shared::Shared;
use crate::eventual::Eventual;
use crate::handle::JoinHandle;

/// What an operator between two values to come gives: a value to come of type `O`.
///
/// It is lazy: the operator is applied where the value is used.
///
/// ```
/// use letgo::spawn_value;
///
/// let (a, b, c) = (spawn_value(|| 1), spawn_value(|| 2), spawn_value(|| 3));
/// assert_eq!(((a + b) * c).get(), 9);
///
/// let text = spawn_value(|| String::from("let")) + spawn_value(|| "go");
/// assert_eq!(text.get(), "letgo");
/// ```
pub type Operation<L, R, O> =
    Map<Join<L, R>, fn((<L as Future>::Output, <R as Future>::Output)) -> O>;

/// What an operator on one value to come gives.
///
/// ```
/// assert_eq!((-letgo::spawn_value(|| 1)).get(), -1);
/// ```
pub type UnaryOperation<E, O> = Map<E, fn(<E as Future>::Output) -> O>;

macro_rules! binary {
    ($($operator:ident $method:ident,)*) => {$(
        binary!($operator $method [T] JoinHandle<T>);
        binary!($operator $method [T] Shared<T>);
        binary!($operator $method [E, F] Map<E, F>);
    )*};
    ($operator:ident $method:ident [$($generics:ident),*] $type:ty) => {
        impl<$($generics,)* R> $operator<R> for $type
        where
            $type: Eventual,
            R: Eventual,
            <$type as Future>::Output: $operator<R::Output>,
        {
            type Output = Operation<
                Self,
                R,
                <<$type as Future>::Output as $operator<R::Output>>::Output,
            >;

            fn $method(self, right: R) -> Self::Output {
                Map::new(Join::new(self, right), |(left, right)| left.$method(right))
            }
        }
    };
}

macro_rules! unary {
    ($($operator:ident $method:ident,)*) => {$(
        unary!($operator $method [T] JoinHandle<T>);
        unary!($operator $method [T] Shared<T>);
        unary!($operator $method [E, F] Map<E, F>);
    )*};
    ($operator:ident $method:ident [$($generics:ident),*] $type:ty) => {
        impl<$($generics,)*> $operator for $type
        where
            $type: Eventual,
            <$type as Future>::Output: $operator,
        {
            type Output = UnaryOperation<Self, <<$type as Future>::Output as $operator>::Output>;

            fn $method(self) -> Self::Output {
                Map::new(self, |value| value.$method())
            }
        }
    };
}

binary! {
    Add add, Sub sub, Mul mul, Div div, Rem rem,
    BitAnd bitand, BitOr bitor, BitXor bitxor, Shl shl, Shr shr,
}

unary! { Neg neg, Not not, }
