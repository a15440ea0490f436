//! What every implementation of the stores has to do: `message_store!` and `account_store!` make tests of it.

#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire_chat_core::TextMessage;
use everwire_chat_core::wire::WireStatus;

use super::accounts::{
    AccountAdded, AccountStore, Listed, RefreshOutcome, SignIn, SignInOutcome, Standing, UserSignIn,
};
use super::commits::{Commit, Commits};
use super::messages::{Append, MessageStore, Page, PageRequest, Producer, ReadQuery, ReadState, Retention};
use crate::domain::{Appended, Furthest, ReadPosition, StoredReceipts};

/// Where a message store's data are, so that it can be opened again.
pub(super) trait MessageFixture {
    fn new() -> Self;

    fn open(&self) -> (Box<dyn MessageStore>, Commits);

    /// From its next opening on, storing the message of this id fails.
    fn refuse(&self, id: &str);
}

pub(super) trait AccountFixture {
    /// An empty store.
    fn open() -> Box<dyn AccountStore>;
}

/// What was told: the id of each message, its offset unless it failed or was refused, and whether it was new.
pub(super) type Log = Arc<Mutex<Vec<(String, Option<u64>, bool)>>>;

/// Collects what is told, as long as the store is open.
pub(super) fn collect(mut commits: Commits) -> Log {
    let log = Log::default();
    let told = Arc::clone(&log);
    tokio::spawn(async move {
        while let Some(commit) = commits.next().await {
            let mut told = told.lock().unwrap();
            match commit {
                Commit::Stored { appends, .. } => {
                    told.extend(appends.into_iter().map(|(Append { message, .. }, appended)| match appended {
                        Appended::New(offset) => (message.id, Some(offset), true),
                        Appended::Duplicate(offset) => (message.id, Some(offset), false),
                        Appended::IdTaken => (format!("{} taken", message.id), None, false),
                    }));
                }
                #[cfg(feature = "cluster")]
                Commit::Replicated { .. } => {}
                Commit::Failed(append) => told.push((append.message.id, None, false)),
            }
        }
    });
    log
}

/// A message of a connection that says nothing else.
pub(super) fn post(room: &str, id: &str) -> Append {
    let message = TextMessage {
        id: id.into(),
        user_id: "u".into(),
        user_name: "U'; DROP TABLE messages; --".into(),
        text: format!("text of {id}"),
        timestamp: -1,
        status: WireStatus::Sent,
        offset: None,
    };
    Append { room: room.into(), message, producer: Producer::new(1) }
}

pub(super) fn ids(page: &Page) -> Vec<&str> {
    page.messages.iter().map(|message| message.id.as_str()).collect()
}

fn told(log: &Log) -> Vec<(String, Option<u64>)> {
    log.lock().unwrap().iter().map(|(id, offset, _)| (id.clone(), *offset)).collect()
}

fn keep(messages: u64) -> Retention {
    Retention { messages: Some(messages), time: None }
}

pub(super) async fn each_room_counts_from_one_and_a_repeat_is_the_same_message(fixture: impl MessageFixture) {
    let (store, commits) = fixture.open();
    let log = collect(commits);
    for (room, id) in [("a", "1"), ("b", "1"), ("a", "2"), ("a", "1"), ("b", "3")] {
        assert!(store.append(post(room, id)).await);
    }
    store.flush().await.unwrap();
    let page = store.page("a", PageRequest::After(0)).await.unwrap();
    assert_eq!((ids(&page), page.end), (vec!["1", "2"], 2));
    assert_eq!(page.messages[1].text, "text of 2");
    assert_eq!(page.messages[1].offset, Some(2));
    let expected = [("1", 1, true), ("1", 1, true), ("2", 2, true), ("1", 1, false), ("3", 2, true)];
    let mut expected: Vec<_> =
        expected.iter().map(|(id, offset, new)| ((*id).to_owned(), Some(*offset), *new)).collect();
    let mut told = log.lock().unwrap().clone();
    let at = |id: &str, is_new: bool| told.iter().position(|told| told.0 == id && told.2 == is_new).unwrap();
    assert!(at("1", true) < at("2", true) && at("2", true) < at("1", false), "each room in its order");
    // How rooms follow one another is the store's affair.
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
}

