use std::fmt;

use everwire_chat_core::limits::{check_id, check_name, check_room};

use super::password;
use crate::clock::unix_ms;
use crate::domain::are_confusable;
use crate::store::{Account, AccountAdded, AccountStore, ClosedRoom, StoreError};

/// The accounts, bans, closed rooms and published rooms of a data folder. A server that uses the folder notices changes
/// within some two seconds, and sends away who may not stay.
///
/// ```
/// use everwire_chat_server::Accounts;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let data = folder.path();
/// let mut accounts = Accounts::open(data)?;
/// accounts.add("ana", "Ana", "correct horse battery")?;
/// accounts.ban("mallory")?;
/// assert_eq!(accounts.list()?.len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Accounts(Box<dyn AccountStore>);

/// The reason why an account could not be changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum AccountError {
    /// A name, an id, a room or a password breaks a limit; in words for people.
    Invalid(&'static str),
    /// The account already exists.
    Exists,
    /// The id looks like this one, which has an account.
    IdLooksLike(String),
    /// The name looks like that of the account of this user.
    LooksLike(String),
    /// There is no such account.
    Unknown,
    /// There is no such account, and this one has an id that looks like it, as with a capital letter for a small one.
    Mistaken(String),
    /// A database error.
    Database(StoreError),
}

impl Accounts {
    /// The accounts of a store.
    pub(crate) fn of(store: impl AccountStore + 'static) -> Self {
        Self(Box::new(store))
    }

    /// Tells whether bans and closed rooms have an effect: they have none where the folder's server admits every user as a
    /// guest. Where no server has used the folder yet, they will have one.
    ///
    /// # Errors
    /// If the database can't be read.
    pub fn are_obeyed(&self) -> Result<bool, AccountError> {
        Ok(self.0.auth()?.as_deref() != Some("none"))
    }

    /// Adds an account. Takes some 20 ms, on purpose.
    ///
    /// # Errors
    /// If there is one, if the id or the name looks like another's (also in capital or small letters), or if something
    /// breaks a limit: a password has 8 to 1,024 bytes. Accounts that were made by an earlier version stay.
    pub fn add(&mut self, user_id: &str, user_name: &str, password: &str) -> Result<(), AccountError> {
        check_id(user_id).and_then(|()| check_name(user_name)).map_err(AccountError::Invalid)?;
        let hash = hashed(password)?;
        match self.0.add(user_id, user_name, &hash, unix_ms())? {
            AccountAdded::Now => Ok(()),
            AccountAdded::Before => Err(AccountError::Exists),
            AccountAdded::IdLooksLike(other) => Err(AccountError::IdLooksLike(other)),
            AccountAdded::LooksLike(other) => Err(AccountError::LooksLike(other)),
        }
    }

    /// Changes a password; a user who is signed in has to sign in again.
    ///
    /// # Errors
    /// If there is no such account, or the password has not 8 to 1,024 bytes.
    pub fn set_password(&mut self, user_id: &str, password: &str) -> Result<(), AccountError> {
        let hash = hashed(password)?;
        if self.0.set_password(user_id, &hash)? { Ok(()) } else { self.unknown(user_id) }
    }

    /// Removes an account, its sign-ins and its memberships in closed rooms; what the user has written stays, and so does
    /// a ban.
    ///
    /// # Errors
    /// If there is no such account.
    pub fn remove(&mut self, user_id: &str) -> Result<(), AccountError> {
        if self.0.remove(user_id)? { Ok(()) } else { self.unknown(user_id) }
    }

    /// Bans a user and disconnects them; with or without an account. False if the user was banned already.
    ///
    /// # Errors
    /// If the id breaks a limit, or if it has no account and looks like one that has
    /// ([`Mistaken`](AccountError::Mistaken)): the
    /// ban would keep out nobody. Where an issuer's tokens say who users are, their ids are taken as they are.
    pub fn ban(&mut self, user_id: &str) -> Result<bool, AccountError> {
        check_id(user_id).map_err(AccountError::Invalid)?;
        self.refuse_mistaken(user_id)?;
        Ok(self.0.ban(user_id, unix_ms())?)
    }

    /// Lets a user in again. False if the user was not banned.
    ///
    /// # Errors
    /// If the user was not banned, and the id looks like that of an account.
    pub fn unban(&mut self, user_id: &str) -> Result<bool, AccountError> {
        let changed = self.0.unban(user_id)?;
        if !changed {
            self.refuse_mistaken(user_id)?;
        }
        Ok(changed)
    }

    /// All that are known, by id.
    ///
    /// # Errors
    /// If the database can't be read.
    pub fn list(&self) -> Result<Vec<Account>, AccountError> {
        Ok(self.0.accounts()?)
    }

    /// Closes a room to all but its members. False if it was closed.
    ///
    /// # Errors
    /// If the room's name breaks a limit.
    pub fn close_room(&mut self, room: &str) -> Result<bool, AccountError> {
        check_room(room).map_err(AccountError::Invalid)?;
        Ok(self.0.close_room(room)?)
    }

