//! From a token to a user who may come in, or to a refusal.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use everwire_chat_core::limits::{NAME_CHARS, check_name, shows};
use everwire_chat_core::wire::User;

use super::Access;
use super::admission::Admission;
use super::jwt::{Claims, Refused};
use super::refusal::Refusal;
use crate::store::{AccountStore, Standing, UserSignIn};

/// A user who may come in.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) user: User,
    pub(crate) admission: Admission,
}

impl Access {
    /// Returns the user of this token. A client that claims to be another user than the token's is refused: it would show
    /// and store things as that user's.
    pub(crate) async fn admit(
        &self,
        token: Option<&str>,
        room: &str,
        claimed: Option<&User>,
    ) -> Result<Admitted, Refusal> {
        let token = token.ok_or(Refusal::NoToken)?;
        let (name, admission) = self.admission(token, room)?;
        if claimed.is_some_and(|claimed| claimed.user_id != admission.user_id) {
            return Err(Refusal::OtherUser);
        }
        let user = User::new(admission.user_id.clone(), name);
        self.judge(&admission).await?;
        Ok(Admitted { user, admission })
    }

    /// Whose token this is, if it is a good one, whether or not that user may come in. Asks no disk.
    pub(crate) fn named(&self, token: Option<&str>) -> Option<String> {
        let (_, admission) = self.admission(token?, "").ok()?;
        Some(admission.user_id)
    }

    /// Who a request is from, whatever the room.
    pub(crate) async fn identify(&self, token: Option<&str>) -> Result<String, Refusal> {
        // No room has this name, so that none is closed.
        let admitted = self.admit(token, "", None).await?;
        Ok(admitted.user.user_id)
    }

    /// What a valid token says: the user's name, and the admission to this room, which may have been revoked since. The
    /// issuer of the token names the user: without a valid name the user is called by the id, whatever the client claims.
    pub(super) fn admission(&self, token: &str, room: &str) -> Result<(String, Admission), Refusal> {
        let claims = self.authenticator.check(token, self.clock.seconds()).map_err(Refusal::Token)?;
        let Claims { sub, name, generation, sid, grant, as_of, exp, .. } = claims;
        let until = exp.saturating_add(self.authenticator.leeway());
        let grant = grant.and_then(|grant| URL_SAFE_NO_PAD.decode(grant).ok());
        let name = name.filter(|name| check_name(name).is_ok()).unwrap_or_else(|| name_of(&sub));
        Ok((name, Admission { user_id: sub, room: room.to_owned(), generation, sign_in: sid.zip(grant), as_of, until }))
    }

    /// Whether who came in may stay. A token may say that another server has known more than this one: then this one catches up first, or can't
    /// say.
    pub(crate) async fn judge(&self, admission: &Admission) -> Result<(), Refusal> {
        if let Some(as_of) = admission.as_of {
            let is_known = move |accounts: &dyn AccountStore| {
                accounts.known_up_to().map(|known| known.is_none_or(|known| known >= as_of))
            };
            let mut knows = self.accounts.read(is_known).await;
            if matches!(knows, Some(Ok(false))) {
                let caught_up = self.accounts.write(move |accounts| {
                    accounts.catch_up()?;
                    is_known(&*accounts)
                });
                knows = caught_up.await;
            }
            match knows {
                Some(Ok(true)) => {}
                Some(Ok(false)) => {
                    tracing::warn!("nobody can be let in whose token is newer than what this server knows");
                    return Err(Refusal::Unavailable);
                }
                Some(Err(error)) => {
                    tracing::error!(%error, "nobody can be let in: the accounts can't be read");
                    return Err(Refusal::Unavailable);
                }
                None => return Err(Refusal::Unavailable),
            }
        }
        self.judge_by_what_is_known(admission).await
    }

    async fn judge_by_what_is_known(&self, admission: &Admission) -> Result<(), Refusal> {
        let Admission { user_id, room, sign_in, .. } = admission.clone();
        let now = self.clock.millis();
        let standing = self
            .accounts
            .read(move |accounts| {
                let sign_in = sign_in.as_ref().map(|(family, grant)| UserSignIn { family, grant });
                accounts.standing(&user_id, &room, sign_in, now)
            })
            .await;
        match standing {
            Some(Ok(Standing { banned: true, .. })) => Err(Refusal::Banned),
            Some(Ok(Standing { generation, .. })) if self.has_accounts() && generation != admission.generation => {
                Err(Refusal::Token(Refused::User))
            }
            Some(Ok(Standing { signed_in: false, .. })) if self.has_accounts() => {
                Err(Refusal::Token(Refused::SignedOut))
            }
            Some(Ok(Standing { shut_out: true, .. })) => Err(Refusal::ShutOut),
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => {
                tracing::error!(%error, "nobody can be let in: the accounts can't be read");
                Err(Refusal::Unavailable)
            }
            None => Err(Refusal::Unavailable),
        }
    }
}

/// An id as a name: what no name may have in it is replaced, so that nobody takes it for another's.
fn name_of(id: &str) -> String {
    const REPLACEMENT: char = '\u{fffd}';
    if check_name(id).is_ok() {
        return id.to_owned();
    }
    let name: String =
        id.chars().map(|c| if c == ' ' || shows(c) { c } else { REPLACEMENT }).take(NAME_CHARS).collect();
    if check_name(&name).is_ok() { name } else { REPLACEMENT.to_string() }
}

#[cfg(test)]
mod tests {
    use everwire_chat_core::limits::check_name;

    use super::name_of;

    #[test]
    fn an_id_that_is_no_name_is_shown_without_what_would_make_it_look_like_another_s() {
        let long = "x".repeat(128);
        for (id, name) in [
            ("eve-77", "eve-77"),
            ("\u{202e}nimda", "\u{fffd}nimda"),
            ("b\u{200b}en real", "b\u{fffd}en real"),
            ("\u{3164}", "\u{fffd}"),
            ("  ", "\u{fffd}"),
            (long.as_str(), &long[..64]),
        ] {
            assert_eq!(name_of(id), name, "{}", id.escape_unicode());
            assert!(check_name(&name_of(id)).is_ok());
        }
    }
}
