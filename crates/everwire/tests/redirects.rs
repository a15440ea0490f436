//! Redirects of the opening request.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::{Arc, Mutex};

use everwire::{Builder, OpenFailureKind, Phase, RefusalReason, State};
use support::proxy::Proxy;
use support::secure::{self, Clients, Identity, acceptor, issuer};
use support::{Server, answer, assert_echo, connected, echo, final_failure, hasty, read_head, state};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

/// A server that redirects everything there.
async fn redirecting(status: &'static str, location: impl Into<String>) -> Server {
    let location = location.into();
    Server::raw(move |stream, _| {
        let response = format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        answer(stream, response)
    })
    .await
}

/// An echo server, and the names of the headers that it was sent, sorted, beside the path.
async fn noting() -> (Server, Arc<Mutex<Vec<String>>>) {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&notes);
    let server = Server::raw(move |stream, _| {
        let noted = Arc::clone(&noted);
        async move {
            #[allow(clippy::result_large_err, reason = "tungstenite wants it so")]
            let note = |request: &Request, response: Response| {
                let mut names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
                names.retain(|name| !name.starts_with("sec-") && !["host", "upgrade", "connection"].contains(name));
                names.sort_unstable();
                let note = format!("{} {}", request.uri(), names.join(" "));
                noted.lock().expect("no panic").push(note);
                Ok(response)
            };
            if let Ok(socket) = tokio_tungstenite::accept_hdr_async(stream, note).await {
                echo(socket).await;
            }
        }
    })
    .await;
    (server, notes)
}

fn following(url: &str) -> Builder {
    hasty(url).max_redirects(3)
}

async fn refusal(builder: Builder) -> String {
    refusal_with_reason(builder).await.1
}

async fn refusal_with_reason(builder: Builder) -> (RefusalReason, String) {
    let failure = final_failure(&builder.build().expect("good settings")).await;
    assert_eq!(failure.phase, Phase::Upgrade);
    let OpenFailureKind::Refused { status: 300..=399, reason, .. } = failure.kind else { panic!("{failure:?}") };
    (reason, failure.detail)
}

#[tokio::test]
async fn by_default_a_redirect_is_not_followed_and_final() {
    let there = Server::echo().await;
    let here = redirecting("302 Found", &there.url).await;
    let (reason, words) = refusal_with_reason(hasty(&here.url)).await;
    assert_eq!(reason, RefusalReason::Status);
    assert!(words.contains("not followed"), "{words}");
    assert_eq!((here.accepted(), there.accepted()), (1, 0));
}

#[tokio::test]
async fn each_kind_of_redirect_is_followed_and_counted() {
    for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent"] {
        let there = Server::echo().await;
        let between = redirecting(status, format!("{}feed?token=t", there.url)).await;
        let here = redirecting(status, between.url.replace("ws://", "http://")).await;
        let client = following(&here.url).build().expect("good settings");
        assert_echo(&client).await;
        let opening = client.stats().opening.expect("it is connected");
        assert_eq!((opening.redirects, opening.url), (2, format!("{}feed", there.url)), "{status}");
    }
}

#[tokio::test]
async fn to_another_origin_only_harmless_headers_go_along() {
    let (there, notes) = noting().await;
    let here = redirecting("302 Found", format!("{}feed", there.url)).await;
    let client = following(&here.url.replace("ws://", "ws://ana:secret@"))
        .header("cookie", "secret")
        .header("proxy-authorization", "secret")
        .header("x-api-key", "secret")
        .header("user-agent", "test")
        .header("origin", "https://example.org")
        .build()
        .expect("good settings");
    assert_echo(&client).await;
    assert_eq!(*notes.lock().expect("no panic"), ["/feed origin user-agent"]);
}

#[tokio::test]
async fn within_the_origin_everything_goes_along() {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&notes);
    let server = Server::raw(move |mut stream, number| {
        let noted = Arc::clone(&noted);
        async move {
            if number == 0 {
                let redirect = "HTTP/1.1 307 Temporary Redirect\r\nlocation: ../b\r\ncontent-length: 0\r\n\r\n";
                return answer(stream, redirect).await;
            }
            let head = support::read_head(&mut stream).await;
            noted.lock().expect("no panic").push(head.to_ascii_lowercase());
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").await;
        }
    })
    .await;
    let url = format!("{}a/x", server.url.replace("ws://", "ws://ana:secret@"));
    let client = following(&url).header("x-api-key", "key").subprotocol("feed.v1").build().expect("good settings");
    final_failure(&client).await;
    let notes = notes.lock().expect("no panic");
    let head = notes.first().expect("a second request");
    assert!(head.starts_with("get /b http/1.1\r\n"), "{head}");
    for line in ["authorization: basic yw5honnly3jlda==", "x-api-key: key", "sec-websocket-protocol: feed.v1"] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
    }
}

