//! What is known of an opening, and how TCP is set up.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use everwire::rustls::ProtocolVersion;
use everwire::{BuildError, Client, Opening};
use support::proxy::{Proxy, address};
use support::secure::{self, Clients, Identity, acceptor, issuer};
use support::{Server, connected, hasty};

async fn opening(client: &Client) -> Opening {
    connected(client).await;
    client.stats().opening.expect("it is connected")
}

#[tokio::test]
async fn before_the_first_connection_there_is_no_opening_and_afterwards_that_of_the_last() {
    let server = Server::echo().await;
    let client = hasty(&server.url).connect_on_build(false).build().expect("good settings");
    assert_eq!(client.stats().opening, None);
    client.connect();
    let opening = opening(&client).await;
    client.disconnect();
    assert_eq!(client.stats().opening, Some(opening));
}

#[tokio::test]
async fn a_plain_opening_by_address_is_tcp_and_upgrade() {
    let server = Server::echo().await;
    let url = format!("{}feed?token=secret", server.url.replace("ws://", "ws://ana:secret@"));
    let opening = opening(&hasty(&url).build().expect("good settings")).await;
    assert_eq!((opening.dns, opening.proxy, opening.tls), (None, None, None));
    assert!(opening.tcp > Duration::ZERO && opening.upgrade > Duration::ZERO, "{opening:?}");
    assert_eq!(opening.request + opening.tcp + opening.upgrade, opening.total);
    assert_eq!((opening.redirects, opening.address), (0, Some(address(&server))));
    assert_eq!((opening.via, opening.tls_version, opening.alpn), (None, None, None));
    assert_eq!(opening.url, format!("{}feed", server.url));
}

#[tokio::test]
async fn an_opening_with_everything_has_a_time_for_everything() {
    let issuer = issuer();
    let server = secure::echo(acceptor(&Identity::server(&issuer, "feed.invalid"), Clients::Any)).await;
    let proxy = Proxy::open(&server).await;
    let client = hasty("wss://feed.invalid/")
        .proxy(format!("http://ana:secret@{}", proxy.place.replace("127.0.0.1", "localhost")))
        .root_certificate(issuer.pem())
        .before_attempt(async |request| {
            tokio::task::yield_now().await;
            Ok(request)
        })
        .build()
        .expect("good settings");
    let opening = opening(&client).await;
    let parts = [Some(opening.request), opening.dns, Some(opening.tcp), opening.proxy, opening.tls];
    let parts = parts.map(|time| time.expect("a phase that was gone through"));
    assert!(parts.iter().all(|time| *time > Duration::ZERO), "{opening:?}");
    assert_eq!(parts.iter().sum::<Duration>() + opening.upgrade, opening.total);
    assert_eq!(opening.tls_version, Some(ProtocolVersion::TLSv1_3));
    assert_eq!(opening.alpn.as_deref(), Some("http/1.1"));
    let shown = format!("{opening} {opening:?}");
    assert!(shown.contains(", by http://localhost:") && !shown.contains("secret"), "{shown}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_local_address_is_where_connections_come_from() {
    let (sender, mut peers) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::raw(move |stream, _| {
        let _ = sender.send(stream.peer_addr().expect("an address").ip().to_string());
        async move {
            if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
                support::echo(socket).await;
            }
        }
    })
    .await;
    let address = "127.0.0.2".parse().expect("an address");
    let client = hasty(&server.url).local_address(address).build().expect("good settings");
    connected(&client).await;
    assert_eq!(peers.recv().await.as_deref(), Some("127.0.0.2"));
}

#[tokio::test]
async fn a_keepalive_that_tcp_can_not_count_is_refused() {
    for idle in [Duration::ZERO, Duration::from_millis(999), Duration::from_secs(10 * 3600)] {
        let error =
            Client::builder("ws://localhost/").tcp_keepalive(Some(idle)).build().expect_err("too short or long");
        assert_eq!(error.to_string(), "tcp_keepalive: must be from 1 s to 9 h");
    }
}

#[tokio::test]
async fn a_proxy_that_can_not_be_used_is_told_when_the_client_is_built() {
    let error = Client::builder("ws://localhost/").proxy("socks4://ana:secret@p").build().expect_err("unknown");
    assert!(matches!(&error, BuildError::Proxy(_)) && error.to_string().starts_with("`socks4`"), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("secret"));
}