pub(super) async fn what_was_stored_is_there_again_after_a_close(fixture: impl MessageFixture) {
    let (store, commits) = fixture.open();
    collect(commits);
    store.append(post("a", "1")).await;
    let epoch = store.epoch().to_owned();
    store.flush().await.unwrap();
    store.close();
    assert!(!store.append(post("a", "lost")).await && store.flush().await.is_err());
    drop(store);

    let (store, commits) = fixture.open();
    let log = collect(commits);
    assert_eq!(store.epoch(), epoch);
    store.append(post("a", "1")).await;
    store.append(post("a", "2")).await;
    assert_eq!(ids(&store.page("a", PageRequest::After(0)).await.unwrap()), ["1", "2"]);
    assert_eq!(log.lock().unwrap()[0], ("1".into(), Some(1), false));
}

pub(super) async fn pages_follow_one_another_and_the_latest_can_be_asked_for(fixture: impl MessageFixture) {
    let (store, commits) = fixture.open();
    collect(commits);
    for n in 1..=1200 {
        store.append(post("a", &n.to_string())).await;
    }
    store.flush().await.unwrap();
    let mut seen = Vec::new();
    loop {
        let page = store.page("a", PageRequest::After(seen.len() as u64)).await.unwrap();
        seen.extend(page.messages.into_iter().map(|message| message.id));
        if seen.len() as u64 == page.end {
            break;
        }
    }
    assert_eq!(seen, (1..=1200).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(ids(&store.page("a", PageRequest::Latest(3)).await.unwrap()), ["1198", "1199", "1200"]);
    assert_eq!(ids(&store.page("a", PageRequest::Before(1199, 2)).await.unwrap()), ["1197", "1198"]);
    assert!(store.page("empty", PageRequest::Latest(3)).await.unwrap().messages.is_empty());
    assert!(store.page("a", PageRequest::After(u64::MAX)).await.unwrap().messages.is_empty());
}

pub(super) async fn who_asks_for_none_of_the_older_ones_still_hears_whether_there_are_any(
    fixture: impl MessageFixture,
) {
    let (store, commits) = fixture.open();
    collect(commits);
    store.append(post("a", "1")).await;
    for (before, more) in [(2, true), (1, false)] {
        let page = store.page("a", PageRequest::Before(before, 0)).await.unwrap();
        assert_eq!((page.messages.len(), page.more), (0, more));
    }
}

pub(super) async fn each_room_counts_on_however_many_there_are(fixture: impl MessageFixture) {
    let (store, commits) = fixture.open();
    let log = collect(commits);
    for (id, room) in (0..10_100).chain([0, 10_099]).enumerate() {
        store.append(post(&room.to_string(), &id.to_string())).await;
    }
    store.flush().await.unwrap();
    let mut told = told(&log);
    told.sort_by_key(|(id, _)| id.parse::<usize>().unwrap());
    let offsets: Vec<_> = told.iter().map(|(_, offset)| *offset).collect();
    assert_eq!(offsets, [vec![Some(1); 10_100], vec![Some(2); 2]].concat());
}

pub(super) async fn an_id_of_another_user_is_not_taken_for_a_repeat(fixture: impl MessageFixture) {
    let (store, commits) = fixture.open();
    let log = collect(commits);
    store.append(post("a", "1")).await;
    let mut other = post("a", "1");
    other.message.user_id = "somebody else".into();
    store.append(other).await;
    assert_eq!(ids(&store.page("a", PageRequest::After(0)).await.unwrap()), ["1"]);
    assert_eq!(log.lock().unwrap()[1].0, "1 taken");
}

pub(super) async fn a_page_of_long_messages_is_short(fixture: impl MessageFixture) {
    let (store, commits) = fixture.open();
    collect(commits);
    for n in 0..100 {
        let mut long = post("a", &n.to_string());
        long.message.text = "x".repeat(16 << 10);
        store.append(long).await;
    }
    store.flush().await.unwrap();
    let page = store.page("a", PageRequest::After(0)).await.unwrap();
    assert!((1..20).contains(&page.messages.len()) && page.end == 100, "{}", page.messages.len());
}

pub(super) async fn nothing_overtakes_a_message_of_its_producer_that_could_not_be_stored(fixture: impl MessageFixture) {
    let (store, _commits) = fixture.open();
    store.close();
    drop(store);
    fixture.refuse("bad");
    let (store, commits) = fixture.open();
    let log = collect(commits);
    let producer = Producer::new(7);
    let of_one = |id| Append { producer: producer.clone(), ..post("a", id) };
    store.append(of_one("bad")).await;
    store.flush().await.unwrap();
    store.append(of_one("behind it")).await;
    store.append(post("a", "of another")).await;
    assert_eq!(ids(&store.page("a", PageRequest::After(0)).await.unwrap()), ["of another"]);
    let expected = [("bad", None), ("behind it", None), ("of another", Some(1))];
    assert_eq!(told(&log), expected.map(|(id, offset)| (id.to_owned(), offset)));
}

pub(super) async fn a_page_is_answered_when_what_it_holds_has_been_told(fixture: impl MessageFixture) {
    let (store, mut commits) = fixture.open();
    assert!(store.append(post("a", "1")).await);
    let store = &*store;
    let mut page = std::pin::pin!(store.page("a", PageRequest::After(0)));
    let told = tokio::select! {
        biased;
        _ = &mut page => panic!("nothing has been told"),
        told = commits.next() => told,
    };
    assert!(matches!(told, Some(Commit::Stored { appends, .. }) if appends.len() == 1));
    assert!(tokio::time::timeout(Duration::from_millis(20), &mut page).await.is_err(), "it is being told");
    let page = tokio::select! {
        page = page => page.unwrap(),
        other = commits.next() => panic!("{other:?}"),
    };
    assert_eq!(ids(&page), ["1"]);
}

pub(super) async fn only_the_latest_of_each_room_are_kept_and_no_offset_is_given_twice(fixture: impl MessageFixture) {
    let (store, commits) = fixture.open();
    collect(commits);
    for n in 1..=2500 {
        store.append(post("a", &n.to_string())).await;
    }
    store.append(post("b", "1")).await;
    assert_eq!(store.retain(keep(3)).await.unwrap(), 2497, "in steps");
    let page = store.page("a", PageRequest::After(0)).await.unwrap();
    assert_eq!((ids(&page), page.end), (vec!["2498", "2499", "2500"], 2500));
    assert_eq!(store.page("b", PageRequest::After(0)).await.unwrap().messages.len(), 1);
    assert_eq!(store.retain(keep(3)).await.unwrap(), 0);

    assert_eq!(store.retain(keep(0)).await.unwrap(), 4);
    let page = store.page("a", PageRequest::After(0)).await.unwrap();
    assert_eq!((ids(&page), page.end), (vec![], 2500));
    store.flush().await.unwrap();
    store.close();
    drop(store);
    let (store, commits) = fixture.open();
    let log = collect(commits);
    store.append(post("a", "next")).await;
    assert_eq!(store.page("a", PageRequest::After(2499)).await.unwrap().end, 2501);
    assert_eq!(log.lock().unwrap()[0], ("next".into(), Some(2501), true));
}

pub(super) async fn retention_goes_through_all_rooms_however_many(fixture: impl MessageFixture) {
    let (store, commits) = fixture.open();
    collect(commits);
    for room in 0..250 {
        for id in ["1", "2"] {
            store.append(post(&format!("room {room}"), id)).await;
        }
    }
    assert_eq!(store.retain(keep(1)).await.unwrap(), 250);
}

pub(super) async fn receipts_and_read_positions_are_there_again(fixture: impl MessageFixture) {
    let (store, commits) = fixture.open();
    collect(commits);
    for id in ["1", "2", "3"] {
        store.append(post("a", id)).await;
    }
    let furthest = |user: &str, offset| Furthest { user: user.into(), offset, others: 1 };
    let receipts = StoredReceipts { delivered: furthest("ana", 3), read: furthest("ben", 2) };
    store.save_receipts(HashMap::from([("a".to_owned(), receipts.clone())])).await.unwrap();
    let at = |offset| ReadPosition { room: "a".into(), user: "ana".into(), offset };
    store.save_read_positions(vec![at(2)]).await.unwrap();
    store.save_read_positions(vec![at(1)]).await.unwrap();
    store.flush().await.unwrap();
    store.close();
    drop(store);

    let (store, commits) = fixture.open();
    collect(commits);
    assert_eq!(store.receipts("a").await.unwrap(), receipts);
    assert_eq!(store.receipts("b").await.unwrap(), StoredReceipts::default());
    let query = |user: &str, known| ReadQuery { room: "a".into(), user: user.into(), known, end: 3 };
    assert_eq!(store.read_state(query("ana", None)).await.unwrap(), ReadState { read: Some(2), unread: 1 }, "it rises");
    assert_eq!(store.read_state(query("ana", Some(3))).await.unwrap(), ReadState { read: Some(3), unread: 0 });
    assert_eq!(store.read_state(query("new", None)).await.unwrap(), ReadState::default());
    assert_eq!(store.read_state(query("u", Some(0))).await.unwrap().unread, 0, "a user's own are not unread");
    store.check().await.unwrap();
}

/// Makes the tests of a message store, given its fixture.
macro_rules! message_store {
    ($fixture:ty) => {
        $crate::store::conformance::message_store!($fixture:
            each_room_counts_from_one_and_a_repeat_is_the_same_message,
            what_was_stored_is_there_again_after_a_close,
            pages_follow_one_another_and_the_latest_can_be_asked_for,
            who_asks_for_none_of_the_older_ones_still_hears_whether_there_are_any,
            each_room_counts_on_however_many_there_are,
            an_id_of_another_user_is_not_taken_for_a_repeat,
            a_page_of_long_messages_is_short,
            nothing_overtakes_a_message_of_its_producer_that_could_not_be_stored,
            a_page_is_answered_when_what_it_holds_has_been_told,
            only_the_latest_of_each_room_are_kept_and_no_offset_is_given_twice,
            retention_goes_through_all_rooms_however_many,
            receipts_and_read_positions_are_there_again,
        );
    };
    ($fixture:ty: $($name:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                conformance::$name(<$fixture as MessageFixture>::new()).await;
            }
        )+
    };
}
pub(super) use message_store;

