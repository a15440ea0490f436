//! The measures, and how the two processes of a measurement take them.

mod broadcast;
mod idle;
mod large;
mod round_trips;
mod stream;

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::peers::{Compression, Contender, End, Peer, Tuned, dispatch};
use crate::wire::Wire;
use crate::{Done, chat, process};

/// A measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measure {
    /// Messages of 32 B one way, batched, until the server has counted all.
    OneWay32,
    /// The same with 128 B.
    OneWay128,
    /// 128 B one way, `send().await` for each.
    Naive,
    /// 128 B echoed, 64 in flight.
    Pipelined,
    /// 128 B echoed, one in flight.
    RoundTrip,
    /// Chat messages one way, each compressed by itself.
    DeflateAlone,
    /// The same with context.
    DeflateContext,
    /// A compressed chat message to a thousand connections without a transport.
    BroadcastProtocol,
    /// The same through a thousand TCP connections.
    BroadcastTcp,
    /// An idle connection's memory on the server, after traffic.
    IdlePlain,
    /// The same with compression.
    IdleCompressed,
    /// Binary messages of 4 KiB one way to the client, batched.
    Down4K,
    /// The same with 64 KiB.
    Down64K,
    /// The same with 1 MiB.
    Down1M,
    /// Text of 64 KiB one way to the client, batched.
    DownText64K,
    /// Binary messages of 4 KiB one way to the server, batched: the client masks them.
    Up4K,
    /// The same with 64 KiB.
    Up64K,
    /// The same with 1 MiB.
    Up1M,
}

/// One column of a measure's figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) more_is_better: bool,
}

const fn more(name: &'static str) -> Column {
    Column { name, more_is_better: true }
}

const fn less(name: &'static str) -> Column {
    Column { name, more_is_better: false }
}

const STREAM: &[Column] = &[
    more("M messages/s"),
    less("CPU of both ends, ns per message"),
    less("client's CPU, ns per message"),
    less("server's CPU, ns per message"),
];
const ONE_BY_ONE: &[Column] = &[more("k messages/s"), less("CPU of both ends, ns per message")];
const LATENCY: &[Column] = &[less("µs, median"), less("µs, 99th percentile")];
const DEFLATE: &[Column] = &[
    more("k messages/s"),
    less("bytes on the wire per message"),
    less("client's CPU (deflate), µs per message"),
    less("server's CPU (inflate), µs per message"),
];
const BROADCAST: &[Column] = &[less("CPU, µs per member")];
const MEMORY: &[Column] = &[less("KiB per connection")];
const LARGE: &[Column] = &[
    more("GB/s"),
    less("CPU of both ends, ns per KiB"),
    less("sender's CPU, ns per KiB"),
    less("receiver's CPU, ns per KiB"),
];

