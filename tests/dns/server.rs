//! A real server on the loopback interface, with names of its own and nobody else to ask.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::common::until;
use crate::dns::resolver::{Patience, Resolver};
use crate::{NAMES, address, name};

/// A server on this machine, which knows our names and asks nobody else.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    _dir: TempDir,
}

struct TempDir(PathBuf);

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(program: &str) -> Option<Command> {
    let path = std::env::var_os("PATH")?;
    let dirs = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut files = dirs.map(|dir| dir.join(program));
    files.find(|file| file.is_file()).map(Command::new)
}

fn unbound(dir: &Path, port: u16) -> Option<Command> {
    let mut unbound = command("unbound")?;
    let mut conf = format!(
        "server:\n directory: \"{}\"\n interface: 127.0.0.1\n port: {port}\n do-daemonize: no\n \
         chroot: \"\"\n username: \"\"\n pidfile: \"\"\n use-syslog: no\n do-tcp: no\n \
         num-threads: 1\n module-config: \"iterator\"\n local-zone: \"test.\" static\n \
         local-zone: \".\" refuse\n",
        dir.display()
    );
    for n in 0..NAMES {
        conf += &format!(" local-data: \"{}. A {}\"\n", name(n), address(n));
    }
    conf += "remote-control:\n control-enable: no\n";
    let file = dir.join("unbound.conf");
    fs::write(&file, conf).unwrap();
    unbound.arg("-d").arg("-c").arg(file);
    Some(unbound)
}

fn dnsmasq(dir: &Path, port: u16) -> Option<Command> {
    let mut dnsmasq = command("dnsmasq")?;
    let file = dir.join("hosts");
    let hosts = (0..NAMES).map(|n| format!("{} {}\n", address(n), name(n)));
    fs::write(&file, hosts.collect::<String>()).unwrap();
    dnsmasq
        .args([
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
        ])
        .args([
            "--no-hosts",
            "--bind-interfaces",
            "--listen-address=127.0.0.1",
        ])
        .args(["--local=/test/", "--pid-file=", "--log-facility=-"])
        .arg(format!("--port={port}"))
        .arg(format!("--addn-hosts={}", file.display()));
    Some(dnsmasq)
}

impl Server {
    /// Starts whichever server there is.
    pub(crate) fn start() -> Option<Self> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let id = std::process::id();
        let dir = std::env::temp_dir().join(format!("letgo-dns-{id}-{number}"));
        fs::create_dir(&dir).unwrap();
        let dir = TempDir(dir);
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let Some(mut command) =
            unbound(&dir.0, address.port()).or_else(|| dnsmasq(&dir.0, address.port()))
        else {
            println!(
                "skipped: there is no DNS server to ask; apt-get install unbound (or dnsmasq-base)"
            );
            return None;
        };
        let (out, err) = (Stdio::null(), Stdio::null());
        let process = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let mut server = Self {
            process: process.unwrap(),
            address,
            _dir: dir,
        };
        let resolver = Resolver::new(address).unwrap();
        let quick = Patience {
            tries: 1,
            first_wait: Duration::from_millis(20),
        };
        until("the server answers", || {
            let ended = server.process.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended: {ended:?}");
            resolver.look_up_all(&[name(0)], quick)[0].is_ok()
        });
        Some(server)
    }
}
