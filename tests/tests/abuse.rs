//! Hundreds of megabytes of invalid messages, from clients that send without end and clients that never read: the server's
//! memory stays within its bounds, and two other users can still talk.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::time::Duration;

use everwire_chat::{ChatClient, Entry};
use everwire_tests::{PATIENCE, Process};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// The growth of the server's memory that is allowed: its bounds allow some megabytes for each of a few dozen connections.
const MOST_KIB: u64 = 96 << 10;

fn client(address: &str, name: &str) -> ChatClient {
    ChatClient::builder(format!("ws://{address}/ws"), name).user_id(name).build().expect("settings")
}

async fn until(client: &ChatClient, what: &str, fits: impl Fn(&[Entry]) -> bool) {
    let mut updates = client.updates();
    let reached = async {
        while !fits(&client.entries()) {
            updates.next().await.expect("the client lives");
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{what}: {}", client.state()));
}

async fn enter(address: &str, query: &str) -> Socket {
    connect_async(format!("ws://{address}/ws?{query}")).await.expect("the server takes connections").0
}

/// Sends a text this many times, or until the server ends the connection.
async fn flood(mut socket: Socket, text: String, times: usize) {
    for _ in 0..times {
        if socket.send(Message::text(text.clone())).await.is_err() {
            return;
        }
    }
    let _ = tokio::time::timeout(Duration::from_secs(1), socket.next()).await;
}

/// The peak memory of a process, in KiB.
fn peak(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a figure");
    peak.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_do_not_grow_the_server_s_memory_beyond_its_bounds_and_two_users_can_still_talk() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = data.path().to_str().expect("a path");
    let mut server = Process::everwire(&["serve", "--listen", "127.0.0.1:0", "--data", folder]);
    let address = server.address().await;
    let (ana, ben) = (client(&address, "ana"), client(&address, "ben"));
    let before = peak(&server);
    let talk = async |line: &str| {
        ana.send(line).expect("room");
        until(&ben, line, |entries| entries.iter().any(|entry| entry.text == line)).await;
    };
    talk("before").await;

    // This client never reads, and asks for history without end.
    for n in 0..100 {
        ana.send(format!("{n} {}", "z".repeat(4_000))).expect("room");
    }
    talk("long enough for a page").await;
    let mut deaf = enter(&address, "userId=deaf&after=").await;
    let wish = Message::text(format!(r#"{{"type":"earlier","before":{}}}"#, u64::MAX));
    for _ in 0..2_000 {
        // Stop once the server stops reading.
        if tokio::time::timeout(Duration::from_millis(500), deaf.send(wish.clone())).await.is_err() {
            break;
        }
    }
    // The server answers all earlier requests before the ones that come now.
    let mut reader = enter(&address, "userId=reader&after=").await;
    for _ in 0..200 {
        reader.send(wish.clone()).await.expect("it is read");
        while !reader.next().await.expect("open").expect("open").to_text().unwrap_or_default().contains("history") {}
    }
    let wishes = peak(&server) - before;
    assert!(wishes < MOST_KIB / 4, "{wishes} KiB for one who does not read");
    let long = "x".repeat(60_000);
    let mut floods = tokio::task::JoinSet::new();
    for n in 0..8 {
        let query = format!("userId=eve{n}&after=");
        let line = "y".repeat(16_000);
        for text in [
            "[".repeat(60_000),
            format!(r#"{{"type":"of a later version","x":"{long}"}}"#),
            format!(r#"{{"type":"text","id":"{long}","userId":"eve","userName":"Eve","text":"x","timestamp":1}}"#),
            r#"{"type":"typing","id":"t","userId":"eve","userName":"Eve","isTyping":true,"timestamp":1}"#.to_owned(),
            format!(r#"{{"type":"earlier","before":{},"limit":500}}"#, u64::MAX),
            // All have the same id, so the text is stored once.
            format!(r#"{{"type":"text","id":"e{n}","userId":"eve","userName":"Eve","text":"{line}","timestamp":1}}"#),
        ] {
            let socket = enter(&address, &query).await;
            floods.spawn(flood(socket, text, 400));
        }
    }
    let mut n = 0;
    while floods.join_next().await.is_some() {
        n += 1;
        talk(&format!("during {n}")).await;
    }
    talk("after").await;
    let grown = peak(&server) - before;
    assert!(grown < MOST_KIB, "{grown} KiB");
    assert!(grown > 0, "the measure measures");
    drop(deaf);
    server.kill().await;
}
