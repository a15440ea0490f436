/// One thing that happens. Lines are numbered in the order of their opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Act {
    /// The client's user sends a message.
    SendUp,
    /// The server's application does.
    SendDown,
    /// The oldest frame on its way to the server arrives.
    ArriveUp(u8),
    /// The oldest frame on its way to the client arrives.
    ArriveDown(u8),
    /// The server's application processes its next message.
    ProcessUp,
    /// The client's does.
    ProcessDown,
    /// The connection is cut: what is on its way is lost, and each end will notice.
    Cut(u8),
    /// The client's pause is over: it connects.
    Connect,
    /// The client begins to move.
    Move,
    /// The server's process crashes and is there again.
    Crash,
}
