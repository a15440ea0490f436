//! HTTP proxies: CONNECT, its refusals, and what a proxy can do wrong.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire::{
    AdviceOverride, Builder, CauseMatch, CertificateProblem, OpenFailure, OpenFailureKind, Phase, ReachProblem, State,
};
use support::proxy::{Proxy, Verdict, act, address, say, tunnel};
use support::secure::{self, Clients, Identity, acceptor, issuer};
use support::{
    Server, answer, assert_echo, connected, final_failure, first_failure, hasty, nobody, read_head, soon, state,
};
use tokio::io::AsyncReadExt;

/// A client that gets to the place by this proxy.
fn by(proxy: &Proxy, url: &str) -> Builder {
    hasty(url).proxy(format!("http://{}", proxy.place))
}

fn refused(failure: &OpenFailure) -> Option<u16> {
    match failure.kind {
        OpenFailureKind::Refused { status, .. } => Some(status),
        _ => None,
    }
}

/// A proxy that lets nobody in but `ana` with `p@ss`.
async fn guarded(to: &Server) -> Proxy {
    Proxy::http(to, |head| {
        if head.contains("\r\nProxy-Authorization: Basic YW5hOnBAc3M=\r\n") {
            return tunnel();
        }
        say("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"out\"\r\n\r\n")
    })
    .await
}

#[tokio::test]
async fn ws_goes_through_a_proxy_which_resolves_the_name() {
    let server = Server::echo().await;
    let proxy = Proxy::open(&server).await;
    let client = by(&proxy, "ws://feed.invalid:8080/a?token=t").build().expect("good settings");
    assert_echo(&client).await;
    let head = proxy.next().await;
    assert_eq!(head, "CONNECT feed.invalid:8080 HTTP/1.1\r\nHost: feed.invalid:8080\r\n\r\n");
    let opening = client.stats().opening.expect("it is connected");
    assert_eq!(opening.via, Some(format!("http://{}", proxy.place)));
    assert_eq!((opening.dns, opening.proxy.is_some(), opening.tls), (None, true, None));
    assert_eq!(opening.address.expect("an address").to_string(), proxy.place);
}

#[tokio::test]
async fn wss_goes_through_a_proxy_which_sees_nothing_of_it() {
    let issuer = issuer();
    let server = secure::echo(acceptor(&Identity::server(&issuer, "feed.invalid"), Clients::Any)).await;
    let proxy = Proxy::open(&server).await;
    let client = by(&proxy, "wss://feed.invalid/").root_certificate(issuer.pem()).build().expect("good settings");
    assert_echo(&client).await;
    assert!(proxy.next().await.starts_with("CONNECT feed.invalid:443 HTTP/1.1\r\n"));
}

#[tokio::test]
async fn credentials_are_for_the_proxy_and_not_for_the_server() {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let server = Server::raw(move |mut stream, _| {
        let seen = Arc::clone(&seen);
        async move {
            let head = read_head(&mut stream).await;
            seen.lock().expect("no panic").push(head);
        }
    })
    .await;
    let proxy = guarded(&server).await;
    let url = format!("http://ana:p%40ss@{}", proxy.place);
    let client = hasty("ws://bob:secret@feed.invalid/").proxy(url).build().expect("good settings");
    let failure = first_failure(&client).await;
    assert_eq!(failure.phase, Phase::Upgrade, "{failure:?}");
    let heads = heads.lock().expect("no panic").concat().to_ascii_lowercase();
    assert!(heads.contains("\r\nauthorization: basic ym9ionnly3jlda==\r\n"), "{heads}");
    assert!(!heads.contains("proxy-authorization"), "{heads}");
    assert!(!proxy.next().await.contains("\r\nAuthorization"));
}

#[tokio::test]
async fn credentials_that_are_refused_or_missing_are_final_and_shown_nowhere() {
    let server = Server::echo().await;
    let proxy = guarded(&server).await;
    for (user, words) in [("ana:wrong-secret@", "refused the credentials (407"), ("", "wants credentials (407")] {
        let url = format!("http://{user}{}", proxy.place);
        let client = hasty("ws://feed.invalid/").proxy(&url).build().expect("good settings");
        let failure = final_failure(&client).await;
        assert_eq!((failure.phase, refused(&failure)), (Phase::Proxy, Some(407)), "{failure:?}");
        assert!(
            failure.to_string().starts_with(&format!("asking the proxy failed: {} {words}", proxy.place)),
            "{failure}"
        );
        let shown = format!("{failure:?} {:?} {client:?} {:?}", client.state(), client.stats());
        assert!(!shown.contains("secret") && !shown.contains("ana"), "{shown}");
    }
    assert_eq!(proxy.accepted(), 2);
    let url = format!("http://ana:p%40ss@{}", proxy.place);
    assert_echo(&hasty("ws://feed.invalid/").proxy(url).build().expect("good settings")).await;
}

