//! Accounts, bans, rooms and sign-ins of a cluster: read from this node's tables, and changed by records that are written only if nobody
//! else has changed the same meanwhile.

use std::fmt;
use std::path::Path;

use super::access::AccessLink;
use super::fault::ClusterFault;
use super::names;
use crate::clock::ClockReading;
use crate::store::access_state::{AccessState, Subject};
use crate::store::accounts::{
    Account, AccountAdded, AccountStore, ClosedRoom, Listed, Login, NewSignIn, RefreshOutcome, SignInOutcome, Standing,
    UserSignIn,
};
use crate::store::error::{StoreError, StoreOpenError};
use crate::store::sqlite::SqliteAccounts;

type Result<T> = std::result::Result<T, StoreError>;

/// How often a change is tried that others overtake.
const ATTEMPTS: usize = 20;

/// A handle of a cluster's accounts. What changes something waits for the cluster.
pub(crate) struct ClusterAccounts {
    /// What this node has applied.
    local: SqliteAccounts,
    /// Where changes are tried out.
    scratch: SqliteAccounts,
    link: AccessLink,
    /// What has to live as long.
    _kept: Option<Box<dyn Send>>,
}

impl ClusterAccounts {
    /// Of a node.
    pub(super) fn open(folder: &Path, link: AccessLink) -> std::result::Result<Self, StoreOpenError> {
        Self::of(SqliteAccounts::open(Some(folder))?, link, None)
    }

    /// Of what `local` knows.
    pub(super) fn of(
        local: SqliteAccounts,
        link: AccessLink,
        kept: Option<Box<dyn Send>>,
    ) -> std::result::Result<Self, StoreOpenError> {
        let scratch = SqliteAccounts::open(None)?;
        let unusable = |source| StoreOpenError::File { file: Path::new(":memory:").into(), source };
        scratch.prepare_replica().map_err(unusable)?;
        Ok(Self { local, scratch, link, _kept: kept })
    }

    /// Lives as long.
    #[cfg(test)]
    pub(super) fn keep(&mut self, kept: Box<dyn Send>) {
        self._kept = Some(kept);
    }

    #[cfg(test)]
    pub(super) fn family(&self, hash: &str) -> Option<String> {
        self.local.family_of(hash.as_bytes()).ok().flatten()
    }

    /// Tries a change out on all that is known of `subject` and of `beside`, and writes what has become of `subject`, unless nothing has
    /// been done.
    fn change<T>(
        &mut self,
        subject: &Subject,
        beside: &[Subject],
        is_done: impl Fn(&T) -> bool,
        mut change: impl FnMut(&mut SqliteAccounts) -> Result<T>,
    ) -> Result<T> {
        let place = names::of_access(subject);
        for _ in 0..ATTEMPTS {
            let (before, sequence) = self.local.access_state(subject, &place)?;
            let mut states = vec![before.clone()];
            for other in beside {
                states.push(self.local.access_state(other, &names::of_access(other))?.0);
            }
            self.scratch.hold_only(&states)?;
            let answer = change(&mut self.scratch)?;
            let after = self.scratch.access_state(subject, &place)?.0.pruned();
            if after == before || !is_done(&answer) {
                return Ok(answer);
            }
            if let Some(sequence) = self.link.put(sequence, after.clone())? {
                self.local.apply_access(&[(place, sequence, after)], None)?;
                return Ok(answer);
            }
            self.catch_up()?;
        }
        Err(StoreError::Cluster(ClusterFault::Unknown))
    }

    /// Takes in what others have changed.
    pub(super) fn catch_up(&mut self) -> Result<()> {
        let (records, end) = self.link.read(self.local.access_position()?)?;
        self.local.apply_access(&records, Some(end))
    }

    /// Nobody is let in by what may have changed since.
    fn check_fresh(&self) -> Result<()> {
        if self.link.status.knows_access() { Ok(()) } else { Err(StoreError::Cluster(ClusterFault::Stale)) }
    }

    fn user_change(&mut self, user: &str, change: impl FnMut(&mut SqliteAccounts) -> Result<bool>) -> Result<bool> {
        self.change(&Subject::User(user.to_owned()), &[], |is_done| *is_done, change)
    }

    fn room_change(&mut self, room: &str, change: impl FnMut(&mut SqliteAccounts) -> Result<bool>) -> Result<bool> {
        self.change(&Subject::Room(room.to_owned()), &[], |is_done| *is_done, change)
    }
}

impl AccountStore for ClusterAccounts {
    fn key(&self) -> Result<String> {
        self.local.key()
    }

