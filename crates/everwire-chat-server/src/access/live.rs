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
    /// Which sign-in the token came of, and with which refresh token it was given.
    pub(super) sign_in: Option<(String, Vec<u8>)>,
    /// When the token expires, as far as it is taken: seconds by the clock of tokens.
    pub(super) until: i64,
}

/// A pass of somebody who is in.
#[derive(Debug)]
struct Held {
    pass: Pass,
    /// When a fresh token was asked for.
    asked: Option<i64>,
}

/// So long before it expires, in seconds, a fresh token is asked for, and again after so long.
const NOTICE: i64 = 60;
const AGAIN: i64 = 15;

/// Who is in.
#[derive(Debug)]
pub(super) struct Live {
    passes: Mutex<HashMap<ConnectionId, Held>>,
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
        lock(&self.live.passes).insert(id, Held { pass, asked: None });
    }

    /// Whose token has expired: they have to leave.
    pub(crate) fn expired(&self) -> Vec<(ConnectionId, Pass)> {
        let now = self.time.seconds();
        let passes = lock(&self.live.passes);
        let expired = passes.iter().filter(|(_, held)| held.pass.until <= now);
        expired.map(|(id, held)| (*id, held.pass.clone())).collect()
    }

    /// Who is to be asked for a fresh token, and in how many seconds they have to leave without one.
    pub(crate) fn due(&self) -> Vec<(ConnectionId, Pass, u64)> {
        let now = self.time.seconds();
        let mut due = Vec::new();
        for (id, held) in lock(&self.live.passes).iter_mut() {
            let left = u64::try_from(held.pass.until.saturating_sub(now)).unwrap_or_default();
            let is_due = i64::try_from(left).is_ok_and(|left| left <= NOTICE);
            if is_due && held.asked.is_none_or(|asked| now.saturating_sub(asked) >= AGAIN) {
                held.asked = Some(now);
                due.push((*id, held.pass.clone(), left));
            }
        }
        due
    }

    /// Takes a fresh token for an open connection. `None`: none was asked for.
    ///
    /// # Errors
    /// If it is none, or another user's; the connection keeps what it had.
    pub(crate) async fn renew_pass(&self, id: ConnectionId, token: &str) -> Option<Result<String, Refusal>> {
        let old = {
            let mut passes = lock(&self.live.passes);
            let held = passes.get_mut(&id)?;
            held.asked.take()?;
            held.pass.clone()
        };
        Some(self.renewed(id, &old, token).await)
    }

    async fn renewed(&self, id: ConnectionId, old: &Pass, token: &str) -> Result<String, Refusal> {
        let (name, pass) = self.pass(token, &old.room)?;
        if pass.user_id != old.user_id {
            return Err(Refusal::OtherUser);
        }
        // In this order: what is changed after the question finds the new pass.
        let passed = |pass: Pass| {
            if let Some(held) = lock(&self.live.passes).get_mut(&id) {
                held.pass = pass;
            }
        };
        passed(pass.clone());
        self.judge(&pass).await.inspect_err(|_| passed(old.clone()))?;
        Ok(name)
    }

    /// And out again.
    pub(crate) fn leave(&self, id: ConnectionId) {
        lock(&self.live.passes).remove(&id);
    }

    /// Who has to leave since something was changed, and why.
    pub(crate) async fn unwelcome(&self) -> Vec<(ConnectionId, Pass, Refusal)> {
        let revision = match self.store.look(|tables| tables.revision()).await {
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
        let passes: Vec<_> = lock(&self.live.passes).iter().map(|(id, held)| (*id, held.pass.clone())).collect();
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

    /// Who is in by a sign-in that has ended. Who comes in at this moment finds that out by itself: it has ended in the
    /// tables already.
    pub(super) fn of_sign_in(&self, family: &str) -> Vec<(ConnectionId, Pass)> {
        let passes = lock(&self.live.passes);
        let of_it = passes.iter().filter(|(_, held)| held.pass.is_of(family));
        of_it.map(|(id, held)| (*id, held.pass.clone())).collect()
    }

    /// Keys of the issuer that have changed, and where the clock stands.
    pub(crate) async fn renew(self: &std::sync::Arc<Self>) {
        if let Some(reading) = self.time.due() {
            let access = std::sync::Arc::clone(self);
            // Whoever has to leave does not wait until it can be written.
            tokio::spawn(async move {
                if let Some(Err(error)) = access.store.ask(move |tables| tables.save_clock(reading)).await {
                    tracing::warn!(%error, "where the clock of sign-ins stands can't be stored");
                }
            });
        }
        let access = std::sync::Arc::clone(self);
        let _ = tokio::task::spawn_blocking(move || access.renew_keys()).await;
    }
}

impl Pass {
    /// Whether it came of this sign-in.
    pub(super) fn is_of(&self, family: &str) -> bool {
        self.sign_in.as_ref().is_some_and(|(of, _)| of == family)
    }

    /// Whether it was given with one of these refresh tokens.
    pub(super) fn is_among(&self, grants: &[Vec<u8>]) -> bool {
        self.sign_in.as_ref().is_some_and(|(_, grant)| grants.contains(grant))
    }

    pub(crate) fn room(&self) -> &str {
        &self.room
    }
}
