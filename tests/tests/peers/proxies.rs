//! nginx and HAProxy between the Everwire client and server.

use std::time::Duration;

use axum::Router;
use everwire::{Cause, Client, Deflate, EventItem, Message, OpenFailureKind, Outcome, State};
use everwire_tests::{EchoServer, PATIENCE, ProxyKind, ReverseProxy, Seen};

use crate::our_client::{large, next, state};

/// How long a connection may be silent before the proxy drops it: in tests of this, and the usual default.
const SHORT: Duration = Duration::from_secs(4);
const USUAL: Duration = Duration::from_secs(60);

#[tokio::test]
async fn through_nginx_everything_comes_back_compressed() {
    everything_comes_back(ProxyKind::Nginx).await;
}

#[tokio::test]
async fn through_haproxy_everything_comes_back_compressed() {
    everything_comes_back(ProxyKind::HaProxy).await;
}

#[tokio::test]
async fn nginx_drops_a_silent_connection_and_the_heartbeat_keeps_one() {
    the_heartbeat_keeps_it(ProxyKind::Nginx).await;
}

#[tokio::test]
async fn haproxy_drops_a_silent_connection_and_the_heartbeat_keeps_one() {
    the_heartbeat_keeps_it(ProxyKind::HaProxy).await;
}

#[tokio::test]
async fn after_nginx_was_killed_and_started_again_the_client_is_back() {
    back_after_the_proxy_s_death(ProxyKind::Nginx).await;
}

#[tokio::test]
async fn after_haproxy_was_killed_and_started_again_the_client_is_back() {
    back_after_the_proxy_s_death(ProxyKind::HaProxy).await;
}

#[tokio::test]
async fn while_the_server_behind_nginx_is_away_its_502_is_not_taken_for_the_end() {
    back_after_the_server_s_death(ProxyKind::Nginx, 502).await;
}

#[tokio::test]
async fn while_the_server_behind_haproxy_is_away_its_503_is_not_taken_for_the_end() {
    back_after_the_server_s_death(ProxyKind::HaProxy, 503).await;
}

async fn everything_comes_back(kind: ProxyKind) {
    let mut server = EchoServer::start().await;
    let proxy = proxy(kind, server.address(), USUAL).await;
    let client = through(&proxy, Some(Duration::from_secs(30)));
    let mut inbox = client.messages();
    for message in
        [Message::from("Grüße"), vec![0, 255, 16].into(), large(2 << 20).into(), large(3 << 20).into_bytes().into()]
    {
        let delivery = client.send(message.clone()).expect("room");
        assert!(next(&mut inbox).await == message, "what comes back is what was sent");
        assert_eq!(delivery.await, Outcome::Received);
    }
    drop(client.send("!close 4002 enough").expect("room"));
    let lost = state(&client, |state| matches!(state, State::Disconnected { .. })).await;
    assert!(matches!(&lost, State::Disconnected { cause, .. } if cause.code() == Some(4002)), "{lost}");
    state(&client, State::is_connected).await;
    client.close(PATIENCE).await;
    server.sees(Seen::Close(Some((1000, String::new())))).await;
}

async fn the_heartbeat_keeps_it(kind: ProxyKind) {
    let mut server = EchoServer::start().await;
    let proxy = proxy(kind, server.address(), SHORT).await;

    let silent = through(&proxy, None);
    state(&silent, State::is_connected).await;
    let lost = state(&silent, |state| matches!(state, State::Disconnected { .. })).await;
    assert!(matches!(lost, State::Disconnected { cause: Cause::Lost(_), .. }), "{lost}");
    drop(silent);
    server.sees(Seen::Open).await;

    let interval = SHORT / 8;
    let client = through(&proxy, Some(interval));
    let mut events = client.events();
    state(&client, State::is_connected).await;
    server.sees(Seen::Open).await;
    // This many heartbeats take twice the time after which the proxy would drop a silent connection.
    for _ in 0..16 {
        server.sees(Seen::Ping).await;
    }
    let mut inbox = client.messages();
    drop(client.send("still here").expect("room"));
    assert_eq!(next(&mut inbox).await.as_text(), Some("still here"));
    client.close(PATIENCE).await;
    while let Some(event) = events.next().await {
        assert!(!matches!(event, EventItem::State(State::Disconnected { .. })), "{event:?}");
    }
}

async fn back_after_the_proxy_s_death(kind: ProxyKind) {
    let server = EchoServer::start().await;
    let mut proxy = proxy(kind, server.address(), USUAL).await;
    let client = through(&proxy, Some(Duration::from_secs(30)));
    let mut inbox = client.messages();
    drop(client.send("before").expect("room"));
    assert_eq!(next(&mut inbox).await.as_text(), Some("before"));

    proxy.kill().await;
    state(&client, |state| matches!(state, State::Disconnected { .. })).await;
    drop(client.send("meanwhile").expect("room"));
    proxy.start_again().await;
    assert_eq!(next(&mut inbox).await.as_text(), Some("meanwhile"));
}

async fn back_after_the_server_s_death(kind: ProxyKind, status: u16) {
    let server = EchoServer::start().await;
    let address = server.address().to_owned();
    let proxy = proxy(kind, &address, USUAL).await;
    let client = through(&proxy, Some(Duration::from_secs(30)));
    let mut inbox = client.messages();
    state(&client, State::is_connected).await;

    drop(server);
    let refused = state(&client, |state| {
        matches!(state, State::Disconnected { cause: Cause::OpenFailed(failure), .. }
            if matches!(failure.kind, OpenFailureKind::Refused { .. }))
    })
    .await;
    assert!(matches!(&refused, State::Disconnected { cause, .. } if cause.code() == Some(status)), "{refused}");
    drop(client.send("meanwhile").expect("room"));
    let _server = EchoServer::listen(&address, Router::new()).await;
    assert_eq!(next(&mut inbox).await.as_text(), Some("meanwhile"));
}

async fn proxy(kind: ProxyKind, server: &str, idle: Duration) -> ReverseProxy {
    ReverseProxy::start(kind, |port| match kind {
        ProxyKind::Nginx => nginx_settings(port, server, idle.as_secs()),
        ProxyKind::HaProxy => haproxy_settings(port, server, idle.as_secs()),
    })
    .await
}

/// A client that goes through a proxy.
fn through(proxy: &ReverseProxy, heartbeat: Option<Duration>) -> Client {
    Client::builder(format!("ws://127.0.0.1:{}/", proxy.port))
        .compression(Deflate::default())
        .heartbeat_interval(heartbeat)
        .initial_delay(Duration::from_millis(100))
        .max_delay(Duration::from_millis(100))
        .build()
        .expect("settings")
}

fn nginx_settings(port: u16, server: &str, idle: u64) -> String {
    format!(
        "server {{
            listen 127.0.0.1:{port};
            location / {{
                proxy_pass http://{server};
                proxy_http_version 1.1;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection upgrade;
                proxy_set_header Host $http_host;
                proxy_read_timeout {idle}s;
                proxy_send_timeout {idle}s;
            }}
        }}"
    )
}

fn haproxy_settings(port: u16, server: &str, idle: u64) -> String {
    format!(
        "defaults
            mode http
            timeout connect 10s
            timeout client 60s
            timeout server 60s
            timeout tunnel {idle}s
            retries 0
        listen websockets
            bind 127.0.0.1:{port}
            server one {server}\n"
    )
}
