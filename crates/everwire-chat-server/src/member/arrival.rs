//! How a member comes into its room.

use std::sync::Arc;

use everwire_chat_core::wire::{TextMessage, User};

use crate::history::{HistoryError, Start};
use crate::rooms::{ConnectionId, KeptMarks, Mailbox, Manner, RECENT};
use crate::server::Shared;

/// What the history knows of a room that nobody is in.
#[derive(Debug)]
pub(crate) struct Recalled {
    /// How often the room had been forgotten before.
    forgotten: u64,
    marks: KeptMarks,
    recent: Vec<TextMessage>,
}

pub(crate) async fn recall(shared: &Shared, room: &str) -> Result<Recalled, HistoryError> {
    let forgotten = shared.rooms().forgotten(room);
    let marks = shared.history.marks(room).await?;
    // From the end: one page does not hold so many long lines.
    let recent = shared.history.page(room, Start::Before(u64::MAX, RECENT)).await?.messages;
    Ok(Recalled { forgotten, marks, recent })
}

/// Comes in; who is here already, for those who understand it. Into a room that is not known, not without what was recalled
/// of it: it would be stored that nobody has anything.
pub(super) async fn join(
    shared: &Shared,
    room: &str,
    mut recalled: Option<Recalled>,
    id: ConnectionId,
    mailbox: &Arc<Mailbox>,
    manner: Manner,
) -> Result<Vec<User>, HistoryError> {
    loop {
        {
            let mut rooms = shared.rooms();
            if let Some(Recalled { forgotten, marks, recent }) = recalled.take() {
                rooms.recall(room, forgotten, marks, &recent);
            }
            if !rooms.is_unknown(room) {
                return Ok(rooms.join(room, id, Arc::clone(mailbox), manner));
            }
        }
        recalled = Some(recall(shared, room).await?);
    }
}
