use everwire_ws::Message;

/// A message of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The message.
    pub message: Message,
    /// Its sequence number in the session, from 1 without a gap; `None` for a volatile message.
    pub sequence: Option<u64>,
    pub(super) position: u64,
}
