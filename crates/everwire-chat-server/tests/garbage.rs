//! Whatever a client says, the others do not notice.
#![allow(clippy::unwrap_used, clippy::panic, reason = "its helpers are test code as well")]

mod support;

use everwire_chat_server::ServerConfig;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use support::{Plain, Server, events, soon, text};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

/// Two who talk, whatever happens beside them.
struct Pair {
    ana: Plain,
    ben: Plain,
    said: usize,
}

impl Pair {
    async fn meet(server: &Server) -> Self {
        let ana = Plain::named(server, "ana").await;
        let ben = Plain::named(server, "ben").await;
        Self { ana, ben, said: 0 }
    }

    /// A line arrives, and nothing that others said before it does but `noise`.
    async fn talk(&mut self, noise: &str) {
        self.said += 1;
        let line = format!("line {}", self.said);
        self.ana.say(&text(&line, "ana", &line)).await;
        loop {
            let heard = self.ben.next().await;
            match heard["type"].as_str().unwrap_or_default() {
                "text" => {
                    assert_eq!((&heard["userId"], &heard["text"]), (&json!("ana"), &json!(line)));
                    return;
                }
                "user_joined" | "user_left" => {}
                kind => assert_eq!(kind, noise, "{heard}"),
            }
        }
    }
}

/// What the server makes of one text from a client with the extensions: its answers, or the code it closes with.
async fn answers(server: &Server, said: &str) -> Result<Vec<Value>, u16> {
    answers_to("userId=eve&after=", server, said).await
}

