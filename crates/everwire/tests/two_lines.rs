//! Code written for tokio-tungstenite, with two lines changed: what it gains, and that it stays what it was.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use everwire::{Client, ConnectError, Deflate, OpenFailureKind, Phase, SendRate, SessionMode};
use everwire_ws::{Config, Incoming};
use support::proxy::Proxy;
use support::{Server, listen, nobody, soon};

/// The same program twice; each with its two lines.
macro_rules! program {
    ($name:ident, $import:item, $connect:ident) => {
        mod $name {
            use futures_util::{SinkExt, StreamExt};

            $import

            pub(crate) async fn talk(url: &str) -> Result<Vec<String>, Box<dyn std::error::Error>> {
                let (socket, _) = $connect(url).await?;
                let (mut writer, mut reader) = socket.split();
                let mut heard = Vec::new();
                for word in ["one", "two", "three"] {
                    writer.send(Message::text(word)).await?;
                }
                while let Some(message) = reader.next().await {
                    if let Message::Text(text) = message? {
                        heard.push(text.to_string());
                        if heard.len() == 3 {
                            writer.close().await?;
                        }
                    }
                }
                Ok(heard)
            }

            pub(crate) async fn whole(url: &str) -> Result<String, Box<dyn std::error::Error>> {
                let (mut socket, _) = $connect(url).await?;
                socket.send(Message::text("whole")).await?;
                let answer = socket.next().await.ok_or("the end")??;
                Ok(format!("{answer:?}"))
            }
        }
    };
}

program!(before, use tokio_tungstenite::{connect_async, tungstenite::Message};, connect_async);
program!(after, use everwire::{Message, connect};, connect);

#[tokio::test]
async fn a_program_for_tungstenite_says_and_hears_the_same_with_two_lines_changed() {
    let server = Server::echo().await;
    let before = soon("their talk", before::talk(&server.url)).await.expect("it works");
    let after = soon("our talk", after::talk(&server.url)).await.expect("it works");
    assert_eq!(after, before);
    assert_eq!(after, ["one", "two", "three"]);
    // The socket need not be split.
    assert!(soon("theirs", before::whole(&server.url)).await.expect("it works").contains("whole"));
    assert!(soon("ours", after::whole(&server.url)).await.expect("it works").contains("whole"));
}

#[tokio::test]
async fn a_single_connection_is_compressed_where_the_server_agrees() {
    let (listener, url) = listen().await;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut config = Config::default();
        config.compression = Some(Deflate::default());
        let (mut socket, _) = everwire_tokio::server(stream, config, |_| None).await.expect("a handshake");
        let incoming = socket.recv().await.expect("a message");
        let Some(Incoming::Message(message)) = incoming else { panic!("{incoming:?}") };
        socket.send(&message).await.expect("it is written");
        while socket.recv().await.is_ok_and(|incoming| incoming.is_some()) {}
    });
    let (mut socket, opening) = soon("the connection", everwire::connect(&url)).await.expect("it opens");
    assert!(
        opening.headers["sec-websocket-extensions"].to_str().is_ok_and(|agreed| agreed.contains("permessage-deflate"))
    );
    let message = everwire::Message::text("again and ".repeat(1000));
    soon("the message", socket.send(&message)).await.expect("it is written");
    assert!(socket.written_total() < 1000, "{} bytes for {}", socket.written_total(), message.len());
    assert_eq!(soon("the echo", socket.recv()).await.expect("an echo"), Some(Incoming::Message(message)));
    drop(socket);
    soon("the server", server).await.expect("it ends");
}

#[tokio::test]
async fn a_single_connection_fails_with_the_phase_and_says_whether_to_try_again() {
    let url = nobody().await;
    let error = soon("a refusal", everwire::connect(&url)).await.expect_err("nobody listens");
    assert!(error.is_retryable(), "{error}");
    assert!(matches!(&error, ConnectError::Failed(failure) if failure.phase == Phase::Tcp), "{error:?}");

    let (_silent, url) = listen().await;
    let builder = Client::builder(&url).connect_timeout(Duration::from_millis(200));
    let error = soon("the time-out", builder.connect_once()).await.expect_err("it never answers");
    let ConnectError::Failed(failure) = &error else { panic!("{error:?}") };
    assert_eq!((failure.phase, &failure.kind), (Phase::Upgrade, &OpenFailureKind::Timeout), "{error}");
    assert!(
        error.to_string().contains("no connection within 200 ms") || error.to_string().contains("0.2 s"),
        "{error}"
    );

    let error = soon("a bad URL", everwire::connect("nonsense://here")).await.expect_err("no such scheme");
    assert!(!error.is_retryable() && matches!(error, ConnectError::Setting(_)), "{error:?}");
}

#[tokio::test]
async fn what_needs_a_client_is_refused_for_a_single_connection() {
    let builder = Client::builder("ws://127.0.0.1:1/").session(SessionMode::Require);
    let error = builder.connect_once().await.expect_err("a session needs a client");
    assert_eq!(error.to_string(), "session: can't be used for a single connection: build a client");
}

#[tokio::test]
async fn hooks_and_their_rate_apply_to_a_single_connection() {
    let server = Server::echo().await;
    let started = tokio::time::Instant::now();
    let builder = Client::builder(&server.url).send_rate(SendRate::per_second(20.0)).on_open(async |mut connection| {
        for word in ["a", "b", "c"] {
            connection.send(word).await?;
            assert_eq!(connection.recv().await?.as_text(), Some(word));
        }
        Ok(())
    });
    let (mut socket, _) = soon("the connection", builder.connect_once()).await.expect("it opens");
    assert!(started.elapsed() >= Duration::from_millis(100), "two of three messages wait 50 ms each");
    soon("a message", socket.send(everwire::Message::text("d"))).await.expect("it is written");
    assert_eq!(soon("its echo", socket.recv()).await.expect("an echo"), Some(Incoming::Message("d".into())));
}

#[tokio::test]
async fn a_single_connection_goes_through_a_proxy() {
    let server = Server::echo().await;
    let proxy = Proxy::open(&server).await;
    let builder = Client::builder("ws://feed.invalid:8080/").proxy(format!("http://{}", proxy.place));
    let (mut socket, opening) = soon("the connection", builder.connect_once()).await.expect("it opens");
    assert_eq!(opening.via, Some(format!("http://{}", proxy.place)));
    soon("a message", socket.send(everwire::Message::text("there"))).await.expect("it is written");
    assert_eq!(soon("its echo", socket.recv()).await.expect("an echo"), Some(Incoming::Message("there".into())));
}
