//! What every account store has to do.

use crate::store::accounts::{
    AccountAdded, AccountStore, Listed, NewSignIn, RefreshOutcome, RefreshToken, SignIn, SignInOutcome, Standing,
    UserSignIn,
};

pub(in crate::store) trait AccountFixture {
    /// An empty store.
    fn open() -> Box<dyn AccountStore>;
}

const LATE: i64 = i64::MAX;

fn with_ana(mut accounts: Box<dyn AccountStore>) -> Box<dyn AccountStore> {
    assert_eq!(accounts.add("ana", "Ana", "hash", 1).unwrap(), AccountAdded::Now);
    accounts
}

/// A sign-in of ana's that does not expire.
fn ana_s<'a>(generation: i64, hash: &'a [u8], family: &'a str) -> NewSignIn<'a> {
    NewSignIn { user: "ana", generation, hash, family, expires: LATE, now: 1 }
}

fn signed_in(accounts: &mut dyn AccountStore, hash: &str, family: &str) -> SignIn {
    let generation = accounts.login("ana").unwrap().unwrap().generation;
    match accounts.begin(&ana_s(generation, hash.as_bytes(), family)).unwrap() {
        SignInOutcome::SignedIn(sign_in) => sign_in,
        other => panic!("{other:?}"),
    }
}

fn token(hash: &str) -> RefreshToken<'_> {
    RefreshToken { hash: hash.as_bytes(), family: None }
}

fn refresh(accounts: &mut dyn AccountStore, old: &str, new: &str) -> RefreshOutcome {
    accounts.refresh(token(old), new.as_bytes(), LATE, 1).unwrap()
}

/// The sign-in goes on with this token, and these are void now.
fn goes_on(of: &SignIn, grant: &str, replaced: &[&str]) -> RefreshOutcome {
    let replaced = replaced.iter().map(|grant| grant.as_bytes().to_vec()).collect();
    RefreshOutcome::For(SignIn { grant: grant.into(), ..of.clone() }, replaced)
}

fn standing(accounts: &dyn AccountStore, user: &str, room: &str) -> Standing {
    accounts.standing(user, room, None, 1).unwrap()
}

pub(in crate::store) fn an_account_is_added_once_and_under_no_name_or_id_that_looks_like_another_s(
    accounts: Box<dyn AccountStore>,
) {
    let mut accounts = with_ana(accounts);
    assert_eq!(accounts.add("ana", "Ana II", "x", 2).unwrap(), AccountAdded::Before);
    assert_eq!(accounts.add("eve", "\u{410}na", "x", 2).unwrap(), AccountAdded::LooksLike("ana".into()));
    assert_eq!(accounts.add("eve", "ANA", "x", 2).unwrap(), AccountAdded::LooksLike("ana".into()));
    assert_eq!(accounts.add("Ana", "Eve", "x", 2).unwrap(), AccountAdded::IdLooksLike("ana".into()));
    assert_eq!(accounts.login("ana").unwrap().unwrap().password, "hash");
    assert!(accounts.login("eve").unwrap().is_none());
    assert!(accounts.remove("ana").unwrap() && !accounts.remove("ana").unwrap());
    assert!(accounts.accounts().unwrap().is_empty());
}

pub(in crate::store) fn each_change_of_who_may_come_in_is_another_revision(accounts: Box<dyn AccountStore>) {
    let mut accounts = with_ana(accounts);
    type Change = fn(&mut dyn AccountStore) -> bool;
    let changes: [Change; 8] = [
        |accounts| accounts.ban("ana", 5).unwrap(),
        |accounts| accounts.unban("ana").unwrap(),
        |accounts| accounts.close_room("den").unwrap(),
        |accounts| accounts.admit("den", "ana").unwrap(),
        |accounts| accounts.dismiss("den", "ana").unwrap(),
        |accounts| accounts.open_room("den").unwrap(),
        |accounts| accounts.set_password("ana", "new").unwrap(),
        |accounts| accounts.remove("ana").unwrap(),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let before = accounts.revision().unwrap();
        assert!(change(&mut *accounts), "{at}");
        let after = accounts.revision().unwrap();
        assert_ne!(before, after, "{at}");
        if at != 6 {
            assert!(!change(&mut *accounts), "{at}: it is so already");
            assert_eq!(accounts.revision().unwrap(), after, "{at}: nothing has changed");
        }
    }
}

