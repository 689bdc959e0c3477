//! What there is to read for an argument.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Something to read, under the name that is printed.
pub(crate) struct Input {
    pub(crate) name: PathBuf,
    /// An error if it is a directory that can't be listed.
    pub(crate) source: io::Result<Source>,
}

pub(crate) enum Source {
    Stdin,
    File,
}

/// Standard input, a file, or the files of a directory.
pub(crate) fn inputs(operand: OsString) -> Vec<Input> {
    let name = PathBuf::from(operand);
    if name.as_os_str() == "-" {
        vec![Input {
            name,
            source: Ok(Source::Stdin),
        }]
    } else if name.is_dir() {
        files_below(name)
    } else {
        vec![Input {
            name,
            source: Ok(Source::File),
        }]
    }
}

/// The regular files below a directory, sorted by their paths, as
/// `find DIRECTORY -type f | LC_ALL=C sort` has them.
fn files_below(directory: PathBuf) -> Vec<Input> {
    let mut files = Vec::new();
    let mut directories = vec![directory];
    while let Some(name) = directories.pop() {
        if let Err(error) = list(&name, &mut directories, &mut files) {
            let source = Err(error);
            files.push(Input { name, source });
        }
    }
    // As text: the order of paths is by their components.
    files.sort_unstable_by(|a, b| a.name.as_os_str().cmp(b.name.as_os_str()));
    files
}

/// Symbolic links are left out, so there are no loops.
fn list(
    directory: &Path,
    directories: &mut Vec<PathBuf>,
    files: &mut Vec<Input>,
) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            directories.push(entry.path());
        } else if kind.is_file() {
            files.push(Input {
                name: entry.path(),
                source: Ok(Source::File),
            });
        }
    }
    Ok(())
}
