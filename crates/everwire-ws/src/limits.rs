/// The limits of what a peer may send, checked from a frame's header before anything is allocated for it.
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
    /// The most bytes of payload in one frame. Default 64 MiB, as for a message: many servers send each message in one
    /// frame.
    ///
    /// Too small: connections of peers that send large messages in one frame are closed. Too large: a peer can make the
    /// process hold that much for each connection.
    pub max_frame: usize,
    /// The most bytes of payload in one message, over all its fragments, after decompression. Default 64 MiB.
    ///
    /// Too small: larger messages close the connection. Too large: memory for each connection.
    pub max_message: usize,
    /// The most frames in one message, empty ones included: it bounds the work for a message that never ends. Default
    /// 2^20, enough for a message of 64 MiB in fragments of 64 bytes.
    ///
    /// Too small: connections of peers that send small fragments are closed. Too large: a peer can keep the process
    /// busy without completing a message.
    pub max_fragments: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_frame: 64 << 20, max_message: 64 << 20, max_fragments: 1 << 20 }
    }
}