impl Measure {
    pub(crate) const ALL: &[Self] = &[
        Self::OneWay32,
        Self::OneWay128,
        Self::Naive,
        Self::Pipelined,
        Self::RoundTrip,
        Self::DeflateAlone,
        Self::DeflateContext,
        Self::BroadcastProtocol,
        Self::BroadcastTcp,
        Self::IdlePlain,
        Self::IdleCompressed,
        Self::Down4K,
        Self::Down64K,
        Self::Down1M,
        Self::DownText64K,
        Self::Up4K,
        Self::Up64K,
        Self::Up1M,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneWay32 => "one-way-32",
            Self::OneWay128 => "one-way-128",
            Self::Naive => "naive-128",
            Self::Pipelined => "pipelined-128",
            Self::RoundTrip => "round-trip-128",
            Self::DeflateAlone => "deflate-alone",
            Self::DeflateContext => "deflate-context",
            Self::BroadcastProtocol => "broadcast-protocol",
            Self::BroadcastTcp => "broadcast-tcp",
            Self::IdlePlain => "idle-plain",
            Self::IdleCompressed => "idle-compressed",
            Self::Down4K => "down-4k",
            Self::Down64K => "down-64k",
            Self::Down1M => "down-1m",
            Self::DownText64K => "down-text-64k",
            Self::Up4K => "up-4k",
            Self::Up64K => "up-64k",
            Self::Up1M => "up-1m",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|measure| measure.name() == name)
    }

    pub(crate) fn columns(self) -> &'static [Column] {
        match self {
            Self::OneWay32 | Self::OneWay128 => STREAM,
            Self::Naive | Self::Pipelined => ONE_BY_ONE,
            Self::RoundTrip => LATENCY,
            Self::DeflateAlone | Self::DeflateContext => DEFLATE,
            Self::BroadcastProtocol | Self::BroadcastTcp => BROADCAST,
            Self::IdlePlain | Self::IdleCompressed => MEMORY,
            Self::Down4K | Self::Down64K | Self::Down1M | Self::DownText64K | Self::Up4K | Self::Up64K | Self::Up1M => {
                LARGE
            }
        }
    }

    pub(crate) fn contenders(self) -> &'static [Contender] {
        use Contender::*;
        match self {
            Self::RoundTrip => &[RawTcp, Everwire, Tungstenite, FastWebSockets, Yawc, Sockudo, TokioWebSockets],
            Self::DeflateAlone | Self::DeflateContext | Self::IdleCompressed => &[Everwire, Yawc, Sockudo],
            Self::BroadcastProtocol | Self::BroadcastTcp => &[EverwirePrepared, Everwire, Yawc, Sockudo],
            Self::OneWay32 | Self::OneWay128 | Self::Down4K | Self::Up4K => {
                &[Everwire, EverwireInPlace, Tungstenite, FastWebSockets, Yawc, Sockudo, TokioWebSockets]
            }
            _ => &[Everwire, Tungstenite, FastWebSockets, Yawc, Sockudo, TokioWebSockets],
        }
    }

    /// Bytes of a message of a measure of large ones.
    fn large(self) -> usize {
        match self {
            Self::Down4K | Self::Up4K => 4 << 10,
            Self::Down1M | Self::Up1M => 1 << 20,
            _ => 64 << 10,
        }
    }

    fn large_message<P: Peer>(self) -> P::Message {
        match self {
            Self::DownText64K => P::text(&"x".repeat(self.large())),
            _ => P::binary(&vec![b'x'; self.large()]),
        }
    }

    /// The contender that ratios are relative to; `None`: the best rival.
    pub(crate) fn base(self) -> Option<Contender> {
        match self {
            Self::RoundTrip => Some(Contender::RawTcp),
            Self::BroadcastProtocol | Self::BroadcastTcp => Some(Contender::Everwire),
            _ => None,
        }
    }

    fn compression(self) -> Compression {
        match self {
            Self::DeflateAlone | Self::BroadcastProtocol | Self::BroadcastTcp | Self::IdleCompressed => {
                Compression::EachAlone
            }
            Self::DeflateContext => Compression::WithContext,
            _ => Compression::Off,
        }
    }

    fn tuned(self) -> Tuned {
        match self {
            Self::IdlePlain | Self::IdleCompressed => Tuned::ForMemory,
            _ => Tuned::ForSpeed,
        }
    }
}

/// The size of the measurements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// The duration of a stream of messages.
    pub(crate) streaming: Duration,
    pub(crate) round_trips: usize,
    /// Connections that a broadcast goes to, or that idle.
    pub(crate) connections: usize,
    pub(crate) broadcasts: usize,
}

impl Effort {
    pub(crate) const FULL: Self =
        Self { streaming: Duration::from_millis(300), round_trips: 4_000, connections: 1_000, broadcasts: 20 };
    /// Only enough to check that everything runs.
    pub(crate) const QUICK: Self =
        Self { streaming: Duration::from_millis(10), round_trips: 50, connections: 20, broadcasts: 3 };
}

