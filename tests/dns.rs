//! The `dns` example against a real server, over a network that loses, doubles, delays and reorders;
//! and against one that forges.

mod common;
#[path = "../examples/dns/main.rs"]
#[expect(dead_code, reason = "the example's `main`")]
mod dns;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{must_end, until};
use dns::resolver::{Failure, Patience, Resolver};
use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, ResourceRecord};

const NAMES: usize = 2000;
const IN_FLIGHT: usize = 200;

fn name(n: usize) -> String {
    format!("host-{n}.test")
}

/// No two names have the same.
fn address(n: usize) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 + n as u32)
}

/// A server on this machine, which knows our names and asks nobody else.
struct Server {
    process: Child,
    address: SocketAddr,
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
    fn start() -> Option<Self> {
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

/// A bad network in front of a server: it loses, doubles, delays and reorders.
struct Relay {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

/// What is to be sent, soonest first.
type Delayed = BinaryHeap<Reverse<(Instant, Vec<u8>)>>;

impl Relay {
    fn new(server: SocketAddr) -> Self {
        const MOMENT: Duration = Duration::from_millis(1);
        let front = UdpSocket::bind("127.0.0.1:0").unwrap();
        let back = UdpSocket::bind("127.0.0.1:0").unwrap();
        back.connect(server).unwrap();
        front.set_read_timeout(Some(MOMENT)).unwrap();
        back.set_read_timeout(Some(MOMENT)).unwrap();
        let address = front.local_addr().unwrap();
        let (front, back) = (Arc::new(front), Arc::new(back));
        let stop = Arc::new(AtomicBool::new(false));
        // The port of the one who asks.
        let client = Arc::new(AtomicU64::new(0));
        let there = thread::spawn({
            let (front, back) = (Arc::clone(&front), Arc::clone(&back));
            let (stop, client) = (Arc::clone(&stop), Arc::clone(&client));
            move || {
                let mut bytes = [0; 4096];
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    let Ok((length, from)) = front.recv_from(&mut bytes) else {
                        continue;
                    };
                    client.store(from.port().into(), Ordering::Relaxed);
                    count += 1;
                    if count % 7 != 0 {
                        let _ = back.send(&bytes[..length]);
                    }
                }
            }
        });
        let back_again = thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let mut bytes = [0; 4096];
                let mut delayed = Delayed::new();
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    let now = Instant::now();
                    if let Ok(length) = back.recv(&mut bytes) {
                        count += 1;
                        let answer = bytes[..length].to_vec();
                        // Neighbours have quite different delays; some come after the first time-out.
                        let after = |millis| now + Duration::from_millis(millis);
                        if count % 5 == 0 {
                            delayed.push(Reverse((after(count * 3 % 17), answer.clone())));
                        }
                        match count % 11 {
                            3 => {}
                            4 => delayed.push(Reverse((after(120), answer))),
                            _ => delayed.push(Reverse((after(count * 7 % 23), answer))),
                        }
                    }
                    while delayed.peek().is_some_and(|next| next.0.0 <= now) {
                        let Some(Reverse((_, answer))) = delayed.pop() else {
                            break;
                        };
                        let port = client.load(Ordering::Relaxed) as u16;
                        let _ = front.send_to(&answer, (Ipv4Addr::LOCALHOST, port));
                    }
                }
            }
        });
        Self {
            address,
            stop,
            threads: vec![there, back_again],
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn count(count: &AtomicU64) -> u64 {
    count.load(Ordering::SeqCst)
}

#[test]
fn over_a_bad_network_every_name_has_its_own_address_or_none() {
    must_end(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let relay = Relay::new(server.address);
        let resolver = Resolver::new(relay.address).unwrap();
        let patience = Patience {
            tries: 5,
            first_wait: Duration::from_millis(80),
        };
        let numbers: Vec<usize> = (0..NAMES).collect();
        let mut found = 0;
        for numbers in numbers.chunks(IN_FLIGHT) {
            let names: Vec<_> = numbers.iter().copied().map(name).collect();
            let answers = resolver.look_up_all(&names, patience);
            for (&n, answer) in numbers.iter().zip(answers) {
                match answer {
                    Ok(addresses) => {
                        assert_eq!(addresses, [address(n)], "of {}", name(n));
                        found += 1;
                    }
                    Err(failure) => assert_eq!(failure, Failure::TimedOut, "of {}", name(n)),
                }
            }
        }
        let counts = resolver.counts();
        println!("{found} of {NAMES} found, dropped {:?}", counts.dropped());
        assert!(found > NAMES * 9 / 10, "{found} were found");
        until("what was found was counted", || {
            count(&counts.delivered) == found as u64
        });
        assert!(count(&counts.duplicate) > 0, "the network doubles");
        assert!(count(&counts.late) > 0, "the network delays");
        assert_eq!((count(&counts.unknown), count(&counts.malformed)), (0, 0));
    });
}

#[test]
fn the_program_prints_names_in_the_order_asked() {
    must_end(|| {
        let Some(server) = Server::start() else {
            return;
        };
        let run = |names: &[&str]| {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let server = server.address.to_string();
            let args = ["--server", &server]
                .into_iter()
                .chain(names.iter().copied());
            let all_found = dns::run(args.map(String::from), &mut out, &mut err).unwrap();
            (
                all_found,
                String::from_utf8(out).unwrap(),
                String::from_utf8(err).unwrap(),
            )
        };
        let (all_found, out, err) = run(&["host-7.test", "HOST-1234.test.", "host-0.test"]);
        assert_eq!(
            out,
            "host-7.test 10.0.0.7\nHOST-1234.test. 10.0.4.210\nhost-0.test 10.0.0.0\n"
        );
        assert_eq!((all_found, &*err), (true, ""));
        let (all_found, out, err) = run(&["nobody.test", "host-7.test", "a..b", "host-7.test"]);
        assert_eq!(out, "host-7.test 10.0.0.7\nhost-7.test 10.0.0.7\n");
        assert_eq!(
            err,
            "dns: nobody.test: there is no such name\ndns: a..b: this is no name\n"
        );
        assert!(!all_found);
    });
}

