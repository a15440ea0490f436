/// The implementation that accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// `everwire_tokio::server` on the bare stream.
    Everwire,
    /// `everwire_server::Server` with an axum router.
    EverwireServer,
    /// tokio-tungstenite's `accept_async` on the bare stream.
    Tungstenite,
    /// `axum::serve` and axum's own WebSocket.
    Axum,
}

impl Contender {
    pub(crate) const ALL: &[Self] = &[Self::Everwire, Self::EverwireServer, Self::Tungstenite, Self::Axum];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Everwire => "everwire-tokio",
            Self::EverwireServer => "everwire-server",
            Self::Tungstenite => "tokio-tungstenite",
            Self::Axum => "axum",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|contender| contender.name() == name)
    }

    pub(crate) fn is_rival(self) -> bool {
        matches!(self, Self::Tungstenite | Self::Axum)
    }
}

/// The transport below HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    /// TLS 1.3, a full handshake each time.
    Tls,
    /// TLS 1.3, resumed by a ticket of an earlier connection.
    Resumed,
}

impl Transport {
    pub(crate) const ALL: &[Self] = &[Self::Tcp, Self::Tls, Self::Resumed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Resumed => "tls-resumed",
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|transport| transport.name() == name)
    }

    pub(crate) fn is_encrypted(self) -> bool {
        self != Self::Tcp
    }
}
