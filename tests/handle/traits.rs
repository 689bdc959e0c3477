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
use futures::stream::{FusedStream, Stream};
use letgo::fan_in::{IntoIter, Iter, Paced, PacedIter, RecvAsync, SendAsync};
use letgo::{
    Agent, AsCompleted, AsCompletedIter, Builder, Delivery, End, Eventual, Executor, FanIn,
    FanInSender, Job, Join, JoinAll, JoinError, JoinHandle, Map, Occupied, Panicked, Pool,
    PromiseMap, Race, RaceAll, RaceOk, RecvTimeoutError, Reply, Resolver, Scope, ScopedJoinHandle,
    SendError, Settle, Shared, SingleFlight, TaskId, TryJoin, TryJoinAll, TryRecvError,
    TrySendError,
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
assert_impl_all!(Shared<i32>: UnwindSafe, RefUnwindSafe);
assert_eq_size!(Shared<i32>, [usize; 5]);

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

assert_impl_all!(Race<Handle, Handle>: Send, Sync, Unpin, Debug, Eventual, FusedFuture);
assert_impl_all!(Race<Handle, Handle>: UnwindSafe, RefUnwindSafe);
// Nothing waits in a race: it ends with the first value.
assert_impl_all!(Race<JoinHandle<Sendable>, JoinHandle<Sendable>>: Send, Sync);
assert_impl_all!(Race<JoinHandle<PhantomPinned>, JoinHandle<PhantomPinned>>: Unpin);
assert_not_impl_any!(Race<JoinHandle<Homebound>, JoinHandle<Homebound>>: Send, Sync);
assert_impl_all!(RaceAll<Handle>: Send, Sync, Unpin, Debug, Eventual, FusedFuture);
assert_impl_all!(RaceAll<Handle>: UnwindSafe);
assert_impl_all!(RaceAll<JoinHandle<PhantomPinned>>: Unpin);
assert_not_impl_any!(RaceAll<JoinHandle<Homebound>>: Send, Sync);
// A value may have come, and wait for its turn.
assert_impl_all!(RaceAll<JoinHandle<Sendable>>: Send);
assert_not_impl_any!(RaceAll<JoinHandle<Sendable>>: Sync);
assert_impl_all!(RaceOk<Trial>: Send, Sync, Unpin, UnwindSafe, Debug, Eventual, FusedFuture);
assert_not_impl_any!(RaceOk<JoinHandle<Result<Homebound, String>>>: Send, Sync);

assert_impl_all!(AsCompleted<Handle>: Send, Sync, Unpin, Debug, Stream<Item = i32>, FusedStream);
assert_impl_all!(AsCompleted<Handle>: UnwindSafe);
assert_impl_all!(AsCompleted<JoinHandle<PhantomPinned>>: Unpin);
assert_not_impl_any!(AsCompleted<JoinHandle<Homebound>>: Send, Sync);
assert_impl_all!(AsCompleted<JoinHandle<Sendable>>: Send);
assert_not_impl_any!(AsCompleted<JoinHandle<Sendable>>: Sync);
assert_impl_all!(AsCompletedIter<Handle>: Send, Sync, Unpin, Debug, ExactSizeIterator);
assert_not_impl_any!(AsCompletedIter<JoinHandle<Homebound>>: Send, Sync);

// A fan-in's values go through it, each to one receiver: to share it is to send them.
assert_impl_all!(FanIn<i32>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug, Stream);
assert_impl_all!(FanIn<Sendable>: Send, Sync, UnwindSafe, RefUnwindSafe);
assert_impl_all!(FanIn<PhantomPinned>: Unpin);
assert_not_impl_any!(FanIn<Homebound>: Send, Sync);
assert_not_impl_any!(FanIn<Guard>: Send, Sync);
assert_not_impl_any!(FanIn<i32>: Clone);
assert_impl_all!(FanInSender<i32>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug, Clone);
assert_impl_all!(FanInSender<Sendable>: Send, Sync);
assert_not_impl_any!(FanInSender<Homebound>: Send, Sync);
assert_eq_size!(FanInSender<i32>, usize);

assert_impl_all!(RecvAsync<'static, i32>: Send, Sync, Unpin, UnwindSafe, Debug, FusedFuture);
assert_impl_all!(RecvAsync<'static, Sendable>: Send, Sync);
assert_impl_all!(RecvAsync<'static, PhantomPinned>: Unpin);
assert_not_impl_any!(RecvAsync<'static, Homebound>: Send, Sync);
assert_impl_all!(SendAsync<'static, i32>: Send, Sync, Unpin, UnwindSafe, Debug, FusedFuture);
assert_impl_all!(SendAsync<'static, PhantomPinned>: Unpin);
// It holds its value: to share it is to share that.
assert_impl_all!(SendAsync<'static, Sendable>: Send);
assert_not_impl_any!(SendAsync<'static, Sendable>: Sync);
assert_not_impl_any!(SendAsync<'static, Homebound>: Send, Sync);

assert_impl_all!(Paced<'static, i32>: Send, Sync, Unpin, UnwindSafe, Debug, Stream, IntoIterator);
assert_impl_all!(Paced<'static, Sendable>: Send, Sync);
assert_impl_all!(Paced<'static, PhantomPinned>: Unpin);
assert_not_impl_any!(Paced<'static, Homebound>: Send, Sync);
assert_impl_all!(PacedIter<'static, i32>: Send, Sync, Unpin, UnwindSafe, Debug, Iterator);
assert_impl_all!(PacedIter<'static, Sendable>: Send, Sync);
assert_not_impl_any!(PacedIter<'static, Homebound>: Send, Sync);
assert_impl_all!(Iter<'static, i32>: Send, Sync, Unpin, UnwindSafe, Debug, Iterator);
assert_impl_all!(Iter<'static, Sendable>: Send, Sync);
assert_not_impl_any!(Iter<'static, Homebound>: Send, Sync);
assert_impl_all!(IntoIter<i32>: Send, Sync, Unpin, UnwindSafe, Debug, Iterator);
assert_impl_all!(IntoIter<Sendable>: Send, Sync);
assert_not_impl_any!(IntoIter<Homebound>: Send, Sync);

// What was not sent comes back, and need not be `Debug`.
assert_impl_all!(SendError<i32>: Error, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy, Eq);
assert_impl_all!(SendError<PhantomPinned>: Error);
assert_not_impl_any!(SendError<Homebound>: Send, Sync);
assert_impl_all!(TrySendError<i32>: Error, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy, Eq);
assert_impl_all!(TrySendError<PhantomPinned>: Error);
assert_not_impl_any!(TrySendError<Homebound>: Send, Sync);
assert_impl_all!(TryRecvError: Error, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy, Eq);
assert_impl_all!(RecvTimeoutError: Error, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy, Eq);

// One job at a time sees the state: it need not be `Sync`.
assert_impl_all!(Agent<i32>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug, Clone);
assert_impl_all!(Agent<Sendable>: Send, Sync);
assert_impl_all!(Agent<PhantomPinned>: Unpin);
assert_not_impl_any!(Agent<Homebound>: Send, Sync);
assert_not_impl_any!(Agent<Guard>: Send, Sync);
assert_eq_size!(Agent<i32>, usize);

assert_impl_all!(PromiseMap<i32, i32>: Send, Sync, Unpin, Debug, Clone, Default);
assert_impl_all!(PromiseMap<i32, i32>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(PromiseMap<Sendable, Sendable>: Send, Sync);
assert_not_impl_any!(PromiseMap<Homebound, i32>: Send, Sync);
assert_not_impl_any!(PromiseMap<i32, Homebound>: Send, Sync);
assert_eq_size!(PromiseMap<i32, i32>, usize);
assert_impl_all!(Reply<i32, i32>: Send, Sync, Unpin, Debug, Eventual, FusedFuture);
assert_impl_all!(Reply<i32, i32>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(Reply<i32, Sendable>: Send, Sync);
assert_impl_all!(Reply<PhantomPinned, PhantomPinned>: Unpin);
assert_not_impl_any!(Reply<Homebound, i32>: Send, Sync);
assert_eq_size!(Reply<usize, i32>, [usize; 6]);
assert_impl_all!(Delivery<i32>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug, Clone, Eq);
assert_not_impl_any!(Delivery<Homebound>: Send, Sync);
assert_impl_all!(Occupied<i32>: Error, Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Copy, Eq);
assert_not_impl_any!(Occupied<Homebound>: Send, Sync);

assert_impl_all!(SingleFlight<i32, i32>: Send, Sync, Unpin, Debug, Clone, Default);
assert_impl_all!(SingleFlight<i32, i32>: UnwindSafe, RefUnwindSafe);
// Its values are `Shared`.
assert_not_impl_any!(SingleFlight<i32, Sendable>: Send, Sync);
assert_not_impl_any!(SingleFlight<Homebound, i32>: Send, Sync);
assert_eq_size!(SingleFlight<i32, i32>, usize);

// Scoped tasks may spawn further ones: they share the scope.
assert_impl_all!(Scope<'static, 'static>: Send, Sync, Unpin, Debug);
assert_impl_all!(ScopedJoinHandle<'static, i32>: Send, Sync, Unpin, Debug);
assert_impl_all!(ScopedJoinHandle<'static, i32>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(ScopedJoinHandle<'static, Sendable>: Send, Sync);
assert_not_impl_any!(ScopedJoinHandle<'static, Homebound>: Send, Sync);
assert_not_impl_any!(ScopedJoinHandle<'static, Guard>: Send, Sync);
