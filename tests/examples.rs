//! The examples print what they promise: the question's program its block, `sha256sum` what coreutils prints.

mod common;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use common::must_end;

/// What the question's program prints; the first two lines may swap.
///
/// That getB is calculating before getA is done shows that the two overlap.
const BLOCK: [&str; 6] = [
    "getA: Calculating...",
    "getB: Calculating...",
    "getA: Done!",
    "getB: Done!",
    "Result: 300",
    "All done!",
];

/// The same where there is but one thread.
const ONE_BY_ONE: [&str; 6] = [
    "getA: Calculating...",
    "getA: Done!",
    "getB: Calculating...",
    "getB: Done!",
    "Result: 300",
    "All done!",
];

/// `LETGO_THREADS`: as many threads as there are cores, and one.
const POOL_SIZES: [Option<&str>; 2] = [None, Some("1")];

/// Between the ends of getA and getB lie 100 ms, and a loaded machine may hold a thread up for longer.
const ATTEMPTS: usize = 5;

/// An example's program; `cargo test` puts it beside its own.
fn example(name: &str, pool_size: Option<&str>) -> Command {
    let mut path = env::current_exe().unwrap();
    path.pop();
    path.set_file_name("examples");
    path.push(format!("{name}{}", env::consts::EXE_SUFFIX));
    assert!(
        path.exists(),
        "{path:?} is missing: `cargo build --example {name}` builds it"
    );
    let mut command = Command::new(path);
    match pool_size {
        Some(size) => command.env("LETGO_THREADS", size),
        None => command.env_remove("LETGO_THREADS"),
    };
    command
}

/// Runs an example, with pools of both sizes, until what it prints `is_right`.
fn prints(name: &'static str, is_right: fn(&[&str]) -> bool) {
    must_end(move || {
        for size in POOL_SIZES {
            let mut wrong = Vec::new();
            let is_right = (0..ATTEMPTS).any(|_| {
                let output = example(name, size).output().unwrap();
                let text = String::from_utf8(output.stdout.clone()).unwrap();
                let lines: Vec<_> = text.lines().collect();
                let right = output.status.success() && is_right(&lines);
                if !right {
                    wrong.push(output);
                }
                right
            });
            assert!(is_right, "LETGO_THREADS={size:?}: {wrong:#?}");
        }
    });
}

fn is_block(lines: &[&str]) -> bool {
    let mut lines = lines.to_vec();
    if let Some(first_two) = lines.get_mut(..2) {
        first_two.sort_unstable();
    }
    lines == BLOCK
}

#[test]
fn two_handles_that_are_got_print_the_block() {
    prints("get", is_block);
}

#[test]
fn a_lazy_sum_prints_the_block() {
    prints("lazy_sum", is_block);
}

#[test]
fn awaited_handles_print_the_block() {
    prints("awaited", is_block);
}

#[test]
fn one_channel_for_both_values_prints_the_block() {
    prints("one_channel", is_block);
}

#[test]
fn comma_ok_prints_the_block() {
    prints("comma_ok", is_block);
}

#[test]
fn every_executor_prints_the_block_and_a_run_queue_one_by_one() {
    prints("executors", |lines| {
        let runs: Vec<_> = lines.split(|line| line.starts_with("--- ")).collect();
        let [[], on_threads @ .., on_one_thread] = &runs[..] else {
            return false;
        };
        let right = on_threads.iter().all(|lines| is_block(lines));
        right && on_threads.len() == 5 && *on_one_thread == ONE_BY_ONE
    });
}

