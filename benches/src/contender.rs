/// The client that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contender {
    /// tokio-tungstenite by hand, `feed` and one `flush` per burst: the fastest it can be used.
    TungsteniteBatched,
    /// tokio-tungstenite by hand, `send().await` per message, as most code does.
    TungsteniteNaive,
    /// The Everwire client at its defaults: with reconnection and delivery evidence.
    Everwire,
    /// The same without delivery evidence.
    EverwireUnproven,
    /// With evidence, and 256 messages in each call.
    EverwireMany,
    /// In a session, with a server that acknowledges what it has processed: exactly once. 256 messages in each call.
    EverwireSession,
    /// The same with an outbox on the disk: every message is durable before it is sent, and so is every outcome.
    EverwireDurable,
    /// socket.io-client in Node.js, its acknowledgement awaited with 1,024 in flight; its own server.
    SocketIo,
}

impl Contender {
    /// The contenders of `bench client`.
    pub(crate) const CLIENTS: [Self; 5] =
        [Self::TungsteniteBatched, Self::TungsteniteNaive, Self::Everwire, Self::EverwireUnproven, Self::EverwireMany];
    /// The contenders of `bench session`.
    pub(crate) const SESSIONS: [Self; 5] =
        [Self::TungsteniteBatched, Self::EverwireMany, Self::EverwireSession, Self::EverwireDurable, Self::SocketIo];
    pub(crate) const BASE: Self = Self::TungsteniteBatched;

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TungsteniteBatched => "tungstenite-batched",
            Self::TungsteniteNaive => "tungstenite-naive",
            Self::Everwire => "everwire",
            Self::EverwireUnproven => "everwire-unproven",
            Self::EverwireMany => "everwire-many",
            Self::EverwireSession => "everwire-session",
            Self::EverwireDurable => "everwire-durable",
            Self::SocketIo => "socket.io-acknowledged",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        [Self::CLIENTS, Self::SESSIONS].concat().into_iter().find(|contender| contender.name() == name)
    }
}
