//! The stream of what changes.

use std::sync::Weak;

use tokio::sync::broadcast;

use super::event::ChatEvent;
use super::room::Room;

/// A stream of what changes.
#[derive(Debug)]
pub struct Updates {
    pub(super) receiver: broadcast::Receiver<ChatEvent>,
    pub(super) room: Weak<Room>,
}

impl Updates {
    /// The next event; `None` once the client has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<ChatEvent> {
        match self.receiver.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                let count = missed + self.receiver.len() as u64;
                let entries;
                // What has piled up is older than this timeline, so it goes too.
                (entries, self.receiver) = self.room.upgrade()?.follow();
                Some(ChatEvent::Missed { count, entries })
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