/// These assert what they print; `sha256sum` is a tool, and the question's program has its tests above.
#[test]
fn every_other_example_prints_what_is_expected_of_it() {
    must_end(|| {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        let sources = fs::read_dir(&directory).unwrap();
        for path in sources.map(|entry| entry.unwrap().path()) {
            let name = path.file_stem().and_then(OsStr::to_str).unwrap();
            let has_tests_of_its_own = ["sha256sum", "dns"].contains(&name)
                || fs::read_to_string(&path).is_ok_and(|it| it.contains("mod question;"));
            if path.is_dir() || has_tests_of_its_own {
                continue;
            }
            let expected = directory.join("expected").join(name).with_extension("txt");
            let expected = fs::read_to_string(&expected)
                .unwrap_or_else(|error| panic!("{expected:?} can't be read: {error}"));
            for size in POOL_SIZES {
                let output = example(name, size).output().unwrap();
                assert!(output.status.success(), "{name}: {output:#?}");
                let printed = String::from_utf8(output.stdout).unwrap();
                assert_eq!(printed, expected, "{name}, LETGO_THREADS={size:?}");
            }
        }
    });
}

/// coreutils' `sha256sum`, if there is one here.
fn coreutils() -> Option<Command> {
    let version = Command::new("sha256sum").arg("--version").output();
    let is_it = version.is_ok_and(|it| it.stdout.starts_with(b"sha256sum (GNU coreutils)"));
    if !is_it {
        // Not `println!`: of a test that passes nobody sees what it prints.
        let _ = writeln!(
            io::stderr(),
            "skipped: no sha256sum of GNU coreutils here (`apt-get install coreutils` has it)"
        );
        return None;
    }
    Some(Command::new("sha256sum"))
}

