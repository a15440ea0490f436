//! The opening handshake over a stream.

use everwire_tokio::{OpenError, client, server};
use everwire_ws::handshake::{ClientHandshake, HandshakeError};
use everwire_ws::{Config, Incoming, Message};
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::streams::*;

fn handshake(subprotocols: &[&str]) -> ClientHandshake {
    let request = Request::get("ws://example.org/").body(()).unwrap();
    let subprotocols: Vec<String> = subprotocols.iter().map(|&s| s.to_owned()).collect();
    ClientHandshake::new(&request, &subprotocols, *b"the sample nonce").unwrap()
}

const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

async fn against(answer: &[u8]) -> OpenError {
    let (near, mut far) = tokio::io::duplex(64 << 10);
    far.write_all(answer).await.unwrap();
    far.shutdown().await.unwrap();
    client(near, handshake(&[]), Config::default(), [0; 32]).await.expect_err("no upgrade")
}

#[tokio::test]
async fn both_our_ends_agree_over_any_stream() {
    for buffer in [1, 7, 10_000] {
        let (near, far) = tokio::io::duplex(buffer);
        let (by_client, by_server) = tokio::join!(
            client(near, handshake(&["a", "b"]), Config::default(), [0; 32]),
            server(far, Config::default(), |_| Some("b".into())),
        );
        let (mut client, accepted) = by_client.unwrap();
        let (mut server, opened) = by_server.unwrap();
        assert_eq!(accepted.subprotocol.as_deref(), Some("b"));
        assert_eq!(opened.accepted.subprotocol.as_deref(), Some("b"));
        let message = Message::text("hello");
        let (sent, received) = tokio::join!(client.send(&message), server.recv());
        sent.unwrap();
        assert_eq!(received.unwrap(), Some(Incoming::Message(message)));
    }
}

#[tokio::test]
async fn frames_that_come_with_the_answer_are_not_lost() {
    let (near, mut far) = tokio::io::duplex(1024);
    far.write_all(&[ANSWER.as_bytes(), &from_server(0x81, b"early")].concat()).await.unwrap();
    let (mut socket, _) = client(near, handshake(&[]), Config::default(), [0; 32]).await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some(Incoming::Message(Message::text("early"))));
}

#[tokio::test]
async fn a_refusal_comes_back_with_its_details() {
    match against(b"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nlater").await {
        OpenError::Handshake(HandshakeError::Refused(refused)) => {
            assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(refused.headers["retry-after"], "3");
            assert_eq!(refused.body, "late");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_whose_body_never_comes_is_seen_soon() {
    let (near, mut far) = tokio::io::duplex(1024);
    far.write_all(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4000\r\n\r\nthe sta").await.unwrap();
    let start = tokio::time::Instant::now();
    let error = client(near, handshake(&[]), Config::default(), [0; 32]).await.unwrap_err();
    let OpenError::Handshake(HandshakeError::Refused(refused)) = error else { panic!("{error:?}") };
    assert_eq!((refused.status, &refused.body[..]), (StatusCode::SERVICE_UNAVAILABLE, &b"the sta"[..]));
    assert_eq!(refused.headers["retry-after"], "7");
    assert!(start.elapsed() <= std::time::Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_refusal_is_seen_even_if_the_request_could_not_be_written() {
    let stream = Scripted::with(Script { write_error: Some(std::io::ErrorKind::BrokenPipe), ..Script::default() });
    stream.script().reads.push_back(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec());
    let error = client(stream.clone(), handshake(&[]), Config::default(), [0; 32]).await.unwrap_err();
    assert!(matches!(error, OpenError::Handshake(HandshakeError::Refused(_))), "{error:?}");

    stream.script().end_of_stream = true;
    let error = client(stream, handshake(&[]), Config::default(), [0; 32]).await.unwrap_err();
    assert!(matches!(error, OpenError::Io(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_or_garbage_is_an_error() {
    assert!(matches!(against(b"").await, OpenError::Handshake(HandshakeError::Incomplete)));
    assert!(matches!(against(b"HTTP/1.1 101 Swi").await, OpenError::Handshake(HandshakeError::Incomplete)));
    assert!(matches!(against(&[0; 100]).await, OpenError::Handshake(HandshakeError::Malformed(_))));
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(30_000));
    assert!(matches!(against(endless.as_bytes()).await, OpenError::Handshake(HandshakeError::TooLarge)));
}

async fn towards_server(request: &[u8]) -> (OpenError, String) {
    let (mut near, far) = tokio::io::duplex(64 << 10);
    near.write_all(request).await.unwrap();
    near.shutdown().await.unwrap();
    let error = server(far, Config::default(), |_| None).await.expect_err("no upgrade");
    let mut answer = String::new();
    near.read_to_string(&mut answer).await.unwrap();
    (error, answer)
}

#[tokio::test]
async fn a_wrong_request_is_answered_before_the_error() {
    let (error, answer) = towards_server(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(matches!(error, OpenError::Rejected(_)));
    assert!(answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{answer}");

    let (error, answer) = towards_server(b"\x16\x03\x01 this is no HTTP at all\r\n\r\n").await;
    assert!(matches!(error, OpenError::Request(_)));
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");

    let (error, answer) = towards_server(b"GET / HTTP/1.1\r\nHo").await;
    assert!(matches!(error, OpenError::UnexpectedEnd));
    assert_eq!(answer, "");
}

#[tokio::test]
async fn errors_name_their_cause_once() {
    let error = against(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    let mut chain = vec![error.to_string()];
    let mut next = std::error::Error::source(&error);
    while let Some(cause) = next {
        chain.push(cause.to_string());
        next = cause.source();
    }
    assert_eq!(chain, ["the opening handshake failed", "the server refused the upgrade with status 404 Not Found"]);
}
