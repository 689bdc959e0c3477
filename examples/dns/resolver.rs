//! A stub resolver: each answer finds whoever asked, by transaction id and question.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use letgo::{Delivery, PromiseMap, Reply};
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

/// What an answer must match: a packet that is forged, or meant for an older question, matches none.
type Key = (u16, String);

pub(crate) type Answer = Result<Vec<Ipv4Addr>, Failure>;

/// Asks one server for addresses, many at a time.
pub(crate) struct Resolver {
    socket: Arc<UdpSocket>,
    questions: PromiseMap<Key, Answer>,
    counts: Arc<Counts>,
    /// Ids must not be guessed: a counter, hashed with a random key.
    ids: RandomState,
    asked: AtomicU64,
    stop: Arc<AtomicBool>,
    receiver: Option<JoinHandle<()>>,
}

/// How often to ask, and how long to wait: twice as long each time.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) tries: u32,
    pub(crate) first_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 4,
            first_wait: Duration::from_millis(400),
        }
    }
}

/// Why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It is no name at all.
    Malformed,
    NoSuchName,
    /// The name has records, but no address.
    NoAddress,
    /// The answer doesn't fit into a packet.
    Truncated,
    /// The server says no.
    Server(RCODE),
    TimedOut,
}

/// What became of the packets that came.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) delivered: AtomicU64,
    pub(crate) late: AtomicU64,
    pub(crate) duplicate: AtomicU64,
    /// Nobody asked that, or not with that id.
    pub(crate) unknown: AtomicU64,
    /// No answer at all.
    pub(crate) malformed: AtomicU64,
}

impl Resolver {
    pub(crate) fn new(server: SocketAddr) -> io::Result<Self> {
        // Far longer than an answer is on its way.
        const LINGER: Duration = Duration::from_secs(30);
        /// How soon the receiver notices that it is to stop.
        const LOOK_UP: Duration = Duration::from_millis(50);
        let any = match server {
            SocketAddr::V4(_) => "0.0.0.0:0",
            SocketAddr::V6(_) => "[::]:0",
        };
        let socket = Arc::new(UdpSocket::bind(any)?);
        // From now on the system drops what others than the server send.
        socket.connect(server)?;
        socket.set_read_timeout(Some(LOOK_UP))?;
        let questions = PromiseMap::new().linger(LINGER);
        let (counts, stop) = <(Arc<Counts>, Arc<AtomicBool>)>::default();
        let receiver = thread::Builder::new().name("dns receiver".into()).spawn({
            let (socket, questions) = (Arc::clone(&socket), questions.clone());
            let (counts, stop) = (Arc::clone(&counts), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    receive(&socket, &questions, &counts);
                }
            }
        })?;
        Ok(Self {
            socket,
            questions,
            counts,
            ids: RandomState::new(),
            asked: AtomicU64::new(0),
            stop,
            receiver: Some(receiver),
        })
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The addresses of each name. All are asked for at once, and those again that time out.
    pub(crate) fn look_up_all(&self, names: &[String], patience: Patience) -> Vec<Answer> {
        let mut answers = vec![Err(Failure::TimedOut); names.len()];
        let mut missing: Vec<usize> = (0..names.len()).collect();
        for attempt in 0..patience.tries {
            let wait = patience.first_wait * 2_u32.pow(attempt);
            let mut asked = Vec::new();
            for index in missing.drain(..) {
                match self.ask(&names[index]) {
                    Ok(reply) => asked.push((index, reply)),
                    Err(failure) => answers[index] = Err(failure),
                }
            }
            let deadline = Instant::now() + wait;
            for (index, reply) in asked {
                match reply.get_deadline(deadline) {
                    Ok(answer) => answers[index] = answer,
                    // The reply is dropped: its answer, should it come, is a late one.
                    Err(_) => missing.push(index),
                }
            }
        }
        answers
    }

