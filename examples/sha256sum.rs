//! `sha256sum`, as coreutils has it, on many files at once; a directory means all the files in it.
//!
//! Each file is a value to come, and the values are got in the order of the arguments.

#[path = "sha256sum/inputs.rs"]
mod inputs;
#[path = "sha256sum/names.rs"]
mod names;

use std::collections::VecDeque;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use inputs::{Input, Source, inputs};
use letgo::{JoinHandle, spawn_value};
use sha2::{Digest, Sha256};

const HELP: &str = "\
Usage: sha256sum [FILE]...
Print SHA256 (256-bit) checksums.

With no FILE, or when FILE is -, read standard input.
A FILE that is a directory stands for all the files in it, sorted by their paths.
";

/// How many files are open at once, at most.
const IN_FLIGHT: usize = 64;

/// How much of each is in memory.
const BUFFER: usize = 64 << 10;

fn main() -> ExitCode {
    let operands = match operands(env::args_os().skip(1)) {
        Ok(Some(operands)) => operands,
        Ok(None) => return exit_code(io::stdout().write_all(HELP.as_bytes()).map(|()| true)),
        Err(option) => {
            complain(&format!(
                "{option}\nTry 'sha256sum --help' for more information."
            ));
            return ExitCode::FAILURE;
        }
    };
    let progress = progress();
    let printed = print_sums(operands, &progress);
    progress.finish_and_clear();
    exit_code(printed)
}

/// The arguments that are no options; `None` if help was asked for.
fn operands(args: impl Iterator<Item = OsString>) -> Result<Option<Vec<OsString>>, String> {
    let mut operands = Vec::new();
    let mut options_end = false;
    for arg in args {
        let text = arg.to_string_lossy();
        if options_end || text == "-" || !text.starts_with('-') {
            operands.push(arg);
        } else if text == "--" {
            options_end = true;
        } else if text == "--help" {
            return Ok(None);
        } else if text.starts_with("--") {
            return Err(format!("unrecognized option '{text}'"));
        } else {
            let letter = text.chars().nth(1).unwrap_or_default();
            return Err(format!("invalid option -- '{letter}'"));
        }
    }
    if operands.is_empty() {
        operands.push("-".into());
    }
    Ok(Some(operands))
}

/// A sum to come.
enum Sum {
    Coming(JoinHandle<io::Result<String>>),
    /// Standard input is read at its turn, on the main thread: its second reader must find it empty.
    Stdin,
    Failed(io::Error),
}

/// Prints the sums of all inputs in order; `false` if some could not be read.
fn print_sums(operands: Vec<OsString>, progress: &ProgressBar) -> io::Result<bool> {
    let mut all_read = true;
    let mut print = |(name, sum)| {
        let read = print_sum(name, sum, progress);
        read.map(|read| all_read &= read)
    };

    let mut window = VecDeque::new();
    for input in operands.into_iter().flat_map(inputs) {
        if window.len() == IN_FLIGHT {
            window.pop_front().map_or(Ok(()), &mut print)?;
        }
        window.push_back(start(input, progress));
    }
    window.into_iter().try_for_each(print)?;
    Ok(all_read)
}

fn start(input: Input, progress: &ProgressBar) -> (PathBuf, Sum) {
    let sum = match input.source {
        Ok(Source::File) => {
            let (path, progress) = (input.name.clone(), progress.clone());
            Sum::Coming(spawn_value(move || sum_of(File::open(path)?, &progress)))
        }
        Ok(Source::Stdin) => Sum::Stdin,
        Err(error) => Sum::Failed(error),
    };
    (input.name, sum)
}

fn print_sum(name: PathBuf, sum: Sum, progress: &ProgressBar) -> io::Result<bool> {
    let sum = match sum {
        Sum::Coming(handle) => handle.get(), // if no thread has come to it, it is read here
        Sum::Stdin => sum_of(io::stdin(), progress),
        Sum::Failed(error) => Err(error),
    };
    progress.suspend(|| match sum {
        Ok(sum) => {
            let line = names::line(&sum, name.as_os_str());
            io::stdout().write_all(&line).map(|()| true)
        }
        Err(error) => {
            let name = names::quoted(name.as_os_str());
            complain(&format!("{name}: {}", reason(&error)));
            Ok(false)
        }
    })
}

fn sum_of(source: impl Read, progress: &ProgressBar) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut source = BufReader::with_capacity(BUFFER, progress.wrap_read(source));
    io::copy(&mut source, &mut hasher)?;
    Ok(format!("{:x}", hasher.finalize()))
}

/// What was read so far, on standard error if that is a terminal.
fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {binary_bytes}, {binary_bytes_per_sec}")
        .expect("this is a template");
    ProgressBar::new_spinner().with_style(style)
}

fn exit_code(printed: io::Result<bool>) -> ExitCode {
    match printed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // The reader of a pipe that goes has had enough; it needs no telling.
            if error.kind() != ErrorKind::BrokenPipe {
                complain(&format!("write error: {}", reason(&error)));
            }
            ExitCode::FAILURE
        }
    }
}

fn complain(message: &str) {
    // Where nobody hears complaints, the exit status has to do.
    let _ = writeln!(io::stderr(), "sha256sum: {message}");
}

/// What the operating system says of an error, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error ").unwrap_or(text.len());
    text[..end].to_owned()
}
