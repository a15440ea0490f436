//! The tables of accounts, bans, closed rooms, and rooms that can be found.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::database::{open_shared, write};
use super::refresh_tokens;
use super::rows::is_of_cluster;
use crate::clock::ClockReading;
use crate::domain::are_confusable;
use crate::store::accounts::{
    Account, AccountAdded, AccountStore, ClosedRoom, Listed, Login, NewSignIn, RefreshOutcome, RefreshToken,
    SignInOutcome, Standing, UserSignIn,
};
use crate::store::error::{StoreError, StoreOpenError};

type Result<T> = std::result::Result<T, StoreError>;

/// A connection to the history's database.
#[derive(Debug)]
pub(crate) struct SqliteAccounts(pub(super) Connection);

impl SqliteAccounts {
    /// The accounts of a data folder, or of a database of their own in memory.
    pub(crate) fn open(folder: Option<&Path>) -> std::result::Result<Self, StoreOpenError> {
        open_shared(folder).map(Self)
    }

    /// Whether the folder is of a node of a cluster: what is changed in it alone is not what the cluster knows.
    pub(crate) fn is_of_cluster(&self) -> Result<bool> {
        Ok(is_of_cluster(&self.0)?)
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

impl AccountStore for SqliteAccounts {
    fn key(&self) -> Result<String> {
        Ok(self.0.query_row("SELECT value FROM meta WHERE key = 'token_key'", [], |row| row.get(0))?)
    }

    fn clock(&self) -> Result<Option<ClockReading>> {
        let select = "SELECT value FROM meta WHERE key = 'sign_in_clock'";
        let saved: Option<String> = self.0.query_row(select, [], |row| row.get(0)).optional()?;
        Ok(saved.as_deref().and_then(ClockReading::parse))
    }

    fn save_clock(&self, reading: ClockReading) -> Result<()> {
        let save = "INSERT OR REPLACE INTO meta VALUES ('sign_in_clock', ?1)";
        self.0.prepare_cached(save)?.execute([reading.to_string()])?;
        Ok(())
    }

    fn auth(&self) -> Result<Option<String>> {
        Ok(self.0.query_row("SELECT value FROM meta WHERE key = 'auth'", [], |row| row.get(0)).optional()?)
    }

    fn revision(&self) -> Result<i64> {
        let mut select =
            self.0.prepare_cached("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'access_revision'")?;
        Ok(select.query_row([], |row| row.get(0))?)
    }

    fn standing(&self, user: &str, room: &str, sign_in: Option<UserSignIn<'_>>, now: i64) -> Result<Standing> {
        let (family, grant) = sign_in.map(|UserSignIn { family, grant }| (family, grant)).unzip();
        let mut select = self.0.prepare_cached(
            "SELECT (SELECT generation FROM accounts WHERE user_id = ?1),
                    EXISTS (SELECT 1 FROM bans WHERE user_id = ?1),
                    EXISTS (SELECT 1 FROM closed_rooms WHERE room = ?2)
                        AND NOT EXISTS (SELECT 1 FROM room_members WHERE room = ?2 AND user_id = ?1),
                    EXISTS (SELECT 1 FROM refreshes WHERE hash = ?5 AND family = ?3 AND user_id = ?1 AND expires > ?4
                        AND void < 2)",
        )?;
        Ok(select.query_row(params![user, room, family, now, grant], |row| {
            Ok(Standing { generation: row.get(0)?, banned: row.get(1)?, shut_out: row.get(2)?, signed_in: row.get(3)? })
        })?)
    }

    fn login(&self, user: &str) -> Result<Option<Login>> {
        let mut select = self.0.prepare_cached("SELECT password, generation FROM accounts WHERE user_id = ?1")?;
        let login = select.query_row([user], |row| Ok(Login { password: row.get(0)?, generation: row.get(1)? }));
        Ok(login.optional()?)
    }

    fn add(&mut self, user: &str, name: &str, password: &str, now: i64) -> Result<AccountAdded> {
        let mut refused = AccountAdded::Before;
        let added = self.change(|change| {
            if let Some(like) = looks_like(change, user, name)? {
                refused = like;
                return Ok(false);
            }
            // The generation begins with the time: another of this name may have been removed before.
            let added = "INSERT OR IGNORE INTO accounts VALUES (?1, ?2, ?3, ?4, ?4)";
            Ok(change.execute(added, params![user, name, password, now])? > 0)
        })?;
        Ok(if added { AccountAdded::Now } else { refused })
    }

    fn set_password(&mut self, user: &str, password: &str) -> Result<bool> {
        self.change(|change| {
            change.execute("DELETE FROM refreshes WHERE user_id = ?1", [user])?;
            let update = "UPDATE accounts SET password = ?2, generation = generation + 1 WHERE user_id = ?1";
            Ok(change.execute(update, [user, password])? > 0)
        })
    }

    fn remove(&mut self, user: &str) -> Result<bool> {
        self.change(|change| {
            if change.execute("DELETE FROM accounts WHERE user_id = ?1", [user])? == 0 {
                return Ok(false);
            }
            change.execute("DELETE FROM refreshes WHERE user_id = ?1", [user])?;
            change.execute("DELETE FROM room_members WHERE user_id = ?1", [user])?;
            change.execute("DELETE FROM read_positions WHERE user_id = ?1", [user])?;
            Ok(true)
        })
    }

    fn ban(&mut self, user: &str, now: i64) -> Result<bool> {
        self.change(|change| {
            change.execute("DELETE FROM refreshes WHERE user_id = ?1", [user])?;
            // A sign-in that is under way is not to outlive a ban that was lifted meanwhile.
            change.execute("UPDATE accounts SET generation = generation + 1 WHERE user_id = ?1", [user])?;
            Ok(change.execute("INSERT OR IGNORE INTO bans VALUES (?1, ?2)", params![user, now])? > 0)
        })
    }

    fn unban(&mut self, user: &str) -> Result<bool> {
        self.change(|change| Ok(change.execute("DELETE FROM bans WHERE user_id = ?1", [user])? > 0))
    }

    fn accounts(&self) -> Result<Vec<Account>> {
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

    fn close_room(&mut self, room: &str) -> Result<bool> {
        self.change(|change| Ok(change.execute("INSERT OR IGNORE INTO closed_rooms VALUES (?1)", [room])? > 0))
    }

    fn open_room(&mut self, room: &str) -> Result<bool> {
        self.change(|change| Ok(change.execute("DELETE FROM closed_rooms WHERE room = ?1", [room])? > 0))
    }

    fn admit(&mut self, room: &str, user: &str) -> Result<bool> {
        let insert = "INSERT OR IGNORE INTO room_members VALUES (?1, ?2)";
        self.change(|change| Ok(change.execute(insert, [room, user])? > 0))
    }

    fn dismiss(&mut self, room: &str, user: &str) -> Result<bool> {
        let delete = "DELETE FROM room_members WHERE room = ?1 AND user_id = ?2";
        self.change(|change| Ok(change.execute(delete, [room, user])? > 0))
    }

    fn closed_rooms(&self) -> Result<Vec<ClosedRoom>> {
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

    fn publish_room(&mut self, room: &str) -> Result<bool> {
        Ok(self.0.execute("INSERT OR IGNORE INTO published_rooms VALUES (?1)", [room])? > 0)
    }

    fn unpublish_room(&mut self, room: &str) -> Result<bool> {
        Ok(self.0.execute("DELETE FROM published_rooms WHERE room = ?1", [room])? > 0)
    }

    fn published_rooms(&self) -> Result<Vec<String>> {
        let mut select = self.0.prepare_cached("SELECT room FROM published_rooms ORDER BY room")?;
        Ok(select.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    fn rooms(&self) -> Result<Vec<String>> {
        let mut select = self.0.prepare_cached(
            "SELECT room FROM rooms UNION SELECT room FROM closed_rooms UNION SELECT room FROM published_rooms ORDER BY 1",
        )?;
        Ok(select.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    fn listed(&self, user: Option<&str>, always: &str, most: usize) -> Result<Vec<Listed>> {
        let mut select = self.0.prepare_cached(
            "WITH open AS (SELECT room FROM published_rooms UNION SELECT ?2)
             SELECT room, FALSE FROM open WHERE ?1 IS NULL OR room NOT IN (SELECT room FROM closed_rooms)
             UNION ALL
             SELECT room, TRUE FROM closed_rooms JOIN room_members USING (room) WHERE user_id = ?1
             ORDER BY room LIMIT ?3",
        )?;
        let listed = select
            .query_map(params![user, always, most], |row| Ok(Listed { room: row.get(0)?, is_closed: row.get(1)? }))?;
        Ok(listed.collect::<rusqlite::Result<_>>()?)
    }

    fn begin(&mut self, sign_in: &NewSignIn<'_>) -> Result<SignInOutcome> {
        refresh_tokens::begin(&mut self.0, sign_in)
    }

    fn refresh(&mut self, old: RefreshToken<'_>, new: &[u8], expires: i64, now: i64) -> Result<RefreshOutcome> {
        refresh_tokens::refresh(&mut self.0, old, new, expires, now)
    }

    fn end(&mut self, hash: &[u8]) -> Result<Option<String>> {
        refresh_tokens::end(&mut self.0, hash)
    }
}

/// Whether there is another account whose id or name people can't tell from these.
pub(super) fn looks_like(of: &Connection, user: &str, name: &str) -> rusqlite::Result<Option<AccountAdded>> {
    let mut select = of.prepare("SELECT user_id, user_name FROM accounts WHERE user_id <> ?1 ORDER BY user_id")?;
    let others = select.query_map([user], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    for other in others {
        let (other, other_name) = other?;
        if are_confusable(&other, user) {
            return Ok(Some(AccountAdded::IdLooksLike(other)));
        }
        if are_confusable(&other_name, name) {
            return Ok(Some(AccountAdded::LooksLike(other)));
        }
    }
    Ok(None)
}
