//! Processes that may make no threads, or a few.

// Each test binary uses some of it.
#![allow(dead_code, reason = "no test binary uses all of it")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crate::common::{ended_well, in_a_process_by, is_the_process, must_end};

/// Decides from outside whether this process may make threads.
pub(crate) struct Limit {
    shell: Child,
    tells: BufReader<ChildStdout>,
}

impl Limit {
    fn new() -> Self {
        let pid = std::process::id();
        let script =
            format!("while read limit; do prlimit --pid={pid} --nproc=$limit: && echo done; done");
        let mut shell = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let tells = BufReader::new(shell.stdout.take().unwrap());
        Self { shell, tells }
    }

    /// From now on this many threads more may be made, as long as none ends.
    pub(crate) fn allow_more(&mut self, threads: usize) {
        const THE_SHELL: usize = 1;
        self.set(&(threads_there() + THE_SHELL + threads).to_string());
    }

    fn set(&mut self, threads: &str) {
        writeln!(self.shell.stdin.as_ref().unwrap(), "{threads}").unwrap();
        let mut told = String::new();
        self.tells.read_line(&mut told).unwrap();
        assert_eq!(told, "done\n");
    }

    pub(crate) fn forbid_threads(&mut self) {
        self.set("0");
        assert!(thread::Builder::new().spawn(|| ()).is_err());
    }

    pub(crate) fn allow_threads(&mut self) {
        self.set("1000");
    }
}

/// How many threads this process has.
pub(crate) fn threads_there() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

impl Drop for Limit {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

const NOBODY: u32 = 65_534;

/// Runs the test in a process of somebody whose threads can be limited (root's can't).
pub(crate) fn as_nobody(name: &str, test: impl FnOnce(Limit) + Send + 'static) {
    as_user(NOBODY, name, |_| (), test);
}

/// As [`as_nobody`], for somebody who has no other process, so that threads can be counted, and with a
/// change of the command.
pub(crate) fn as_somebody_new(
    name: &str,
    change: impl FnOnce(&mut Command),
    test: impl FnOnce(Limit) + Send + 'static,
) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const EACH: u32 = 100;
    let number = NEXT.fetch_add(1, Ordering::Relaxed) % EACH;
    as_user(
        100_000 + std::process::id() * EACH + number,
        name,
        change,
        test,
    );
}

fn as_user(
    user: u32,
    name: &str,
    change: impl FnOnce(&mut Command),
    test: impl FnOnce(Limit) + Send + 'static,
) {
    let possible = |command: &mut Command| command.uid(user).output().is_ok();
    let itself = std::env::current_exe().unwrap();
    let is_possible =
        possible(Command::new(itself).arg("--list")) && possible(&mut Command::new("prlimit"));
    // The process itself is somebody who may not become anybody else.
    if !is_the_process(name) && !is_possible {
        eprintln!("skipped: threads can't be limited here");
        return;
    }
    let output = in_a_process_by(
        name,
        |command| change(command.uid(user)),
        || must_end(|| test(Limit::new())),
    );
    ended_well(&output);
}
