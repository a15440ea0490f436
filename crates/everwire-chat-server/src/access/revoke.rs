//! Who has to leave since something was changed, and whose token expires.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Access;
use super::admission::Admission;
use super::admissions::Held;
use super::refusal::Refusal;
use crate::domain::ConnectionId;
use crate::store::Producer;
use crate::sync::lock;

/// So long before it expires, in seconds, a fresh token is asked for, and again after so long.
const NOTICE: i64 = 60;
const AGAIN: i64 = 15;

impl Access {
    /// A connection comes in by this admission.
    pub(crate) fn enter(&self, id: ConnectionId, admission: Admission, producer: Producer) {
        lock(&self.admissions.held).insert(id, Held { admission, asked: None, producer });
    }

    /// Whose token has expired: they have to leave.
    pub(crate) fn expired(&self) -> Vec<(ConnectionId, Admission)> {
        let now = self.clock.seconds();
        let admissions = lock(&self.admissions.held);
        let expired = admissions.iter().filter(|(_, held)| held.admission.until <= now);
        expired.map(|(id, held)| (*id, held.admission.clone())).collect()
    }

    /// Who is to be asked for a fresh token, and in how many seconds they have to leave without one.
    pub(crate) fn due(&self) -> Vec<(ConnectionId, Admission, u64)> {
        let now = self.clock.seconds();
        let mut due = Vec::new();
        for (id, held) in lock(&self.admissions.held).iter_mut() {
            let left = u64::try_from(held.admission.until.saturating_sub(now)).unwrap_or_default();
            let is_due = i64::try_from(left).is_ok_and(|left| left <= NOTICE);
            if is_due && held.asked.is_none_or(|asked| now.saturating_sub(asked) >= AGAIN) {
                held.asked = Some(now);
                due.push((*id, held.admission.clone(), left));
            }
        }
        due
    }

    /// Takes a fresh token for an open connection. `None`: none was asked for.
    ///
    /// # Errors
    /// If it is none, or another user's; the connection keeps what it had.
    pub(crate) async fn renew_token(&self, id: ConnectionId, token: &str) -> Option<Result<String, Refusal>> {
        let old = {
            let mut admissions = lock(&self.admissions.held);
            let held = admissions.get_mut(&id)?;
            held.asked.take()?;
            held.admission.clone()
        };
        Some(self.renewed(id, &old, token).await)
    }

    async fn renewed(&self, id: ConnectionId, old: &Admission, token: &str) -> Result<String, Refusal> {
        let (name, admission) = self.admission(token, &old.room)?;
        if admission.user_id != old.user_id {
            return Err(Refusal::OtherUser);
        }
        // In this order: what is changed after the question finds the new admission.
        let passed = |admission: Admission| {
            if let Some(held) = lock(&self.admissions.held).get_mut(&id) {
                held.admission = admission;
            }
        };
        passed(admission.clone());
        self.judge(&admission).await.inspect_err(|_| passed(old.clone()))?;
        Ok(name)
    }

    /// And out again.
    pub(crate) fn leave(&self, id: ConnectionId) {
        lock(&self.admissions.held).remove(&id);
    }

    /// Who has to leave since something was changed, and why. What waits to be stored of those who are kept out is not stored any more.
    pub(crate) async fn revoked(&self) -> Vec<(ConnectionId, Admission, Refusal)> {
        let known = self.accounts.read(|accounts| (accounts.known_as_of(), accounts.revision())).await;
        let (as_of, revision) = match known {
            Some((as_of, Ok(revision))) => (as_of, revision),
            Some((_, Err(error))) => {
                tracing::error!(%error, "bans and closed rooms can't be read; it is tried again");
                return Vec::new();
            }
            None => return Vec::new(),
        };
        let mut revoked = Vec::new();
        let mut is_complete = true;
        if self.admissions.revision.swap(revision, Ordering::Relaxed) != revision {
            let admissions: Vec<_> =
                lock(&self.admissions.held).iter().map(|(id, held)| (*id, held.admission.clone())).collect();
            for (id, admission) in admissions {
                match self.judge(&admission).await {
                    Ok(()) => {}
                    // Looked at again.
                    Err(Refusal::Unavailable) => {
                        self.admissions.revision.store(-1, Ordering::Relaxed);
                        is_complete = false;
                    }
                    Err(why) => {
                        self.fence(id, why);
                        revoked.push((id, admission, why));
                    }
                }
            }
        }
        if let Some(as_of) = as_of.filter(|_| is_complete) {
            let _ = self.accounts.read(move |accounts| accounts.looked(as_of)).await;
        }
        revoked
    }

    /// Keeps what waits out, too. Who has only signed out may have said it before.
    fn fence(&self, id: ConnectionId, why: Refusal) {
        if why.keeps_out()
            && let Some(held) = lock(&self.admissions.held).get(&id)
        {
            held.producer.fence();
        }
    }

    /// Who is in by a sign-in that has ended. Who comes in at this moment finds that out by itself: it has ended in the
    /// tables already.
    pub(crate) fn of_sign_in(&self, family: &str) -> Vec<(ConnectionId, Admission)> {
        let admissions = lock(&self.admissions.held);
        let of_it = admissions.iter().filter(|(_, held)| held.admission.is_of(family));
        of_it.map(|(id, held)| (*id, held.admission.clone())).collect()
    }

    /// Keys of the issuer that have changed, and where the clock stands.
    pub(crate) async fn renew(self: &Arc<Self>) {
        if let Some(reading) = self.clock.due() {
            let access = Arc::clone(self);
            // Users who have to leave do not wait until it is written.
            tokio::spawn(async move {
                if let Some(Err(error)) = access.accounts.write(move |accounts| accounts.save_clock(reading)).await {
                    tracing::warn!(%error, "where the clock of sign-ins stands can't be stored");
                }
            });
        }
        let access = Arc::clone(self);
        let _ = tokio::task::spawn_blocking(move || access.authenticator.renew_keys()).await;
    }
}
