#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::database::Added;
use super::*;

const LATE: i64 = i64::MAX;

/// Tables in which there is ana.
fn tables(folder: Option<&Path>) -> Tables {
    let mut tables = Tables::open(folder).unwrap();
    assert_eq!(tables.add("ana", "Ana", "hash", 1).unwrap(), Added::Now);
    tables
}

fn signed_in(tables: &mut Tables, hash: &[u8], family: &str) -> SignIn {
    let generation = tables.login("ana").unwrap().unwrap().generation;
    match tables.begin("ana", generation, hash, family, LATE, 1).unwrap() {
        Begun::SignedIn(sign_in) => sign_in,
        other => panic!("{other:?}"),
    }
}

fn refresh(tables: &mut Tables, old: &str, new: &str) -> Refreshed {
    tables.refresh(old.as_bytes(), new.as_bytes(), LATE, 1).unwrap()
}

/// The sign-in goes on with this token, and these are void now.
fn goes_on(of: &SignIn, grant: &str, replaced: &[&str]) -> Refreshed {
    let replaced = replaced.iter().map(|grant| grant.as_bytes().to_vec()).collect();
    Refreshed::For(SignIn { grant: grant.into(), ..of.clone() }, replaced)
}

#[test]
fn a_token_whose_answer_was_lost_gives_another_one_however_much_later() {
    let mut tables = tables(None);
    let ana = signed_in(&mut tables, b"1", "f");
    assert_eq!(refresh(&mut tables, "1", "2 lost"), goes_on(&ana, "2 lost", &[]));
    let later = tables.refresh(b"1", b"2", LATE, 86_400_000).unwrap();
    assert_eq!(later, goes_on(&ana, "2", &["2 lost"]));
    assert_eq!(refresh(&mut tables, "2", "3"), goes_on(&ana, "3", &[]));
}

#[test]
fn a_token_that_comes_after_the_one_it_gave_was_used_is_from_a_copy_and_ends_the_sign_in() {
    let mut tables = tables(None);
    let ana = signed_in(&mut tables, b"1", "f");
    signed_in(&mut tables, b"other", "another sign-in");
    assert_eq!(refresh(&mut tables, "1", "2"), goes_on(&ana, "2", &[]));
    assert_eq!(refresh(&mut tables, "2", "3"), goes_on(&ana, "3", &[]));
    let stolen = Refreshed::Stolen { family: "f".into(), user: "ana".into() };
    assert_eq!(refresh(&mut tables, "1", "x"), stolen);
    assert_eq!(refresh(&mut tables, "3", "4"), Refreshed::Over, "for whoever has it");
    assert!(matches!(refresh(&mut tables, "other", "o2"), Refreshed::For(..)), "another device goes on");
}

#[test]
fn of_two_copies_of_a_token_the_use_of_one_voids_the_other() {
    for owner_is_first in [true, false] {
        let mut tables = tables(None);
        let ana = signed_in(&mut tables, b"1", "f");
        let (first, second) = if owner_is_first { ("own", "thief") } else { ("thief", "own") };
        assert_eq!(refresh(&mut tables, "1", first), goes_on(&ana, first, &[]));
        assert_eq!(refresh(&mut tables, "1", second), goes_on(&ana, second, &[first]));
        let standing = |grant: &str| tables.standing("ana", "r", Some(("f", grant.as_bytes())), 1).unwrap();
        assert!(standing(second).signed_in && standing("1").signed_in && !standing(first).signed_in);
        let next = refresh(&mut tables, first, "next");
        assert_eq!(next, Refreshed::Stolen { family: "f".into(), user: "ana".into() });
        assert_eq!(refresh(&mut tables, second, "x"), Refreshed::Over);
    }
}

#[test]
fn a_sign_in_that_is_under_way_does_not_outlive_a_change_of_its_account() {
    let changes: [fn(&mut Tables); 3] = [
        |tables| assert!(tables.set_password("ana", "new").unwrap()),
        |tables| {
            assert!(tables.remove("ana").unwrap());
            assert_eq!(tables.add("ana", "Another", "x", 9).unwrap(), Added::Now);
        },
        |tables| assert!(tables.ban("ana", 9).unwrap() && tables.unban("ana").unwrap()),
    ];
    for change in changes {
        let mut tables = tables(None);
        let before = tables.login("ana").unwrap().unwrap().generation;
        signed_in(&mut tables, b"1", "f");
        change(&mut tables);
        assert_eq!(tables.begin("ana", before, b"2", "g", LATE, 1).unwrap(), Begun::Changed);
        assert_eq!(refresh(&mut tables, "1", "2"), Refreshed::Over);
    }
    let mut tables = tables(None);
    let generation = tables.login("ana").unwrap().unwrap().generation;
    tables.ban("ana", 9).unwrap();
    assert_eq!(tables.begin("ana", generation, b"2", "g", LATE, 1).unwrap(), Begun::Banned);
}

#[test]
fn a_stored_token_of_an_earlier_account_gives_nothing_to_the_present_one() {
    let mut tables = tables(None);
    signed_in(&mut tables, b"1", "f");
    // As if it had been stored between the removal and the new account.
    tables.0.execute("UPDATE accounts SET generation = generation + 1", []).unwrap();
    assert_eq!(refresh(&mut tables, "1", "2"), Refreshed::Over);
}

#[test]
fn a_token_that_nobody_has_is_looked_up_without_waiting_for_who_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut tables, mut other) =
        (Tables::open(Some(folder.path())).unwrap(), Tables::open(Some(folder.path())).unwrap());
    let _writing = write(&mut other.0).unwrap();
    assert_eq!(tables.refresh(b"made up", b"1", LATE, 1).unwrap(), Refreshed::Over);
    assert_eq!(tables.end(b"made up").unwrap(), None);
}

#[test]
fn a_token_is_refreshed_while_others_write_without_a_pause() {
    let folder = tempfile::tempdir().unwrap();
    let mut tables = tables(Some(folder.path()));
    let other = Tables::open(Some(folder.path())).unwrap();
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
                tables.refresh(old.as_bytes(), new.as_bytes(), LATE, 1)
            })
            .collect();
        over.store(true, Ordering::Relaxed);
        others.join().unwrap();
        for (turn, one) in refreshed.into_iter().enumerate() {
            assert_eq!(one.unwrap(), goes_on(&ana, &(turn + 1).to_string(), &[]));
        }
    });
}
