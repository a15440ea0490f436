use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use super::{Access, Refusal, lock};
use crate::rooms::ConnectionId;

/// What somebody was let in by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pass {
    pub(super) user_id: String,
    pub(super) room: String,
    /// Of the account.
    pub(super) generation: Option<i64>,
}

/// Who is in.
#[derive(Debug)]
pub(super) struct Live {
    passes: Mutex<HashMap<ConnectionId, Pass>>,
    /// Everybody was looked at since this change.
    revision: AtomicI64,
}

impl Live {
    pub(super) fn new(revision: i64) -> Self {
        Self { passes: Mutex::default(), revision: AtomicI64::new(revision) }
    }
}

impl Access {
    /// Somebody is in.
    pub(crate) fn enter(&self, id: ConnectionId, pass: Pass) {
        lock(&self.live.passes).insert(id, pass);
    }

    /// And out again.
    pub(crate) fn leave(&self, id: ConnectionId) {
        lock(&self.live.passes).remove(&id);
    }

    /// Who has to leave since something was changed, and why.
    pub(crate) async fn unwelcome(&self) -> Vec<(ConnectionId, Pass, Refusal)> {
        let revision = match self.store.ask(|tables| tables.revision()).await {
            Some(Ok(revision)) => revision,
            Some(Err(error)) => {
                tracing::error!(%error, "whether somebody is banned can't be read");
                return Vec::new();
            }
            None => return Vec::new(),
        };
        if self.live.revision.swap(revision, Ordering::Relaxed) == revision {
            return Vec::new();
        }
        let passes: Vec<_> = lock(&self.live.passes).iter().map(|(id, pass)| (*id, pass.clone())).collect();
        let mut unwelcome = Vec::new();
        for (id, pass) in passes {
            match self.judge(&pass).await {
                Ok(()) => {}
                // Looked at again.
                Err(Refusal::Unavailable) => self.live.revision.store(-1, Ordering::Relaxed),
                Err(why) => unwelcome.push((id, pass, why)),
            }
        }
        unwelcome
    }

    /// Keys of the issuer that have changed.
    pub(crate) async fn renew(self: &std::sync::Arc<Self>) {
        let access = std::sync::Arc::clone(self);
        let _ = tokio::task::spawn_blocking(move || access.renew_keys()).await;
    }
}

impl Pass {
    pub(crate) fn room(&self) -> &str {
        &self.room
    }
}
