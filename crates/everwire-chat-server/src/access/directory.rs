use std::sync::{Arc, Mutex};

use super::refusal::Refusal;
use crate::store::{AccountStore, Listed};
use crate::sync::lock;

/// The room of an address that names none. It is always listed.
pub(crate) const DEFAULT_ROOM: &str = "lobby";

/// The rooms that can be found. They are read through a separate handle of the accounts, so that these queries delay no
/// user who comes in.
#[derive(Debug)]
pub(crate) struct RoomDirectory(Option<Arc<Mutex<dyn AccountStore>>>);

impl RoomDirectory {
    /// `None`: the history is in memory, and has no operator who could publish anything.
    pub(crate) fn new(accounts: Option<impl AccountStore + 'static>) -> Self {
        Self(accounts.map(|accounts| Arc::new(Mutex::new(accounts)) as Arc<Mutex<dyn AccountStore>>))
    }

    /// By name, `most` of them. `user`: `None` on a server where everybody is a guest, and no room is closed.
    pub(crate) async fn rooms(&self, user: Option<String>, most: usize) -> Result<Vec<Listed>, Refusal> {
        let Some(accounts) = self.0.clone() else {
            return Ok(vec![Listed { room: DEFAULT_ROOM.to_owned(), is_closed: false }]);
        };
        let listed = tokio::task::spawn_blocking(move || lock(&accounts).listed(user.as_deref(), DEFAULT_ROOM, most));
        match listed.await {
            Ok(Ok(listed)) => Ok(listed),
            Ok(Err(error)) => {
                tracing::error!(%error, "the list of rooms can't be read");
                Err(Refusal::Unavailable)
            }
            Err(_) => Err(Refusal::Unavailable),
        }
    }
}
