//! Two people chat while the server is killed and started again, 20 times: no line is lost, doubled or swapped.
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::time::Duration;

use everwire_chat::{ChatClient, Entry};
use everwire_tests::chat::{member, texts, until};
use everwire_tests::{PATIENCE, Process, free_port};

const KILLS: usize = 20;
const LINES: usize = 600;

fn client(port: u16, name: &str) -> ChatClient {
    member(port, name, 4 * LINES)
}

async fn server(port: u16, data: &std::path::Path) -> Process {
    let listen = format!("127.0.0.1:{port}");
    let mut server = Process::everwire(&["serve", "--listen", &listen, "--data", data.to_str().expect("a path")]);
    server.address().await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_is_lost_doubled_or_swapped_over_20_kills_of_the_server() {
    let data = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let mut running = server(port, data.path()).await;
    let (ana, ben) = (client(port, "ana"), client(port, "ben"));

    let mut lines = 0..LINES;
    for kill in 0..KILLS {
        // Some lines are sent before the kill, some while there is no server; each kill comes at another point.
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

/// The number of clients in the room.
const PEOPLE: usize = 10;
/// The number of lines of each client between two restarts.
const LINES_PER_ROUND: usize = 12;
/// The number of restarts of the server.
const RESTARTS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn ten_clients_end_with_the_same_timeline_over_restarts_of_the_server_and_cut_connections() {
    let data = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let mut running = server(port, data.path()).await;
    // Half of them connect through a proxy that cuts connections.
    let schedule = data.path().join("cuts.toml");
    std::fs::write(&schedule, CUTS).expect("the schedule is written");
    let entrance = free_port();
    let (listen, to) = (format!("127.0.0.1:{entrance}"), format!("127.0.0.1:{port}"));
    let schedule = schedule.to_str().expect("a path");
    let mut proxy = Process::everwire(&["proxy", "--listen", &listen, "--to", &to, "--schedule", schedule]);
    proxy.line_with(&listen).await;
    let names: Vec<String> = (0..PEOPLE).map(|n| format!("p{n}")).collect();
    let people: Vec<ChatClient> =
        names.iter().enumerate().map(|(n, name)| client(if n % 2 == 0 { port } else { entrance }, name)).collect();

    let mut said = 0;
    for restart in 0..RESTARTS {
        for person in &people {
            (0..LINES_PER_ROUND / 2).for_each(|n| drop(person.send(format!("{}", said + n)).expect("room")));
        }
        let enough = (said * PEOPLE + restart * 7) as u64;
        let far = |entries: &[Entry]| entries.iter().filter_map(|entry| entry.offset).max() >= Some(enough);
        until(&people[restart], "the others' lines", far).await;
        // SIGKILL and SIGTERM take turns.
        if restart % 2 == 0 {
            running.kill().await;
        } else {
            running.terminate().await;
        }
        for person in &people {
            (LINES_PER_ROUND / 2..LINES_PER_ROUND)
                .for_each(|n| drop(person.send(format!("{}", said + n)).expect("room")));
        }
        said += LINES_PER_ROUND;
        running = server(port, data.path()).await;
    }
    let wanted: Vec<String> = (0..said).map(|n| n.to_string()).collect();
    let all = said * PEOPLE;
    let deadline = std::time::Instant::now() + 5 * PATIENCE;
    for person in &people {
        until(person, "the last line", |entries| entries.iter().any(|entry| entry.offset == Some(all as u64))).await;
        // A client that joined late got the latest lines, and loads the earlier ones.
        while let Some(first) = person.entries().into_iter().find(|entry| entry.missing.is_some()) {
            assert!(std::time::Instant::now() < deadline, "all that was said can be loaded");
            // A cut may lose the request or its answer: then the client asks again.
            let _ = person.load_earlier(&first.id);
            let mut updates = person.updates();
            let _ = tokio::time::timeout(Duration::from_millis(200), updates.next()).await;
        }
    }
    let timeline = |person: &ChatClient| {
        person.entries().into_iter().map(|entry| (entry.offset, entry.id, entry.text)).collect::<Vec<_>>()
    };
    let first = timeline(&people[0]);
    assert_eq!(first.len(), all);
    assert!(first.windows(2).all(|pair| pair[0].0 < pair[1].0), "ordered");
    for (person, name) in people.iter().zip(&names) {
        assert_eq!(timeline(person), first, "{name} sees what the first one sees");
        assert_eq!(texts(&people[0].entries(), name), wanted, "{name}'s lines: complete, in order, no doubles");
        assert!(person.entries().iter().all(|entry| entry.missing.is_none() && entry.status.is_sent()), "{name}");
    }
    proxy.kill().await;
    running.kill().await;
}

/// The proxy's schedule: for ten seconds every connection is reset at some point.
const CUTS: &str = r#"
seed = 7
until = "10s"

[[rule]]
name = "torn on the way there"
fault = "cut"
every = 2
after-bytes = "500..9000"
counted = "to-server"

[[rule]]
name = "torn on the way back"
fault = "cut"
every = 3
after-bytes = "2000..60000"
counted = "to-client"
"#;
