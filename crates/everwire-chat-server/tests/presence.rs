//! Who is here, and who looks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "its helpers are test code as well")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use everwire_chat::{ChatClient, ChatEvent, Updates, User};
use everwire_chat_server::ServerConfig;
use serde_json::json;
use support::{Plain, Server, soon};

fn client(address: SocketAddr, name: &str) -> ChatClient {
    ChatClient::builder(format!("ws://{address}/ws"), name)
        .user_id(name)
        .connection(|builder| builder.initial_delay(Duration::from_millis(10)).max_delay(Duration::from_millis(50)))
        .build()
        .unwrap()
}

/// The next word on who is here, in short.
async fn word(updates: &mut Updates) -> String {
    let said = async {
        loop {
            return match updates.next().await.unwrap() {
                ChatEvent::Joined(user) => format!("{} joined", user.user_id),
                ChatEvent::Back(user) => format!("{} back", user.user_id),
                ChatEvent::Left(user) => format!("{} left", user.user_id),
                ChatEvent::Presence(User { user_id, away: true, .. }) => format!("{user_id} away"),
                ChatEvent::Presence(User { user_id, .. }) => format!("{user_id} looks"),
                ChatEvent::Synced { .. } => "synced".into(),
                _ => continue,
            };
        }
    };
    soon("a word on who is here", said).await
}

fn here(chat: &ChatClient) -> Vec<(String, bool)> {
    let mut here: Vec<_> = chat.users().into_iter().map(|user| (user.user_id, user.away)).collect();
    here.sort();
    here
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_no_more_is_away_for_all_over_cuts_too_until_somebody_looks_again() {
    let server = Server::start(ServerConfig::default()).await;
    let address = server.address;
    let ana = client(address, "ana");
    let mut heard = ana.updates();
    assert_eq!(word(&mut heard).await, "synced");
    let ben = client(address, "ben");
    let mut bens = ben.updates();
    assert_eq!(word(&mut heard).await, "ben joined");
    ben.set_away(true);
    assert_eq!(word(&mut heard).await, "ben away");
    assert_eq!(here(&ana), [("ben".to_owned(), true)]);

    // A second device at which somebody looks.
    let phone = client(address, "ben");
    assert_eq!(word(&mut heard).await, "ben looks");
    phone.close(Duration::from_secs(5)).await;
    assert_eq!(word(&mut heard).await, "ben away");

    // Whoever comes later is told, and so is a server that knows nothing of before.
    let eve = client(address, "eve");
    let mut eves = eve.updates();
    assert_eq!(word(&mut heard).await, "eve joined");
    assert_eq!(word(&mut eves).await, "synced");
    assert_eq!(here(&eve), [("ana".to_owned(), false), ("ben".to_owned(), true)]);
    assert_eq!(word(&mut bens).await, "synced");
    server.kill();
    let _server = Server::on(address, ServerConfig::default()).await;
    while word(&mut bens).await != "synced" {}
    let mut plain = Plain::join(&_server, "userId=old&after=").await;
    let sync = plain.next().await;
    let users = sync["users"].as_array().unwrap();
    assert!(users.contains(&json!({"userId": "ben", "userName": "ben", "away": true})), "{sync}");

    ben.set_away(false);
    while word(&mut eves).await != "ben looks" {}
}

#[tokio::test]
async fn presence_that_changes_without_end_is_a_flood() {
    let server = Server::start(ServerConfig::default()).await;
    let mut eve = Plain::join(&server, "userId=eve&after=").await;
    for n in 0..150 {
        let presence = json!({"type": "presence", "userId": "eve", "userName": "Eve", "away": n % 2 == 0});
        if futures_util::SinkExt::send(&mut eve.socket, presence.to_string().into()).await.is_err() {
            break;
        }
    }
    assert_eq!(eve.close_code().await, 1008);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_here_before_the_server_was_lost_is_back_and_has_not_joined() {
    let server = Server::start(ServerConfig::default()).await;
    let address = server.address;
    let ana = client(address, "ana");
    let mut heard = ana.updates();
    assert_eq!(word(&mut heard).await, "synced");
    let ben = Plain::named(&server, "ben").await;
    assert_eq!(word(&mut heard).await, "ben joined");
    server.kill();
    drop(ben);
    let server = Server::on(address, ServerConfig::default()).await;
    assert_eq!(word(&mut heard).await, "synced");
    let _ben = Plain::named(&server, "ben").await;
    assert_eq!(word(&mut heard).await, "ben back");
    let _eve = Plain::named(&server, "eve").await;
    assert_eq!(word(&mut heard).await, "eve joined");
}

#[tokio::test]
async fn who_sends_at_once_what_was_typed_is_not_seen_typing_afterwards() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ben = Plain::named(&server, "ben").await;
    let ana = client(server.address, "ana");
    assert_eq!(ben.brief().await, "user_joined ana");
    let mut heard = ana.updates();
    ana.send("hello").unwrap();
    assert_eq!(ben.brief().await, "text ana hello");
    while ana.state().is_connected() && ana.users().is_empty() {
        heard.next().await;
    }
    ana.typing(true);
    ana.send("in one go").unwrap();
    let mut said = Vec::new();
    while said.last().is_none_or(|said| said != "text ana in one go") {
        said.push(ben.brief().await);
    }
    // What could come later has come when the next line is there.
    ana.send("and then").unwrap();
    assert_eq!(ben.brief().await, "text ana and then", "after {said:?}");
}
