//! Looks up names: many questions at a time over one socket, one thread that receives.
//!
//! ```sh
//! cargo run --example dns -- --server 127.0.0.1:5353 one.test two.test
//! ```

pub(crate) mod resolver;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use resolver::{Patience, Resolver};

const USAGE: &str = "usage: dns --server ADDRESS:PORT NAME...
(it asks the server you name, and no other)";

/// How many questions are on their way at a time.
const IN_FLIGHT: usize = 200;

fn main() -> ExitCode {
    let args = std::env::args().skip(1);
    match run(args, &mut io::stdout().lock(), &mut io::stderr().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("dns: {error}");
            ExitCode::from(2)
        }
    }
}

/// Prints each name and its addresses, in the order asked. Whether all were found.
pub(crate) fn run(
    args: impl IntoIterator<Item = String>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<bool> {
    let (server, names) = parse(args).map_err(io::Error::other)?;
    let resolver = Resolver::new(server)?;
    let mut all_found = true;
    for names in names.chunks(IN_FLIGHT) {
        let answers = resolver.look_up_all(names, Patience::default());
        for (name, answer) in names.iter().zip(answers) {
            match answer {
                Ok(addresses) => {
                    write!(out, "{name}")?;
                    for address in addresses {
                        write!(out, " {address}")?;
                    }
                    writeln!(out)?;
                }
                Err(failure) => {
                    all_found = false;
                    writeln!(err, "dns: {name}: {failure}")?;
                }
            }
        }
    }
    if let Some(dropped) = resolver.counts().dropped() {
        writeln!(err, "dns: dropped {dropped}")?;
    }
    Ok(all_found)
}

fn parse(args: impl IntoIterator<Item = String>) -> Result<(SocketAddr, Vec<String>), String> {
    let mut server = None;
    let mut names = Vec::new();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        if arg == "--server" {
            let address = args.next().unwrap_or_default();
            let parsed = address.parse();
            server =
                Some(parsed.map_err(|_| format!("no address and port: {address:?}\n{USAGE}"))?);
        } else if arg.starts_with('-') {
            return Err(format!("unknown option {arg}\n{USAGE}"));
        } else {
            names.push(arg);
        }
    }
    match server {
        Some(server) if !names.is_empty() => Ok((server, names)),
        Some(_) => Err(format!("which names?\n{USAGE}")),
        None => Err(format!("which server?\n{USAGE}")),
    }
}
