//! The table of refresh tokens: which sign-ins go on, and which have a token that was copied.
//!
//! All tokens that come from one sign-in are a family. Each is issued for its parent, and the first use of a token uses its
//! parent up. Until then the parent can be used for another token, in case the answer was lost; this voids the tokens that
//! were issued for it before, with whatever was issued together with them. So of two copies of a token one voids the other:
//! a token that is void or used up comes only from a copy, and ends the sign-in for all who have a token of it.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::database::write;
use crate::store::accounts::{NewSignIn, RefreshOutcome, RefreshToken, SignIn, SignInOutcome};
use crate::store::error::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

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

/// Begins a sign-in, if the account is still of its `generation`. Forgets tokens that have expired.
pub(super) fn begin(connection: &mut Connection, sign_in: &NewSignIn<'_>) -> Result<SignInOutcome> {
    let NewSignIn { user, generation, hash, family, expires, now } = *sign_in;
    let transaction = write(connection)?;
    let Some((user_name, present, banned)) = account(&transaction, user)? else { return Ok(SignInOutcome::Changed) };
    if banned {
        return Ok(SignInOutcome::Banned);
    }
    if present != generation {
        return Ok(SignInOutcome::Changed);
    }
    transaction.execute("DELETE FROM refreshes WHERE expires <= ?1", [now])?;
    let (family, grant) = (family.to_owned(), hash.to_owned());
    let sign_in = SignIn { family, grant, user: user.to_owned(), user_name, generation };
    insert(&transaction, &sign_in, None, expires)?;
    transaction.commit()?;
    Ok(SignInOutcome::SignedIn(sign_in))
}

/// A refresh token for the next one.
pub(super) fn refresh(
    connection: &mut Connection,
    RefreshToken { hash: old, family }: RefreshToken<'_>,
    new: &[u8],
    expires: i64,
    now: i64,
) -> Result<RefreshOutcome> {
    if !is_known(connection, old)? {
        return match family {
            Some((family, _)) => forgotten(connection, family),
            None => Ok(RefreshOutcome::Over),
        };
    }
    let transaction = write(connection)?;
    let Some(row) = row(&transaction, old)?.filter(|row| row.expires > now) else { return Ok(RefreshOutcome::Over) };
    let user_name = match account(&transaction, &row.user)? {
        Some((user_name, generation, false)) if generation == row.generation => user_name,
        _ => return Ok(RefreshOutcome::Over),
    };
    let Row { family, user, generation, .. } = row;
    if row.void {
        transaction.execute("DELETE FROM refreshes WHERE family = ?1", [&family])?;
        transaction.commit()?;
        return Ok(RefreshOutcome::Stolen { family, user });
    }
    let mut replaced = Vec::new();
    if row.used {
        // A token was issued for it before: that answer was lost, or went to another client.
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
    Ok(RefreshOutcome::For(sign_in, replaced))
}

/// A token of this family that nothing is known of any more: only a copy is so old.
fn forgotten(connection: &mut Connection, family: &str) -> Result<RefreshOutcome> {
    let transaction = write(connection)?;
    let user = transaction
        .prepare_cached("DELETE FROM refreshes WHERE family = ?1 RETURNING user_id")?
        .query_map([family], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    transaction.commit()?;
    Ok(match user.into_iter().next() {
        Some(user) => RefreshOutcome::Stolen { family: family.to_owned(), user },
        None => RefreshOutcome::Over,
    })
}

/// Ends the sign-in that this token is of: the family that has ended.
pub(super) fn end(connection: &mut Connection, hash: &[u8]) -> Result<Option<String>> {
    if !is_known(connection, hash)? {
        return Ok(None);
    }
    let transaction = write(connection)?;
    let Some(Row { family, .. }) = row(&transaction, hash)? else { return Ok(None) };
    transaction.execute("DELETE FROM refreshes WHERE family = ?1", [&family])?;
    transaction.commit()?;
    Ok(Some(family))
}

/// Only reads: who makes tokens up keeps nobody from writing.
fn is_known(connection: &Connection, hash: &[u8]) -> Result<bool> {
    let mut select = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM refreshes WHERE hash = ?1)")?;
    Ok(select.query_row([hash], |row| row.get(0))?)
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
