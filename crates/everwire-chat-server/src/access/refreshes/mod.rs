//! The table of refresh tokens: which sign-ins go on, and of which somebody has a copy.
//!
//! All tokens that came of one sign-in are a family. Each is given for its parent, and the first use of a token uses its
//! parent up. Until then the parent gives another one, in case the answer was lost, and voids those that it gave before, with
//! whatever was given together with them. So of two copies of a token one voids the other: a token that is void or used up
//! comes only from a copy, and ends the sign-in for all who have one.

use rusqlite::{OptionalExtension, Transaction, params};

use super::database::Tables;
use crate::history::{HistoryError, write};

type Result<T> = std::result::Result<T, HistoryError>;

/// A sign-in that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignIn {
    /// The family of its refresh tokens; other tokens carry it too.
    pub(super) family: String,
    /// What is stored of the refresh token that is given now.
    pub(super) grant: Vec<u8>,
    pub(super) user: String,
    pub(super) user_name: String,
    /// Of the account.
    pub(super) generation: i64,
}

/// What became of a right password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    SignedIn(SignIn),
    /// The account was changed since its password was read.
    Changed,
    Banned,
}

/// What became of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refreshed {
    /// It was good; the new one is stored. These grants of before are void, and what was given with them.
    For(SignIn, Vec<Vec<u8>>),
    /// It is unknown or too old, or the account was changed since.
    Over,
    /// It came from a copy: this sign-in has ended.
    Stolen { family: String, user: String },
}

/// A stored token.
struct Row {
    family: String,
    user: String,
    generation: i64,
    expires: i64,
    parent: Option<Vec<u8>>,
    used: bool,
    void: bool,
}

impl Tables {
    /// Begins a sign-in with its first refresh token, if the account is still of this `generation`. Forgets tokens that
    /// have expired.
    pub(super) fn begin(
        &mut self,
        user: &str,
        generation: i64,
        hash: &[u8],
        family: &str,
        expires: i64,
        now: i64,
    ) -> Result<Begun> {
        let transaction = write(&mut self.0)?;
        let Some((user_name, present, banned)) = account(&transaction, user)? else { return Ok(Begun::Changed) };
        if banned {
            return Ok(Begun::Banned);
        }
        if present != generation {
            return Ok(Begun::Changed);
        }
        transaction.execute("DELETE FROM refreshes WHERE expires <= ?1", [now])?;
        let (family, grant) = (family.to_owned(), hash.to_owned());
        let sign_in = SignIn { family, grant, user: user.to_owned(), user_name, generation };
        insert(&transaction, &sign_in, None, expires)?;
        transaction.commit()?;
        Ok(Begun::SignedIn(sign_in))
    }

    /// A refresh token for the next one.
    pub(super) fn refresh(&mut self, old: &[u8], new: &[u8], expires: i64, now: i64) -> Result<Refreshed> {
        if !self.is_known(old)? {
            return Ok(Refreshed::Over);
        }
        let transaction = write(&mut self.0)?;
        let Some(row) = row(&transaction, old)?.filter(|row| row.expires > now) else { return Ok(Refreshed::Over) };
        let user_name = match account(&transaction, &row.user)? {
            Some((user_name, generation, false)) if generation == row.generation => user_name,
            _ => return Ok(Refreshed::Over),
        };
        let Row { family, user, generation, .. } = row;
        if row.void {
            transaction.execute("DELETE FROM refreshes WHERE family = ?1", [&family])?;
            transaction.commit()?;
            return Ok(Refreshed::Stolen { family, user });
        }
        let mut replaced = Vec::new();
        if row.used {
            // It gave one before, whose answer was lost or went to somebody else.
            let mut replace = transaction
                .prepare_cached("UPDATE refreshes SET void = 2 WHERE parent = ?1 AND void = 0 RETURNING hash")?;
            replaced = replace.query_map([old], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        } else {
            transaction.execute("UPDATE refreshes SET used = ?2 WHERE hash = ?1", params![old, now])?;
            if let Some(parent) = &row.parent {
                // Its answer has arrived, so that it has no use any more.
                transaction.execute("UPDATE refreshes SET void = 1 WHERE hash = ?1", [parent])?;
            }
        }
        let sign_in = SignIn { family, grant: new.to_owned(), user, user_name, generation };
        insert(&transaction, &sign_in, Some(old), expires)?;
        transaction.commit()?;
        Ok(Refreshed::For(sign_in, replaced))
    }

    /// Ends the sign-in that this token is of: the family that has ended.
    pub(super) fn end(&mut self, hash: &[u8]) -> Result<Option<String>> {
        if !self.is_known(hash)? {
            return Ok(None);
        }
        let transaction = write(&mut self.0)?;
        let Some(Row { family, .. }) = row(&transaction, hash)? else { return Ok(None) };
        transaction.execute("DELETE FROM refreshes WHERE family = ?1", [&family])?;
        transaction.commit()?;
        Ok(Some(family))
    }

    /// Only reads: who makes tokens up keeps nobody from writing.
    fn is_known(&self, hash: &[u8]) -> Result<bool> {
        let mut select = self.0.prepare_cached("SELECT EXISTS (SELECT 1 FROM refreshes WHERE hash = ?1)")?;
        Ok(select.query_row([hash], |row| row.get(0))?)
    }
}

fn row(of: &Transaction<'_>, hash: &[u8]) -> rusqlite::Result<Option<Row>> {
    let mut select = of.prepare_cached(
        "SELECT family, user_id, generation, expires, parent, used > 0, void > 0 FROM refreshes WHERE hash = ?1",
    )?;
    let row = select.query_row([hash], |row| {
        Ok(Row {
            family: row.get(0)?,
            user: row.get(1)?,
            generation: row.get(2)?,
            expires: row.get(3)?,
            parent: row.get(4)?,
            used: row.get(5)?,
            void: row.get(6)?,
        })
    });
    row.optional()
}

/// The name, the generation, and whether the user is banned.
fn account(of: &Transaction<'_>, user: &str) -> rusqlite::Result<Option<(String, i64, bool)>> {
    let mut select = of.prepare_cached(
        "SELECT user_name, generation, EXISTS (SELECT 1 FROM bans WHERE bans.user_id = accounts.user_id)
         FROM accounts WHERE user_id = ?1",
    )?;
    select.query_row([user], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
}

fn insert(to: &Transaction<'_>, sign_in: &SignIn, parent: Option<&[u8]>, expires: i64) -> rusqlite::Result<()> {
    let mut insert = to.prepare_cached(
        "INSERT INTO refreshes (hash, family, user_id, expires, used, generation, parent, void)
         VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, 0)",
    )?;
    insert
        .execute(params![sign_in.grant, sign_in.family, sign_in.user, expires, sign_in.generation, parent])
        .map(|_| ())
}

#[cfg(test)]
mod tests;
