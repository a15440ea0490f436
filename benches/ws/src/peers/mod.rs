//! The contenders, one file each, with the fastest use of each.

mod everwire;
mod fastwebsockets;
mod raw_tcp;
mod sinks;
mod sockudo;
mod tokio_websockets;
mod tungstenite;
mod yawc;

pub(crate) use everwire::{Everwire, EverwireInPlace, EverwirePrepared};
pub(crate) use fastwebsockets::FastWebSockets;
pub(crate) use raw_tcp::RawTcp;
pub(crate) use sockudo::Sockudo;
pub(crate) use tokio_websockets::TokioWebSockets;
pub(crate) use tungstenite::Tungstenite;
pub(crate) use yawc::Yawc;

use crate::Done;
use crate::wire::Wire;

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Client,
    Server,
}

/// What a connection is tuned for, by the size of its buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tuned {
    /// Buffers as large as is useful.
    ForSpeed,
    /// Small buffers.
    ForMemory,
}

/// permessage-deflate, at level 6 with windows of 32 KiB for all contenders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Off,
    /// Each message by itself: `no_context_takeover` both ways.
    EachAlone,
    /// With context, both ways.
    WithContext,
}

/// The bytes of one write, for contenders that can be configured: as many as tokio-tungstenite's default.
pub(crate) const BATCH: usize = 128 << 10;

/// The bytes of a small buffer, for contenders that can be configured.
pub(crate) const SMALL_BUFFER: usize = 4 << 10;

/// One end of an open connection, in the form in which a contender's user would have it.
///
/// All are opened on a connected stream without an HTTP handshake; what it would agree on is given.
pub(crate) trait Peer: Sized + Send + 'static {
    /// A message; cheap to clone if the contender has such messages.
    type Message: Send + Sync;

    /// Opens an end; `None` if the contender does not support it.
    fn open(wire: Wire, end: End, tuned: Tuned, compression: Compression) -> Option<Self>;

    fn text(text: &str) -> Self::Message;

    fn binary(data: &[u8]) -> Self::Message;

    fn payload(message: &Self::Message) -> &[u8];

    /// Queues a message that will be sent again, and writes when a batch is complete.
    fn feed(&mut self, message: &Self::Message) -> impl Future<Output = Done<()>> + Send;

    /// The same with a message that was received.
    fn feed_back(&mut self, message: Self::Message) -> impl Future<Output = Done<()>> + Send {
        async move { self.feed(&message).await }
    }

    fn flush(&mut self) -> impl Future<Output = Done<()>> + Send;

    /// `send().await`, as most code does for each message.
    fn send(&mut self, message: &Self::Message) -> impl Future<Output = Done<()>> + Send {
        async move {
            self.feed(message).await?;
            self.flush().await
        }
    }

    /// The payload of a message that has already been read, for contenders that can return it without an allocation.
    fn next_in_place(&mut self) -> Option<&[u8]> {
        None
    }

    /// The next message; an error at the end of the stream.
    fn receive(&mut self) -> impl Future<Output = Done<Self::Message>> + Send;

    /// The next message. If it has not been read yet, queued messages are flushed before the wait.
    fn flush_and_receive(&mut self) -> impl Future<Output = Done<Self::Message>> + Send;
}

const LOCK_FILE: &str = include_str!("../../Cargo.lock");

/// The contenders by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contender {
    Everwire,
    /// Everwire with a receiver that borrows messages from the read buffer.
    EverwireInPlace,
    /// Everwire sending messages that were prepared once for all connections.
    EverwirePrepared,
    Tungstenite,
    FastWebSockets,
    Yawc,
    Sockudo,
    TokioWebSockets,
    RawTcp,
}

impl Contender {
    const ALL: &[Self] = &[
        Self::Everwire,
        Self::EverwireInPlace,
        Self::EverwirePrepared,
        Self::Tungstenite,
        Self::FastWebSockets,
        Self::Yawc,
        Self::Sockudo,
        Self::TokioWebSockets,
        Self::RawTcp,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Everwire => "everwire",
            Self::EverwireInPlace => "everwire-in-place",
            Self::EverwirePrepared => "everwire-prepared",
            Self::Tungstenite => "tokio-tungstenite",
            Self::FastWebSockets => "fastwebsockets",
            Self::Yawc => "yawc",
            Self::Sockudo => "sockudo-ws",
            Self::TokioWebSockets => "tokio-websockets",
            Self::RawTcp => "raw-tcp",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|contender| contender.name() == name)
    }

    /// The measured version, from the lock file; `None` for contenders that are not crates.
    pub(crate) fn version(self) -> Option<&'static str> {
        let name = match self {
            Self::Everwire | Self::EverwireInPlace | Self::EverwirePrepared => "everwire-tokio",
            other => other.name(),
        };
        let (_, package) = LOCK_FILE.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        package.split_once('"').map(|(version, _)| version)
    }

    /// Whether it is a crate that Everwire is compared with.
    pub(crate) fn is_rival(self) -> bool {
        !matches!(self, Self::Everwire | Self::EverwireInPlace | Self::EverwirePrepared | Self::RawTcp)
    }
}

/// Evaluates an expression with the contender's type under the given name.
macro_rules! dispatch {
    ($contender:expr, $peer:ident => $do:expr) => {{
        macro_rules! with {
            ($type:ident) => {{
                type $peer = $crate::peers::$type;
                $do
            }};
        }
        match $contender {
            Contender::Everwire => with!(Everwire),
            Contender::EverwireInPlace => with!(EverwireInPlace),
            Contender::EverwirePrepared => with!(EverwirePrepared),
            Contender::Tungstenite => with!(Tungstenite),
            Contender::FastWebSockets => with!(FastWebSockets),
            Contender::Yawc => with!(Yawc),
            Contender::Sockudo => with!(Sockudo),
            Contender::TokioWebSockets => with!(TokioWebSockets),
            Contender::RawTcp => with!(RawTcp),
        }
    }};
}
pub(crate) use dispatch;

#[cfg(test)]
mod tests {
    use super::Contender;

    #[test]
    fn every_contender_has_its_name_and_its_version() {
        for &contender in Contender::ALL {
            assert_eq!(Contender::by_name(contender.name()), Some(contender));
            assert_eq!(contender.version().is_none(), contender == Contender::RawTcp);
        }
        assert!(Contender::Yawc.version().is_some_and(|version| version.starts_with("0.5.")));
    }
}
