//! Contestants of other languages: a process each, which is kept and takes its turns like the rest.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use crate::measure::{Samples, Workload};

/// Where the sources are.
const SOURCES: &str = env!("CARGO_MANIFEST_DIR");

pub(crate) static GO: Peer = Peer {
    language: "go",
    install: "apt-get install golang-go",
    build: |built| {
        let mut compile = Command::new("go");
        compile.args(["build", "-o"]).arg(built.join("bench"));
        compile.arg(Path::new(SOURCES).join("go/bench.go"));
        (compile, Command::new(built.join("bench")))
    },
    process: Mutex::new(None),
};

pub(crate) static JAVA: Peer = Peer {
    language: "java",
    install: "apt-get install default-jdk-headless",
    build: |built| {
        let mut compile = Command::new("javac");
        compile.arg("-d").arg(built);
        compile.arg(Path::new(SOURCES).join("java/Bench.java"));
        let mut run = Command::new("java");
        run.arg("-cp").arg(built).arg("Bench");
        (compile, run)
    },
    process: Mutex::new(None),
};

/// A language, and its process once there is one.
pub(crate) struct Peer {
    /// What the names of its contestants begin with.
    language: &'static str,
    install: &'static str,
    /// How to make the program in a directory, and how to run it.
    build: fn(&Path) -> (Command, Command),
    process: Mutex<Option<Process>>,
}

impl Peer {
    /// A turn: `count` operations are asked for in one line, and must come to `answer`.
    pub(crate) fn turn(&self, samples: &mut Samples, request: &str, count: usize, answer: u64) {
        // A turn that failed ended it all: there is no second one to see the poison.
        let mut process = self.process.lock().unwrap();
        let process = process
            .as_mut()
            .expect("the process runs before its turns come");
        let (time, theirs) = process
            .ask(request)
            .unwrap_or_else(|error| panic!("{}: `{request}`: {error}", self.language));
        assert_eq!(theirs, answer, "{}: `{request}`", self.language);
        samples.push_many(time, count);
    }

    fn takes_part_as(&self, contestant: &str) -> bool {
        contestant.split("::").next() == Some(self.language)
    }

    /// Makes the program and starts it: its version.
    fn start(&self) -> io::Result<String> {
        let built = built_in(self.language)?;
        let (mut compile, mut run) = (self.build)(&built);
        let output = compile.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(io::Error::other(errors));
        }
        let (process, version) = Process::start(&mut run)?;
        *self.process.lock().unwrap() = Some(process);
        Ok(version)
    }
}

/// A directory for what is made of the sources, beside our own program.
fn built_in(language: &str) -> io::Result<PathBuf> {
    let own = env::current_exe()?;
    let built = own.with_file_name("letgo-bench-peers").join(language);
    fs::create_dir_all(&built)?;
    Ok(built)
}

/// Starts whoever takes part. Who can't be had leaves all workloads, and is named in a line.
pub(crate) fn gather(workloads: &mut Vec<Workload>) -> Gathered {
    let mut gathered = Gathered::default();
    for peer in [&GO, &JAVA] {
        let invited = workloads
            .iter()
            .any(|workload| workload.contestants().any(|name| peer.takes_part_as(name)));
        if !invited {
            continue;
        }
        let language = peer.language;
        match peer.start() {
            Ok(version) => gathered.versions += &format!(", {language} {version}"),
            Err(error) => {
                let reason = match error.kind() {
                    io::ErrorKind::NotFound => format!("`{}`", peer.install),
                    _ => error.to_string(),
                };
                gathered.missing += &format!("without {language}: {}\n", reason.trim());
                for workload in &mut *workloads {
                    workload.keep(|name| !peer.takes_part_as(name));
                }
            }
        }
    }
    workloads.retain(|workload| workload.contestants().next().is_some());
    gathered
}

/// Which of the other languages take part.
#[derive(Default)]
pub(crate) struct Gathered {
    /// Of those that do, to be added to those of the crates.
    pub(crate) versions: String,
    /// A line for each that does not.
    pub(crate) missing: String,
}

/// A program that says its version in a line, then answers each line with one. It ends when nobody
/// can ask any more: with us.
struct Process {
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn start(command: &mut Command) -> io::Result<(Self, String)> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (questions, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut process = Self {
            questions,
            answers: BufReader::new(answers),
        };
        let version = process.line()?;
        Ok((process, version))
    }