pub(in crate::store) fn bans_and_closed_rooms_keep_users_out(accounts: Box<dyn AccountStore>) {
    let mut accounts = with_ana(accounts);
    accounts.ban("mallory", 5).unwrap();
    assert!(standing(&*accounts, "mallory", "r").banned && !standing(&*accounts, "ana", "r").banned);
    let listed = accounts.accounts().unwrap();
    let brief: Vec<_> = listed.iter().map(|account| (account.user_id.as_str(), account.is_banned)).collect();
    assert_eq!(brief, [("ana", false), ("mallory", true)]);
    accounts.close_room("den").unwrap();
    assert!(standing(&*accounts, "ana", "den").shut_out && !standing(&*accounts, "ana", "r").shut_out);
    accounts.admit("den", "ana").unwrap();
    assert!(!standing(&*accounts, "ana", "den").shut_out && standing(&*accounts, "ben", "den").shut_out);
    let closed = accounts.closed_rooms().unwrap();
    assert_eq!((closed.len(), closed[0].room.as_str(), &closed[0].members[..]), (1, "den", &["ana".to_owned()][..]));
}

pub(in crate::store) fn rooms_are_listed_for_those_who_may_come_in(accounts: Box<dyn AccountStore>) {
    let mut accounts = with_ana(accounts);
    assert!(accounts.publish_room("hall").unwrap() && !accounts.publish_room("hall").unwrap());
    accounts.close_room("den").unwrap();
    accounts.admit("den", "ana").unwrap();
    let of = |user: Option<&str>, most| -> Vec<(String, bool)> {
        let listed = accounts.listed(user, "lobby", most).unwrap();
        listed.into_iter().map(|Listed { room, is_closed }| (room, is_closed)).collect()
    };
    let rooms = |rooms: &[(&str, bool)]| -> Vec<(String, bool)> {
        rooms.iter().map(|(room, is_closed)| ((*room).to_owned(), *is_closed)).collect()
    };
    assert_eq!(of(Some("ana"), 9), rooms(&[("den", true), ("hall", false), ("lobby", false)]));
    assert_eq!(of(Some("ben"), 9), rooms(&[("hall", false), ("lobby", false)]));
    assert_eq!(of(None, 1), rooms(&[("hall", false)]));
    assert_eq!(accounts.published_rooms().unwrap(), ["hall"]);
    assert!(accounts.unpublish_room("hall").unwrap() && !accounts.unpublish_room("hall").unwrap());
}

pub(in crate::store) fn a_token_whose_answer_was_lost_gives_another_one_however_much_later(
    accounts: Box<dyn AccountStore>,
) {
    let mut accounts = with_ana(accounts);
    let ana = signed_in(&mut *accounts, "1", "f");
    assert_eq!(refresh(&mut *accounts, "1", "2 lost"), goes_on(&ana, "2 lost", &[]));
    let later = accounts.refresh(token("1"), b"2", LATE, 86_400_000).unwrap();
    assert_eq!(later, goes_on(&ana, "2", &["2 lost"]));
    assert_eq!(refresh(&mut *accounts, "2", "3"), goes_on(&ana, "3", &[]));
}

pub(in crate::store) fn a_token_that_comes_after_the_one_it_gave_was_used_is_from_a_copy_and_ends_the_sign_in(
    accounts: Box<dyn AccountStore>,
) {
    let mut accounts = with_ana(accounts);
    let ana = signed_in(&mut *accounts, "1", "f");
    signed_in(&mut *accounts, "other", "another sign-in");
    assert_eq!(refresh(&mut *accounts, "1", "2"), goes_on(&ana, "2", &[]));
    assert_eq!(refresh(&mut *accounts, "2", "3"), goes_on(&ana, "3", &[]));
    let stolen = RefreshOutcome::Stolen { family: "f".into(), user: "ana".into() };
    assert_eq!(refresh(&mut *accounts, "1", "x"), stolen);
    assert_eq!(refresh(&mut *accounts, "3", "4"), RefreshOutcome::Over, "for whoever has it");
    assert!(matches!(refresh(&mut *accounts, "other", "o2"), RefreshOutcome::For(..)), "another device goes on");
}

pub(in crate::store) fn a_token_of_a_sign_in_that_nothing_is_known_of_any_more_ends_it(
    accounts: Box<dyn AccountStore>,
) {
    let mut accounts = with_ana(accounts);
    signed_in(&mut *accounts, "1", "f");
    let other = signed_in(&mut *accounts, "other", "g");
    let forgotten = |family| RefreshToken { hash: b"long ago", family };
    let refreshed = accounts.refresh(forgotten(None), b"x", LATE, 1).unwrap();
    assert_eq!(refreshed, RefreshOutcome::Over, "anybody can make one up");
    let stolen = RefreshOutcome::Stolen { family: "f".into(), user: "ana".into() };
    assert_eq!(accounts.refresh(forgotten(Some(("f", 0))), b"x", LATE, 1).unwrap(), stolen);
    assert_eq!(refresh(&mut *accounts, "1", "2"), RefreshOutcome::Over);
    let again = accounts.refresh(forgotten(Some(("f", 0))), b"x", LATE, 1).unwrap();
    assert_eq!(again, RefreshOutcome::Over, "it has ended");
    assert_eq!(refresh(&mut *accounts, "other", "o2"), goes_on(&other, "o2", &[]), "another device goes on");
}

