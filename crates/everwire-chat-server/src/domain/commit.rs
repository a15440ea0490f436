/// What became of an appended message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is new, and stored at this offset.
    New(u64),
    /// It repeats the message at this offset: nobody needs to hear of it again.
    Duplicate(u64),
    /// Its id is that of another user's message: it is not stored, and never will be.
    IdTaken,
}