/// Runs the client's process; returns its figures, one per column.
pub(crate) fn client(contender: Contender, measure: Measure, address: &str, effort: Effort) -> Done<Vec<f64>> {
    process::pin(process::CLIENT_CORE);
    dispatch!(contender, P => in_runtime(run_client::<P>(measure, address.to_owned(), effort)))
}

/// Runs the server's process, until it is killed.
pub(crate) fn server(contender: Contender, measure: Measure, effort: Effort) -> Done<()> {
    process::pin(process::SERVER_CORE);
    dispatch!(contender, P => in_runtime(run_server::<P>(measure, effort)))
}

async fn run_client<P: Peer>(measure: Measure, address: String, effort: Effort) -> Done<Vec<f64>> {
    match measure {
        Measure::OneWay32 | Measure::OneWay128 | Measure::Naive => {
            let length = if measure == Measure::OneWay32 { 32 } else { 128 };
            let message = [P::text(&"x".repeat(length))];
            stream::up::<P>(connect(measure, &address).await?, &message, measure == Measure::Naive, effort).await
        }
        Measure::DeflateAlone | Measure::DeflateContext => {
            let messages: Vec<_> = chat::messages().iter().map(|text| P::text(text)).collect();
            stream::compressed_up::<P>(connect(measure, &address).await?, &messages, effort).await
        }
        Measure::Pipelined => stream::pipelined::<P>(connect(measure, &address).await?, effort).await,
        Measure::Down4K | Measure::Down64K | Measure::Down1M | Measure::DownText64K => {
            large::down::<P>(connect(measure, &address).await?, measure.large()).await
        }
        Measure::Up4K | Measure::Up64K | Measure::Up1M => {
            large::up::<P>(connect(measure, &address).await?, measure.large(), effort).await
        }
        Measure::RoundTrip => round_trips::client::<P>(connect(measure, &address).await?, effort).await,
        Measure::BroadcastProtocol => broadcast::without_transport::<P>(effort).await,
        Measure::BroadcastTcp => broadcast::client(&address, effort).await,
        Measure::IdlePlain | Measure::IdleCompressed => idle::client::<P>(measure, &address, effort).await,
    }
}

async fn run_server<P: Peer>(measure: Measure, effort: Effort) -> Done<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    match measure {
        Measure::BroadcastTcp => return broadcast::server::<P>(listener, effort).await,
        Measure::IdlePlain | Measure::IdleCompressed => return idle::server::<P>(measure, listener).await,
        _ => {}
    }
    loop {
        let (stream, _) = listener.accept().await?;
        let peer = open::<P>(measure, Wire::tcp(stream)?, End::Server)?;
        // A client that has finished just disconnects.
        let _ended = match measure {
            Measure::RoundTrip => round_trips::server(peer).await,
            Measure::Pipelined => stream::echo(peer).await,
            Measure::Down4K | Measure::Down64K | Measure::Down1M | Measure::DownText64K => {
                large::source(peer, measure.large_message::<P>(), effort).await
            }
            _ => stream::sink(peer).await,
        };
    }
}

async fn connect(measure: Measure, address: &str) -> Done<Connected> {
    Ok(Connected { measure, wire: Wire::tcp(TcpStream::connect(address).await?)? })
}

/// A client's stream, and the measure that it is for.
struct Connected {
    measure: Measure,
    wire: Wire,
}

impl Connected {
    fn open<P: Peer>(self) -> Done<P> {
        open(self.measure, self.wire, End::Client)
    }
}

fn open<P: Peer>(measure: Measure, wire: Wire, end: End) -> Done<P> {
    P::open(wire, end, measure.tuned(), measure.compression()).ok_or_else(|| "it can't do that".into())
}

/// Runs in a spawned task, as nearly all code with a connection does.
fn in_runtime<T: Send + 'static>(task: impl Future<Output = Done<T>> + Send + 'static) -> Done<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { tokio::spawn(task).await? })
}
