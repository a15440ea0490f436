//! Every address of a name is a way to the server.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use everwire::{AddressResult, Builder, Event, EventItem, Events, OpenFailureKind, Phase, PostMortem, ReachProblem};
use support::proxy::{Proxy, address};
use support::secure::{self, Clients, Identity, acceptor, issuer};
use support::{Server, answer, assert_echo, connected, echo, final_failure, first_failure, hasty, listen, soon};
use tokio::io::AsyncReadExt;

/// A client of a name that has these addresses.
fn to<const N: usize>(addresses: [SocketAddr; N]) -> Builder {
    hasty("ws://feed.invalid/").no_proxy().resolve("feed.invalid", 80, addresses)
}

async fn nobody() -> SocketAddr {
    listen().await.0.local_addr().expect("an address")
}

async fn next<T>(events: &mut Events, wanted: impl Fn(Event) -> Option<T>) -> T {
    soon("an event", async {
        loop {
            if let Some(EventItem::Event(event)) = events.next().await
                && let Some(found) = wanted(event)
            {
                return found;
            }
        }
    })
    .await
}

async fn post_mortem(events: &mut Events) -> PostMortem {
    next(events, |event| if let Event::Disconnected(end) = event { Some(*end) } else { None }).await
}

async fn first_words(events: &mut Events) -> String {
    next(events, |event| if let Event::AttemptFailed { cause, .. } = event { Some(cause.to_string()) } else { None })
        .await
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_dead_address_is_passed_by_and_comes_last_from_then_on() {
    use everwire_testkit::unresponsive::Unresponsive;

    let dead = Unresponsive::bind().await.expect("a dead address");
    let server = Server::web_socket(|mut socket, number| async move {
        if number == 0 {
            let _ = futures_util::StreamExt::next(&mut socket).await;
            // A sign of life, without which the connection would be of no use.
            let ping = tokio_tungstenite::tungstenite::Message::Ping(Vec::new().into());
            let _ = futures_util::SinkExt::send(&mut socket, ping).await;
        } else {
            echo(socket).await;
        }
    })
    .await;
    let good = address(&server);
    let mut config = everwire::Config::default();
    // The first connection is to count as one that was of use.
    config.retry.stable_after = Duration::from_millis(1);
    config.retry.initial_delay = Duration::from_millis(1);
    let client = to([dead.address(), good]).config(config).build().expect("good settings");
    let mut events = client.events();
    connected(&client).await;
    assert_eq!(client.stats().opening.and_then(|opening| opening.address), Some(good));
    tokio::time::sleep(Duration::from_millis(1)).await;
    drop(client.send("end").expect("room"));

    let end = post_mortem(&mut events).await;
    let told: Vec<_> = end.addresses.iter().map(|tried| (tried.address, tried.result.clone())).collect();
    assert_eq!(told, [(good, AddressResult::Connected), (dead.address(), AddressResult::Pending)]);
    assert!(end.to_string().contains(&format!("({good}; {}: no answer)", dead.address())), "{end}");

    let again = next(&mut events, |event| match event {
        Event::Addresses(tried) => Some(format!("{tried:?}")),
        Event::RoundTrip(_) => Some(String::new()),
        _ => None,
    });
    assert_echo(&client).await;
    assert_eq!(again.await, "", "the second opening has tried the good address alone");
}

#[tokio::test]
async fn an_opening_that_fails_behind_tcp_makes_the_next_one_start_at_another_address() {
    let ends = Server::raw(|mut stream, _| async move {
        support::read_head(&mut stream).await;
    })
    .await;
    let unavailable =
        Server::raw(|stream, _| answer(stream, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")).await;
    let silent = Server::raw(|mut stream, _| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    for (bad, words) in [
        (&ends, "the server ended the connection without an answer"),
        (&unavailable, "the server answered 503 Service Unavailable, not an upgrade"),
        (&silent, "no connection within 0.3 s"),
    ] {
        let good = Server::echo().await;
        let builder = to([address(bad), address(&good)]).connect_timeout(Duration::from_millis(300));
        let client = builder.build().expect("good settings");
        let mut events = client.events();
        assert_echo(&client).await;
        assert_eq!((bad.accepted(), good.accepted()), (1, 1), "{words}");
        let told = first_words(&mut events).await;
        assert!(told.contains(words) && told.contains(&address(bad).to_string()), "{told}");
    }
}

#[tokio::test]
async fn a_refusal_for_good_at_one_address_is_believed_when_the_others_say_so_too() {
    for status in ["404 Not Found", "400 Bad Request"] {
        let response: &'static str = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").leak();
        let bad = Server::raw(move |stream, _| answer(stream, response)).await;
        let good = Server::echo().await;
        let client = to([address(&bad), address(&good)]).build().expect("good settings");
        assert_echo(&client).await;
        assert_eq!((bad.accepted(), good.accepted()), (1, 1), "{status}");
        let other = Server::raw(move |stream, _| answer(stream, response)).await;
        let client = to([address(&bad), address(&other)]).build().expect("good settings");
        let failure = final_failure(&client).await;
        assert!(matches!(failure.kind, OpenFailureKind::Refused { .. }), "{failure:?}");
        assert_eq!((bad.accepted(), other.accepted()), (2, 1), "{status}: each is asked once");
    }
}

#[tokio::test]
async fn a_connection_that_was_of_no_use_makes_the_next_one_start_at_another_address() {
    let bad = Server::web_socket(|mut socket, _| async move {
        let _ = socket.close(None).await;
        let _ = futures_util::StreamExt::next(&mut socket).await;
    })
    .await;
    let good = Server::echo().await;
    let client = to([address(&bad), address(&good)]).build().expect("good settings");
    soon("the good address", async {
        while good.accepted() == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    assert_echo(&client).await;
    assert_eq!(bad.accepted(), 1);
}

#[tokio::test]
async fn an_address_that_does_not_speak_tls_is_left_for_one_that_does() {
    let issuer = issuer();
    let plain = Server::raw(|stream, _| answer(stream, "HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    let secure = secure::echo(acceptor(&Identity::server(&issuer, "feed.invalid"), Clients::Any)).await;
    let client = hasty("wss://feed.invalid/")
        .no_proxy()
        .root_certificate(issuer.pem())
        .resolve("feed.invalid", 443, [address(&plain), address(&secure)])
        .build()
        .expect("good settings");
    assert_echo(&client).await;
}

#[tokio::test]
async fn when_no_address_can_be_connected_to_each_is_named_with_its_problem() {
    let (one, other) = (nobody().await, nobody().await);
    let failure = first_failure(&to([one, other]).build().expect("good settings")).await;
    let refused = OpenFailureKind::Unreachable { is_proxy: false, problem: ReachProblem::Refused };
    assert_eq!((failure.phase, &failure.kind), (Phase::Tcp, &refused));
    let expected = format!("can't connect to feed.invalid:80 ({one}: connection refused; {other}: connection refused)");
    assert_eq!(failure.detail, expected);
}

#[tokio::test]
async fn a_socks_proxy_is_asked_for_one_address_after_the_other() {
    let server = Server::echo().await;
    let first = SocketAddr::from(([192, 0, 2, 1], 80));
    let second = SocketAddr::from(([192, 0, 2, 2], 80));
    for reply in [Some(5), Some(1), None] {
        let proxy = Proxy::socks_by_place(&server, move |place| match place {
            "192.0.2.1:80" => reply,
            _ => Some(0),
        })
        .await;
        let builder = to([first, second]).proxy(format!("socks5://{}", proxy.place));
        assert_echo(&builder.build().expect("good settings")).await;
        assert_eq!((proxy.next().await, proxy.next().await), (first.to_string(), second.to_string()), "{reply:?}");
    }
    let proxy = Proxy::socks_by_place(&server, |place| Some(if place == "192.0.2.1:80" { 2 } else { 4 })).await;
    let builder = to([first, second]).proxy(format!("socks5://{}", proxy.place));
    let failure = first_failure(&builder.build().expect("good settings")).await;
    assert_eq!(failure.kind, OpenFailureKind::Io, "one of them may heal: {failure:?}");
    assert!(failure.detail.contains("192.0.2.1:80: ") && failure.detail.contains("192.0.2.2:80: "), "{failure:?}");
}
