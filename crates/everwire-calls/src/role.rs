/// The end of the session. Both may call; they differ in how long they live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It outlives sessions: when the server has lost one, a new one follows.
    Client,
    /// It ends with its session.
    Server,
}
