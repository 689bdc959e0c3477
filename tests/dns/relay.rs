//! A bad network in front of a server.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Loses, doubles, delays and reorders packets.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

/// What is to be sent, soonest first.
type Delayed = BinaryHeap<Reverse<(Instant, Vec<u8>)>>;

impl Relay {
    pub(crate) fn new(server: SocketAddr) -> Self {
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