pub(in crate::store) fn of_two_copies_of_a_token_the_use_of_one_voids_the_other(accounts: Box<dyn AccountStore>) {
    let mut accounts = with_ana(accounts);
    for owner_is_first in [true, false] {
        let (root, family) = if owner_is_first { ("1", "f") } else { ("one", "g") };
        let ana = signed_in(&mut *accounts, root, family);
        let (first, second) = if owner_is_first { ("own", "thief") } else { ("2nd thief", "2nd own") };
        assert_eq!(refresh(&mut *accounts, root, first), goes_on(&ana, first, &[]));
        assert_eq!(refresh(&mut *accounts, root, second), goes_on(&ana, second, &[first]));
        let is_in = |grant: &str| {
            let sign_in = Some(UserSignIn { family, grant: grant.as_bytes() });
            accounts.standing("ana", "r", sign_in, 1).unwrap().signed_in
        };
        assert!(is_in(second) && is_in(root) && !is_in(first));
        let stolen = RefreshOutcome::Stolen { family: family.into(), user: "ana".into() };
        assert_eq!(refresh(&mut *accounts, first, "next"), stolen);
        assert_eq!(refresh(&mut *accounts, second, "x"), RefreshOutcome::Over);
    }
}

pub(in crate::store) fn a_sign_in_that_is_under_way_does_not_outlive_a_change_of_its_account(
    accounts: Box<dyn AccountStore>,
) {
    let mut accounts = with_ana(accounts);
    let changes: [fn(&mut dyn AccountStore); 3] = [
        |accounts| assert!(accounts.set_password("ana", "new").unwrap()),
        |accounts| {
            assert!(accounts.remove("ana").unwrap());
            assert_eq!(accounts.add("ana", "Another", "x", 9).unwrap(), AccountAdded::Now);
        },
        |accounts| assert!(accounts.ban("ana", 9).unwrap() && accounts.unban("ana").unwrap()),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let before = accounts.login("ana").unwrap().unwrap().generation;
        let (first, family) = (format!("first {at}"), format!("family {at}"));
        signed_in(&mut *accounts, &first, &family);
        change(&mut *accounts);
        assert_eq!(accounts.begin(&ana_s(before, b"2", "g")).unwrap(), SignInOutcome::Changed);
        assert_eq!(refresh(&mut *accounts, &first, "2"), RefreshOutcome::Over);
    }
    let generation = accounts.login("ana").unwrap().unwrap().generation;
    accounts.ban("ana", 9).unwrap();
    assert_eq!(accounts.begin(&ana_s(generation, b"2", "g")).unwrap(), SignInOutcome::Banned);
}

pub(in crate::store) fn a_sign_in_ends_by_signing_out_and_by_its_time(accounts: Box<dyn AccountStore>) {
    let mut accounts = with_ana(accounts);
    signed_in(&mut *accounts, "1", "f");
    assert_eq!(accounts.end(b"1").unwrap(), Some("f".into()));
    assert_eq!((accounts.end(b"1").unwrap(), refresh(&mut *accounts, "1", "2")), (None, RefreshOutcome::Over));
    let generation = accounts.login("ana").unwrap().unwrap().generation;
    accounts.begin(&NewSignIn { expires: 100, ..ana_s(generation, b"short", "g") }).unwrap();
    let is_in = |now| {
        let sign_in = Some(UserSignIn { family: "g", grant: b"short" });
        accounts.standing("ana", "r", sign_in, now).unwrap().signed_in
    };
    assert!(is_in(99) && !is_in(100));
    assert_eq!(accounts.refresh(token("short"), b"next", 900, 100).unwrap(), RefreshOutcome::Over);
}

/// Makes the tests of an account store, given its fixture.
macro_rules! account_store {
    ($fixture:ty) => {
        $crate::store::conformance::account_store!($fixture:
            an_account_is_added_once_and_under_no_name_or_id_that_looks_like_another_s,
            each_change_of_who_may_come_in_is_another_revision,
            bans_and_closed_rooms_keep_users_out,
            rooms_are_listed_for_those_who_may_come_in,
            a_token_whose_answer_was_lost_gives_another_one_however_much_later,
            a_token_that_comes_after_the_one_it_gave_was_used_is_from_a_copy_and_ends_the_sign_in,
            a_token_of_a_sign_in_that_nothing_is_known_of_any_more_ends_it,
            of_two_copies_of_a_token_the_use_of_one_voids_the_other,
            a_sign_in_that_is_under_way_does_not_outlive_a_change_of_its_account,
            a_sign_in_ends_by_signing_out_and_by_its_time,
        );
    };
    ($fixture:ty: $($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                conformance::accounts::$name(<$fixture as AccountFixture>::open());
            }
        )+
    };
}
pub(in crate::store) use account_store;
