//! A session that is preferred, with servers that know none and don't say so.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![cfg(feature = "session")]

mod support;

use everwire::{SessionMode, State};
use support::{Server, answer, assert_echo, connected, echo, hasty, read_head};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// Answers the request with 101, and with the first subprotocol that is offered; then echoes.
async fn echo_the_first(mut stream: tokio::net::TcpStream) {
    let head = read_head(&mut stream).await;
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let accept = derive_accept_key(field("Sec-WebSocket-Key").expect("a key").as_bytes());
    let first = field("Sec-WebSocket-Protocol").and_then(|offered| offered.split(',').next());
    let chosen = first.map_or(String::new(), |name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
    let start = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let answer = format!("{start}Sec-WebSocket-Accept: {accept}\r\n{chosen}\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
    echo(WebSocketStream::from_raw_socket(stream, Role::Server, None).await).await;
}

#[tokio::test]
async fn a_server_that_echoes_the_first_name_offered_is_talked_to_plainly() {
    let server = Server::raw(|stream, _| echo_the_first(stream)).await;
    let builder = hasty(&server.url).session(SessionMode::Prefer).subprotocol("feed.v2");
    let client = builder.build().expect("good settings");
    assert_echo(&client).await;
    assert_eq!(server.accepted(), 2);
    let State::Connected { subprotocol, .. } = client.state() else { panic!("{}", client.state()) };
    assert_eq!(subprotocol.as_deref(), Some("feed.v2"), "the other names are still offered");
}

#[tokio::test]
async fn a_server_that_refuses_names_it_does_not_know_is_talked_to_plainly() {
    let server = Server::raw(|stream, number| async move {
        match number {
            0 => answer(stream, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await,
            _ => echo_the_first(stream).await,
        }
    })
    .await;
    let client = hasty(&server.url).session(SessionMode::Prefer).build().expect("good settings");
    connected(&client).await;
    assert_echo(&client).await;
    assert_eq!(server.accepted(), 2);
}
