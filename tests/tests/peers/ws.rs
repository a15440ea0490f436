//! `ws`, the most used WebSocket library of Node.js, as the peer in both roles.

use std::time::Duration;

use everwire::{Client, Guarantee, Message, Outcome, State};
use everwire_tests::{EchoServer, PATIENCE, Process};

use crate::our_client::{next, state};
use crate::their_client::{Compresses, Pings, Skills, talks_with_our_server};
use crate::{their_server, their_server::talks_with_our_client};

#[tokio::test]
async fn a_ws_client_talks_with_our_server() {
    let skills = Skills { pings: Pings::WhenTold, compresses: Compresses::BothWays, knows_reasons: true };
    let start = async |address| Process::node("ws-client.mjs", &[&format!("ws://{address}/")]);
    talks_with_our_server(EchoServer::start().await, skills, start).await;
}

#[tokio::test]
async fn our_client_talks_with_a_ws_server() {
    talks_with_our_client(Process::node("ws-server.mjs", &[]), their_server::Skills { fragments: true }).await;
}

async fn ws_server(args: &[&str]) -> (Process, String) {
    let mut server = Process::node("ws-server.mjs", args);
    let port = server.line().await;
    (server, format!("ws://127.0.0.1:{port}/"))
}

#[tokio::test]
async fn text_and_binary_of_every_length_class_come_back_from_a_ws_server() {
    let (_server, url) = ws_server(&[]).await;
    let client = Client::builder(&url).build().expect("settings");
    let mut inbox = client.messages();
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20] {
        let text = Message::from("д".repeat(length / 2));
        let binary = Message::from(vec![7_u8; length]);
        let first = client.send(text.clone()).expect("room");
        let second = client.send(binary.clone()).expect("room");
        assert_eq!(next(&mut inbox).await, text);
        assert_eq!(next(&mut inbox).await, binary);
        assert_eq!(first.await, Outcome::Received);
        assert_eq!(second.await, Outcome::Received);
    }
    let left = client.close(PATIENCE).await;
    assert!(left.unsent.is_empty() && left.unacknowledged.is_empty());
}

#[tokio::test]
async fn a_message_in_fragments_with_a_ping_between_them_arrives_whole() {
    let (_server, url) = ws_server(&[]).await;
    let client = Client::builder(&url).build().expect("settings");
    let mut inbox = client.messages();
    drop(client.send("!fragment abcdefgh").expect("room"));
    assert_eq!(next(&mut inbox).await.as_text(), Some("abcdefgh"));
}

#[tokio::test]
async fn the_subprotocol_that_a_ws_server_chose_is_known() {
    let (_server, url) = ws_server(&[]).await;
    let client = Client::builder(&url).subprotocol("chat.v3").subprotocol("chat.v2").build().expect("settings");
    let state = state(&client, |state| matches!(state, State::Connected { .. })).await;
    assert_eq!(state, State::Connected { subprotocol: Some("chat.v2".into()), pings_unanswered: false });
}

#[tokio::test]
async fn r9_a_close_with_1000_by_a_ws_server_ends_and_any_other_reconnects() {
    let (_server, url) = ws_server(&[]).await;
    let client = Client::builder(&url).initial_delay(Duration::from_millis(20)).build().expect("settings");
    let mut inbox = client.messages();
    drop(client.send("!close 1012 restart").expect("room"));
    state(&client, |state| matches!(state, State::Disconnected { .. })).await;
    drop(client.send("still here").expect("room"));
    assert_eq!(next(&mut inbox).await.as_text(), Some("still here"));
    drop(client.send("!close 1000 bye").expect("room"));
    let end = state(&client, State::is_final).await;
    assert!(end.to_string().contains("bye"), "{end}");
}

#[tokio::test]
async fn messages_sent_while_a_ws_server_drops_the_connection_arrive_in_order_at_least_once() {
    let (mut server, url) = ws_server(&[]).await;
    let client = Client::builder(&url)
        .guarantee(Guarantee::AtLeastOnce)
        .initial_delay(Duration::from_millis(20))
        .build()
        .expect("settings");
    let mut inbox = client.messages();
    let mut deliveries = Vec::new();
    for number in 0..300 {
        if number % 100 == 50 {
            server.type_line("terminate").await;
        }
        deliveries.push(client.send(number.to_string()).expect("room"));
    }
    for delivery in deliveries {
        let outcome = tokio::time::timeout(PATIENCE, delivery).await;
        assert_eq!(outcome.expect("an outcome in time"), Outcome::Received);
    }
    let mut expected = 0;
    while expected < 300 {
        let message = next(&mut inbox).await;
        let number: i32 = message.as_text().expect("text").parse().expect("a number");
        assert!(number <= expected, "{number} came before {expected}");
        expected = expected.max(number + 1);
    }
}

#[tokio::test]
async fn a_ws_client_chats_in_the_plain_format_with_our_server() {
    let data = tempfile::tempdir().expect("a folder");
    let mut server =
        Process::everwire(&["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().expect("a path")]);
    let address = server.address().await;
    let url = format!("ws://{address}/ws?room=den");
    let mut ana = Process::node("ws-client.mjs", &[&format!("{url}&userId=ana&userName=Ana")]);
    assert_eq!(ana.json().await["event"], "open");
    let mut ben = Process::node("ws-client.mjs", &[&url]);
    assert_eq!(ben.json().await["event"], "open");

    ben.type_line(
        r#"text {"type":"text","id":"b1","userId":"ben","userName":"Ben","text":"hi","timestamp":1,"new":{}}"#,
    )
    .await;
    let joined = payload(&mut ana).await;
    assert_eq!((&joined["type"], &joined["userId"]), (&"user_joined".into(), &"ben".into()));
    let text = payload(&mut ana).await;
    assert_eq!((&text["type"], &text["id"], &text["text"]), (&"text".into(), &"b1".into(), &"hi".into()));

    ana.type_line("text ping").await;
    let pong = ana.json().await;
    assert_eq!((&pong["event"], &pong["text"]), (&"text".into(), &"pong".into()));

    ana.type_line("ping are you there").await;
    assert_eq!(ana.json().await["event"], "pong");

    ben.type_line("binary 00ff10").await;
    let binary = ana.json().await;
    assert_eq!((&binary["event"], &binary["hex"]), (&"binary".into(), &"00ff10".into()));

    ben.type_line("close 1000 bye").await;
    let closed = loop {
        let event = ben.json().await;
        if event["event"] == "close" {
            break event;
        }
    };
    assert_eq!(closed["code"], 1000);
    let left = payload(&mut ana).await;
    assert_eq!((&left["type"], &left["userId"]), (&"user_left".into(), &"ben".into()));
}

/// The JSON object inside the next text message.
async fn payload(client: &mut Process) -> serde_json::Value {
    let event = client.json().await;
    assert_eq!(event["event"], "text", "{event}");
    serde_json::from_str(event["text"].as_str().expect("text")).expect("JSON")
}
