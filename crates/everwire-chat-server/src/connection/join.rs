//! How a member comes into its room.

use std::sync::Arc;

use everwire_chat_core::wire::{TextMessage, User};

use super::mailbox::Mailbox;
use crate::domain::{ClientMode, ConnectionId, RECENT, Sink, StoredReceipts};
use crate::state::AppState;
use crate::store::{PageRequest, StoreError};

/// What the history knows of a room that nobody is in.
#[derive(Debug)]
pub(crate) struct RecalledRoom {
    /// How often the room had been forgotten before.
    forgotten: u64,
    receipts: StoredReceipts,
    recent: Vec<TextMessage>,
}

pub(crate) async fn recall(state: &AppState, room: &str) -> Result<RecalledRoom, StoreError> {
    let forgotten = state.rooms().forgotten(room);
    let receipts = state.store.receipts(room).await?;
    // Read from the end: if the lines are long, one page holds only some of them, and these are the latest.
    let recent = state.store.page(room, PageRequest::Before(u64::MAX, RECENT)).await?.messages;
    Ok(RecalledRoom { forgotten, receipts, recent })
}

/// Comes in; who is here already, for those who understand it. Into a room that is not known, not without what was recalled
/// of it: it would be stored that nobody has anything.
pub(super) async fn join(
    state: &AppState,
    room: &str,
    mut recalled: Option<RecalledRoom>,
    id: ConnectionId,
    mailbox: &Arc<Mailbox>,
    mode: ClientMode,
) -> Result<Vec<User>, StoreError> {
    loop {
        {
            let mut rooms = state.rooms();
            if let Some(RecalledRoom { forgotten, receipts, recent }) = recalled.take() {
                rooms.recall(room, forgotten, receipts, &recent);
            }
            if !rooms.is_unknown(room) {
                return Ok(rooms.join(room, id, Arc::clone(mailbox) as Arc<dyn Sink>, mode));
            }
        }
        recalled = Some(recall(state, room).await?);
    }
}