async fn answers_to(query: &str, server: &Server, said: &str) -> Result<Vec<Value>, u16> {
    let mut eve = Plain::join(server, query).await;
    eve.send(Message::text(said)).await;
    // It may be closed by now.
    let _ = eve.socket.send(Message::text("ping")).await;
    let mut answers = Vec::new();
    loop {
        match eve.raw().await {
            Message::Text(said) if said == "pong" => return Ok(answers),
            Message::Text(said) => {
                // Not those to the opening.
                let is_opening = |event: &Value| ["sync", "text"].contains(&event["type"].as_str().unwrap());
                answers.extend(events(&said).into_iter().filter(|event| !is_opening(event)));
            }
            Message::Close(frame) => return Err(frame.unwrap().code.into()),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_no_chat_is_answered_with_the_reason_and_harms_nobody() {
    let server = Server::start(ServerConfig::default()).await;
    let mut pair = Pair::meet(&server).await;
    let line = |field: &str, value: Value| {
        let mut line = text("x", "eve", "hi");
        line[field] = value;
        line.to_string()
    };
    let deep = |open: &str| open.repeat(60_000 / open.len());
    let said: Vec<(String, &str, &str)> = vec![
        ("{".into(), "error", "malformed"),
        (String::new(), "error", "malformed"),
        ("null".into(), "error", "malformed"),
        ("1e999".into(), "error", "malformed"),
        ("\"\\ud800\"".into(), "error", "malformed"),
        (deep("["), "error", "malformed"),
        (deep("{\"type\":"), "error", "malformed"),
        (format!("[{}]", vec!["7"; 50].join(",")), "error", "malformed"),
        (r#"{"type":5}"#.into(), "error", "malformed"),
        (r#"{"type":"typing","isTyping":"yes"}"#.into(), "error", "malformed"),
        (r#"{"type":"receipt","read":-1}"#.into(), "error", "malformed"),
        (r#"{"type":"receipt","read":1.5}"#.into(), "error", "malformed"),
        (r#"{"type":"earlier"}"#.into(), "error", "malformed"),
        (r#"{"type":"presence","away":1}"#.into(), "error", "malformed"),
        (line("id", json!(5.5)), "error", "malformed"),
        (line("id", json!("")), "rejected", "bad_id"),
        (line("id", json!("x".repeat(129))), "rejected", "bad_id"),
        (line("id", json!("a\u{0}b")), "rejected", "bad_id"),
        (line("text", json!(" \n ")), "rejected", "text_blank"),
        (line("text", json!("x".repeat((16 << 10) + 1))), "rejected", "text_too_long"),
        (line("text", json!(["x"])), "rejected", "malformed"),
        (line("timestamp", json!("noon")), "rejected", "malformed"),
        (line("timestamp", json!(1e300)), "rejected", "malformed"),
        (line("userName", json!(7)), "rejected", "malformed"),
        (
            format!("[{0},{0}]", json!({"type": "presence", "userId": "eve", "userName": "EVE", "away": false})),
            "error",
            "too_often",
        ),
    ];
    for (said, kind, code) in said {
        let heard = answers(&server, &said).await.unwrap();
        let start: String = said.chars().take(60).collect();
        assert!(
            !heard.is_empty() && heard.iter().all(|answer| answer["type"] == kind && answer["code"] == code),
            "{start}: {heard:?}"
        );
        assert!(!heard[0]["reason"].as_str().unwrap().is_empty());
        pair.talk("").await;
    }
    // From one who has not said who it is.
    for (said, kind) in [
        (line("userId", json!("")), "rejected"),
        (line("userName", json!("\n")), "rejected"),
        (r#"{"type":"typing","id":"1","userId":"","userName":"E","isTyping":true,"timestamp":1}"#.into(), "error"),
    ] {
        let heard = answers_to("after=", &server, &said).await.unwrap();
        assert_eq!((heard.len(), &heard[0]["type"], &heard[0]["code"]), (1, &json!(kind), &json!("bad_user")));
    }
}

#[tokio::test]
async fn a_server_s_words_from_a_client_mean_nothing_and_numbers_without_measure_are_bounded() {
    let server = Server::start(ServerConfig::default()).await;
    let mut pair = Pair::meet(&server).await;
    pair.talk("").await;
    for said in [
        json!({"type": "sync", "room": "r", "epoch": "e", "offset": u64::MAX, "users": []}),
        json!({"type": "stored", "id": "line 1", "offset": u64::MAX}),
        json!({"type": "rejected", "id": "line 1", "reason": "because"}),
        json!({"type": "history", "before": 1, "messages": [], "more": true}),
        json!({"type": "status", "id": "line 1", "status": "READ"}),
        json!({"type": "error", "reason": "because"}),
        json!({"type": "user_left", "id": "1", "userId": "ana", "userName": "ANA", "timestamp": i64::MAX}),
        json!({"type": "user_joined", "id": "1", "userId": "ben", "userName": "BEN", "timestamp": i64::MIN}),
    ] {
        let heard = answers(&server, &said.to_string()).await.unwrap();
        assert_eq!(heard, [Value::Null; 0], "{said}");
        pair.talk("").await;
    }
    for (before, limit, lines) in [(0, 0, 0), (u64::MAX, u64::MAX, pair.said), (1, u64::MAX, 0), (u64::MAX, 0, 0)] {
        let wish = json!({"type": "earlier", "before": before, "limit": limit});
        let heard = answers(&server, &wish.to_string()).await.unwrap();
        assert_eq!((heard.len(), &heard[0]["type"]), (1, &json!("history")));
        assert_eq!(heard[0]["messages"].as_array().unwrap().len(), lines, "before {before}, at most {limit}");
    }
    // Who was never shown the lines has not read them.
    let mut eve = Plain::join(&server, "userId=eve").await;
    eve.say(&json!({"type": "receipt", "delivered": u64::MAX, "read": u64::MAX})).await;
    eve.barrier().await;
    let mut told = Vec::new();
    pair.ana.send(Message::text("ping")).await;
    loop {
        match pair.ana.next().await {
            event if event == "pong" => break,
            event => told.push(event["type"].clone()),
        }
    }
    assert!(!told.contains(&json!("status")), "{told:?}");
}

/// A frame from a client, masked with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0];
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn what_breaks_the_protocol_ends_its_connection_and_no_other() {
    let server = Server::start(ServerConfig::default()).await;
    let mut pair = Pair::meet(&server).await;
    for (bytes, code) in [
        (frame(0x81, b"\xff\xfe"), 1007),
        (frame(0x81, b"{\"type\":\"\xc3\"}"), 1007),
        (frame(0x83, b"reserved opcode"), 1002),
        (frame(0xa1, b"reserved bit"), 1002),
        (frame(0x80, b"goes on with nothing"), 1002),
        (frame(0x09, b"a ping in parts"), 1002),
        (vec![0x81, 2, b'h', b'i'], 1002),
        (vec![0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], 1009),
        (vec![0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], 1002),
        (frame(0x88, b"\x03"), 1002),
        (frame(0x88, b"\x03\xed"), 1002),
    ] {
        let mut eve = Plain::named(&server, "eve").await;
        eve.socket.get_mut().write_all(&bytes).await.unwrap();
        assert_eq!(eve.close_code().await, code, "{bytes:?}");
        pair.talk("").await;
    }
    // Half a frame, half an opening, nothing at all: and then they are gone.
    for bytes in [&b"\x81\xfe\x10"[..], &b"\x01\x81"[..]] {
        let mut eve = Plain::named(&server, "eve").await;
        eve.socket.get_mut().write_all(bytes).await.unwrap();
    }
    for bytes in [&b"GET /ws HTTP/1.1\r\nUpgr"[..], b"\x16\x03\x01\x02\x00\x01", b""] {
        let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
    }
    pair.talk("").await;
}

#[tokio::test]
async fn a_flood_of_typing_costs_nobody_a_line() {
    let server = Server::start(ServerConfig::default()).await;
    let mut pair = Pair::meet(&server).await;
    let mut eve = Plain::named(&server, "eve").await;
    let signal = |n: u32| json!({"type": "typing", "id": "t", "userId": "eve", "userName": "Eve", "isTyping": n.is_multiple_of(2), "timestamp": n});
    for round in 0..20 {
        for n in 0..500 {
            eve.socket.feed(Message::text(signal(round * 500 + n).to_string())).await.unwrap();
        }
        eve.socket.flush().await.unwrap();
        pair.talk("typing").await;
    }
    // A member who does not read meanwhile is not closed for signals that may be left out.
    eve.socket.close(None).await.unwrap();
    let everything = async {
        while let Some(Ok(message)) = pair.ana.socket.next().await {
            if message.to_text().unwrap().contains("user_left") {
                return true;
            }
        }
        false
    };
    assert!(soon("what was typed", everything).await);
}
