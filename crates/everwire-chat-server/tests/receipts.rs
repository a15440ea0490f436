//! DELIVERED and READ: what moves a message on, and who is told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "its helpers are test code as well")]

mod support;

use std::time::Duration;

use everwire_chat::{ChatClient, Entry, Status};
use everwire_chat_server::ServerConfig;
use serde_json::{Value, json};
use support::{Plain, SOON, Server, text, with_data};
use tokio::time::{Instant, timeout};

fn client(server: &Server, name: &str) -> ChatClient {
    ChatClient::builder(server.url(), name)
        .user_id(name)
        .connection(|builder| builder.initial_delay(Duration::from_millis(10)).max_delay(Duration::from_millis(50)))
        .build()
        .unwrap()
}

async fn until(client: &ChatClient, what: &str, fits: impl Fn(&[Entry]) -> bool) {
    let deadline = Instant::now() + SOON;
    let mut updates = client.updates();
    while !fits(&client.entries()) {
        if timeout(deadline - Instant::now(), updates.next()).await.is_err() {
            panic!("not in time: {what}; {:?}", client.entries());
        }
    }
}

fn has(id: &str, status: &Status) -> impl Fn(&[Entry]) -> bool {
    move |entries| entries.iter().any(|entry| entry.id == id && entry.status == *status)
}