#[tokio::test]
async fn a_407_is_tried_again_where_the_user_says_so() {
    let server = Server::echo().await;
    let refusals = Mutex::new(2);
    let proxy = Proxy::http(&server, move |_| {
        let mut refusals = refusals.lock().expect("no panic");
        match *refusals {
            0 => tunnel(),
            _ => {
                *refusals -= 1;
                say("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            }
        }
    })
    .await;
    let client = by(&proxy, "ws://feed.invalid/")
        .override_advice(CauseMatch::Status(407), AdviceOverride::Retry)
        .build()
        .expect("good settings");
    connected(&client).await;
    assert_eq!(proxy.accepted(), 3);
}

#[tokio::test]
async fn a_proxy_that_forbids_the_place_is_final() {
    let server = Server::echo().await;
    for status in ["403 Forbidden", "405 Method Not Allowed"] {
        let proxy = Proxy::http(&server, move |_| say(format!("HTTP/1.1 {status}\r\n\r\n"))).await;
        let client = by(&proxy, "ws://feed.invalid/").max_redirects(5).build().expect("good settings");
        let failure = final_failure(&client).await;
        assert_eq!(failure.phase, Phase::Proxy);
        assert_eq!(failure.detail, format!("{} answered {status}", proxy.place));
        assert_eq!(server.accepted(), 0);
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_reach_the_server_now_is_asked_again_and_its_words_are_told() {
    let server = Server::echo().await;
    for status in ["502 Bad Gateway", "500 Unable to connect", "404 No such domain", "400 Bad Request", "302 Found"] {
        let first = Mutex::new(true);
        let proxy = Proxy::http(&server, move |_| {
            if !std::mem::take(&mut *first.lock().expect("no panic")) {
                return tunnel();
            }
            say(format!("HTTP/1.1 {status}\r\nProxy-Status: gate; error=dns_timeout\r\nRetry-After: 0\r\n\r\n<html>"))
        })
        .await;
        let client = by(&proxy, "ws://feed.invalid/").build().expect("good settings");
        let failure = first_failure(&client).await;
        assert_eq!(failure.phase, Phase::Proxy);
        assert_eq!(failure.detail, format!("{} answered {status}: gate; error=dns_timeout", proxy.place));
        let OpenFailureKind::Refused { retry_after, .. } = failure.kind else { panic!("{failure:?}") };
        assert_eq!(retry_after, Some(Duration::ZERO));
        connected(&client).await;
    }
}

#[tokio::test]
async fn any_success_opens_the_tunnel_also_after_interim_answers_and_byte_by_byte() {
    let server = Server::echo().await;
    for answer in [
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nvia: gate\r\n\r\n",
    ] {
        let proxy = Proxy::http(&server, move |_| Verdict::Tunnel(answer.into())).await;
        assert_echo(&by(&proxy, "ws://feed.invalid/").build().expect("good settings")).await;
    }
    let to = address(&server);
    let proxy = Proxy::start(move |mut stream, _| async move {
        use tokio::io::AsyncWriteExt;
        read_head(&mut stream).await;
        for byte in b"HTTP/1.1 200 OK\r\nvia: gate\r\n\r\n" {
            let _ = stream.write_all(&[*byte]).await;
            tokio::task::yield_now().await;
        }
        act(Verdict::Tunnel(Vec::new()), stream, to).await;
    })
    .await;
    assert_echo(&by(&proxy, "ws://feed.invalid/").build().expect("good settings")).await;
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_given_up_in_the_proxy_phase() {
    let server = Server::echo().await;
    let proxy = Proxy::http(&server, |_| Verdict::Stall).await;
    let client = by(&proxy, "ws://feed.invalid/").connect_timeout(Duration::from_millis(200)).build();
    let failure = first_failure(&client.expect("good settings")).await;
    assert_eq!((failure.phase, &failure.kind), (Phase::Proxy, &OpenFailureKind::Timeout), "{failure:?}");
}

#[tokio::test]
async fn a_proxy_that_answers_nonsense_is_told_and_costs_no_more_than_the_limit() {
    let server = Server::echo().await;
    let cases = [
        (say("SSH-2.0-OpenSSH_9.6\r\n"), "is not HTTP"),
        (say([5, 0xff]), "is not HTTP"),
        (say("HTTP/1.1 999999 What\r\n\r\n"), "is not HTTP"),
        (Verdict::Babble(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()), "is larger than 16384 bytes"),
        (say(format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(101))), "is larger than 16384 bytes"),
        (say(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(40 << 10))), "is larger than 16384 bytes"),
        (say("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n"), "sends more than its answer"),
    ];
    for (verdict, words) in cases {
        let proxy = Proxy::http(&server, move |_| verdict.clone()).await;
        let client = by(&proxy, "ws://feed.invalid/").build().expect("good settings");
        let failure = first_failure(&client).await;
        assert_eq!((failure.phase, &failure.kind), (Phase::Proxy, &OpenFailureKind::NotWebSocket), "{failure:?}");
        assert!(failure.detail.contains(&proxy.place) && failure.detail.contains(words), "{words}: {failure:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_hangs_up_is_tried_again() {
    let server = Server::echo().await;
    for start in ["", "HTTP/1.1 200 O"] {
        let first = Mutex::new(true);
        let proxy = Proxy::http(&server, move |_| {
            if std::mem::take(&mut *first.lock().expect("no panic")) { say(start) } else { tunnel() }
        })
        .await;
        let client = by(&proxy, "ws://feed.invalid/").build().expect("good settings");
        let failure = first_failure(&client).await;
        assert_eq!((failure.phase, &failure.kind), (Phase::Proxy, &OpenFailureKind::Io), "{failure:?}");
        assert!(failure.detail.contains("ended the connection without an answer"), "{failure:?}");
        connected(&client).await;
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let place = nobody().await.replace("ws://", "").replace('/', "");
    let client = hasty("ws://feed.invalid/").proxy(&place).build().expect("good settings");
    let failure = first_failure(&client).await;
    let refused = OpenFailureKind::Unreachable { is_proxy: true, problem: ReachProblem::Refused };
    assert_eq!((failure.phase, &failure.kind), (Phase::Tcp, &refused), "{failure:?}");
    assert_eq!(failure.detail, format!("connection refused by the proxy {place}"));
}

#[tokio::test]
async fn what_the_server_says_through_a_proxy_is_the_servers() {
    let server = Server::raw(|stream, _| answer(stream, "HTTP/1.1 404 Not Found\r\n\r\n")).await;
    let proxy = Proxy::open(&server).await;
    let failure = final_failure(&by(&proxy, "ws://feed.invalid/").build().expect("good settings")).await;
    assert_eq!((failure.phase, refused(&failure)), (Phase::Upgrade, Some(404)), "{failure:?}");
}

#[tokio::test]
async fn a_proxy_behind_tls_is_verified_and_sees_no_client_certificate() {
    let issuer = issuer();
    let server = secure::echo(acceptor(&Identity::server(&issuer, "feed.invalid"), Clients::Of(&issuer))).await;
    let plain = Server::echo().await;
    let me = Identity::client(&issuer);
    for (target, to) in [("wss://feed.invalid/", &server), ("ws://feed.invalid/", &plain)] {
        let guard = acceptor(&Identity::server(&issuer, "localhost"), Clients::OfOrNone(&issuer));
        let to = address(to);
        let proxy = Proxy::start(move |stream, asked| {
            let guard = guard.clone();
            async move {
                let Ok(mut stream) = guard.accept(stream).await else { return };
                let shown = stream.get_ref().1.peer_certificates().map_or(0, <[_]>::len);
                let _ = asked.send(format!("{shown} certificates"));
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.expect("a head"));
                }
                act(tunnel(), stream, to).await;
            }
        })
        .await;
        let url = format!("https://{}", proxy.place.replace("127.0.0.1", "localhost"));
        let builder = || hasty(target).proxy(&url).client_certificate(&me.pem, me.key.serialize_pem());
        let client = builder().root_certificate(issuer.pem()).build().expect("good settings");
        assert_echo(&client).await;
        assert_eq!(proxy.next().await, "0 certificates");
        assert_eq!(client.stats().opening.and_then(|opening| opening.via), Some(url.clone()));

        let client = builder().root_certificate(self::issuer().pem()).build().expect("good settings");
        let failure = first_failure(&client).await;
        assert_eq!(
            (failure.phase, &failure.kind),
            (Phase::Proxy, &OpenFailureKind::Certificate(CertificateProblem::UnknownIssuer)),
            "{failure:?}"
        );
    }
}

#[tokio::test]
async fn https_to_a_proxy_without_tls_is_told_apart() {
    let proxy = Proxy::blurting(say("HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    let client = hasty("ws://feed.invalid/")
        .proxy(format!("https://{}", proxy.place))
        .root_certificate(issuer().pem())
        .build()
        .expect("good settings");
    let failure = first_failure(&client).await;
    assert_eq!((failure.phase, &failure.kind), (Phase::Proxy, &OpenFailureKind::NotWebSocket), "{failure:?}");
    assert!(failure.detail.contains("is it http:// rather than https://?"), "{failure:?}");
}

#[tokio::test]
async fn every_attempt_goes_through_the_proxy() {
    let server = Server::web_socket(|socket, number| async move {
        if number > 0 {
            support::echo(socket).await;
        }
    })
    .await;
    let proxy = Proxy::open(&server).await;
    let client = by(&proxy, "ws://feed.invalid/").build().expect("good settings");
    state(&client, "the loss", |state| matches!(state, State::Disconnected { .. })).await;
    assert_echo(&client).await;
    assert_eq!((proxy.accepted(), server.accepted()), (2, 2));
    soon("the end", client.close(support::SOON)).await;
}
