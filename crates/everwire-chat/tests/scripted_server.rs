//! What a client makes of what a server says, word by word.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire::State;
use everwire_chat::{ChatClient, ChatEvent, Entry, Failure, LoadError, Rejection, Status, Updates};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// No single thing takes longer, even on a busy machine.
const SOON: Duration = Duration::from_secs(30);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.unwrap_or_else(|_| panic!("not in time: {what}"))
}

struct Server(TcpListener);

struct Connection(WebSocketStream<TcpStream>);

impl Server {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn client(&self) -> ChatClient {
        ChatClient::builder(format!("ws://{}/ws", self.0.local_addr().unwrap()), "Ana")
            .user_id("ana")
            .connection(|builder| builder.initial_delay(Duration::from_millis(10)).max_delay(Duration::from_millis(50)))
            .build()
            .unwrap()
    }

    /// The client's next connection, and what it says that it has seen.
    async fn accept(&self) -> (Connection, String) {
        let query = Arc::new(Mutex::new(String::new()));
        let asked = Arc::clone(&query);
        #[allow(clippy::result_large_err, reason = "the library wants it so")]
        let note = move |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            *asked.lock().unwrap() = request.uri().query().unwrap_or_default().to_owned();
            Ok(response)
        };
        let accepted = async { accept_hdr_async(self.0.accept().await.unwrap().0, note).await.unwrap() };
        let connection = Connection(soon("a connection", accepted).await);
        let query = query.lock().unwrap().clone();
        let after = query.split('&').find_map(|pair| pair.strip_prefix("after=")).unwrap().replace("%3A", ":");
        (connection, after)
    }
}

impl Connection {
    async fn say(&mut self, event: String) {
        soon("a write", self.0.send(Message::text(event))).await.unwrap();
    }

