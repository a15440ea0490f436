/// What the server has told of how far our user has read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ToldPosition {
    /// The furthest position.
    pub(super) read: u64,
    /// When the connection was opened: the position, the unread messages behind it, and where the room ended.
    pub(super) at_opening: (u64, u64, u64),
}
