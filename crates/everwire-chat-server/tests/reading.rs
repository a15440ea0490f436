//! The read position: what a user has missed, over devices, absences and restarts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "its helpers are test code as well")]

mod support;

use std::time::Duration;

use everwire_chat::timeline::first_unread;
use everwire_chat::{ChatClient, ChatEvent, Entry, Status, Updates};
use everwire_chat_server::ServerConfig;
use serde_json::json;
use support::{Plain, SOON, Server, soon, text, with_data};
use tokio::time::{Instant, timeout};

/// Comes in; the position, and how much is unread.
async fn join(server: &Server, user: &str) -> (Plain, (u64, u64)) {
    let mut client = Plain::join(server, &format!("userId={user}&after=")).await;
    let sync = client.next().await;
    assert_eq!(sync["type"], "sync", "{sync}");
    let told = (sync["read"].as_u64().unwrap(), sync["unread"].as_u64().unwrap());
    (client, told)
}

async fn say(server: &Server, user: &str, ids: impl IntoIterator<Item = u64>) {
    let mut client = Plain::join(server, &format!("userId={user}")).await;
    for id in ids {
        client.say(&text(&id.to_string(), user, "hello")).await;
    }
    client.send("ping".into()).await;
    while client.next().await != json!("pong") {}
}

/// Passes lines and presence by.
async fn read_position(client: &mut Plain) -> u64 {
    loop {
        let event = client.next().await;
        if event["type"] == "read_position" {
            return event["offset"].as_u64().unwrap();
        }
    }
}

fn device(server: &Server, user: &str) -> (ChatClient, Updates) {
    let client = ChatClient::builder(server.url(), user)
        .user_id(user)
        .connection(|builder| builder.initial_delay(Duration::from_millis(10)).max_delay(Duration::from_millis(50)))
        .build()
        .unwrap();
    let updates = client.updates();
    (client, updates)
}

