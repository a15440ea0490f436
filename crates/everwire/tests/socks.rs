//! SOCKS 5 proxies.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use everwire::{Builder, OpenFailureKind, Phase};
use support::proxy::{Proxy, Verdict, say};
use support::secure::{self, Clients, Identity, acceptor, issuer};
use support::{Server, assert_echo, final_failure, first_failure, hasty};

/// A client that gets to the place by this proxy, which is to resolve the name.
fn by(proxy: &Proxy, url: &str) -> Builder {
    hasty(url).proxy(format!("socks5h://{}", proxy.place))
}

#[tokio::test]
async fn socks5h_hands_over_the_name() {
    let issuer = issuer();
    let plain = Server::echo().await;
    let secure = secure::echo(acceptor(&Identity::server(&issuer, "feed.invalid"), Clients::Any)).await;
    for (server, url, asked) in [
        (&plain, "ws://feed.invalid/", "feed.invalid:80"),
        (&secure, "wss://feed.invalid:8443/", "feed.invalid:8443"),
        (&plain, "ws://192.0.2.1/", "192.0.2.1:80"),
        (&plain, "ws://[2001:db8::1]:81/", "[2001:db8::1]:81"),
    ] {
        let proxy = Proxy::socks(server, None, 0).await;
        let client = by(&proxy, url).root_certificate(issuer.pem()).build().expect("good settings");
        assert_echo(&client).await;
        assert_eq!(proxy.next().await, asked);
        let opening = client.stats().opening.expect("it is connected");
        assert_eq!((opening.dns, opening.proxy.is_some()), (None, true));
        assert_eq!(opening.via, Some(format!("socks5h://{}", proxy.place)));
    }
}

#[tokio::test]
async fn a_proxy_of_any_kind_is_asked_for_the_address_that_the_user_gives_for_a_name() {
    let server = Server::echo().await;
    let proxies = [("socks5h", Proxy::socks(&server, None, 0).await), ("http", Proxy::open(&server).await)];
    for (scheme, proxy) in proxies {
        let client = hasty("ws://feed.invalid/")
            .proxy(format!("{scheme}://{}", proxy.place))
            .resolve("feed.invalid.", 80, [([192, 0, 2, 7], 80).into()])
            .build()
            .expect("good settings");
        assert_echo(&client).await;
        let asked = proxy.next().await;
        let place = asked.strip_prefix("CONNECT ").and_then(|head| head.split(' ').next()).unwrap_or(&asked);
        assert_eq!(place, "192.0.2.7:80", "{scheme}: {asked}");
    }
}

#[tokio::test]
async fn socks5_resolves_the_name_here() {
    let server = Server::echo().await;
    let proxy = Proxy::socks(&server, None, 0).await;
    let by = |url: &str| hasty(url).proxy(format!("socks5://{}", proxy.place)).build().expect("good settings");
    let client = by("ws://localhost:81/");
    assert_echo(&client).await;
    let asked = proxy.next().await;
    assert!(["127.0.0.1:81", "[::1]:81"].contains(&asked.as_str()), "{asked}");
    assert!(client.stats().opening.is_some_and(|opening| opening.dns.is_some()));

    assert_echo(&by("ws://192.0.2.1/")).await;
    assert_eq!(proxy.next().await, "192.0.2.1:80");

    let failure = first_failure(&by("ws://feed.invalid/")).await;
    assert_eq!(failure.phase, Phase::Dns, "{failure:?}");
    assert!(failure.detail.starts_with("no address for `feed.invalid`"), "{failure:?}");
}

#[tokio::test]
async fn credentials_are_given_to_a_proxy_that_wants_them() {
    let server = Server::echo().await;
    let proxy = Proxy::socks(&server, Some(("ana", "p@ss")), 0).await;
    let url = format!("socks5h://ana:p%40ss@{}", proxy.place);
    assert_echo(&hasty("ws://feed.invalid/").proxy(url).build().expect("good settings")).await;
    let easy = Proxy::socks(&server, None, 0).await;
    let url = format!("socks5h://ana:p%40ss@{}", easy.place);
    assert_echo(&hasty("ws://feed.invalid/").proxy(url).build().expect("good settings")).await;
}

