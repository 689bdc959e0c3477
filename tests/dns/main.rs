//! The `dns` example against a real server, over a network that loses, doubles, delays and reorders;
//! and against one that forges.

#[path = "../common/mod.rs"]
mod common;
#[path = "../../examples/dns/main.rs"]
#[expect(dead_code, reason = "the example's `main`")]
mod dns;
mod relay;
mod server;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use common::{must_end, until};
use dns::resolver::{Failure, Patience, Resolver};
use relay::Relay;
use server::Server;
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
            let address = server.address.to_string();
            let mut program = program();
            let output = program.args(["--server", &address]).args(names).output();
            let output = output.unwrap();
            (
                output.status.code().unwrap(),
                String::from_utf8(output.stdout).unwrap(),
                String::from_utf8(output.stderr).unwrap(),
            )
        };
        let (status, out, err) = run(&["host-7.test", "HOST-1234.test.", "host-0.test"]);
        assert_eq!(
            out,
            "host-7.test 10.0.0.7\nHOST-1234.test. 10.0.4.210\nhost-0.test 10.0.0.0\n"
        );
        assert_eq!((status, &*err), (0, ""));
        let (status, out, err) = run(&["nobody.test", "host-7.test", "a..b", "host-7.test"]);
        assert_eq!(out, "host-7.test 10.0.0.7\nhost-7.test 10.0.0.7\n");
        assert_eq!(
            err,
            "dns: nobody.test: there is no such name\ndns: a..b: this is no name\n"
        );
        assert_eq!(status, 1);
    });
}

/// The example's program; `cargo test` puts it beside its own.
fn program() -> std::process::Command {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.set_file_name("examples");
    path.push(format!("dns{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "`cargo build --example dns` builds it");
    std::process::Command::new(path)
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
    assert_eq!(program().status().unwrap().code(), Some(2));
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
