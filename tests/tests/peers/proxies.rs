//! nginx and HAProxy, the usual ways into a data centre, between our client and our server.

use std::time::Duration;

use axum::Router;
use everwire::{Cause, Client, Deflate, EventItem, Message, OpenFailureKind, Outcome, State};
use everwire_tests::{EchoServer, PATIENCE, Process, Seen, free_port};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::our_client::{large, next, state};

/// After so long without a byte the proxies drop a connection, here and in data centres.
const SHORT: Duration = Duration::from_secs(4);
const USUAL: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
enum Kind {
    Nginx,
    HaProxy,
}

#[tokio::test]
async fn through_nginx_everything_comes_back_compressed() {
    everything_comes_back(Kind::Nginx).await;
}

#[tokio::test]
async fn through_haproxy_everything_comes_back_compressed() {
    everything_comes_back(Kind::HaProxy).await;
}

#[tokio::test]
async fn nginx_drops_a_silent_connection_and_the_heartbeat_keeps_one() {
    the_heartbeat_keeps_it(Kind::Nginx).await;
}

#[tokio::test]
async fn haproxy_drops_a_silent_connection_and_the_heartbeat_keeps_one() {
    the_heartbeat_keeps_it(Kind::HaProxy).await;
}

#[tokio::test]
async fn after_nginx_was_killed_and_started_again_the_client_is_back() {
    back_after_the_proxy_s_death(Kind::Nginx).await;
}

#[tokio::test]
async fn after_haproxy_was_killed_and_started_again_the_client_is_back() {
    back_after_the_proxy_s_death(Kind::HaProxy).await;
}

#[tokio::test]
async fn while_the_server_behind_nginx_is_away_its_502_is_not_taken_for_the_end() {
    back_after_the_server_s_death(Kind::Nginx, 502).await;
}

#[tokio::test]
async fn while_the_server_behind_haproxy_is_away_its_503_is_not_taken_for_the_end() {
    back_after_the_server_s_death(Kind::HaProxy, 503).await;
}

async fn everything_comes_back(kind: Kind) {
    let mut server = EchoServer::start().await;
    let proxy = Proxy::start(kind, server.address(), USUAL).await;
    let client = proxy.client(Some(Duration::from_secs(30)));
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

async fn the_heartbeat_keeps_it(kind: Kind) {
    let mut server = EchoServer::start().await;
    let proxy = Proxy::start(kind, server.address(), SHORT).await;

    let silent = proxy.client(None);
    state(&silent, State::is_connected).await;
    let lost = state(&silent, |state| matches!(state, State::Disconnected { .. })).await;
    assert!(matches!(lost, State::Disconnected { cause: Cause::Lost(_), .. }), "{lost}");
    drop(silent);
    server.sees(Seen::Open).await;

    let interval = SHORT / 8;
    let client = proxy.client(Some(interval));
    let mut events = client.events();
    state(&client, State::is_connected).await;
    server.sees(Seen::Open).await;
    // So many heartbeats take twice the time after which the proxy would drop a silent connection.
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

async fn back_after_the_proxy_s_death(kind: Kind) {
    let server = EchoServer::start().await;
    let mut proxy = Proxy::start(kind, server.address(), USUAL).await;
    let client = proxy.client(Some(Duration::from_secs(30)));
    let mut inbox = client.messages();
    drop(client.send("before").expect("room"));
    assert_eq!(next(&mut inbox).await.as_text(), Some("before"));

    proxy.process.kill().await;
    state(&client, |state| matches!(state, State::Disconnected { .. })).await;
    drop(client.send("meanwhile").expect("room"));
    proxy.restart().await;
    assert_eq!(next(&mut inbox).await.as_text(), Some("meanwhile"));
}

async fn back_after_the_server_s_death(kind: Kind, status: u16) {
    let server = EchoServer::start().await;
    let address = server.address().to_owned();
    let proxy = Proxy::start(kind, &address, USUAL).await;
    let client = proxy.client(Some(Duration::from_secs(30)));
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

/// A proxy in a process and a folder of its own.
struct Proxy {
    kind: Kind,
    port: u16,
    folder: TempDir,
    process: Process,
}

impl Proxy {
    async fn start(kind: Kind, server: &str, idle: Duration) -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().expect("a folder"));
        let settings = match kind {
            Kind::Nginx => nginx_settings(port, server, idle.as_secs()),
            Kind::HaProxy => haproxy_settings(port, server, idle.as_secs()),
        };
        std::fs::write(folder.path().join("settings"), settings).expect("a writable folder");
        let process = start(kind, &folder);
        let mut proxy = Self { kind, port, folder, process };
        proxy.listens().await;
        proxy
    }

    async fn restart(&mut self) {
        self.process = start(self.kind, &self.folder);
        self.listens().await;
    }

    fn client(&self, heartbeat: Option<Duration>) -> Client {
        Client::builder(format!("ws://127.0.0.1:{}/", self.port))
            .compression(Deflate::default())
            .heartbeat_interval(heartbeat)
            .initial_delay(Duration::from_millis(100))
            .max_delay(Duration::from_millis(100))
            .build()
            .expect("settings")
    }

    async fn listens(&mut self) {
        let address = ("127.0.0.1", self.port);
        let connects = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            listens = tokio::time::timeout(PATIENCE, connects) => listens.expect("the proxy listens in time"),
            code = self.process.exit_code() => panic!("the proxy ended ({code}); its last words are above"),
        }
    }
}

fn start(kind: Kind, folder: &TempDir) -> Process {
    let (folder, settings) = (folder.path(), folder.path().join("settings"));
    let mut command = match kind {
        Kind::Nginx => Command::new("nginx"),
        Kind::HaProxy => Command::new("haproxy"),
    };
    match kind {
        Kind::Nginx => command.arg("-p").arg(folder).arg("-e").arg(folder.join("log")).arg("-c").arg(settings),
        Kind::HaProxy => command.arg("-db").arg("-f").arg(settings),
    };
    // Both are daemons' programs, and in Debian on root's path only.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    Process::start(command.env("PATH", path))
}

/// One process, so that killing it ends its connections.
fn nginx_settings(port: u16, server: &str, idle: u64) -> String {
    format!(
        "daemon off; master_process off; pid nginx.pid;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            server {{
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
