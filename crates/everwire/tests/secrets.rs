//! What a server or a proxy repeats of a request shows no secret of it.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use everwire::{Builder, Cause, Closed, State};
use futures_util::SinkExt as _;
use support::proxy::{Proxy, say};
use support::{Server, first_cause, hasty, nobody, read_head, state};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};

/// Secrets of what these tests ask for, in each form.
const SECRETS: [&str; 5] = ["tok3n", "s3kret", "YW5hOnMza3JldA", "c00kie", "apikey9"];

fn secretive(server: &Server) -> Builder {
    let url = server.url.replace("ws://", "ws://ana:s3kret@") + "feed?token=tok3nvalue&y=1";
    hasty(url).header("Cookie", "session=c00kievalue").header("X-Api-Key", "apikey9")
}

#[track_caller]
fn assert_nothing_secret(words: &str) {
    let shown: Vec<_> = SECRETS.iter().filter(|secret| words.contains(**secret)).collect();
    assert!(shown.is_empty(), "{shown:?} in {words}");
}

/// Answers with this status line and the whole head of the request, in `Server` and as the body.
async fn repeating(status: &'static str, kind: &'static str) -> Server {
    Server::raw(move |mut stream, _| async move {
        let head = read_head(&mut stream).await;
        let target = head.split(' ').nth(1).expect("a target").to_owned();
        let body = format!("{{\"message\":\"Route GET:{target} not found\"}} {head}");
        let length = body.len();
        let status = status.replace("TARGET", &target);
        let fields =
            format!("server: x{target}\r\nvia: 1.1 {target}\r\ncontent-type: {kind}\r\ncontent-length: {length}");
        let _ = stream.write_all(format!("HTTP/1.1 {status}\r\n{fields}\r\n\r\n{body}").as_bytes()).await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await
}

#[tokio::test]
async fn a_refusal_that_repeats_the_request_shows_nothing_secret_of_it() {
    for (status, kind) in [
        ("404 Not Found", "application/json; charset=utf-8"),
        ("400 Bad Request", "text/plain"),
        ("403 Forbidden", "text/html"),
        ("503 no TARGET", "text/plain"),
    ] {
        let server = repeating(status, kind).await;
        let cause = first_cause(&secretive(&server).build().expect("good settings")).await;
        assert_nothing_secret(&format!("{cause} {cause:?}"));
        assert!(cause.to_string().contains("Route GET:/feed?… not found"), "{cause}");
    }
}

#[tokio::test]
async fn a_close_reason_that_repeats_the_token_shows_it_nowhere() {
    let server = Server::web_socket(|mut socket, _| async move {
        let reason = "no tok3nvalue of /feed?token=tok3nvalue&y=1".into();
        let _ = socket.send(Message::Close(Some(CloseFrame { code: CloseCode::Library(4401), reason }))).await;
    })
    .await;
    let client = secretive(&server).build().expect("good settings");
    let State::Closed(Closed::Refused(cause)) = state(&client, "the end", State::is_final).await else {
        panic!("it goes on: {}", client.state());
    };
    let Cause::PeerClosed(Some(frame)) = &cause else { panic!("{cause:?}") };
    assert_eq!(frame.reason, "no … of /feed?…");
    assert_nothing_secret(&format!("{cause:?} {:?}", client.stats()));
}

#[tokio::test]
async fn a_proxy_that_repeats_its_credentials_shows_none_of_them() {
    let server = Server::echo().await;
    let refusal = "HTTP/1.1 403 ana:s3kret\r\nproxy-status: proxy; details=\"Basic YW5hOnMza3JldA==\"\r\n\
                   x-squid-error: no s3kret\r\ncontent-length: 0\r\n\r\n";
    let proxy = Proxy::http(&server, move |_| say(refusal)).await;
    let url = format!("http://ana:s3kret@{}", proxy.place);
    let client = hasty(nobody().await).proxy(url).build().expect("good settings");
    let cause = first_cause(&client).await;
    assert_nothing_secret(&format!("{cause} {cause:?}"));
    assert!(cause.to_string().contains("403 …"), "{cause}");
}