    /// How long it took, and what it came to.
    fn ask(&mut self, request: &str) -> io::Result<(Duration, u64)> {
        self.questions
            .write_all(format!("{request}\n").as_bytes())?;
        let line = self.line()?;
        answer(&line).ok_or_else(|| io::Error::other(format!("`{line}` is no answer")))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// `NANOSECONDS ANSWER`
fn answer(line: &str) -> Option<(Duration, u64)> {
    let (time, answer) = line.split_once(' ')?;
    Some((
        Duration::from_nanos(time.parse().ok()?),
        answer.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::path::Path;
    use std::process::Command;
    use std::sync::Mutex;
    use std::time::Duration;

    use super::{GO, JAVA, Peer, Process, answer};
    use crate::measure::Samples;

    fn script(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn an_answer_is_a_time_and_a_number() {
        assert_eq!(answer("1500 42"), Some((Duration::from_nanos(1500), 42)));
        assert_eq!(
            answer("1 18446744073709551615"),
            Some((Duration::from_nanos(1), u64::MAX))
        );
        for line in ["", "1500", "1500 ", "x 42", "1500 -1", "1500 42 7"] {
            assert_eq!(answer(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_process_is_kept_and_asked_line_by_line() {
        let mut counts = script("echo v1; n=0; while read line; do n=$((n + 1)); echo $n 42; done");
        let (mut process, version) = Process::start(&mut counts).unwrap();
        assert_eq!(version, "v1");
        for turn in 1..=3 {
            let time = Duration::from_nanos(turn);
            assert_eq!(process.ask("fib 25").unwrap(), (time, 42));
        }
    }

    #[test]
    fn the_line_that_is_asked_arrives() {
        let mut echo = script("echo v1; read word number; test $word = fib && echo 1 $number");
        let (mut process, _) = Process::start(&mut echo).unwrap();
        assert_eq!(process.ask("fib 25").unwrap().1, 25);
    }

    #[test]
    fn a_process_that_ends_or_babbles_is_an_error() {
        let (mut process, _) = Process::start(&mut script("echo v1; read line")).unwrap();
        let error = process.ask("fib 25").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        let (mut process, _) = Process::start(&mut script("echo v1; read line; echo no")).unwrap();
        assert!(process.ask("fib 25").is_err());
        assert!(Process::start(&mut script("exit")).is_err());
    }

    #[test]
    #[should_panic(expected = "42")]
    fn a_wrong_answer_is_noticed() {
        let peer = Peer {
            language: "sh",
            install: "",
            build: |_| (script("true"), script("echo v1; read line; echo 1 42")),
            process: Mutex::new(None),
        };
        peer.start().unwrap();
        peer.turn(&mut Samples::default(), "fib 25", 1, 75_025);
    }

    #[test]
    fn who_is_not_installed_is_told_from_who_can_not_be_made() {
        let kind = |build| {
            let peer = Peer {
                language: "nothing",
                install: "",
                build,
                process: Mutex::new(None),
            };
            peer.start().unwrap_err().kind()
        };
        let missing = |_: &Path| (Command::new("letgo-no-such-compiler"), script("true"));
        assert_eq!(kind(missing), ErrorKind::NotFound);
        let broken = |_: &Path| (script("echo no such type >&2; false"), script("true"));
        assert_eq!(kind(broken), ErrorKind::Other);
    }

    #[test]
    fn what_is_installed_comes_to_the_right_answers() {
        let requests = [
            (&GO, "spawn-get 10", 55),
            (&GO, "fan-out 10", 55),
            (&GO, "fib 15", 610),
            (&GO, "skynet 100", 4950),
            (&GO, "two-jobs 0", 88_172_645_463_325_252),
            (&GO, "two-jobs 1", 8_748_534_153_485_358_512),
            (&GO, "sleepers 10 1", 45),
            (&JAVA, "fib 15", 610),
            (&JAVA, "skynet 100", 4950),
            (&JAVA, "two-jobs 1", 8_748_534_153_485_358_512),
        ];
        for peer in [&GO, &JAVA] {
            match peer.start() {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    println!("skipped: it needs {}", peer.language);
                    continue;
                }
                Err(error) => panic!("{}: {error}", peer.language),
            }
            for (asked, request, answer) in requests {
                if asked.language == peer.language {
                    peer.turn(&mut Samples::default(), request, 1, answer);
                }
            }
        }
    }

    #[test]
    fn its_contestants_begin_with_the_language() {
        assert!(GO.takes_part_as("go") && JAVA.takes_part_as("java::ForkJoinPool"));
        assert!(!JAVA.takes_part_as("javascript") && !GO.takes_part_as("letgo"));
    }
}