#[tokio::test]
async fn credentials_that_are_refused_or_missing_are_final_and_shown_nowhere() {
    let server = Server::echo().await;
    let proxy = Proxy::socks(&server, Some(("ana", "p@ss")), 0).await;
    for (user, words) in [("ana:wrong-secret@", "refused the credentials"), ("", "wants credentials")] {
        let url = format!("socks5h://{user}{}", proxy.place);
        let client = hasty("ws://feed.invalid/").proxy(&url).build().expect("good settings");
        let failure = final_failure(&client).await;
        assert_eq!((failure.phase, &failure.kind), (Phase::Proxy, &OpenFailureKind::ProxyDenied), "{failure:?}");
        assert!(failure.detail.starts_with(&format!("{} {words}", proxy.place)), "{failure:?}");
        let shown = format!("{failure:?} {:?} {client:?}", client.state());
        assert!(!shown.contains("secret") && !shown.contains("ana"), "{shown}");
    }
    assert_eq!(proxy.accepted(), 2);
}

#[tokio::test]
async fn a_reply_about_the_server_is_tried_again_and_one_about_the_proxy_is_final() {
    let server = Server::echo().await;
    for (reply, kind, words) in [
        (1, OpenFailureKind::Io, "can't connect to feed.invalid:80: general failure"),
        (2, OpenFailureKind::Io, "can't connect to feed.invalid:80: its rules forbid it"),
        (3, OpenFailureKind::Io, "can't connect to feed.invalid:80: network unreachable"),
        (4, OpenFailureKind::Io, "can't connect to feed.invalid:80: host unreachable"),
        (5, OpenFailureKind::Io, "can't connect to feed.invalid:80: connection refused"),
        (6, OpenFailureKind::Io, "can't connect to feed.invalid:80: no answer"),
        (7, OpenFailureKind::ProxyDenied, "makes no connections"),
        (8, OpenFailureKind::Io, "can't connect to feed.invalid:80: it knows no addresses of this kind"),
        (99, OpenFailureKind::NotWebSocket, "is not SOCKS 5"),
    ] {
        let proxy = Proxy::socks(&server, None, reply).await;
        let client = by(&proxy, "ws://feed.invalid/").build().expect("good settings");
        let failure = first_failure(&client).await;
        assert_eq!((failure.phase, &failure.kind), (Phase::Proxy, &kind), "{reply}: {failure:?}");
        assert!(failure.detail.contains(words), "{reply}: {failure:?}");
        assert_eq!(everwire::Cause::OpenFailed(failure).is_retryable(), kind != OpenFailureKind::ProxyDenied);
    }
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_given_up_in_the_proxy_phase() {
    let proxy = Proxy::blurting(Verdict::Stall).await;
    let client = by(&proxy, "ws://feed.invalid/").connect_timeout(Duration::from_millis(200)).build();
    let failure = first_failure(&client.expect("good settings")).await;
    assert_eq!((failure.phase, &failure.kind), (Phase::Proxy, &OpenFailureKind::Timeout), "{failure:?}");
}

#[tokio::test]
async fn a_proxy_that_speaks_something_else_is_told_apart() {
    for verdict in [
        say("HTTP/1.1 400 Bad Request\r\n\r\n"),
        say([4, 0]),
        say([5, 9]),
        Verdict::Babble(vec![5]),
        Verdict::Babble(vec![0; 512]),
    ] {
        let proxy = Proxy::blurting(verdict).await;
        let failure = first_failure(&by(&proxy, "ws://feed.invalid/").build().expect("good settings")).await;
        assert_eq!((failure.phase, &failure.kind), (Phase::Proxy, &OpenFailureKind::NotWebSocket), "{failure:?}");
        assert!(failure.detail.contains("is not SOCKS 5; is it another kind of proxy?"), "{failure:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_hangs_up_is_tried_again() {
    for start in [&[][..], &[5], &[5, 0]] {
        let proxy = Proxy::blurting(say(start)).await;
        let failure = first_failure(&by(&proxy, "ws://feed.invalid/").build().expect("good settings")).await;
        assert_eq!((failure.phase, &failure.kind), (Phase::Proxy, &OpenFailureKind::Io), "{failure:?}");
        assert!(failure.detail.contains("ended the connection without an answer"), "{failure:?}");
    }
}

#[tokio::test]
async fn a_name_that_is_longer_than_socks_can_say_is_final() {
    let server = Server::echo().await;
    let proxy = Proxy::socks(&server, None, 0).await;
    let url = format!("ws://{}/", ["a"; 200].join("."));
    let failure = final_failure(&by(&proxy, &url).build().expect("good settings")).await;
    assert_eq!(failure.kind, OpenFailureKind::BadRequest, "{failure:?}");
}