#[test]
fn without_a_server_the_program_says_what_to_give() {
    for args in [
        &["one.test"][..],
        &["--server"],
        &["--server", "1.2.3.4:5"],
        &["--bogus"],
    ] {
        let args = args.iter().map(|&arg| arg.into());
        let error = dns::run(args, &mut Vec::new(), &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("usage: dns --server"), "{error}");
    }
}

/// A server that is played by the test.
fn played() -> (UdpSocket, SocketAddr) {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(common::HANGS)).unwrap();
    let address = server.local_addr().unwrap();
    (server, address)
}

/// The next question: its bytes, and where it comes from.
fn question(server: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut bytes = [0; 4096];
    let (length, from) = server.recv_from(&mut bytes).unwrap();
    (bytes[..length].to_vec(), from)
}

/// An answer to the question: with what `change` does to it.
fn answer(question: &[u8], address: Ipv4Addr, change: impl FnOnce(&mut Packet<'_>)) -> Vec<u8> {
    let mut packet = Packet::parse(question).unwrap().into_reply();
    let name = packet.questions[0].qname.clone();
    let record = ResourceRecord::new(name, CLASS::IN, 60, RData::A(A::from(address)));
    packet.answers.push(record);
    change(&mut packet);
    packet.build_bytes_vec().unwrap()
}

#[test]
fn forged_answers_are_counted_and_dropped() {
    must_end(|| {
        let (server, address) = played();
        let (truth, lie) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(6, 6, 6, 6));
        let forger = thread::spawn(move || {
            let (question, client) = question(&server);
            let send = |bytes: &[u8]| server.send_to(bytes, client).unwrap();
            // Another id, another question, no answer, no packet.
            send(&answer(&question, lie, |packet| {
                packet.set_id(packet.id() ^ 1)
            }));
            send(&answer(&question, lie, |packet| {
                packet.questions[0].qname = Name::new_unchecked("bank.test");
            }));
            send(&answer(&question, lie, |packet| {
                packet.remove_flags(PacketFlag::RESPONSE)
            }));
            send(&question[..7]);
            // From another port: the system drops it.
            let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
            stranger
                .send_to(&answer(&question, lie, |_| {}), client)
                .unwrap();
            send(&answer(&question, truth, |_| {}));
            send(&answer(&question, lie, |_| {}));
        });
        let resolver = Resolver::new(address).unwrap();
        let patience = Patience {
            tries: 1,
            first_wait: common::HANGS,
        };
        let answers = resolver.look_up_all(&["shop.test".into()], patience);
        assert_eq!(answers, [Ok(vec![truth])]);
        forger.join().unwrap();
        let counts = resolver.counts();
        until("the second answer has come", || {
            count(&counts.duplicate) == 1
        });
        assert_eq!((count(&counts.delivered), count(&counts.late)), (1, 0));
        assert_eq!((count(&counts.unknown), count(&counts.malformed)), (2, 2));
    });
}

#[test]
fn who_gives_up_has_asked_with_a_new_id_each_time_and_what_comes_then_is_late() {
    must_end(|| {
        let (server, address) = played();
        let resolver = Resolver::new(address).unwrap();
        let patience = Patience {
            tries: 3,
            first_wait: Duration::from_millis(10),
        };
        let answers = resolver.look_up_all(&["silence.test".into()], patience);
        assert_eq!(answers, [Err(Failure::TimedOut)]);
        let questions = [(); 3].map(|()| question(&server));
        let ids = questions
            .each_ref()
            .map(|(bytes, _)| Packet::parse(bytes).unwrap().id());
        assert!(
            ids.iter().any(|id| *id != ids[0]),
            "ids are not guessed: {ids:?}"
        );
        for (question, client) in &questions {
            let bytes = answer(question, Ipv4Addr::LOCALHOST, |_| {});
            server.send_to(&bytes, client).unwrap();
        }
        let counts = resolver.counts();
        until("all have come", || count(&counts.late) == 3);
        assert_eq!(
            counts.dropped().unwrap(),
            "3 late, 0 doubled, 0 unknown, 0 malformed"
        );
    });
}

#[test]
fn an_alias_brings_the_addresses_it_stands_for_sorted() {
    must_end(|| {
        let (server, address) = played();
        let addresses = [3, 1, 2].map(|n| Ipv4Addr::new(10, 0, 0, n));
        let serving = thread::spawn(move || {
            let (question, client) = question(&server);
            let bytes = answer(&question, addresses[0], |packet| {
                for address in &addresses[1..] {
                    let name = Name::new_unchecked("other.test");
                    let a = RData::A(A::from(*address));
                    packet
                        .answers
                        .push(ResourceRecord::new(name, CLASS::IN, 60, a));
                }
            });
            server.send_to(&bytes, client).unwrap();
        });
        let resolver = Resolver::new(address).unwrap();
        let patience = Patience {
            tries: 1,
            first_wait: common::HANGS,
        };
        let answers = resolver.look_up_all(&["alias.test".into()], patience);
        let sorted = [1, 2, 3].map(|n| Ipv4Addr::new(10, 0, 0, n));
        assert_eq!(answers, [Ok(sorted.to_vec())]);
        serving.join().unwrap();
    });
}