fn run(mut command: Command, directory: &Path, args: &[OsString], stdin: &'static [u8]) -> Output {
    let mut child = command
        .current_dir(directory)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // An `Err`: it does not read its standard input, and has ended.
    let writer = thread::spawn(move || _ = pipe.write_all(stdin));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// Runs both `sha256sum`s in `directory`; `theirs` are the arguments for coreutils'.
fn compare(directory: &Path, ours: &[OsString], theirs: &[OsString], stdin: &'static [u8]) {
    let Some(coreutils) = coreutils() else {
        return;
    };
    let right = run(coreutils, directory, theirs, stdin);
    for size in POOL_SIZES {
        let output = run(example("sha256sum", size), directory, ours, stdin);
        let [ours_out, right_out, ours_err, right_err] =
            [&output.stdout, &right.stdout, &output.stderr, &right.stderr]
                .map(|bytes| String::from_utf8_lossy(bytes));
        assert_eq!(ours_out, right_out, "of {ours:?}");
        assert_eq!(ours_err, right_err, "of {ours:?}");
        assert_eq!(output, right, "of {ours:?}");
    }
}

fn os<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Vec<OsString> {
    let args = args.into_iter();
    args.map(|arg| arg.as_ref().to_owned()).collect()
}

/// An empty directory of a test's own.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // An `Err`: there is none of an earlier run.
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// The files of this repository, by their paths from its root, sorted.
fn repository() -> (&'static Path, Vec<OsString>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut paths: Vec<_> = ["src", "tests", "examples", "Cargo.toml", "README.md"]
        .map(PathBuf::from)
        .into();
    while let Some(path) = paths.pop() {
        match fs::read_dir(root.join(&path)) {
            Ok(entries) => paths.extend(entries.map(|entry| path.join(entry.unwrap().file_name()))),
            Err(_) => files.push(path.into_os_string()),
        }
    }
    files.sort();
    assert!(files.len() > 40);
    (root, files)
}

#[test]
fn sha256sum_keeps_the_order_of_its_arguments() {
    must_end(|| {
        let (root, sorted) = repository();
        let reversed: Vec<_> = sorted.iter().rev().cloned().collect();
        // Twice is more than it reads at once.
        let twice = [&reversed[..], &sorted].concat();
        for files in [sorted, reversed, twice] {
            compare(root, &files, &files, b"");
        }
    });
}

#[test]
fn sha256sum_prints_the_rest_if_a_file_is_missing() {
    must_end(|| {
        let (root, mut files) = repository();
        files.insert(files.len() / 2, "no such file".into());
        files.insert(0, "Cargo.toml/not-a-directory".into());
        files.push("missing".into());
        compare(root, &files, &files, b"");
    });
}

#[test]
fn sha256sum_reads_standard_input_once() {
    must_end(|| {
        let (root, _) = repository();
        for args in [
            &[][..],
            &["-"],
            &["-", "-"],
            &["README.md", "-", "Cargo.toml", "-"],
            &["--", "-"],
        ] {
            compare(root, &os(args), &os(args), b"standard input\n");
        }
    });
}

#[test]
fn sha256sum_knows_no_options() {
    must_end(|| {
        let (root, _) = repository();
        for args in [&["Cargo.toml", "-x"][..], &["--nonsense"]] {
            compare(root, &os(args), &os(args), b"");
        }
    });
}

/// Other systems don't have files of all these names.
#[cfg(unix)]
const ODD_NAMES: [&str; 16] = [
    "back\\slash",
    "new\nline",
    "carriage\rreturn",
    "\n\n\\",
    "two words",
    "it's",
    "it's $HOME",
    "\t'",
    "-option",
    "~",
    "#",
    "*",
    "a:b",
    "été",
    "bell\x07",
    "\x1b[1m",
];

#[cfg(unix)]
#[test]
fn sha256sum_escapes_odd_names_and_quotes_them_in_messages() {
    must_end(|| {
        let directory = directory("odd-names");
        let mut args = os(["--"]);
        for name in ODD_NAMES {
            fs::write(directory.join(name), name).unwrap();
            args.push(name.into());
            args.push(format!("missing{name}").into());
        }
        compare(&directory, &args, &args, b"");
    });
}

#[cfg(unix)]
#[test]
fn sha256sum_reads_empty_files_and_through_links() {
    use std::os::unix::fs::symlink;

    must_end(|| {
        let directory = directory("links");
        fs::write(directory.join("empty"), "").unwrap();
        fs::write(directory.join("file"), "text").unwrap();
        symlink("file", directory.join("link")).unwrap();
        symlink("nowhere", directory.join("dangling")).unwrap();
        symlink("loop", directory.join("loop")).unwrap();
        let args = os(["empty", "link", "dangling", "file", "loop", "empty"]);
        compare(&directory, &args, &args, b"");
    });
}

#[cfg(unix)]
#[test]
fn sha256sum_of_a_directory_is_of_its_files_by_path_and_follows_no_links() {
    use std::os::unix::fs::symlink;

    must_end(|| {
        let directory = directory("tree");
        fs::create_dir_all(directory.join("top/a/deep")).unwrap();
        fs::create_dir(directory.join("top/nothing")).unwrap();
        let files = ["top/a-file", "top/a/deep/file", "top/a/file", "top/b"];
        for name in files {
            fs::write(directory.join(name), name).unwrap();
        }
        symlink("..", directory.join("top/a/loop")).unwrap();
        symlink("b", directory.join("top/link")).unwrap();
        compare(&directory, &os(["top"]), &os(files), b"");

        symlink("top", directory.join("linked")).unwrap();
        let through = files.map(|name| name.replacen("top", "linked", 1));
        let theirs = [os(["top/b"]), os(through)].concat();
        compare(&directory, &os(["top/b", "linked/"]), &theirs, b"");
    });
}

#[test]
fn sha256sum_ends_quietly_when_nobody_reads_on() {
    must_end(|| {
        let (root, files) = repository();
        // More than a pipe holds.
        let many = files.iter().cycle().take(files.len() * 60);
        let mut command = example("sha256sum", None);
        command.current_dir(root).args(many);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::with_capacity(1, child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        drop(stdout);

        let mut complaints = String::new();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_to_string(&mut complaints).unwrap();
        assert_eq!(complaints, "");
        assert_eq!(child.wait().unwrap().code(), Some(1));
        assert!(line.ends_with(&format!("  {}\n", files[0].display())));
    });
}