#[tokio::test]
async fn more_redirects_than_allowed_and_circles_are_final() {
    let there = Server::echo().await;
    let between = redirecting("302 Found", &there.url).await;
    let here = redirecting("302 Found", format!("{}?token=secret", between.url)).await;
    let (reason, words) = refusal_with_reason(hasty(&here.url).max_redirects(1)).await;
    assert_eq!(reason, RefusalReason::TooManyRedirects);
    assert!(words.contains("more than 1 in a row") && !words.contains("secret"), "{words}");
    assert_eq!(there.accepted(), 0);

    let circle = redirecting("302 Found", "/b").await;
    let (reason, words) = refusal_with_reason(following(&circle.url)).await;
    assert_eq!(reason, RefusalReason::RedirectLoop);
    assert!(words.contains("they run in a circle"), "{words}");
    assert_eq!(circle.accepted(), 2);
}

#[tokio::test]
async fn a_redirect_that_waits_for_a_cookie_is_told_to_be_one() {
    let wall = redirecting("307 Temporary Redirect", "/\r\nset-cookie: wall=secretive; path=/").await;
    for builder in [hasty(&wall.url), following(&wall.url)] {
        let words = refusal(builder).await;
        assert!(words.contains("cookies are not kept") && !words.contains("secretive"), "{words}");
    }
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_final() {
    let here = Server::raw(|stream, _| answer(stream, "HTTP/1.1 302 Found\r\n\r\n")).await;
    let words = refusal(following(&here.url)).await;
    assert!(words.contains("without saying where to"), "{words}");
    let here = redirecting("302 Found", "mailto:ana@example.org").await;
    let words = refusal(following(&here.url)).await;
    assert!(words.contains("not a URL that can be connected to"), "{words}");
}

#[tokio::test]
async fn wss_is_never_left_for_ws_and_ws_may_lead_to_wss() {
    let issuer = issuer();
    let plain = Server::echo().await;
    let secure = secure::echo(acceptor(&Identity::server(&issuer, "localhost"), Clients::Any)).await;
    let secure_url = secure::url(&secure, "localhost");
    let up = redirecting("301 Moved Permanently", secure_url.replace("wss", "https")).await;
    let client = following(&up.url).root_certificate(issuer.pem()).build().expect("good settings");
    assert_echo(&client).await;
    assert!(client.stats().opening.is_some_and(|opening| opening.tls.is_some() && opening.url == secure_url));

    let guard = acceptor(&Identity::server(&issuer, "localhost"), Clients::Any);
    let location = plain.url.clone();
    let down = Server::raw(move |stream, _| {
        let (guard, location) = (guard.clone(), location.clone());
        async move {
            let Ok(mut stream) = guard.accept(stream).await else { return };
            let response = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(response.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let words = refusal(following(&secure::url(&down, "localhost")).root_certificate(issuer.pem())).await;
    assert!(words.contains("would give up the encryption"), "{words}");
    assert_eq!(plain.accepted(), 0);
}

#[tokio::test]
async fn every_attempt_starts_at_the_first_url() {
    let there = Server::web_socket(|socket, number| async move {
        if number > 0 {
            echo(socket).await;
        }
    })
    .await;
    let here = redirecting("301 Moved Permanently", &there.url).await;
    let client = following(&here.url).build().expect("good settings");
    state(&client, "the loss", |state| matches!(state, State::Disconnected { .. })).await;
    connected(&client).await;
    assert_eq!((here.accepted(), there.accepted()), (2, 2));
}

#[tokio::test]
async fn a_redirect_goes_through_the_proxy_too() {
    let server = Server::raw(move |stream, number| async move {
        if number == 0 {
            answer(stream, "HTTP/1.1 302 Found\r\nlocation: //other.invalid/\r\ncontent-length: 0\r\n\r\n").await;
        } else if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
            echo(socket).await;
        }
    })
    .await;
    let proxy = Proxy::open(&server).await;
    let client = following("ws://feed.invalid/").proxy(&proxy.place).build().expect("good settings");
    assert_echo(&client).await;
    assert!(proxy.next().await.starts_with("CONNECT feed.invalid:80 "));
    assert!(proxy.next().await.starts_with("CONNECT other.invalid:80 "));
}

#[tokio::test]
async fn a_certificate_of_ones_own_that_can_not_be_used_ends_it_where_a_redirect_leads_to_tls() {
    let issuer = issuer();
    let (one, other) = (Identity::client(&issuer), Identity::client(&issuer));
    let server = Server::raw(|mut stream, _| async move {
        read_head(&mut stream).await;
        let place = stream.local_addr().expect("an address");
        let answer = format!("HTTP/1.1 302 Found\r\nlocation: wss://{place}/\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await;
    let client = hasty(&server.url).max_redirects(1).client_certificate(&one.pem, other.key.serialize_pem()).build();
    let failure = final_failure(&client.expect("TLS is not needed yet")).await;
    assert_eq!((failure.phase, &failure.kind), (Phase::Tls, &OpenFailureKind::BadRequest), "{failure:?}");
    assert!(failure.detail.contains("the client certificate and its key can't be used"), "{failure:?}");
}
