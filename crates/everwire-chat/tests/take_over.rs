//! Lines that another client of the same user has left in its store.
#![allow(clippy::unwrap_used, reason = "this is how a test fails")]

use everwire::store::{MemoryStore, Store};
use everwire_chat::ChatClient;

/// A client whose server is not there.
fn offline(user: &str, store: &MemoryStore) -> ChatClient {
    let store = store.clone();
    let builder = ChatClient::builder("ws://127.0.0.1:9/ws", user).user_id(user);
    builder.connection(|connection| connection.store(store)).build().unwrap()
}

fn texts(chat: &ChatClient) -> Vec<String> {
    chat.entries().into_iter().map(|entry| entry.text).collect()
}

fn waiting(store: &MemoryStore) -> Vec<everwire::Message> {
    store.clone().load().unwrap().messages.into_iter().map(|kept| kept.message).collect()
}

#[tokio::test]
async fn what_another_client_has_left_is_taken_over_once_under_its_ids_and_kept() {
    let (left, own) = (MemoryStore::default(), MemoryStore::default());
    let before = offline("ana", &left);
    let ids = ["first", "second"].map(|line| before.send(line).unwrap());
    let kept = async {
        while waiting(&left).len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), kept).await.unwrap();
    drop(before);

    let ana = offline("ana", &own);
    ana.send("of now").unwrap();
    ana.take_over(waiting(&left)).await.unwrap();
    assert_eq!(waiting(&own).len(), 3, "they are in its own store when that returns");
    ana.take_over(waiting(&left)).await.unwrap();
    assert_eq!(texts(&ana), ["of now", "first", "second"], "a repeat is the same line");
    assert!(ids.iter().all(|id| ana.entries().iter().any(|entry| entry.own && entry.id == *id)));
    ana.take_back(&ids[0]).unwrap();

    let ben = offline("ben", &MemoryStore::default());
    ben.take_over(waiting(&left)).await.unwrap();
    assert_eq!(texts(&ben), [""; 0], "they are not his");
}
