//! The tables of accounts, bans, refresh tokens and closed rooms.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::accounts::{Account, ClosedRoom};
use crate::error::OpenError;
use crate::history::{HistoryError, beside, write};

type Result<T> = std::result::Result<T, HistoryError>;

/// A connection to the history's database.
#[derive(Debug)]
pub(super) struct Tables(Connection);

/// What is known of a user in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Of the account, if there is one.
    pub(super) generation: Option<i64>,
    pub(super) banned: bool,
    /// The room is closed, and the user is not among its members.
    pub(super) shut_out: bool,
}

/// An account with its secret.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) user_name: String,
    pub(super) password: String,
    pub(super) generation: i64,
    pub(super) banned: bool,
}

/// What became of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refreshed {
    /// It was good; the new one is stored.
    For(String),
    /// It is unknown or too old.
    Unknown,
    /// It was used long before: somebody has a copy. All that came of that sign-in is void now.
    Stolen(String),
}

/// A refresh token that was used so recently, in milliseconds, may come again: its answer was lost.
const REPEAT: i64 = 60_000;

impl Tables {
    pub(super) fn open(folder: Option<&Path>) -> std::result::Result<Self, OpenError> {
        beside(folder).map(Self)
    }

    /// The key that our own tokens are signed with.
    pub(super) fn key(&self) -> Result<String> {
        Ok(self.0.query_row("SELECT value FROM meta WHERE key = 'token_key'", [], |row| row.get(0))?)
    }

    /// Another after each change of who may come in.
    pub(super) fn revision(&self) -> Result<i64> {
        let mut select =
            self.0.prepare_cached("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'access_revision'")?;
        Ok(select.query_row([], |row| row.get(0))?)
    }

    pub(super) fn standing(&self, user: &str, room: &str) -> Result<Standing> {
        let mut select = self.0.prepare_cached(
            "SELECT (SELECT generation FROM accounts WHERE user_id = ?1),
                    EXISTS (SELECT 1 FROM bans WHERE user_id = ?1),
                    EXISTS (SELECT 1 FROM closed_rooms WHERE room = ?2)
                        AND NOT EXISTS (SELECT 1 FROM room_members WHERE room = ?2 AND user_id = ?1)",
        )?;
        Ok(select.query_row([user, room], |row| {
            Ok(Standing { generation: row.get(0)?, banned: row.get(1)?, shut_out: row.get(2)? })
        })?)
    }

    pub(super) fn login(&self, user: &str) -> Result<Option<Login>> {
        let mut select = self.0.prepare_cached(
            "SELECT user_name, password, generation, EXISTS (SELECT 1 FROM bans WHERE bans.user_id = accounts.user_id)
             FROM accounts WHERE user_id = ?1",
        )?;
        let login = select.query_row([user], |row| {
            Ok(Login { user_name: row.get(0)?, password: row.get(1)?, generation: row.get(2)?, banned: row.get(3)? })
        });
        Ok(login.optional()?)
    }

    /// False if there is such an account.
    pub(super) fn add(&mut self, user: &str, name: &str, password: &str, now: i64) -> Result<bool> {
        self.change(|change| {
            // The generation begins with the time: another of this name may have been removed before.
            let added = "INSERT OR IGNORE INTO accounts VALUES (?1, ?2, ?3, ?4, ?4)";
            Ok(change.execute(added, params![user, name, password, now])? > 0)
        })
    }

    /// What was signed before is worth nothing any more. False if there is no such account.
    pub(super) fn set_password(&mut self, user: &str, password: &str) -> Result<bool> {
        self.change(|change| {
            change.execute("DELETE FROM refreshes WHERE user_id = ?1", [user])?;
            let update = "UPDATE accounts SET password = ?2, generation = generation + 1 WHERE user_id = ?1";
            Ok(change.execute(update, [user, password])? > 0)
        })
    }

    pub(super) fn remove(&mut self, user: &str) -> Result<bool> {
        self.change(|change| {
            change.execute("DELETE FROM refreshes WHERE user_id = ?1", [user])?;
            Ok(change.execute("DELETE FROM accounts WHERE user_id = ?1", [user])? > 0)
        })
    }