    /// Tokens go from node to node: all go by the wall clock, as it was when they started.
    fn clock(&self) -> Result<Option<ClockReading>> {
        Ok(None)
    }

    fn save_clock(&self, _: ClockReading) -> Result<()> {
        Ok(())
    }

    fn auth(&self) -> Result<Option<String>> {
        self.local.auth()
    }

    fn revision(&self) -> Result<i64> {
        self.local.revision()
    }

    fn standing(&self, user: &str, room: &str, sign_in: Option<UserSignIn<'_>>, now: i64) -> Result<Standing> {
        self.check_fresh()?;
        self.local.standing(user, room, sign_in, now)
    }

    fn login(&self, user: &str) -> Result<Option<Login>> {
        self.check_fresh()?;
        self.local.login(user)
    }

    fn begin(&mut self, sign_in: &NewSignIn<'_>) -> Result<SignInOutcome> {
        self.check_fresh()?;
        let beside = [Subject::User(sign_in.user.to_owned())];
        let subject = Subject::SignIn(sign_in.family.to_owned());
        self.change(&subject, &beside, |_| true, |accounts| accounts.begin(sign_in))
    }

    fn refresh(&mut self, old: &[u8], new: &[u8], expires: i64, now: i64) -> Result<RefreshOutcome> {
        self.check_fresh()?;
        let Some(family) = self.local.family_of(old)? else { return Ok(RefreshOutcome::Over) };
        let user = self.local.user_of(&family)?.unwrap_or_default();
        self.change(
            &Subject::SignIn(family),
            &[Subject::User(user)],
            |_| true,
            |accounts| accounts.refresh(old, new, expires, now),
        )
    }

    fn end(&mut self, hash: &[u8]) -> Result<Option<String>> {
        let Some(family) = self.local.family_of(hash)? else { return Ok(None) };
        self.change(&Subject::SignIn(family), &[], |_| true, |accounts| accounts.end(hash))
    }

    fn add(&mut self, user: &str, name: &str, password: &str, now: i64) -> Result<AccountAdded> {
        let subject = Subject::User(user.to_owned());
        // All are looked at, for names that look like this one.
        let others: Vec<AccessState> = self.local.account_states()?;
        self.change(
            &subject,
            &[],
            |_| true,
            |accounts| {
                let own = accounts.access_state(&subject, &names::of_access(&subject))?.0;
                let mut all: Vec<_> = others.iter().filter(|other| other.subject() != subject).cloned().collect();
                all.push(own);
                accounts.hold_only(&all)?;
                accounts.add(user, name, password, now)
            },
        )
    }

    fn set_password(&mut self, user: &str, password: &str) -> Result<bool> {
        self.user_change(user, |accounts| accounts.set_password(user, password))
    }

    fn remove(&mut self, user: &str) -> Result<bool> {
        self.user_change(user, |accounts| accounts.remove(user))
    }

    fn ban(&mut self, user: &str, now: i64) -> Result<bool> {
        self.user_change(user, |accounts| accounts.ban(user, now))
    }

    fn unban(&mut self, user: &str) -> Result<bool> {
        self.user_change(user, |accounts| accounts.unban(user))
    }

    fn accounts(&self) -> Result<Vec<Account>> {
        self.local.accounts()
    }

    fn close_room(&mut self, room: &str) -> Result<bool> {
        self.room_change(room, |accounts| accounts.close_room(room))
    }

    fn open_room(&mut self, room: &str) -> Result<bool> {
        self.room_change(room, |accounts| accounts.open_room(room))
    }

    fn admit(&mut self, room: &str, user: &str) -> Result<bool> {
        self.user_change(user, |accounts| accounts.admit(room, user))
    }

    fn dismiss(&mut self, room: &str, user: &str) -> Result<bool> {
        self.user_change(user, |accounts| accounts.dismiss(room, user))
    }

    fn closed_rooms(&self) -> Result<Vec<ClosedRoom>> {
        self.local.closed_rooms()
    }

    fn publish_room(&mut self, room: &str) -> Result<bool> {
        self.room_change(room, |accounts| accounts.publish_room(room))
    }

    fn unpublish_room(&mut self, room: &str) -> Result<bool> {
        self.room_change(room, |accounts| accounts.unpublish_room(room))
    }

    fn published_rooms(&self) -> Result<Vec<String>> {
        self.local.published_rooms()
    }

    fn listed(&self, user: Option<&str>, always: &str, most: usize) -> Result<Vec<Listed>> {
        self.local.listed(user, always, most)
    }
}

impl fmt::Debug for ClusterAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterAccounts").finish_non_exhaustive()
    }
}
