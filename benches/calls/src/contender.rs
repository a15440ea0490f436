use crate::Done;

/// The implementation that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// `Client::call` in a session.
    Everwire,
    /// Messages of a session that are sent back, in order and without ids.
    Bare,
    /// JSON-RPC over WebSocket.
    JsonRpsee,
    /// Over TCP, with bincode.
    Tarpc,
    /// A map of ids on tokio-tungstenite.
    ByHand,
    /// `emitWithAck`, in Node.js at both ends.
    SocketIo,
}

impl Contender {
    pub(crate) const ALL: [Self; 6] =
        [Self::Everwire, Self::Bare, Self::JsonRpsee, Self::Tarpc, Self::ByHand, Self::SocketIo];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Everwire => "everwire",
            Self::Bare => "bare-session-messages",
            Self::JsonRpsee => "jsonrpsee",
            Self::Tarpc => "tarpc-tcp",
            Self::ByHand => "tungstenite-by-hand",
            Self::SocketIo => "socket.io-emitWithAck",
        }
    }

    pub(crate) fn by_name(name: &str) -> Done<Self> {
        Ok(Self::ALL.into_iter().find(|contender| contender.name() == name).ok_or("no such contender")?)
    }
}