    async fn sync(&mut self, epoch: &str, offset: u64) {
        let sync = format!(r#"{{"type":"sync","room":"lobby","epoch":"{epoch}","offset":{offset},"users":[]}}"#);
        self.say(sync).await;
    }

    async fn text(&mut self, offset: u64) {
        let whose = r#""userId":"ben","userName":"Ben","timestamp":1"#;
        self.say(format!(r#"{{"type":"text","id":"{offset}",{whose},"text":"hi","offset":{offset}}}"#)).await;
    }
}

/// Follows the timeline until the server has said where the room stands.
async fn synced(copy: &mut Vec<Entry>, updates: &mut Updates) {
    loop {
        match soon("news", updates.next()).await.expect("the client is there") {
            ChatEvent::Timeline(change) => change.apply(copy),
            ChatEvent::Synced { .. } => return,
            _ => {}
        }
    }
}

async fn lines(chat: &ChatClient, updates: &mut Updates, count: usize) {
    while chat.entries().len() < count {
        soon("a line", updates.next()).await;
    }
}

#[tokio::test]
async fn who_is_cut_before_anything_has_come_asks_for_the_latest_again_and_not_for_everything() {
    let server = Server::start().await;
    let chat = server.client();
    let (mut copy, mut updates) = chat.follow_timeline();
    for _ in 0..2 {
        let (mut connection, after) = server.accept().await;
        assert_eq!(after, "");
        connection.sync("e", 1000).await;
        synced(&mut copy, &mut updates).await;
        assert_eq!(chat.memory(), None);
    }
    let (mut connection, after) = server.accept().await;
    assert_eq!(after, "");
    connection.sync("e", 1000).await;
    connection.text(951).await;
    lines(&chat, &mut updates, 1).await;
    drop(connection);
    assert_eq!(server.accept().await.1, "e:951", "now it is known from where to go on");
}

#[tokio::test]
async fn who_was_in_an_empty_room_asks_for_all_that_was_said_since() {
    let server = Server::start().await;
    let chat = server.client();
    let (mut copy, mut updates) = chat.follow_timeline();
    let (mut connection, _) = server.accept().await;
    connection.sync("e", 0).await;
    synced(&mut copy, &mut updates).await;
    drop(connection);
    assert_eq!(server.accept().await.1, "e:0");
}

#[tokio::test]
async fn who_follows_the_timeline_hears_that_another_history_has_begun() {
    let server = Server::start().await;
    let chat = server.client();
    let (mut copy, mut updates) = chat.follow_timeline();
    let (mut connection, _) = server.accept().await;
    connection.sync("e", 9).await;
    connection.text(8).await;
    connection.text(9).await;
    lines(&chat, &mut chat.updates(), 2).await;
    drop(connection);
    let (mut connection, _) = server.accept().await;
    connection.sync("f", 0).await;
    synced(&mut copy, &mut updates).await;
    synced(&mut copy, &mut updates).await;
    assert_eq!(copy, chat.entries());
    assert!(copy.iter().all(|entry| entry.missing.is_none()));
    assert_eq!(chat.load_earlier("8"), Err(LoadError::NothingMissing));
}

#[tokio::test]
async fn what_was_asked_for_on_an_earlier_connection_can_be_asked_for_again() {
    let server = Server::start().await;
    let chat = server.client();
    let (mut copy, mut updates) = chat.follow_timeline();
    let (mut connection, _) = server.accept().await;
    connection.sync("e", 9).await;
    connection.text(9).await;
    lines(&chat, &mut chat.updates(), 1).await;
    assert_eq!((chat.load_earlier("9"), chat.load_earlier("9")), (Ok(()), Err(LoadError::Busy)));
    drop(connection);
    let (mut connection, after) = server.accept().await;
    assert_eq!(after, "e:9");
    connection.sync("e", 9).await;
    synced(&mut copy, &mut updates).await;
    synced(&mut copy, &mut updates).await;
    assert_eq!(chat.load_earlier("9"), Ok(()));
}

#[tokio::test]
async fn a_message_is_refused_by_code_or_by_an_older_server_without_one() {
    let server = Server::start().await;
    let chat = server.client();
    let (_, mut updates) = chat.follow_timeline();
    let (mut connection, _) = server.accept().await;
    connection.sync("e", 0).await;
    for code in [Some("id_taken"), None] {
        let id = chat.send("hi").unwrap();
        let field = code.map(|code| format!(r#","code":"{code}""#)).unwrap_or_default();
        connection.say(format!(r#"{{"type":"rejected","id":"{id}","reason":"in words"{field}}}"#)).await;
        let failed = Status::Failed(Failure::Rejected(Rejection::new(code.map(str::to_owned), "in words")));
        while chat.entries().iter().all(|entry| entry.id != id || entry.status != failed) {
            soon("the refusal", updates.next()).await;
        }
    }
}

#[tokio::test]
async fn a_token_that_expires_soon_is_replaced_on_the_open_connection() {
    let server = Server::start().await;
    let chat = ChatClient::builder(format!("ws://{}/ws", server.0.local_addr().unwrap()), "Ana")
        .user_id("ana")
        .token(async |refused| Ok(if refused { "fresh" } else { "first" }.to_owned()))
        .build()
        .unwrap();
    let (mut connection, _) = server.accept().await;
    connection.sync("epoch", 0).await;
    connection.say(r#"{"type":"token_due","seconds":60}"#.to_owned()).await;
    let token = async {
        loop {
            match connection.0.next().await.expect("it holds").expect("it holds") {
                Message::Text(text) if text.contains("fresh") => break text,
                _ => {}
            }
        }
    };
    assert_eq!(soon("a fresh token", token).await.as_str(), r#"{"type":"token","token":"fresh"}"#);
    drop(chat);
}

#[tokio::test]
async fn whoever_connects_again_after_having_been_sent_away_hears_and_is_heard() {
    let server = Server::start().await;
    let chat = server.client();
    let (mut copy, mut updates) = chat.follow_timeline();
    let (mut connection, _) = server.accept().await;
    let frame = CloseFrame { code: CloseCode::Policy, reason: "banned".into() };
    soon("a close", connection.0.close(Some(frame))).await.unwrap();
    let ended = async {
        while !matches!(updates.next().await.expect("the client is there"), ChatEvent::Connection(State::Closed(_))) {}
    };
    soon("the end", ended).await;
    chat.connect();
    let (mut connection, _) = server.accept().await;
    connection.sync("e", 1).await;
    synced(&mut copy, &mut updates).await;
    connection.text(1).await;
    while copy.is_empty() {
        if let ChatEvent::Timeline(change) = soon("a line", updates.next()).await.expect("the client is there") {
            change.apply(&mut copy);
        }
    }
    chat.send("heard").unwrap();
    let said = soon("a line of ours", connection.0.next()).await.unwrap().unwrap();
    assert!(said.into_text().unwrap().contains("heard"));
}
