/// The limits of what a peer may cost, checked from a frame's header before anything is allocated for it.
///
/// A peer that goes beyond a limit is answered with close code 1009 (message too big).
///
/// ```
/// use everwire_ws::Limits;
///
/// let small = Limits { max_message: 64 << 10, ..Limits::default() };
/// assert_eq!(small.max_frame, 64 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of payload in one frame. Default 64 MiB, as for a message: many servers send each message in one frame.
    ///
    /// Too small: peers that send a message in one frame are closed. Too large: a peer can make the process hold that
    /// much for each connection.
    pub max_frame: usize,
    /// Bytes of payload in one message, over all its fragments. Default 64 MiB.
    ///
    /// Too small: larger messages close the connection. Too large: memory for each connection.
    pub max_message: usize,
    /// Frames in one message, empty ones included: bounds the work for a message that never ends. Default 2^20, which
    /// lets a 64 MiB message come in pieces of 64 bytes.
    ///
    /// Too small: peers that send small fragments are closed. Too large: a peer can make the process work without
    /// delivering a message.
    pub max_fragments: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_frame: 64 << 20, max_message: 64 << 20, max_fragments: 1 << 20 }
    }
}
