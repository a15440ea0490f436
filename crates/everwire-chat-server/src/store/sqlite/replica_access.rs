//! Who may come in, on a node of a cluster: what was told of each user, room and sign-in, as rows of the tables of a server alone.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accounts::{SqliteAccounts, looks_like};
use super::database::write;
use super::replica::ACCESS_SHARD;
use crate::clock::unix_ms;
use crate::store::access_state::{AccessEntry, AccessState, AccountState, Subject, TokenState};
use crate::store::accounts::AccountAdded;
use crate::store::error::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// `cluster_access`: which record was applied last of each user, room and sign-in. `cluster_unreadable`: of which of them that can't be
/// read.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS cluster_access (subject TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cluster_shards (shard INTEGER PRIMARY KEY, applied INTEGER NOT NULL, run TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS cluster_unreadable (subject TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
";

const TOKEN: &str = "SELECT hash, user_id, expires, used, generation, parent, void FROM refreshes";

impl SqliteAccounts {
    /// Makes what a node of a cluster needs besides.
    pub(crate) fn prepare_replica(&self) -> Result<()> {
        self.0.execute_batch(TABLES)?;
        // What the cluster does not tell of any more.
        Ok(self.0.execute("DELETE FROM refreshes WHERE expires <= ?1", [unix_ms()]).map(|_| ())?)
    }

