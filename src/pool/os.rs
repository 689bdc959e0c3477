//! What the operating system knows of a thread: whether it is blocked.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// A thread, as the operating system names it.
#[derive(Debug)]
pub(crate) struct OsThread {
    /// Linux: `/proc/PID/task/TID/stat`.
    stat: PathBuf,
}

impl OsThread {
    /// The calling thread; `None` where this cannot be asked.
    pub(crate) fn current() -> Option<Self> {
        // In a model it would be the one thread that all of them run on.
        if !cfg!(target_os = "linux") || cfg!(any(letgo_loom, letgo_shuttle)) {
            return None;
        }
        let own = std::fs::read_link("/proc/thread-self").ok()?;
        Some(Self {
            stat: PathBuf::from("/proc").join(own).join("stat"),
        })
    }

    /// Whether the thread waits for something else than a core.
    ///
    /// A thread that is preempted has the state `R` as one that runs has: it is not blocked,
    /// however little it gets done.
    pub(crate) fn is_blocked(&self) -> Option<bool> {
        let mut buffer = [0; 256];
        let length = File::open(&self.stat).ok()?.read(&mut buffer).ok()?;
        // `TID (name) S …`: the name may hold anything, parentheses too, so look from its end.
        let stat = &buffer[..length];
        let name_end = stat.iter().rposition(|&byte| byte == b')')?;
        Some(*stat.get(name_end + 2)? != b'R')
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::OsThread;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_parked_thread_is_blocked_a_computing_one_is_not() {
        assert_eq!(OsThread::current().unwrap().is_blocked(), Some(false));
        let (tell, told) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let thread = thread::Builder::new()
            .name("odd) R (name".into())
            .spawn(move || {
                tell.send(OsThread::current().unwrap()).unwrap();
                released.recv().unwrap();
            })
            .unwrap();
        let parked = told.recv().unwrap();
        while parked.is_blocked() != Some(true) {
            thread::yield_now();
        }
        release.send(()).unwrap();
        thread.join().unwrap();
        // Joined, it is on its way out still, as the system sees it.
        while parked.is_blocked().is_some() {
            thread::yield_now();
        }
    }
}