    /// Sends one question.
    fn ask(&self, name: &str) -> Result<Reply<Key, Answer>, Failure> {
        let name = canonical(name);
        if name.split('.').any(str::is_empty) {
            return Err(Failure::Malformed);
        }
        let parsed = Name::new(&name).map_err(|_| Failure::Malformed)?;
        let (of_type, of_class) = (QTYPE::TYPE(TYPE::A), QCLASS::CLASS(CLASS::IN));
        let question = Question::new(parsed, of_type, of_class, false);
        // A random id that is in use for the same name is rare, but it happens.
        let reply = loop {
            let id = self
                .ids
                .hash_one(self.asked.fetch_add(1, Ordering::Relaxed)) as u16;
            if let Ok(reply) = self.questions.insert((id, name.clone())) {
                break reply;
            }
        };
        let mut packet = Packet::new_query(reply.key().0);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        packet.questions.push(question);
        let bytes = packet.build_bytes_vec().map_err(|_| Failure::Malformed)?;
        // What can't be sent is lost like any other packet: the next try may fare better.
        let _ = self.socket.send(&bytes);
        Ok(reply)
    }
}

impl Counts {
    /// The packets that met nobody, if there were any.
    pub(crate) fn dropped(&self) -> Option<String> {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let late = count(&self.late);
        let duplicate = count(&self.duplicate);
        let unknown = count(&self.unknown);
        let malformed = count(&self.malformed);
        (late + duplicate + unknown + malformed > 0).then(|| {
            format!("{late} late, {duplicate} doubled, {unknown} unknown, {malformed} malformed")
        })
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(receiver) = self.receiver.take() {
            let _ = receiver.join();
        }
    }
}

/// Waits for a packet for a moment, and hands it on. It never waits for who asked.
fn receive(socket: &UdpSocket, questions: &PromiseMap<Key, Answer>, counts: &Counts) {
    let mut bytes = [0; 4096];
    // An error is a time-out, or says that an earlier packet found no server: it is as good as lost.
    let Ok(length) = socket.recv(&mut bytes) else {
        return;
    };
    let count = match parse(&bytes[..length]) {
        None => &counts.malformed,
        Some((key, answer)) => match questions.resolve(&key, answer) {
            Delivery::Delivered => &counts.delivered,
            Delivery::Late(_) => &counts.late,
            Delivery::Duplicate(_) => &counts.duplicate,
            Delivery::Unknown(_) => &counts.unknown,
        },
    };
    count.fetch_add(1, Ordering::Relaxed);
}

/// Which question a packet answers, and how.
fn parse(bytes: &[u8]) -> Option<(Key, Answer)> {
    let packet = Packet::parse(bytes).ok()?;
    let [question] = &packet.questions[..] else {
        return None;
    };
    let asks_for_address = question.qtype == QTYPE::TYPE(TYPE::A)
        && question.qclass == QCLASS::CLASS(CLASS::IN)
        && packet.has_flags(PacketFlag::RESPONSE);
    if !asks_for_address {
        return None;
    }
    let key = (packet.id(), canonical(&question.qname.to_string()));
    let answer = match packet.rcode() {
        _ if packet.has_flags(PacketFlag::TRUNCATION) => Err(Failure::Truncated),
        RCODE::NoError => addresses(&packet),
        RCODE::NameError => Err(Failure::NoSuchName),
        other => Err(Failure::Server(other)),
    };
    Some((key, answer))
}

/// Those of the name, or of what it is an alias of; sorted, as servers like to shuffle them.
fn addresses(packet: &Packet<'_>) -> Answer {
    let records = packet.answers.iter();
    let mut addresses: Vec<_> = records
        .filter_map(|record| match &record.rdata {
            RData::A(a) => Some(Ipv4Addr::from(a.address)),
            _ => None,
        })
        .collect();
    addresses.sort_unstable();
    if addresses.is_empty() {
        return Err(Failure::NoAddress);
    }
    Ok(addresses)
}

/// The one spelling of a name among many that are the same.
fn canonical(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("this is no name"),
            Self::NoSuchName => f.write_str("there is no such name"),
            Self::NoAddress => f.write_str("it has no address"),
            Self::Truncated => f.write_str("the answer does not fit into a packet"),
            Self::Server(code) => write!(f, "the server says {code:?}"),
            Self::TimedOut => f.write_str("no answer in time"),
        }
    }
}