#[tokio::test(flavor = "multi_thread")]
async fn t25_a_message_is_delivered_when_another_has_it_and_read_when_it_was_shown_there() {
    let server = Server::start(ServerConfig::default()).await;
    // Who has been here before has missed what comes while they are away.
    let mut before = Plain::join(&server, "userId=ben&after=").await;
    assert_eq!(before.next().await["type"], "sync");
    drop(before);
    let ana = client(&server, "ana");
    let id = ana.send("anybody here?").unwrap();
    until(&ana, "stored, and nobody has it", has(&id, &Status::Sent)).await;

    let ben = client(&server, "ben");
    until(&ben, "the line at ben's", |entries| entries.len() == 1).await;
    until(&ana, "ben has it", has(&id, &Status::Delivered)).await;
    assert_eq!(ben.unread(), 1);

    ben.mark_read(&id);
    assert_eq!(ben.unread(), 0);
    until(&ana, "ben has seen it", has(&id, &Status::Read)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_second_device_delivers_nothing() {
    let server = Server::start(ServerConfig::default()).await;
    let (desk, phone) = (client(&server, "ana"), client(&server, "ana"));
    let id = desk.send("note to myself").unwrap();
    until(&phone, "the line on the phone", |entries| entries.len() == 1).await;
    phone.mark_read(&id);
    let mut watcher = Plain::join(&server, "userId=cat&after=").await;
    assert_eq!(watcher.next().await["type"], "sync");
    assert_eq!(watcher.next().await["id"], json!(id));
    watcher.say(&json!({"type": "receipt", "delivered": 1})).await;
    until(&desk, "cat has it", has(&id, &Status::Delivered)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_learns_on_returning_how_far_its_messages_have_come() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(with_data(data.path())).await;
    let mut ana = Plain::join(&server, "userId=ana&after=").await;
    assert_eq!(ana.next().await["type"], "sync");
    ana.say(&text("1", "ana", "hello")).await;
    assert_eq!(ana.next().await["type"], "stored");
    drop(ana);

    let mut ben = Plain::join(&server, "userId=ben&after=").await;
    while ben.next().await["type"] != "text" {}
    ben.say(&json!({"type": "receipt", "read": 1})).await;
    ben.barrier().await;

    let mut ana = Plain::join(&server, "userId=ana&after=").await;
    assert_eq!(ana.next().await["type"], "sync");
    assert_eq!(ana.next().await, json!({"type": "receipt", "delivered": 1, "read": 1}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_sender_is_told_the_status_of_each_message() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::named(&server, "ana").await;
    let mut ben = Plain::join(&server, "userId=ben&after=").await;
    assert_eq!(ben.next().await["type"], "sync");
    assert_eq!(ana.next().await["type"], "user_joined");
    ana.say(&text("1", "ana", "hello")).await;
    assert_eq!(ben.next().await["id"], "1");
    ben.say(&json!({"type": "receipt", "delivered": 1})).await;
    assert_eq!(ana.next().await, json!({"type": "status", "id": "1", "status": "DELIVERED"}));
    ben.say(&json!({"type": "receipt", "delivered": 1, "read": 1})).await;
    assert_eq!(ana.next().await, json!({"type": "status", "id": "1", "status": "READ"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_vouches_for_what_was_not_said_to_them() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::named(&server, "ana").await;
    let mut liar = Plain::join(&server, "userId=liar&after=").await;
    assert_eq!(liar.next().await["type"], "sync");
    assert_eq!(ana.next().await["type"], "user_joined");
    liar.say(&json!({"type": "receipt", "delivered": u64::MAX, "read": 99})).await;
    liar.barrier().await;
    ana.say(&text("1", "ana", "hello")).await;
    let got: Value = liar.next().await;
    assert_eq!(got["offset"], 1);
    liar.say(&json!({"type": "receipt", "delivered": 1})).await;
    assert_eq!(ana.next().await["status"], "DELIVERED", "it was not taken for read before it was said");
}

#[tokio::test(flavor = "multi_thread")]
async fn authors_of_long_lines_hear_how_far_they_have_come_after_a_restart_too() {
    const LINES: u64 = 12;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(with_data(folder.path())).await;
    let address = server.address;
    let mut ana = Plain::named(&server, "ana").await;
    for n in 1..=LINES {
        ana.say(&text(&n.to_string(), "ana", &"x".repeat(16_000))).await;
    }
    ana.barrier().await;
    server.stop().await;

    let server = Server::on(address, with_data(folder.path())).await;
    let mut ana = Plain::named(&server, "ana").await;
    let mut ben = Plain::join(&server, "userId=ben&after=").await;
    assert_eq!((ben.brief().await, ana.brief().await), ("sync".into(), "user_joined ben".into()));
    while ben.next().await["offset"] != json!(LINES) {}
    ben.say(&json!({"type": "receipt", "delivered": LINES})).await;
    ben.say(&text("last", "ben", "have them all")).await;
    let mut moved = Vec::new();
    loop {
        let event = ana.next().await;
        if event["type"] == "text" {
            break;
        }
        moved.push(event["id"].as_str().unwrap().to_owned());
    }
    assert!(moved.contains(&LINES.to_string()), "{moved:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_and_read_is_known_after_the_server_was_restarted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(with_data(folder.path())).await;
    let address = server.address;
    let ana = client(&server, "ana");
    let ben = client(&server, "ben");
    let id = ana.send("read before the restart").unwrap();
    until(&ben, "the line at ben's", |entries| entries.len() == 1).await;
    ben.mark_read(&id);
    until(&ana, "ben has seen it", has(&id, &Status::Read)).await;
    let late = ana.send("delivered before the restart").unwrap();
    until(&ana, "ben has it", has(&late, &Status::Delivered)).await;
    ben.close(SOON).await;
    ana.close(SOON).await;
    server.stop().await;

    let server = Server::on(address, with_data(folder.path())).await;
    let ana = client(&server, "ana");
    until(&ana, "the first is read", has(&id, &Status::Read)).await;
    until(&ana, "the second is delivered", has(&late, &Status::Delivered)).await;

    // A plain client hears of what happens to lines of before.
    let mut plain = Plain::named(&server, "ana").await;
    let ben = client(&server, "ben");
    until(&ben, "the lines at ben's", |entries| entries.len() == 2).await;
    ben.mark_read(&late);
    loop {
        let event = plain.next().await;
        if event["type"] == json!("status") {
            assert_eq!((&event["id"], &event["status"]), (&json!(late), &json!("READ")));
            break;
        }
    }
}
