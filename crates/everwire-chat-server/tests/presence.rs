//! Who is here, and who looks.
#![allow(clippy::unwrap_used, clippy::panic, reason = "its helpers are test code as well")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use everwire_chat::{ChatClient, ChatEvent, Updates, User};
use everwire_chat_server::ServerConfig;
use serde_json::{Value, json};
use support::{Plain, SOON, Server, soon, text};
use tokio::time::{Instant, timeout};

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
                _ => continue,
            };
        }
    };
    soon("a word on who is here", said).await
}

/// Waits until these are here besides the client's own user, as it sees it; `~` in front of who is away.
async fn sees(chat: &ChatClient, wanted: &[&str]) {
    let mut updates = chat.updates();
    let deadline = Instant::now() + SOON;
    loop {
        let mut here: Vec<String> = chat
            .users()
            .into_iter()
            .map(|user| format!("{}{}", if user.away { "~" } else { "" }, user.user_id))
            .collect();
        here.sort();
        if here == wanted {
            return;
        }
        // An event may have come before we listened.
        let _ = timeout(Duration::from_millis(20), updates.next()).await;
        assert!(Instant::now() < deadline, "{here:?} instead of {wanted:?}; {}", chat.state());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_no_more_is_away_for_all_over_cuts_too_until_somebody_looks_again() {
    let server = Server::start(ServerConfig::default()).await;
    let address = server.address;
    let ana = client(address, "ana");
    let ben = client(address, "ben");
    sees(&ana, &["ben"]).await;
    ben.set_away(true);
    sees(&ana, &["~ben"]).await;
    // A second device, on which the user is not away.
    let phone = client(address, "ben");
    sees(&ana, &["ben"]).await;
    phone.close(Duration::from_secs(5)).await;
    sees(&ana, &["~ben"]).await;
    // Users who come later are told, and so is a server that knows nothing of before.
    let eve = client(address, "eve");
    sees(&eve, &["ana", "~ben"]).await;
    sees(&ben, &["ana", "eve"]).await;
    server.kill();
    let server = Server::on(address, ServerConfig::default()).await;
    let mut late = Plain::join(&server, "userId=late&after=").await;
    let joined_away = json!({"type": "presence", "userId": "ben", "userName": "ben", "away": true});
    soon("ben comes back, away", async {
        loop {
            let heard = late.next().await;
            let is_here = |user: &serde_json::Value| user["userId"] == "ben" && user["away"] == true;
            if heard == joined_away || heard["users"].as_array().is_some_and(|users| users.iter().any(is_here)) {
                break;
            }
        }
    })
    .await;
    sees(&eve, &["ana", "late", "~ben"]).await;
    ben.set_away(false);
    sees(&eve, &["ana", "ben", "late"]).await;
    sees(&ana, &["ben", "eve", "late"]).await;
}

#[tokio::test]
async fn guests_whose_names_look_alike_are_shown_apart_to_all_and_to_themselves() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ben = Plain::join(&server, "userId=1&userName=Ben&after=").await;
    assert_eq!(ben.brief().await, "sync");
    // In Cyrillic, the first two of them.
    let mut other = Plain::join(&server, "userId=2&userName=%D0%92%D0%B5n&after=").await;
    assert_eq!(other.brief().await, "sync");
    let shown = json!("\u{412}\u{435}n (2)");
    assert_eq!(other.next().await["userName"], shown);
    assert_eq!(ben.next().await["userName"], shown);
    other.say(&text("m", "2", "I am Ben")).await;
    assert_eq!(ben.next().await["userName"], shown);
    // By the client.
    let chat = ChatClient::builder(server.url(), "Ben").user_id("3").build().unwrap();
    let mut updates = chat.updates();
    while chat.me().user_name != "Ben (3)" {
        soon("a word of the server", updates.next()).await.unwrap();
    }
    chat.send("and so am I").unwrap();
    while ben.next().await["text"] != json!("and so am I") {}
    drop(ben);
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
    let ben = Plain::join(&server, "userId=ben").await;
    sees(&ana, &["ben"]).await;
    let mut heard = ana.updates();
    server.kill();
    drop(ben);
    let server = Server::on(address, ServerConfig::default()).await;
    // The server is a new one: nobody is here.
    sees(&ana, &[]).await;
    let _ben = Plain::join(&server, "userId=ben").await;
    assert_eq!(word(&mut heard).await, "ben back");
    let _eve = Plain::join(&server, "userId=eve").await;
    assert_eq!(word(&mut heard).await, "eve joined");
}

#[tokio::test]
async fn who_sends_at_once_what_was_typed_is_not_seen_typing_afterwards() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ben = Plain::named(&server, "ben").await;
    let ana = client(server.address, "ana");
    assert_eq!(ben.brief().await, "user_joined ana");
    ana.send("hello").unwrap();
    assert_eq!(ben.brief().await, "text ana hello");
    sees(&ana, &["ben"]).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_right_after_its_last_lines_has_said_them_before() {
    const LINES: usize = 200;
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::named(&server, "ana").await;
    for round in 0..5 {
        let mut ben = Plain::named(&server, "ben").await;
        let lines: Vec<Value> = (0..LINES).map(|n| text(&format!("{round}.{n}"), "ben", "bye")).collect();
        ben.say(&json!(lines)).await;
        ben.socket.close(None).await.unwrap();
        assert_eq!(ana.brief().await, "user_joined ben");
        for n in 0..LINES {
            assert_eq!(ana.brief().await, "text ben bye", "{round}.{n}");
        }
        assert_eq!(ana.brief().await, "user_left ben");
    }
}
