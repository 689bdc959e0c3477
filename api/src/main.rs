//! Prints the public API that the rustdoc JSON file of its argument tells of: an item a line, auto traits
//! included, as it breaks users to lose one. `.ci/api` compares it with what was committed.
#![forbid(unsafe_code)]

use std::error::Error;

use public_api::Builder;

/// Traits that only the compiler can name: nobody relies on them, and there are more with each version.
const INTERNAL: [&str; 3] = [
    "core::marker::Freeze for ",
    "core::marker::UnsafeUnpin for ",
    "core::marker::StructuralPartialEq for ",
];

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("which file?")?;
    // What holds for every type says nothing of these.
    let api = Builder::from_rustdoc_json(path)
        .omit_blanket_impls(true)
        .sorted(true)
        .build()?;
    for item in api.items() {
        let item = item.to_string();
        if !INTERNAL.iter().any(|internal| item.contains(internal)) {
            println!("{item}");
        }
    }
    Ok(())
}
