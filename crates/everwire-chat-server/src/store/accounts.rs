use std::collections::BTreeSet;
use std::fmt;
use std::time::Instant;

use super::error::StoreError;
use crate::clock::ClockReading;

type Result<T> = std::result::Result<T, StoreError>;

/// A user that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The id with which the user signs in.
    pub user_id: String,
    /// The name that others see; `None`: banned, and without an account.
    pub user_name: Option<String>,
    /// The time when it was made, or banned: milliseconds since the Unix epoch.
    pub since: i64,
    /// May not come in.
    pub is_banned: bool,
}

/// A room for its members only.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClosedRoom {
    /// The room.
    pub room: String,
    /// The ids of its users, in order.
    pub members: Vec<String>,
}

/// A sign-in that is to begin. Times are milliseconds of the clock of sign-ins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewSignIn<'a> {
    pub(crate) user: &'a str,
    /// Of the account whose password was right.
    pub(crate) generation: i64,
    /// Of the first refresh token.
    pub(crate) hash: &'a [u8],
    /// Names the sign-in, however often its tokens change.
    pub(crate) family: &'a str,
    pub(crate) expires: i64,
    pub(crate) now: i64,
}

/// Accounts, bans, closed and published rooms, and sign-ins. Each method blocks on the disk: it is called where that is
/// no harm. A method that changes who may come in counts the [revision](Self::revision) up.
pub(crate) trait AccountStore: fmt::Debug + Send {
    /// The key that our own tokens are signed with.
    fn key(&self) -> Result<String>;

    /// Where the clock of sign-ins stood when it was saved.
    fn clock(&self) -> Result<Option<ClockReading>>;

    fn save_clock(&self, reading: ClockReading) -> Result<()>;

    /// How users of the last server say who they are.
    fn auth(&self) -> Result<Option<String>>;

    /// Another after each change of who may come in.
    fn revision(&self) -> Result<i64>;

    /// Takes in what other servers have decided, up to now. Whether there are others.
    fn catch_up(&mut self) -> Result<bool> {
        Ok(false)
    }

    /// How much is known here of what was decided by any server, as a number that only rises. `None`: this one decides alone.
    fn known_up_to(&self) -> Result<Option<u64>> {
        Ok(None)
    }

    /// As of when it is known for sure who may stay, where other servers decide on it too.
    fn known_as_of(&self) -> Option<Instant> {
        None
    }

    /// Those who are in were looked at by what was known then, and nothing more is stored of those who may not stay.
    fn looked(&self, _as_of: Instant) {}

    /// What is known of a user in a room; also whether this sign-in of the user's goes on at `now`.
    fn standing(&self, user: &str, room: &str, sign_in: Option<UserSignIn<'_>>, now: i64) -> Result<Standing>;

    fn login(&self, user: &str) -> Result<Option<Login>>;

    /// Begins a sign-in, if the account is still of its `generation`. Forgets tokens that have expired.
    fn begin(&mut self, sign_in: &NewSignIn<'_>) -> Result<SignInOutcome>;

    /// Exchanges a refresh token for the next one, which has the hash `new`.
    fn refresh(&mut self, old: RefreshToken<'_>, new: &[u8], expires: i64, now: i64) -> Result<RefreshOutcome>;

    /// Ends the sign-in of the refresh token with this hash; returns its family.
    fn end(&mut self, hash: &[u8]) -> Result<Option<String>>;

    /// Adds an account, unless there is one, or its id or its name looks like another's.
    fn add(&mut self, user: &str, name: &str, password: &str, now: i64) -> Result<AccountAdded>;

    /// What was signed before is worth nothing any more. False if there is no such account.
    fn set_password(&mut self, user: &str, password: &str) -> Result<bool>;

    /// Ends the user's memberships and forgets what the user has read, too: a later user with this id is another person. A
    /// ban stays. False if there is no such account.
    fn remove(&mut self, user: &str) -> Result<bool>;

    /// False if the user was banned already.
    fn ban(&mut self, user: &str, now: i64) -> Result<bool>;

    /// False if the user was not banned.
    fn unban(&mut self, user: &str) -> Result<bool>;

    /// By id; those who are banned without an account among them.
    fn accounts(&self) -> Result<Vec<Account>>;

    /// False if it was closed already.
    fn close_room(&mut self, room: &str) -> Result<bool>;

    /// False if it was open already.
    fn open_room(&mut self, room: &str) -> Result<bool>;

    /// False if the user was a member already.
    fn admit(&mut self, room: &str, user: &str) -> Result<bool>;

    /// False if the user was no member.
    fn dismiss(&mut self, room: &str, user: &str) -> Result<bool>;

    /// By name.
    fn closed_rooms(&self) -> Result<Vec<ClosedRoom>>;

    /// False if it was published already.
    fn publish_room(&mut self, room: &str) -> Result<bool>;

    /// False if it was not published.
    fn unpublish_room(&mut self, room: &str) -> Result<bool>;

    /// By name.
    fn published_rooms(&self) -> Result<Vec<String>>;

    /// The rooms that are known, by name: closed ones, published ones, and those with messages as far as this store
    /// sees them.
    fn rooms(&self) -> Result<Vec<String>> {
        let closed = self.closed_rooms()?.into_iter().map(|room| room.room);
        let rooms: BTreeSet<String> = closed.chain(self.published_rooms()?).collect();
        Ok(rooms.into_iter().collect())
    }

    /// The rooms that a user can find, `most` of them by name: those that were published and `always`, and closed ones
    /// of which the user is a member. Without a user no room counts as closed.
    fn listed(&self, user: Option<&str>, always: &str, most: usize) -> Result<Vec<Listed>>;
}

/// A sign-in by its family and its grant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UserSignIn<'a> {
    pub(crate) family: &'a str,
    pub(crate) grant: &'a [u8],
}

/// A refresh token that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefreshToken<'a> {
    pub(crate) hash: &'a [u8],
    /// The sign-in that it surely was given for, and how much was known then. If nothing is known of the token any more while that goes on, it
    /// comes from a copy.
    pub(crate) family: Option<(&'a str, u64)>,
}

/// What is known of a user in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Of the account, if there is one.
    pub(crate) generation: Option<i64>,
    pub(crate) banned: bool,
    /// The room is closed, and the user is not among its members.
    pub(crate) shut_out: bool,
    /// The sign-in that was asked about goes on.
    pub(crate) signed_in: bool,
}

/// An account's secret, and the generation that it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) password: String,
    pub(crate) generation: i64,
}

/// What became of a new account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AccountAdded {
    Now,
    /// There is one.
    Before,
    /// Its id looks like that of this user.
    IdLooksLike(String),
    /// Its name looks like that of this user.
    LooksLike(String),
}

/// A sign-in that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignIn {
    /// The family of its refresh tokens; other tokens carry it too.
    pub(crate) family: String,
    /// What is stored of the refresh token that is given now.
    pub(crate) grant: Vec<u8>,
    pub(crate) user: String,
    pub(crate) user_name: String,
    /// Of the account.
    pub(crate) generation: i64,
}

/// What became of a right password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignInOutcome {
    SignedIn(SignIn),
    /// The account was changed since its password was read.
    Changed,
    Banned,
}

/// What became of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RefreshOutcome {
    /// It was good; the new one is stored. These grants of before are void, and what was given with them.
    For(SignIn, Vec<Vec<u8>>),
    /// It is unknown or too old, or the account was changed since.
    Over,
    /// It came from a copy: this sign-in has ended.
    Stolen { family: String, user: String },
}

/// A room that can be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) room: String,
    /// For its members only.
    pub(crate) is_closed: bool,
}
