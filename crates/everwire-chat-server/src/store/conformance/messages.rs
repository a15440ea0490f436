//! What every message store has to do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire_chat_core::TextMessage;
use everwire_chat_core::wire::WireStatus;

use crate::domain::{Appended, Furthest, ReadPosition, StoredReceipts};
use crate::store::commits::{Commit, Commits};
use crate::store::messages::{Append, MessageStore, Page, PageRequest, Producer, ReadQuery, ReadState, Retention};

/// Where a message store's data are, so that it can be opened again.
pub(in crate::store) trait MessageFixture {
    fn new() -> Self;

    fn open(&self) -> (Box<dyn MessageStore>, Commits);

    /// From its next opening on, storing the message of this id fails.
    fn refuse(&self, id: &str);
}

/// What was told: the id of each message, its offset unless it failed or was refused, and whether it was new.
pub(in crate::store) type Log = Arc<Mutex<Vec<(String, Option<u64>, bool)>>>;

/// Collects what is told, as long as the store is open.
pub(in crate::store) fn collect(mut commits: Commits) -> Log {
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
pub(in crate::store) fn post(room: &str, id: &str) -> Append {
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

pub(in crate::store) fn ids(page: &Page) -> Vec<&str> {
    page.messages.iter().map(|message| message.id.as_str()).collect()
}

fn told(log: &Log) -> Vec<(String, Option<u64>)> {
    log.lock().unwrap().iter().map(|(id, offset, _)| (id.clone(), *offset)).collect()
}

fn keep(messages: u64) -> Retention {
    Retention { messages: Some(messages), time: None }
}

pub(in crate::store) async fn each_room_counts_from_one_and_a_repeat_is_the_same_message(fixture: impl MessageFixture) {
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

pub(in crate::store) async fn what_was_stored_is_there_again_after_a_close(fixture: impl MessageFixture) {
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

pub(in crate::store) async fn pages_follow_one_another_and_the_latest_can_be_asked_for(fixture: impl MessageFixture) {
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

pub(in crate::store) async fn who_asks_for_none_of_the_older_ones_still_hears_whether_there_are_any(
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

pub(in crate::store) async fn each_room_counts_on_however_many_there_are(fixture: impl MessageFixture) {
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

pub(in crate::store) async fn an_id_of_another_user_is_not_taken_for_a_repeat(fixture: impl MessageFixture) {
    let (store, commits) = fixture.open();
    let log = collect(commits);
    store.append(post("a", "1")).await;
    let mut other = post("a", "1");
    other.message.user_id = "somebody else".into();
    store.append(other).await;
    assert_eq!(ids(&store.page("a", PageRequest::After(0)).await.unwrap()), ["1"]);
    assert_eq!(log.lock().unwrap()[1].0, "1 taken");
}

pub(in crate::store) async fn a_page_of_long_messages_is_short(fixture: impl MessageFixture) {
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

pub(in crate::store) async fn nothing_overtakes_a_message_of_its_producer_that_could_not_be_stored(
    fixture: impl MessageFixture,
) {
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

pub(in crate::store) async fn a_page_is_answered_when_what_it_holds_has_been_told(fixture: impl MessageFixture) {
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

pub(in crate::store) async fn only_the_latest_of_each_room_are_kept_and_no_offset_is_given_twice(
    fixture: impl MessageFixture,
) {
    let (store, commits) = fixture.open();
    collect(commits);
    for n in 1..=2500 {
        store.append(post("a", &n.to_string())).await;
    }
    store.append(post("b", "1")).await;
    store.flush().await.unwrap();
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

pub(in crate::store) async fn retention_goes_through_all_rooms_however_many(fixture: impl MessageFixture) {
    let (store, commits) = fixture.open();
    collect(commits);
    for room in 0..250 {
        for id in ["1", "2"] {
            store.append(post(&format!("room {room}"), id)).await;
        }
    }
    store.flush().await.unwrap();
    assert_eq!(store.retain(keep(1)).await.unwrap(), 250);
}

pub(in crate::store) async fn receipts_and_read_positions_are_there_again(fixture: impl MessageFixture) {
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
                conformance::messages::$name(<$fixture as MessageFixture>::new()).await;
            }
        )+
    };
}
pub(in crate::store) use message_store;
