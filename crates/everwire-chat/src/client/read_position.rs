//! How far our user has read the room.

/// The read position of our user in the room, on any device, and how much is unread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadPosition {
    /// The last offset that was read. 0: none, or the server tells no read positions.
    pub offset: u64,
    /// Messages of others behind it that were not shown, those included that are not loaded.
    pub unread: usize,
    /// The number of them that are not loaded.
    pub unloaded: usize,
    /// There are more than `unread`: the server counts up to [`MOST_UNREAD`](crate::wire::MOST_UNREAD).
    pub or_more: bool,
}
