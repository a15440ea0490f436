/// The room of a stream: what it may send before the peer has processed more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Room {
    /// The number of items, at least one.
    pub items: u64,
    /// The bytes of their frames; the last item may exceed them.
    pub bytes: usize,
}
