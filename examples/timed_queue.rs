//! Question 3: a queue whose messages leave through timed channels, at most one per period each.
//!
//! Users of a web page push messages; two services take one each per period and send it to an endpoint over
//! HTTP. The asker wondered which of `Push`, `Pop` and `NewTimedChannel` need a lock, and the answer's goroutine
//! had no way to end. Here the queue is a fan-in: it needs no lock, and what was started ends by itself.

use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::executor::block_on;
use letgo::FanIn;

const USERS: usize = 3;
const MESSAGES: usize = 4;
const PERIOD: Duration = Duration::from_millis(20);

fn main() -> Result<()> {
    let threads_before = threads();
    let endpoint = TcpListener::bind("127.0.0.1:0")?;
    let address = endpoint.local_addr()?;

    let queue = FanIn::bounded(USERS * MESSAGES);
    let held = queue.sender(); // not to end before the first user is there
    let start = Instant::now();

    let delivered = thread::scope(|scope| {
        for user in 0..USERS {
            let push = queue.sender();
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    push.send(format!("message {number} of user {user}"))
                        .unwrap(); // Push
                }
            });
        }
        drop(held);

        let popped = loop {
            match queue.try_recv() {
                Ok(message) => break message, // message, ok := Pop()
                Err(_) => thread::yield_now(),
            }
        };
        println!("popped by hand: 1 message");

        // NewTimedChannel, twice: each message leaves through one of them. One is iterated, the other
        // streamed, as async code would.
        let iterates = scope.spawn(|| {
            let messages = queue.paced(PERIOD).into_iter();
            messages.map(|message| post(address, &message)).collect()
        });
        let streams = scope.spawn(|| {
            let messages = queue.paced(PERIOD);
            block_on(messages.map(|message| post(address, &message)).collect())
        });

        let mut delivered = serve(&endpoint, USERS * MESSAGES - 1)?;
        let sent: Vec<Result<()>> = iterates.join().unwrap();
        let streamed: Vec<Result<()>> = streams.join().unwrap();
        let sent = sent
            .into_iter()
            .chain(streamed)
            .collect::<Result<Vec<_>>>()?;
        println!(
            "delivered through two timed channels: {} messages",
            sent.len()
        );

        delivered.push(popped);
        Ok::<_, std::io::Error>(delivered)
    })?;

    // The busier one sent half of them at least, the first at once.
    let periods = (delivered.len() - 1).div_ceil(2) - 1;
    assert!(start.elapsed() >= PERIOD * periods as u32);

    let mut expected: Vec<_> = (0..USERS)
        .flat_map(|user| (0..MESSAGES).map(move |n| format!("message {n} of user {user}")))
        .collect();
    let mut arrived = delivered;
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected);
    println!("each of the {} messages arrived once", arrived.len());

    // The system takes a moment to clear away threads that were joined.
    let patience = Instant::now() + Duration::from_secs(10);
    while threads() > threads_before && Instant::now() < patience {
        thread::yield_now();
    }
    let left = threads().saturating_sub(threads_before);
    println!("threads left behind: {left}");
    assert_eq!(left, 0);
    Ok(())
}

/// The service: sends a message to the endpoint.
fn post(address: SocketAddr, message: &str) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    let length = message.len();
    write!(
        stream,
        "POST /messages HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{message}"
    )?;
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status)?;
    assert_eq!(status.trim_end(), "HTTP/1.1 204 No Content");
    Ok(())
}

/// The endpoint: takes as many messages as there will be.
fn serve(endpoint: &TcpListener, count: usize) -> Result<Vec<String>> {
    endpoint
        .incoming()
        .take(count)
        .map(|stream| receive(stream?))
        .collect()
}

fn receive(mut stream: TcpStream) -> Result<String> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim_end().parse().map_err(std::io::Error::other)?;
        }
        if line.trim_end().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
    String::from_utf8(body).map_err(std::io::Error::other)
}

/// How many threads this process has; where that can't be asked, always the same.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}
