//! What must not compile, and what the compiler says of it.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The compiler whose words `tests/ui/*.stderr` are. Others word it differently: of them it is only
/// asked that none of it compiles.
const WORDED_BY: &str = "rustc 1.95.";

fn compiler() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn misuse_does_not_compile_and_the_message_says_why() {
    if compiler().starts_with(WORDED_BY) {
        trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
        return;
    }
    // Copies, for to overwrite what is expected is to expect nothing in particular.
    let copies = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
    fs::create_dir_all(&copies).unwrap();
    for case in fs::read_dir("tests/ui").unwrap() {
        let case = case.unwrap().path();
        if case.extension().is_some_and(|extension| extension == "rs") {
            fs::copy(&case, copies.join(case.file_name().unwrap())).unwrap();
        }
    }
    let status = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "in_any_words"])
        .env("TRYBUILD", "overwrite")
        .status();
    assert!(
        status.unwrap().success(),
        "something compiles that must not"
    );
}

#[test]
#[ignore = "a part of the test above, which runs it by name"]
fn in_any_words() {
    let copies = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui/*.rs");
    trybuild::TestCases::new().compile_fail(copies);
}