    /// False if it was so already.
    pub(super) fn ban(&mut self, user: &str, now: i64) -> Result<bool> {
        self.change(|change| {
            change.execute("DELETE FROM refreshes WHERE user_id = ?1", [user])?;
            Ok(change.execute("INSERT OR IGNORE INTO bans VALUES (?1, ?2)", params![user, now])? > 0)
        })
    }

    pub(super) fn unban(&mut self, user: &str) -> Result<bool> {
        self.change(|change| Ok(change.execute("DELETE FROM bans WHERE user_id = ?1", [user])? > 0))
    }

    /// By id; those who are banned without an account among them.
    pub(super) fn accounts(&self) -> Result<Vec<Account>> {
        let mut select = self.0.prepare_cached(
            "SELECT user_id, user_name, created, EXISTS (SELECT 1 FROM bans WHERE bans.user_id = accounts.user_id)
             FROM accounts
             UNION ALL SELECT user_id, NULL, since, TRUE FROM bans WHERE user_id NOT IN (SELECT user_id FROM accounts)
             ORDER BY user_id",
        )?;
        let accounts = select.query_map([], |row| {
            Ok(Account { user_id: row.get(0)?, user_name: row.get(1)?, since: row.get(2)?, is_banned: row.get(3)? })
        })?;
        Ok(accounts.collect::<rusqlite::Result<_>>()?)
    }

    pub(super) fn close_room(&mut self, room: &str) -> Result<bool> {
        self.change(|change| Ok(change.execute("INSERT OR IGNORE INTO closed_rooms VALUES (?1)", [room])? > 0))
    }

    pub(super) fn open_room(&mut self, room: &str) -> Result<bool> {
        self.change(|change| Ok(change.execute("DELETE FROM closed_rooms WHERE room = ?1", [room])? > 0))
    }

    pub(super) fn admit(&mut self, room: &str, user: &str) -> Result<bool> {
        let insert = "INSERT OR IGNORE INTO room_members VALUES (?1, ?2)";
        self.change(|change| Ok(change.execute(insert, [room, user])? > 0))
    }

    pub(super) fn dismiss(&mut self, room: &str, user: &str) -> Result<bool> {
        let delete = "DELETE FROM room_members WHERE room = ?1 AND user_id = ?2";
        self.change(|change| Ok(change.execute(delete, [room, user])? > 0))
    }

    pub(super) fn closed_rooms(&self) -> Result<Vec<ClosedRoom>> {
        let mut rooms = self.0.prepare_cached("SELECT room FROM closed_rooms ORDER BY room")?;
        let mut members = self.0.prepare_cached("SELECT user_id FROM room_members WHERE room = ?1 ORDER BY user_id")?;
        let rooms = rooms.query_map([], |row| row.get::<_, String>(0))?;
        let with_members = rooms.map(|room| {
            let room = room?;
            let of_room = members.query_map([&room], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            Ok(ClosedRoom { room, members: of_room })
        });
        Ok(with_members.collect::<rusqlite::Result<_>>()?)
    }

    /// Stores the token of a new sign-in, and forgets those that have expired.
    pub(super) fn begin(&mut self, user: &str, hash: &[u8], family: &str, expires: i64, now: i64) -> Result<()> {
        let transaction = write(&mut self.0)?;
        transaction.execute("DELETE FROM refreshes WHERE expires <= ?1", [now])?;
        insert(&transaction, hash, family, user, expires)?;
        Ok(transaction.commit()?)
    }

    /// A refresh token for the next one.
    pub(super) fn refresh(&mut self, old: &[u8], new: &[u8], expires: i64, now: i64) -> Result<Refreshed> {
        if !self.is_known(old)? {
            return Ok(Refreshed::Unknown);
        }
        let transaction = write(&mut self.0)?;
        let found = transaction
            .query_row("SELECT family, user_id, expires, used FROM refreshes WHERE hash = ?1", [old], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
            })
            .optional()?;
        let Some((family, user, until, used)) = found else { return Ok(Refreshed::Unknown) };
        if until <= now {
            return Ok(Refreshed::Unknown);
        }
        if used > 0 && now - used > REPEAT {
            transaction.execute("DELETE FROM refreshes WHERE family = ?1", [family])?;
            transaction.commit()?;
            return Ok(Refreshed::Stolen(user));
        }
        if used == 0 {
            transaction.execute("UPDATE refreshes SET used = ?2 WHERE hash = ?1", params![old, now])?;
        }
        insert(&transaction, new, &family, &user, expires)?;
        transaction.commit()?;
        Ok(Refreshed::For(user))
    }

