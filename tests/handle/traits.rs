//! What the types are: `Send`, `Sync`, `Unpin`, unwind-safe, and how large.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::hash::Hash;
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard;

use futures::future::FusedFuture;
use letgo::{
    Builder, End, Eventual, Executor, Job, Join, JoinAll, JoinError, JoinHandle, Map, Panicked,
    Pool, Resolver, Settle, Shared, TaskId, TryJoin, TryJoinAll,
};
use static_assertions::{assert_eq_size, assert_impl_all, assert_not_impl_any, assert_obj_safe};

type Handle = JoinHandle<i32>;
type Trial = JoinHandle<Result<i32, String>>;
type F = fn(i32) -> i32;

/// `Send`, not `Sync`.
type Sendable = Cell<i32>;
/// Neither.
type Homebound = Rc<i32>;
/// `Sync`, not `Send`.
type Guard = MutexGuard<'static, i32>;

// A handle is `Send` and `Sync` if its value is `Send`: the value is only ever moved.
assert_impl_all!(Handle: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_impl_all!(Handle: Future<Output = i32>, FusedFuture, Eventual);
assert_impl_all!(JoinHandle<Sendable>: Send, Sync, UnwindSafe, RefUnwindSafe);
assert_impl_all!(JoinHandle<PhantomPinned>: Unpin);
assert_not_impl_any!(JoinHandle<Homebound>: Send, Sync);
assert_not_impl_any!(JoinHandle<Guard>: Send, Sync);
assert_not_impl_any!(Handle: Clone);
assert_eq_size!(Handle, [usize; 2]);

assert_impl_all!(Resolver<i32>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_impl_all!(Resolver<Sendable>: Send, Sync, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Resolver<PhantomPinned>: Unpin);
assert_not_impl_any!(Resolver<Homebound>: Send, Sync);
assert_not_impl_any!(Resolver<Guard>: Send, Sync);
assert_not_impl_any!(Resolver<i32>: Clone);
assert_eq_size!(Resolver<i32>, [usize; 2]);

assert_impl_all!(Job: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug);
assert_not_impl_any!(Job: Clone, Copy);
assert_eq_size!(Job, [usize; 2]);

assert_impl_all!(TaskId: Send, Sync, Unpin, Copy, Eq, Ord, Hash, Debug, Display);
assert_eq_size!(TaskId, usize);

assert_impl_all!(JoinError: Error, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Panicked: Debug, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_eq_size!(JoinError, [usize; 2]);

assert_obj_safe!(Executor);
assert_impl_all!(Pool: Executor, Clone, Debug, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(&Pool: Executor);
type ByPointer = fn(Job);
assert_impl_all!(ByPointer: Executor);
assert_impl_all!(Builder: Clone, Debug, Default, Send, Sync);
assert_eq_size!(Pool, usize);

assert_impl_all!(Map<Handle, F>: Send, Sync, Unpin, Debug, Eventual, FusedFuture);
assert_impl_all!(Map<Handle, PhantomPinned>: Unpin);
assert_not_impl_any!(Map<JoinHandle<Homebound>, F>: Send, Sync);
assert_not_impl_any!(Map<Handle, Homebound>: Send, Sync);
assert_not_impl_any!(Map<Handle, RefCell<F>>: Sync);

assert_impl_all!(Settle<Handle>: Send, Sync, Unpin, Debug, Eventual, FusedFuture);
assert_impl_all!(Settle<Handle>: Future<Output = Result<i32, JoinError>>);
assert_not_impl_any!(Settle<JoinHandle<Homebound>>: Send, Sync);
assert_eq_size!(Settle<Handle>, Handle);

assert_impl_all!(Shared<i32>: Clone, Send, Sync, Unpin, Debug, Eventual, FusedFuture);
assert_impl_all!(Shared<PhantomPinned>: Unpin);
// Its value is cloned by whichever of its clones: it must be `Sync` as well.
assert_not_impl_any!(Shared<Sendable>: Send, Sync);
assert_not_impl_any!(Shared<Homebound>: Send, Sync);

assert_impl_all!(Join<Handle, Handle>: Send, Sync, Unpin, Debug, Eventual, FusedFuture);
assert_impl_all!(Join<JoinHandle<PhantomPinned>, Handle>: Unpin);
assert_not_impl_any!(Join<JoinHandle<Homebound>, Handle>: Send, Sync);
// Values that have come wait in it: to share it is to share them.
assert_impl_all!(Join<JoinHandle<Sendable>, Handle>: Send);
assert_not_impl_any!(Join<JoinHandle<Sendable>, Handle>: Sync);
assert_impl_all!(End: Send, Sync, Unpin, Debug, Eventual);

assert_impl_all!(JoinAll<Handle>: Send, Sync, Unpin, Debug, Eventual, FusedFuture);
assert_not_impl_any!(JoinAll<JoinHandle<Homebound>>: Send, Sync);
assert_impl_all!(TryJoin<Trial, Trial>: Send, Sync, Unpin, Debug, Eventual, FusedFuture);
assert_impl_all!(TryJoinAll<Trial>: Send, Sync, Unpin, Debug, Eventual, FusedFuture);
