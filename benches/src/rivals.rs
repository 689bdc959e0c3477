//! The rivals: ways to spawn a closure or a future and to have its value, each as its own docs say.

use std::hint::black_box;
use std::sync::LazyLock;
use std::thread;

use async_executor::Executor;
use futures::executor::{ThreadPool, block_on};
use futures::future::RemoteHandle;
use futures::task::SpawnExt;
use tokio::runtime::Runtime;

use crate::machine::cores;

/// Spawns closures from a thread that is none of its own.
pub(crate) trait Spawns {
    const NAME: &'static str;
    type Handle<T: Send + 'static>;

    fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T>;
    /// Blocks for the value.
    fn get<T: Send + 'static>(handle: Self::Handle<T>) -> T;
}

/// Its values can be awaited, under any executor.
pub(crate) trait Awaited: Spawns {
    fn value<T: Send + 'static>(handle: Self::Handle<T>) -> impl Future<Output = T>;
}

/// It runs futures as well.
pub(crate) trait SpawnsFutures: Awaited {
    fn spawn_future<Fut>(future: Fut) -> Self::Handle<Fut::Output>
    where
        Fut: Future<Output: Send> + Send + 'static;
}

pub(crate) struct Letgo;

impl Spawns for Letgo {
    const NAME: &'static str = "letgo";
    type Handle<T: Send + 'static> = letgo::JoinHandle<T>;

    fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        letgo::spawn_value(f)
    }

    fn get<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.get()
    }
}

impl Awaited for Letgo {
    async fn value<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.await
    }
}

impl SpawnsFutures for Letgo {
    fn spawn_future<Fut>(future: Fut) -> Self::Handle<Fut::Output>
    where
        Fut: Future<Output: Send> + Send + 'static,
    {
        letgo::spawn_future(future)
    }
}

/// The floor: a closure that is boxed and called.
pub(crate) struct BoxedCall;

impl Spawns for BoxedCall {
    const NAME: &'static str = "boxed-call";
    type Handle<T: Send + 'static> = Box<dyn FnOnce() -> T + Send>;

    fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        black_box(Box::new(f))
    }

    fn get<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle()
    }
}

pub(crate) struct StdThread;

impl Spawns for StdThread {
    const NAME: &'static str = "std::thread";
    type Handle<T: Send + 'static> = thread::JoinHandle<T>;

    fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        thread::spawn(f)
    }

    fn get<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.join().unwrap()
    }
}

static TOKIO: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

pub(crate) fn tokio_runtime() -> &'static Runtime {
    &TOKIO
}

pub(crate) struct TokioSpawn;

impl Spawns for TokioSpawn {
    const NAME: &'static str = "tokio::spawn";
    type Handle<T: Send + 'static> = tokio::task::JoinHandle<T>;

    fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        TOKIO.spawn(async { f() })
    }

    fn get<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        TOKIO.block_on(handle).unwrap()
    }
}

impl Awaited for TokioSpawn {
    async fn value<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.await.unwrap()
    }
}

impl SpawnsFutures for TokioSpawn {
    fn spawn_future<Fut>(future: Fut) -> Self::Handle<Fut::Output>
    where
        Fut: Future<Output: Send> + Send + 'static,
    {
        TOKIO.spawn(future)
    }
}

pub(crate) struct TokioSpawnBlocking;

impl Spawns for TokioSpawnBlocking {
    const NAME: &'static str = "tokio::spawn_blocking";
    type Handle<T: Send + 'static> = tokio::task::JoinHandle<T>;

    fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        TOKIO.spawn_blocking(f)
    }

    fn get<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        TOKIO.block_on(handle).unwrap()
    }
}

impl Awaited for TokioSpawnBlocking {
    async fn value<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.await.unwrap()
    }
}

/// rayon, with a channel for the value.
pub(crate) struct RayonSpawn;

impl Spawns for RayonSpawn {
    const NAME: &'static str = "rayon::spawn+oneshot";
    type Handle<T: Send + 'static> = oneshot::Receiver<T>;

    fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        let (sender, receiver) = oneshot::channel();
        // An `Err` says that nobody wants the value.
        rayon::spawn(move || _ = sender.send(f()));
        receiver
    }

    fn get<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.recv().unwrap()
    }
}

impl Awaited for RayonSpawn {
    async fn value<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.await.unwrap()
    }
}

/// Of the crate `threadpool`, a thread for each core, with a channel for the value.
static FIXED_POOL: LazyLock<threadpool::ThreadPool> =
    LazyLock::new(|| threadpool::ThreadPool::new(cores()));

pub(crate) struct FixedPool;

impl Spawns for FixedPool {
    const NAME: &'static str = "threadpool+oneshot";
    type Handle<T: Send + 'static> = oneshot::Receiver<T>;

    fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        let (sender, receiver) = oneshot::channel();
        // An `Err` says that nobody wants the value.
        FIXED_POOL.execute(move || _ = sender.send(f()));
        receiver
    }

    fn get<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.recv().unwrap()
    }
}

/// Coroutines, each with a stack: of so many as `fib` and `skynet` spawn it has room for too few, and
/// ends the process.
pub(crate) struct May;

impl Spawns for May {
    const NAME: &'static str = "may";
    type Handle<T: Send + 'static> = may::coroutine::JoinHandle<T>;

    fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        may::go!(f)
    }

    fn get<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.join().unwrap()
    }
}

pub(crate) struct Unblock;

impl Spawns for Unblock {
    const NAME: &'static str = "blocking::unblock";
    type Handle<T: Send + 'static> = blocking::Task<T>;

    fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        blocking::unblock(f)
    }

    fn get<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        block_on(handle)
    }
}

impl Awaited for Unblock {
    async fn value<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.await
    }
}

/// async-executor has no threads of its own: one for each core.
static EXECUTOR: LazyLock<Executor<'static>> = LazyLock::new(|| {
    for _ in 0..cores() {
        thread::spawn(|| block_on(EXECUTOR.run(std::future::pending::<()>())));
    }
    Executor::new()
});

pub(crate) struct AsyncExecutor;

impl Spawns for AsyncExecutor {
    const NAME: &'static str = "async-executor";
    type Handle<T: Send + 'static> = async_executor::Task<T>;

    fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        EXECUTOR.spawn(async { f() })
    }

    fn get<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        block_on(handle)
    }
}

impl Awaited for AsyncExecutor {
    async fn value<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.await
    }
}

impl SpawnsFutures for AsyncExecutor {
    fn spawn_future<Fut>(future: Fut) -> Self::Handle<Fut::Output>
    where
        Fut: Future<Output: Send> + Send + 'static,
    {
        EXECUTOR.spawn(future)
    }
}

static THREAD_POOL: LazyLock<ThreadPool> = LazyLock::new(|| ThreadPool::new().unwrap());

pub(crate) struct FuturesPool;

impl Spawns for FuturesPool {
    const NAME: &'static str = "futures::ThreadPool";
    type Handle<T: Send + 'static> = RemoteHandle<T>;

    fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Self::Handle<T> {
        THREAD_POOL.spawn_with_handle(async { f() }).unwrap()
    }

    fn get<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        block_on(handle)
    }
}

impl Awaited for FuturesPool {
    async fn value<T: Send + 'static>(handle: Self::Handle<T>) -> T {
        handle.await
    }
}

impl SpawnsFutures for FuturesPool {
    fn spawn_future<Fut>(future: Fut) -> Self::Handle<Fut::Output>
    where
        Fut: Future<Output: Send> + Send + 'static,
    {
        THREAD_POOL.spawn_with_handle(future).unwrap()
    }
}