const LATE: i64 = i64::MAX;

fn with_ana(mut accounts: Box<dyn AccountStore>) -> Box<dyn AccountStore> {
    assert_eq!(accounts.add("ana", "Ana", "hash", 1).unwrap(), AccountAdded::Now);
    accounts
}

fn signed_in(accounts: &mut dyn AccountStore, hash: &str, family: &str) -> SignIn {
    let generation = accounts.login("ana").unwrap().unwrap().generation;
    match accounts.begin("ana", generation, hash.as_bytes(), family, LATE, 1).unwrap() {
        SignInOutcome::SignedIn(sign_in) => sign_in,
        other => panic!("{other:?}"),
    }
}

fn refresh(accounts: &mut dyn AccountStore, old: &str, new: &str) -> RefreshOutcome {
    accounts.refresh(old.as_bytes(), new.as_bytes(), LATE, 1).unwrap()
}

/// The sign-in goes on with this token, and these are void now.
fn goes_on(of: &SignIn, grant: &str, replaced: &[&str]) -> RefreshOutcome {
    let replaced = replaced.iter().map(|grant| grant.as_bytes().to_vec()).collect();
    RefreshOutcome::For(SignIn { grant: grant.into(), ..of.clone() }, replaced)
}

fn standing(accounts: &dyn AccountStore, user: &str, room: &str) -> Standing {
    accounts.standing(user, room, None, 1).unwrap()
}