    /// Nothing that came of this sign-in is worth anything any more.
    pub(super) fn end(&mut self, hash: &[u8]) -> Result<()> {
        if !self.is_known(hash)? {
            return Ok(());
        }
        let delete = "DELETE FROM refreshes WHERE family = (SELECT family FROM refreshes WHERE hash = ?1)";
        self.0.execute(delete, [hash])?;
        Ok(())
    }

    /// Only reads: who makes tokens up keeps nobody from writing.
    fn is_known(&self, hash: &[u8]) -> Result<bool> {
        let mut select = self.0.prepare_cached("SELECT EXISTS (SELECT 1 FROM refreshes WHERE hash = ?1)")?;
        Ok(select.query_row([hash], |row| row.get(0))?)
    }

    /// A change of who may come in, which the server notices.
    fn change(&mut self, change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<bool>) -> Result<bool> {
        let transaction = write(&mut self.0)?;
        let changed = change(&transaction)?;
        if changed {
            transaction.execute("UPDATE meta SET value = value + 1 WHERE key = 'access_revision'", [])?;
        }
        transaction.commit()?;
        Ok(changed)
    }
}

fn insert(to: &Transaction<'_>, hash: &[u8], family: &str, user: &str, expires: i64) -> rusqlite::Result<()> {
    let insert = "INSERT INTO refreshes VALUES (?1, ?2, ?3, ?4, 0)";
    to.execute(insert, params![hash, family, user, expires]).map(|_| ())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test fails by panicking
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_token_that_nobody_has_is_looked_up_without_waiting_for_who_writes() {
        let folder = tempfile::tempdir().unwrap();
        let (mut tables, mut other) =
            (Tables::open(Some(folder.path())).unwrap(), Tables::open(Some(folder.path())).unwrap());
        let _writing = write(&mut other.0).unwrap();
        assert_eq!(tables.refresh(b"made up", b"1", i64::MAX, 1).unwrap(), Refreshed::Unknown);
        tables.end(b"made up").unwrap();
    }

    #[test]
    fn a_token_is_refreshed_while_others_write_without_a_pause() {
        let folder = tempfile::tempdir().unwrap();
        let (mut tables, other) =
            (Tables::open(Some(folder.path())).unwrap(), Tables::open(Some(folder.path())).unwrap());
        tables.begin("ana", b"0", "family", i64::MAX, 1).unwrap();
        // Nothing here asks whether it would outlast a loss of power.
        for connection in [&tables, &other] {
            connection.0.pragma_update(None, "synchronous", "OFF").unwrap();
        }
        let over = &AtomicBool::new(false);
        std::thread::scope(|scope| {
            let others = scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    other.0.execute("UPDATE meta SET value = value + 1 WHERE key = 'access_revision'", []).unwrap();
                }
            });
            let refreshed: Vec<_> = (0..2000_u32)
                .map(|turn| {
                    let (old, new) = (turn.to_string(), (turn + 1).to_string());
                    tables.refresh(old.as_bytes(), new.as_bytes(), i64::MAX, 1)
                })
                .collect();
            over.store(true, Ordering::Relaxed);
            others.join().unwrap();
            for one in refreshed {
                assert_eq!(one.unwrap(), Refreshed::For("ana".to_owned()));
            }
        });
    }
}