async fn until(client: &ChatClient, what: &str, fits: impl Fn(&ChatClient) -> bool) {
    let deadline = Instant::now() + SOON;
    let mut updates = client.updates();
    while !fits(client) {
        // A change between the look and the listening is seen at the next look.
        let _ = timeout(Duration::from_millis(50), updates.next()).await;
        assert!(Instant::now() < deadline, "not in time: {what}; {:?}", client.read_position());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_a_user_was_away_is_unread_until_a_client_says_that_it_was_read() {
    let server = Server::start(ServerConfig::default()).await;
    let (ben, told) = join(&server, "ben").await;
    assert_eq!(told, (0, 0));
    drop(ben);
    say(&server, "ana", 1..=5).await;
    say(&server, "ben", [6]).await;
    let (mut ben, told) = join(&server, "ben").await;
    assert_eq!(told, (0, 5), "his own line is none of them");
    ben.say(&json!({"type": "receipt", "delivered": 6, "read": 2})).await;
    ben.say(&json!({"type": "receipt", "delivered": 6, "read": 1})).await;
    ben.say(&json!({"type": "receipt", "delivered": 6})).await;
    ben.send("ping".into()).await;
    while ben.next().await != json!("pong") {}
    assert_eq!(join(&server, "ben").await.1, (2, 3), "it never goes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_for_the_first_time_has_missed_nothing_and_is_not_said_to_have_read_it() {
    let server = Server::start(ServerConfig::default()).await;
    let (ana, _updates) = device(&server, "ana");
    let id = ana.send("before ben").unwrap();
    let sent = |chat: &ChatClient| chat.entries().iter().any(|entry| entry.id == id && entry.status == Status::Sent);
    until(&ana, "it is stored", sent).await;
    let (ben, mut updates) = device(&server, "ben");
    let delivered = |chat: &ChatClient| chat.entries().iter().any(|entry: &Entry| entry.status == Status::Delivered);
    until(&ana, "ben has it", delivered).await;
    loop {
        if let ChatEvent::ReadPosition(position) = soon("the position", updates.next()).await.unwrap() {
            assert_eq!((position.offset, position.unread, position.or_more), (1, 0, false));
            break;
        }
    }
    assert_eq!(ben.unread(), 0);
    // Its receipts have been told by now, with what comes next.
    ana.send("after ben came").unwrap();
    until(&ben, "the next line", |chat| chat.unread() == 1).await;
    until(&ana, "ben has that too", |chat| chat.entries().iter().all(|entry| entry.status == Status::Delivered)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_position_holds_over_devices_and_the_others_hear_of_it() {
    let server = Server::start(ServerConfig::default()).await;
    let (mut desk, _) = join(&server, "ben").await;
    let (mut phone, _) = join(&server, "ben").await;
    let (mut other, _) = join(&server, "cat").await;
    say(&server, "ana", 1..=3).await;
    for client in [&mut desk, &mut phone, &mut other] {
        while client.next().await["offset"] != json!(3) {}
    }
    phone.say(&json!({"type": "receipt", "read": 2})).await;
    assert_eq!(read_position(&mut desk).await, 2);
    desk.say(&json!({"type": "receipt", "read": 1})).await;
    desk.say(&json!({"type": "receipt", "read": 3})).await;
    assert_eq!(read_position(&mut phone).await, 3, "what is behind the position is no news");
    for client in [&mut desk, &mut other] {
        client.send("ping".into()).await;
        loop {
            let event = client.next().await;
            assert_ne!(event["type"], "read_position", "nobody else's news");
            if event == json!("pong") {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_position_outlives_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(with_data(folder.path())).await;
    let address = server.address;
    let (mut ben, _) = join(&server, "ben").await;
    say(&server, "ana", 1..=4).await;
    while ben.next().await["offset"] != json!(4) {}
    ben.say(&json!({"type": "receipt", "read": 3})).await;
    ben.send("ping".into()).await;
    while ben.next().await != json!("pong") {}
    drop((ben, join(&server, "cat").await));
    server.stop().await;
    let server = Server::on(address, with_data(folder.path())).await;
    assert_eq!(join(&server, "ben").await.1, (3, 1));
    assert_eq!(join(&server, "cat").await.1, (4, 0), "she was here for the first time before the restart");
    say(&server, "ana", [5]).await;
    assert_eq!(join(&server, "cat").await.1, (4, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_can_claim_to_have_read_no_more_than_it_was_told() {
    let server = Server::start(ServerConfig::default()).await;
    let (mut ben, _) = join(&server, "ben").await;
    ben.say(&json!({"type": "receipt", "read": u64::MAX})).await;
    ben.barrier().await;
    say(&server, "ana", [1]).await;
    assert_eq!(join(&server, "ben").await.1, (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unread_is_counted_up_to_a_thousand() {
    let server = Server::start(ServerConfig::default()).await;
    let (_ben, _) = join(&server, "ben").await;
    say(&server, "ana", 1..=1003).await;
    assert_eq!(join(&server, "ben").await.1, (0, 1000));
    let (ben, mut updates) = device(&server, "ben");
    loop {
        if let ChatEvent::ReadPosition(position) = soon("the position", updates.next()).await.unwrap() {
            assert_eq!((position.offset, position.unread, position.or_more), (0, 1000, true));
            break;
        }
    }
    until(&ben, "the latest", |chat| chat.entries().len() == 50).await;
    assert_eq!((ben.unread(), ben.read_position().or_more), (1000, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_counts_what_it_has_not_loaded_and_finds_the_first_unread_line() {
    let server = Server::start(ServerConfig::default()).await;
    let (mut before, _) = join(&server, "ben").await;
    say(&server, "ana", 1..=10).await;
    while before.next().await["offset"] != json!(10) {}
    before.say(&json!({"type": "receipt", "read": 10})).await;
    before.barrier().await;
    drop(before);
    say(&server, "ana", 11..=180).await;

    let (ben, _updates) = device(&server, "ben");
    until(&ben, "the latest", |chat| chat.entries().len() == 50).await;
    assert_eq!((ben.read_position().offset, ben.unread()), (10, 170));
    loop {
        let entries = ben.entries();
        let first = first_unread(&entries, 10).unwrap();
        let first_entry = &entries[first.at];
        if first.is_loaded {
            assert_eq!(first_entry.offset, Some(11));
            break;
        }
        let loaded = entries.len();
        ben.load_earlier(&first_entry.id).unwrap();
        until(&ben, "a page", |chat| chat.entries().len() > loaded).await;
        assert_eq!(ben.unread(), 170, "what is loaded was counted before");
    }
    let (phone, _updates) = device(&server, "ben");
    until(&phone, "the same on another device", |chat| chat.unread() == 170 && chat.entries().len() == 50).await;
    let seen = ben.entries().into_iter().find(|entry| entry.offset == Some(100)).unwrap();
    ben.mark_read(&seen.id);
    assert_eq!(ben.unread(), 80);
    until(&phone, "what was read on the other device", |chat| chat.unread() == 80).await;
    let last = ben.entries().pop().unwrap();
    phone.mark_read(&last.id);
    until(&ben, "all was read on the other device", |chat| chat.unread() == 0).await;
    assert_eq!((phone.unread(), first_unread(&ben.entries(), ben.read_position().offset)), (0, None));
}

#[tokio::test]
async fn what_was_read_right_before_leaving_counts() {
    let server = Server::start(ServerConfig::default()).await;
    drop(join(&server, "ana").await);
    say(&server, "ben", 1..=3).await;
    let (ana, _updates) = device(&server, "ana");
    until(&ana, "all three", |ana| ana.entries().len() == 3).await;
    ana.mark_read("3");
    ana.close(SOON).await;
    let (_ana, (read, unread)) = join(&server, "ana").await;
    assert_eq!((read, unread), (3, 0));
}
