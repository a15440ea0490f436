#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::store::accounts::{AccountAdded, AccountStore, RefreshToken};
use crate::store::sqlite::SqliteAccounts;

const LATE: i64 = i64::MAX;

/// Accounts in which there is ana.
fn tables(folder: Option<&Path>) -> SqliteAccounts {
    let mut tables = SqliteAccounts::open(folder).unwrap();
    assert_eq!(tables.add("ana", "Ana", "hash", 1).unwrap(), AccountAdded::Now);
    tables
}

fn signed_in(tables: &mut SqliteAccounts, hash: &[u8], family: &str) -> SignIn {
    let generation = tables.login("ana").unwrap().unwrap().generation;
    let sign_in = NewSignIn { user: "ana", generation, hash, family, expires: LATE, now: 1 };
    match tables.begin(&sign_in).unwrap() {
        SignInOutcome::SignedIn(sign_in) => sign_in,
        other => panic!("{other:?}"),
    }
}

fn token(hash: &str) -> RefreshToken<'_> {
    RefreshToken { hash: hash.as_bytes(), family: None }
}

fn refresh(tables: &mut SqliteAccounts, old: &str, new: &str) -> RefreshOutcome {
    tables.refresh(token(old), new.as_bytes(), LATE, 1).unwrap()
}

/// The sign-in goes on with this token, and these are void now.
fn goes_on(of: &SignIn, grant: &str, replaced: &[&str]) -> RefreshOutcome {
    let replaced = replaced.iter().map(|grant| grant.as_bytes().to_vec()).collect();
    RefreshOutcome::For(SignIn { grant: grant.into(), ..of.clone() }, replaced)
}

#[test]
fn a_stored_token_of_an_earlier_account_gives_nothing_to_the_present_one() {
    let mut tables = tables(None);
    signed_in(&mut tables, b"1", "f");
    // As if it had been stored between the removal and the new account.
    tables.0.execute("UPDATE accounts SET generation = generation + 1", []).unwrap();
    assert_eq!(refresh(&mut tables, "1", "2"), RefreshOutcome::Over);
}

#[test]
fn a_token_that_nobody_has_is_looked_up_without_waiting_for_who_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut tables, mut other) =
        (SqliteAccounts::open(Some(folder.path())).unwrap(), SqliteAccounts::open(Some(folder.path())).unwrap());
    let _writing = write(&mut other.0).unwrap();
    assert_eq!(tables.refresh(token("made up"), b"1", LATE, 1).unwrap(), RefreshOutcome::Over);
    assert_eq!(tables.end(b"made up").unwrap(), None);
}

#[test]
fn a_token_is_refreshed_while_others_write_without_a_pause() {
    let folder = tempfile::tempdir().unwrap();
    let mut tables = tables(Some(folder.path()));
    let other = SqliteAccounts::open(Some(folder.path())).unwrap();
    let ana = signed_in(&mut tables, b"0", "family");
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
                tables.refresh(token(&old), new.as_bytes(), LATE, 1)
            })
            .collect();
        over.store(true, Ordering::Relaxed);
        others.join().unwrap();
        for (turn, one) in refreshed.into_iter().enumerate() {
            assert_eq!(one.unwrap(), goes_on(&ana, &(turn + 1).to_string(), &[]));
        }
    });
}