    /// The last record of the stream that was applied.
    pub(crate) fn access_position(&self) -> Result<u64> {
        let mut select = self.0.prepare_cached("SELECT applied FROM cluster_shards WHERE shard = ?1")?;
        Ok(select.query_row([ACCESS_SHARD], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// What is known of it, and the sequence of the record that said so; 0: none has.
    pub(crate) fn access_state(&self, subject: &Subject, place: &str) -> Result<(AccessState, u64)> {
        let mut select = self.0.prepare_cached("SELECT sequence FROM cluster_access WHERE subject = ?1")?;
        let sequence = select.query_row([place], |row| row.get(0)).optional()?.unwrap_or(0);
        Ok((state(&self.0, subject)?, sequence))
    }

    /// Whether the last record of this place can't be read.
    pub(crate) fn is_unreadable(&self, place: &str) -> Result<bool> {
        let mut select =
            self.0.prepare_cached("SELECT EXISTS (SELECT 1 FROM cluster_unreadable WHERE subject = ?1)")?;
        Ok(select.query_row([place], |row| row.get(0))?)
    }

    /// Which sign-in a refresh token is of.
    pub(crate) fn family_of(&self, hash: &[u8]) -> Result<Option<String>> {
        let mut select = self.0.prepare_cached("SELECT family FROM refreshes WHERE hash = ?1")?;
        Ok(select.query_row([hash], |row| row.get(0)).optional()?)
    }

    /// Whether a sign-in of this user goes on.
    pub(crate) fn goes_on(&self, family: &str, user: &str, now: i64) -> Result<bool> {
        let mut select = self.0.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM refreshes WHERE family = ?1 AND user_id = ?2 AND expires > ?3 AND void = 0)",
        )?;
        Ok(select.query_row(params![family, user, now], |row| row.get(0))?)
    }

    /// Of whom a sign-in is.
    pub(crate) fn user_of(&self, family: &str) -> Result<Option<String>> {
        let mut select = self.0.prepare_cached("SELECT user_id FROM refreshes WHERE family = ?1 LIMIT 1")?;
        Ok(select.query_row([family], |row| row.get(0)).optional()?)
    }

    /// Applies what records say, unless later ones of the same subjects have been applied. What can't be read changes nothing of what is
    /// known, but that it is [unreadable](Self::is_unreadable). `position`: up to where the stream has been applied by that.
    pub(crate) fn apply_access(&mut self, entries: &[AccessEntry], position: Option<u64>) -> Result<()> {
        let transaction = write(&mut self.0)?;
        let mut has_changed = false;
        for AccessEntry { place, sequence, state: told } in entries {
            let known: Option<u64> = transaction
                .prepare_cached("SELECT sequence FROM cluster_access WHERE subject = ?1")?
                .query_row([place], |row| row.get(0))
                .optional()?;
            if known.is_some_and(|known| known >= *sequence) {
                continue;
            }
            if let Some(told) = told {
                let before = state(&transaction, &told.subject())?;
                store(&transaction, told)?;
                has_changed |= keeps_somebody_out(&before, told);
                transaction.prepare_cached("DELETE FROM cluster_unreadable WHERE subject = ?1")?.execute([place])?;
            } else {
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO cluster_unreadable VALUES (?1, ?2)")?
                    .execute(params![place, sequence])?;
            }
            transaction
                .prepare_cached("INSERT OR REPLACE INTO cluster_access VALUES (?1, ?2)")?
                .execute(params![place, sequence])?;
        }
        if has_changed {
            transaction.execute("UPDATE meta SET value = value + 1 WHERE key = 'access_revision'", [])?;
        }
        if let Some(position) = position {
            transaction
                .prepare_cached(
                    "INSERT INTO cluster_shards VALUES (?1, ?2, '') ON CONFLICT DO UPDATE SET applied = max(applied, excluded.applied)",
                )?
                .execute(params![ACCESS_SHARD, position])?;
        }
        Ok(transaction.commit()?)
    }

    /// Holds only these from now on: for trying a change out.
    pub(crate) fn hold_only(&mut self, states: &[AccessState]) -> Result<()> {
        let transaction = write(&mut self.0)?;
        transaction.execute_batch(
            "DELETE FROM accounts; DELETE FROM bans; DELETE FROM refreshes; DELETE FROM closed_rooms; DELETE FROM room_members;
             DELETE FROM published_rooms;",
        )?;
        states.iter().try_for_each(|state| store(&transaction, state))?;
        Ok(transaction.commit()?)
    }

    /// Whether there is another account whose id or name people can't tell from these.
    pub(crate) fn looks_like(&self, user: &str, name: &str) -> Result<Option<AccountAdded>> {
        Ok(looks_like(&self.0, user, name)?)
    }

    /// All accounts, without what else is known of their users.
    pub(crate) fn account_states(&self) -> Result<Vec<AccessState>> {
        let mut select = self.0.prepare_cached("SELECT user_id, user_name, generation, created FROM accounts")?;
        let accounts = select.query_map([], |row| {
            let account = AccountState {
                name: row.get(1)?,
                password: String::new(),
                generation: row.get(2)?,
                created: row.get(3)?,
            };
            Ok(AccessState::User { id: row.get(0)?, account: Some(account), banned: None, rooms: Vec::new() })
        })?;
        Ok(accounts.collect::<rusqlite::Result<_>>()?)
    }
}

fn state(of: &Connection, subject: &Subject) -> rusqlite::Result<AccessState> {
    Ok(match subject {
        Subject::User(id) => {
            let account = of
                .prepare_cached("SELECT user_name, password, generation, created FROM accounts WHERE user_id = ?1")?
                .query_row([id], |row| {
                    Ok(AccountState {
                        name: row.get(0)?,
                        password: row.get(1)?,
                        generation: row.get(2)?,
                        created: row.get(3)?,
                    })
                })
                .optional()?;
            let banned = of
                .prepare_cached("SELECT since FROM bans WHERE user_id = ?1")?
                .query_row([id], |row| row.get(0))
                .optional()?;
            let mut rooms = of.prepare_cached("SELECT room FROM room_members WHERE user_id = ?1 ORDER BY room")?;
            let rooms = rooms.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            AccessState::User { id: id.clone(), account, banned, rooms }
        }
        Subject::Room(name) => {
            let is_in = |table: &str| -> rusqlite::Result<bool> {
                of.prepare_cached(&format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE room = ?1)"))?
                    .query_row([name], |row| row.get(0))
            };
            let (is_closed, is_published) = (is_in("closed_rooms")?, is_in("published_rooms")?);
            AccessState::Room { name: name.clone(), is_closed, is_published }
        }
        Subject::SignIn(family) => {
            let mut select = of.prepare_cached(&format!("{TOKEN} WHERE family = ?1 ORDER BY hash"))?;
            let tokens = select.query_map([family], token)?.collect::<rusqlite::Result<_>>()?;
            AccessState::SignIn { family: family.clone(), tokens }
        }
        Subject::Key => {
            let key = of.query_row("SELECT value FROM meta WHERE key = 'token_key'", [], |row| row.get(0))?;
            AccessState::Key { key }
        }
    })
}

fn token(row: &Row<'_>) -> rusqlite::Result<TokenState> {
    Ok(TokenState {
        hash: row.get(0)?,
        user: row.get(1)?,
        expires: row.get(2)?,
        used: row.get(3)?,
        generation: row.get(4)?,
        parent: row.get(5)?,
        void: row.get(6)?,
    })
}

fn store(to: &Connection, state: &AccessState) -> rusqlite::Result<()> {
    match state {
        AccessState::User { id, account, banned, rooms } => {
            for table in ["accounts", "bans", "room_members"] {
                to.prepare_cached(&format!("DELETE FROM {table} WHERE user_id = ?1"))?.execute([id])?;
            }
            if let Some(AccountState { name, password, generation, created }) = account {
                to.prepare_cached("INSERT INTO accounts VALUES (?1, ?2, ?3, ?4, ?5)")?
                    .execute(params![id, name, password, generation, created])?;
            } else {
                to.prepare_cached("DELETE FROM read_positions WHERE user_id = ?1")?.execute([id])?;
            }
            if let Some(since) = banned {
                to.prepare_cached("INSERT INTO bans VALUES (?1, ?2)")?.execute(params![id, since])?;
            }
            for room in rooms {
                to.prepare_cached("INSERT INTO room_members VALUES (?1, ?2)")?.execute([room, id])?;
            }
            // Sign-ins of before are worth nothing, whatever is told of them.
            let generation = account.as_ref().map_or(-1, |account| account.generation);
            to.prepare_cached("DELETE FROM refreshes WHERE user_id = ?1 AND generation <> ?2")?
                .execute(params![id, generation])?;
        }
        AccessState::Room { name, is_closed, is_published } => {
            for (table, is_in) in [("closed_rooms", is_closed), ("published_rooms", is_published)] {
                let change = if *is_in {
                    format!("INSERT OR IGNORE INTO {table} VALUES (?1)")
                } else {
                    format!("DELETE FROM {table} WHERE room = ?1")
                };
                to.prepare_cached(&change)?.execute([name])?;
            }
        }
        AccessState::SignIn { family, tokens } => {
            to.prepare_cached("DELETE FROM refreshes WHERE family = ?1")?.execute([family])?;
            for TokenState { hash, user, expires, used, generation, parent, void } in tokens {
                to.prepare_cached(
                    "INSERT OR REPLACE INTO refreshes (hash, family, user_id, expires, used, generation, parent, void)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?
                .execute(params![hash, family, user, expires, used, generation, parent, void])?;
            }
        }
        AccessState::Key { key } => {
            to.execute("INSERT OR REPLACE INTO meta VALUES ('token_key', ?1)", [key])?;
        }
    }
    Ok(())
}

/// Whether it has to be looked who may stay: more than a sign-in that goes on.
fn keeps_somebody_out(before: &AccessState, after: &AccessState) -> bool {
    match (before, after) {
        (AccessState::SignIn { tokens: before, .. }, AccessState::SignIn { tokens: after, .. }) => {
            let is_good = |hash: &[u8]| after.iter().any(|token| token.hash == hash && token.void < 2);
            before.iter().any(|token| token.void < 2 && !is_good(&token.hash))
        }
        (AccessState::Room { is_closed: before, .. }, AccessState::Room { is_closed: after, .. }) => before != after,
        (AccessState::Key { .. }, _) => false,
        _ => before != after,
    }
}