pub(super) fn an_account_is_added_once_and_under_no_name_or_id_that_looks_like_another_s(
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

pub(super) fn each_change_of_who_may_come_in_is_another_revision(accounts: Box<dyn AccountStore>) {
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

pub(super) fn bans_and_closed_rooms_keep_users_out(accounts: Box<dyn AccountStore>) {
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

pub(super) fn rooms_are_listed_for_those_who_may_come_in(accounts: Box<dyn AccountStore>) {
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

pub(super) fn a_token_whose_answer_was_lost_gives_another_one_however_much_later(accounts: Box<dyn AccountStore>) {
    let mut accounts = with_ana(accounts);
    let ana = signed_in(&mut *accounts, "1", "f");
    assert_eq!(refresh(&mut *accounts, "1", "2 lost"), goes_on(&ana, "2 lost", &[]));
    let later = accounts.refresh(b"1", b"2", LATE, 86_400_000).unwrap();
    assert_eq!(later, goes_on(&ana, "2", &["2 lost"]));
    assert_eq!(refresh(&mut *accounts, "2", "3"), goes_on(&ana, "3", &[]));
}

pub(super) fn a_token_that_comes_after_the_one_it_gave_was_used_is_from_a_copy_and_ends_the_sign_in(
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

pub(super) fn of_two_copies_of_a_token_the_use_of_one_voids_the_other(accounts: Box<dyn AccountStore>) {
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

pub(super) fn a_sign_in_that_is_under_way_does_not_outlive_a_change_of_its_account(accounts: Box<dyn AccountStore>) {
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
        assert_eq!(accounts.begin("ana", before, b"2", "g", LATE, 1).unwrap(), SignInOutcome::Changed);
        assert_eq!(refresh(&mut *accounts, &first, "2"), RefreshOutcome::Over);
    }
    let generation = accounts.login("ana").unwrap().unwrap().generation;
    accounts.ban("ana", 9).unwrap();
    assert_eq!(accounts.begin("ana", generation, b"2", "g", LATE, 1).unwrap(), SignInOutcome::Banned);
}

pub(super) fn a_sign_in_ends_by_signing_out_and_by_its_time(accounts: Box<dyn AccountStore>) {
    let mut accounts = with_ana(accounts);
    signed_in(&mut *accounts, "1", "f");
    assert_eq!(accounts.end(b"1").unwrap(), Some("f".into()));
    assert_eq!((accounts.end(b"1").unwrap(), refresh(&mut *accounts, "1", "2")), (None, RefreshOutcome::Over));
    let generation = accounts.login("ana").unwrap().unwrap().generation;
    accounts.begin("ana", generation, b"short", "g", 100, 1).unwrap();
    let is_in = |now| {
        let sign_in = Some(UserSignIn { family: "g", grant: b"short" });
        accounts.standing("ana", "r", sign_in, now).unwrap().signed_in
    };
    assert!(is_in(99) && !is_in(100));
    assert_eq!(accounts.refresh(b"short", b"next", 900, 100).unwrap(), RefreshOutcome::Over);
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
            of_two_copies_of_a_token_the_use_of_one_voids_the_other,
            a_sign_in_that_is_under_way_does_not_outlive_a_change_of_its_account,
            a_sign_in_ends_by_signing_out_and_by_its_time,
        );
    };
    ($fixture:ty: $($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                conformance::$name(<$fixture as AccountFixture>::open());
            }
        )+
    };
}
pub(super) use account_store;
