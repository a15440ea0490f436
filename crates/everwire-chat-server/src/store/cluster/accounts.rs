//! Accounts, bans, rooms and sign-ins of a cluster: read from this node's tables, and changed by records that are written only if nobody
//! else has changed the same meanwhile.

use std::cell::Cell;
use std::fmt;
use std::path::Path;
use std::time::Instant;

use super::access::AccessLink;
use super::fault::ClusterFault;
use super::names;
use crate::clock::ClockReading;
use crate::store::access_state::{AccessEntry, AccessState, Subject};
use crate::store::accounts::{
    Account, AccountAdded, AccountStore, ClosedRoom, Listed, Login, NewSignIn, RefreshOutcome, RefreshToken,
    SignInOutcome, Standing, UserSignIn,
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
    /// The last record that was written by this handle.
    written: u64,
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
        Ok(Self { local, scratch, link, written: 0, _kept: kept })
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
            let is_known = !self.local.is_unreadable(&place)?;
            let mut states = vec![before.clone()];
            for other in beside {
                self.check_readable(other)?;
                states.push(self.local.access_state(other, &names::of_access(other))?.0);
            }
            self.scratch.hold_only(&states)?;
            let answer = change(&mut self.scratch)?;
            let after = self.scratch.access_state(subject, &place)?.0.pruned();
            if (after == before && is_known) || !is_done(&answer) {
                return Ok(answer);
            }
            if let Some(sequence) = self.link.put(sequence, after.clone())? {
                self.written = sequence;
                self.local.apply_access(&[AccessEntry { place, sequence, state: Some(after) }], None)?;
                return Ok(answer);
            }
            self.catch_up()?;
        }
        Err(StoreError::Cluster(ClusterFault::Unknown))
    }

    /// Nobody is let in by what may have changed since.
    fn check_fresh(&self) -> Result<()> {
        if self.link.status.knows_access() { Ok(()) } else { Err(StoreError::Cluster(ClusterFault::Stale)) }
    }

    /// Nobody is let in by what can't be read.
    fn check_readable(&self, subject: &Subject) -> Result<()> {
        if self.local.is_unreadable(&names::of_access(subject))? {
            return Err(StoreError::Cluster(ClusterFault::Unreadable));
        }
        Ok(())
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

    fn catch_up(&mut self) -> Result<bool> {
        let (records, end) = self.link.read(self.local.access_position()?)?;
        self.local.apply_access(&records, Some(end))?;
        Ok(true)
    }

    fn known_up_to(&self) -> Result<Option<u64>> {
        Ok(Some(self.local.access_position()?.max(self.written)))
    }

    fn known_as_of(&self) -> Option<Instant> {
        self.link.status.access_known_as_of()
    }

    fn looked(&self, as_of: Instant) {
        self.link.status.looked(as_of);
    }

    fn standing(&self, user: &str, room: &str, sign_in: Option<UserSignIn<'_>>, now: i64) -> Result<Standing> {
        self.check_fresh()?;
        self.check_readable(&Subject::User(user.to_owned()))?;
        self.check_readable(&Subject::Room(room.to_owned()))?;
        let mut standing = self.local.standing(user, room, sign_in, now)?;
        if let Some(UserSignIn { family, grant }) = sign_in {
            // A grant that nothing is known of any more was not replaced by a copy: that would have ended what it was given for at once.
            if !standing.signed_in && self.local.family_of(grant)?.is_none() {
                standing.signed_in = self.local.goes_on(family, user, now)?;
            }
            standing.signed_in &= !self.local.is_unreadable(&names::of_access(&Subject::SignIn(family.to_owned())))?;
        }
        Ok(standing)
    }

    fn login(&self, user: &str) -> Result<Option<Login>> {
        self.check_fresh()?;
        self.check_readable(&Subject::User(user.to_owned()))?;
        self.local.login(user)
    }

    fn begin(&mut self, sign_in: &NewSignIn<'_>) -> Result<SignInOutcome> {
        self.check_fresh()?;
        let beside = [Subject::User(sign_in.user.to_owned())];
        let subject = Subject::SignIn(sign_in.family.to_owned());
        self.change(&subject, &beside, |_| true, |accounts| accounts.begin(sign_in))
    }

    fn refresh(&mut self, old: RefreshToken<'_>, new: &[u8], expires: i64, now: i64) -> Result<RefreshOutcome> {
        self.check_fresh()?;
        if let Some((_, as_of)) = old.family
            && self.local.family_of(old.hash)?.is_none()
        {
            // Given by another node a moment ago, maybe. A server that does not know better may answer with less.
            self.catch_up()?;
            if self.known_up_to()? < Some(as_of) {
                return Err(StoreError::Cluster(ClusterFault::Behind));
            }
        }
        let known = self.local.family_of(old.hash)?;
        let Some(family) = known.or(old.family.map(|(family, _)| family.to_owned())) else {
            return Ok(RefreshOutcome::Over);
        };
        let subject = Subject::SignIn(family.clone());
        if self.local.is_unreadable(&names::of_access(&subject))? {
            return Ok(RefreshOutcome::Over);
        }
        let Some(user) = self.local.user_of(&family)? else { return Ok(RefreshOutcome::Over) };
        let beside = [Subject::User(user)];
        // Who asked again meanwhile, and went on with that, has not stolen anything: only what was void when it came is from a copy.
        let was_good = Cell::new(false);
        self.change(
            &subject,
            &beside,
            |_| true,
            |accounts| {
                let outcome = accounts.refresh(old, new, expires, now)?;
                match outcome {
                    RefreshOutcome::For(..) => was_good.set(true),
                    RefreshOutcome::Stolen { .. } if was_good.get() => {
                        return Err(StoreError::Cluster(ClusterFault::Unknown));
                    }
                    RefreshOutcome::Stolen { .. } | RefreshOutcome::Over => {}
                }
                Ok(outcome)
            },
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
        let added = self.change(
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
        )?;
        if added != AccountAdded::Now {
            return Ok(added);
        }
        // One that looks like this one may have been added elsewhere meanwhile. Of two, the one that stands behind the other in the stream
        // sees the other now; both may, and then neither is.
        self.catch_up()?;
        match self.local.looks_like(user, name)? {
            None => Ok(added),
            Some(like) => {
                self.remove(user)?;
                Ok(like)
            }
        }
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
