//! Two people chat while the server is killed and started again, 20 times: no line is lost, doubled or swapped.
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::time::Duration;

use everwire_chat::{ChatClient, Entry};
use everwire_tests::{PATIENCE, Process, free_port};

const KILLS: usize = 20;
const LINES: usize = 600;

fn client(port: u16, name: &str) -> ChatClient {
    ChatClient::builder(format!("ws://127.0.0.1:{port}/ws"), name)
        .user_id(name)
        .room("den")
        .window(4 * LINES)
        .connection(|builder| builder.initial_delay(Duration::from_millis(20)).max_delay(Duration::from_millis(200)))
        .build()
        .expect("settings")
}

async fn server(port: u16, data: &std::path::Path) -> Process {
    let listen = format!("127.0.0.1:{port}");
    let mut server = Process::everwire(&["serve", "--listen", &listen, "--data", data.to_str().expect("a path")]);
    server.address().await;
    server
}

/// Waits until a client's timeline holds what it should.
async fn until(client: &ChatClient, what: &str, fits: impl Fn(&[Entry]) -> bool) {
    let mut updates = client.updates();
    let reached = async {
        while !fits(&client.entries()) {
            updates.next().await.expect("the client lives");
        }
    };
    if tokio::time::timeout(PATIENCE, reached).await.is_err() {
        panic!("{what}: {:?}, {:?}", client.state(), client.entries().last());
    }
}

fn texts<'a>(entries: &'a [Entry], user: &str) -> Vec<&'a str> {
    entries.iter().filter(|entry| entry.user_id == user).map(|entry| entry.text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_is_lost_doubled_or_swapped_over_20_kills_of_the_server() {
    let data = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let mut running = server(port, data.path()).await;
    let (ana, ben) = (client(port, "ana"), client(port, "ben"));

    let mut lines = 0..LINES;
    for kill in 0..KILLS {
        // Some lines before the kill, some while there is no server; the kill comes at another point each time.
        let (before, during) = (lines.len() / (KILLS - kill) / 2, lines.len() / (KILLS - kill) / 2);
        for n in lines.by_ref().take(before) {
            ana.send(n.to_string()).expect("room");
            ben.send(n.to_string()).expect("room");
        }
        let reached = (kill * 13) % (before + 1);
        let first = LINES - lines.len() - before;
        until(&ben, "the lines before the kill", |entries| texts(entries, "ana").len() >= first + reached).await;
        running.kill().await;
        for n in lines.by_ref().take(during) {
            ana.send(n.to_string()).expect("room");
            ben.send(n.to_string()).expect("room");
        }
        running = server(port, data.path()).await;
    }
    for n in lines {
        ana.send(n.to_string()).expect("room");
        ben.send(n.to_string()).expect("room");
    }

    let wanted: Vec<String> = (0..LINES).map(|n| n.to_string()).collect();
    for (client, name) in [(&ana, "ana"), (&ben, "ben")] {
        until(client, name, |entries| entries.iter().filter(|entry| entry.status.is_sent()).count() >= 2 * LINES).await;
        let entries = client.entries();
        assert_eq!(texts(&entries, "ana"), wanted, "ana's lines, seen by {name}");
        assert_eq!(texts(&entries, "ben"), wanted, "ben's lines, seen by {name}");
    }
    let order = |client: &ChatClient| client.entries().into_iter().map(|entry| entry.id).collect::<Vec<_>>();
    assert_eq!(order(&ana), order(&ben), "both see one order");
    assert!(ana.close(PATIENCE).await.is_empty());
    assert!(ben.close(PATIENCE).await.is_empty());
    running.kill().await;
}