    /// Opens a room to all. False if it was open. Its members are kept for the next time it is closed.
    ///
    /// # Errors
    /// On a database error.
    pub fn open_room(&mut self, room: &str) -> Result<bool, AccountError> {
        Ok(self.0.open_room(room)?)
    }

    /// Makes a user a member of a room. False if that was so.
    ///
    /// # Errors
    /// If the room's name or the id breaks a limit, or if the id has no account and looks like one that has, as with
    /// [`ban`](Self::ban).
    pub fn admit(&mut self, room: &str, user_id: &str) -> Result<bool, AccountError> {
        check_room(room).and_then(|()| check_id(user_id)).map_err(AccountError::Invalid)?;
        self.refuse_mistaken(user_id)?;
        Ok(self.0.admit(room, user_id)?)
    }

    /// Ends a user's membership of a room. False if the user was no member.
    ///
    /// # Errors
    /// If the user was no member, and the id looks like that of an account.
    pub fn dismiss(&mut self, room: &str, user_id: &str) -> Result<bool, AccountError> {
        let changed = self.0.dismiss(room, user_id)?;
        if !changed {
            self.refuse_mistaken(user_id)?;
        }
        Ok(changed)
    }

    /// Another room that people may take for this one, as with a capital letter for a small one: one that is closed,
    /// published, or in which something was said. Both may be meant, so nothing is refused for it.
    ///
    /// # Errors
    /// If the database can't be read.
    pub fn room_like(&self, room: &str) -> Result<Option<String>, AccountError> {
        Ok(self.0.rooms()?.into_iter().find(|other| other != room && are_confusable(other, room)))
    }

    /// Lists a room for all who may come in. False if it was listed. A closed room is listed for its members only,
    /// published or not.
    ///
    /// # Errors
    /// If the room's name breaks a limit.
    pub fn publish_room(&mut self, room: &str) -> Result<bool, AccountError> {
        check_room(room).map_err(AccountError::Invalid)?;
        Ok(self.0.publish_room(room)?)
    }

    /// Removes a room from the list: a user who knows its name may still come in, unless it is closed. False if it was not
    /// listed.
    ///
    /// # Errors
    /// On a database error.
    pub fn unpublish_room(&mut self, room: &str) -> Result<bool, AccountError> {
        Ok(self.0.unpublish_room(room)?)
    }

    /// The rooms that were published, by name.
    ///
    /// # Errors
    /// If the database can't be read.
    pub fn published_rooms(&self) -> Result<Vec<String>, AccountError> {
        Ok(self.0.published_rooms()?)
    }

    /// The rooms that are closed, by name.
    ///
    /// # Errors
    /// If the database can't be read.
    pub fn closed_rooms(&self) -> Result<Vec<ClosedRoom>, AccountError> {
        Ok(self.0.closed_rooms()?)
    }

    fn unknown(&self, user_id: &str) -> Result<(), AccountError> {
        self.refuse_mistaken(user_id)?;
        Err(AccountError::Unknown)
    }

    fn refuse_mistaken(&self, user_id: &str) -> Result<(), AccountError> {
        if self.0.auth()?.as_deref() == Some("tokens") {
            return Ok(());
        }
        let accounts = self.0.accounts()?.into_iter().filter(|account| account.user_name.is_some());
        let ids: Vec<String> = accounts.map(|account| account.user_id).collect();
        let like = ids.iter().find(|id| are_confusable(id, user_id));
        match like {
            Some(like) if !ids.iter().any(|id| id == user_id) => Err(AccountError::Mistaken(like.clone())),
            Some(_) | None => Ok(()),
        }
    }
}

fn hashed(password: &str) -> Result<String, AccountError> {
    match password.len() {
        0..password::SHORTEST => Err(AccountError::Invalid("a password has at least 8 bytes")),
        password::SHORTEST..=password::LONGEST => {
            password::hash(password).ok_or(AccountError::Invalid("the password can't be hashed"))
        }
        _ => Err(AccountError::Invalid("a password has at most 1024 bytes")),
    }
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        Self::Database(error)
    }
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(problem) => f.write_str(problem),
            Self::Exists => f.write_str("account already exists"),
            Self::IdLooksLike(other) => write!(f, "it looks like {other}, which has an account: choose another"),
            Self::LooksLike(other) => write!(f, "the name looks like that of {other}: give another one (--name)"),
            Self::Unknown => f.write_str("there is no such account"),
            Self::Mistaken(other) => write!(f, "there is no such account; if {other} is meant, write it so"),
            Self::Database(_) => f.write_str("database error"),
        }
    }
}

impl std::error::Error for AccountError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Database(error) => Some(error),
            Self::Invalid(_)
            | Self::Exists
            | Self::IdLooksLike(_)
            | Self::LooksLike(_)
            | Self::Unknown
            | Self::Mistaken(_) => None,
        }
    }
}
