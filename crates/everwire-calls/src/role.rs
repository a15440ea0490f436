/// The end of a session. Both ends can call; they differ in how long they live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The client outlives sessions: when the server has lost one, a new one follows.
    Client,
    /// The server's end ends with its session.
    Server,
}
