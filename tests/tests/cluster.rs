//! Several nodes that serve the same rooms over one NATS server, from the users' view.
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use everwire_chat::ChatClient;
use everwire_tests::chat::{member, texts, until};
use everwire_tests::{PATIENCE, Process, everwire, free_port, nats_server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// The number of lines of each of two users between two faults.
const LINES: usize = 40;

struct Nats {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Nats {
    async fn start(folder: &Path, port: u16) -> Self {
        let process = Command::new(nats_server())
            .args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--jetstream", "--store_dir"])
            .arg(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("nats-server starts");
        let listens = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, listens).await.expect("nats-server listens in time");
        Self { process, folder: folder.to_owned(), port }
    }

    async fn kill_and_start_again(&mut self) {
        self.process.kill().await.expect("it can be killed");
        *self = Self::start(&self.folder.clone(), self.port).await;
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    async fn node(&self, port: u16, data: &Path) -> Process {
        self.node_with(port, data, "none").await
    }

    async fn node_with(&self, port: u16, data: &Path, auth: &str) -> Process {
        let mut node = Process::everwire(&[
            "serve",
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--data",
            data.to_str().expect("a path"),
            "--cluster",
            &self.url(),
            "--cluster-replicas",
            "1",
            "--cluster-accept-sync",
            "--auth",
            auth,
        ]);
        node.address().await;
        node
    }
}

fn client(port: u16, name: &str) -> ChatClient {
    member(port, name, 40 * LINES)
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_two_nodes_hear_every_line_once_and_in_one_order_over_kills_of_nodes_and_broker() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut nats = Nats::start(&folder.path().join("nats"), free_port()).await;
    let ports = [free_port(), free_port()];
    let data = ["one", "two"].map(|name| folder.path().join(name));
    let mut nodes = [nats.node(ports[0], &data[0]).await, nats.node(ports[1], &data[1]).await];
    let (ana, ben) = (client(ports[0], "ana"), client(ports[1], "ben"));
    let mut sent = 0;
    for fault in 0..4 {
        for n in sent..sent + LINES {
            ana.send(n.to_string()).expect("room");
            ben.send(n.to_string()).expect("room");
        }
        sent += LINES;
        match fault {
            0 | 1 => {
                nodes[fault].kill().await;
                nodes[fault] = nats.node(ports[fault], &data[fault]).await;
            }
            2 => nats.kill_and_start_again().await,
            _ => {}
        }
        for (who, other) in [(&ana, "ben"), (&ben, "ana")] {
            until(who, "the other's lines", |entries| texts(entries, other).len() >= sent).await;
        }
    }
    let expected: Vec<String> = (0..sent).map(|n| n.to_string()).collect();
    for who in [&ana, &ben] {
        until(who, "all lines", |entries| entries.iter().filter(|entry| entry.offset.is_some()).count() >= 2 * sent)
            .await;
        let entries = who.entries();
        for user in ["ana", "ben"] {
            assert_eq!(texts(&entries, user), expected, "every line of {user} once, and in its order");
        }
    }
    let order = |who: &ChatClient| -> Vec<(Option<u64>, String)> {
        let mut lines: Vec<_> = who.entries().iter().map(|entry| (entry.offset, entry.id.clone())).collect();
        lines.sort();
        lines
    };
    assert_eq!(order(&ana), order(&ben), "both nodes give the same lines the same places");
    let offsets: Vec<u64> = order(&ana).iter().filter_map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, (1..=2 * sent as u64).collect::<Vec<_>>(), "and leave none out");
}

/// Runs `everwire user` for the cluster.
async fn user(nats: &Nats, args: &[&str], input: &str) -> String {
    let mut command = Command::new(everwire());
    command.arg("user").args(args).args(["--cluster", &nats.url()]).env("NO_COLOR", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).await.expect("it reads");
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("in time").expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Signs in at a node, and returns the token.
async fn sign_in(port: u16, user: &str, password: &str) -> String {
    let body = format!("{{\"user\":\"{user}\",\"password\":\"{password}\"}}");
    let request = format!(
        "POST /api/sign-in HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let until = Instant::now() + PATIENCE;
    loop {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("the node listens");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        if let Some(token) = answer.split("\"token\":\"").nth(1).and_then(|rest| rest.split('"').next()) {
            return token.to_owned();
        }
        // The account reaches the node a moment later.
        assert!(Instant::now() < until, "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_at_one_node_holds_at_the_other_and_a_ban_ends_the_connection_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let nats = Nats::start(&folder.path().join("nats"), free_port()).await;
    let ports = [free_port(), free_port()];
    let _nodes = [
        nats.node_with(ports[0], &folder.path().join("one"), "accounts").await,
        nats.node_with(ports[1], &folder.path().join("two"), "accounts").await,
    ];
    user(&nats, &["add", "ana", "--name", "Ana"], "correct horse battery\n").await;
    assert_eq!(user(&nats, &["list"], "").await, "ana\tAna\n");
    let token = sign_in(ports[0], "ana", "correct horse battery").await;
    let url = format!("ws://127.0.0.1:{}/ws?room=den&token={token}", ports[1]);
    // The sign-in reaches the other node a moment later.
    let until = Instant::now() + PATIENCE;
    let mut ana = loop {
        match tokio_tungstenite::connect_async(&url).await {
            Ok((ana, _)) => break ana,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    user(&nats, &["ban", "ana"], "").await;
    let sent_away = async {
        while let Some(Ok(message)) = futures_util::StreamExt::next(&mut ana).await {
            if let tokio_tungstenite::tungstenite::Message::Close(Some(frame)) = message {
                return u16::from(frame.code);
            }
        }
        panic!("cut without a word");
    };
    assert_eq!(tokio::time::timeout(PATIENCE, sent_away).await.expect("in time"), 1008);
    assert!(tokio_tungstenite::connect_async(&url).await.is_err(), "and may not come back");
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn enter(port: u16, user: &str) -> Socket {
    let url = format!("ws://127.0.0.1:{port}/ws?room=den&userId={user}&userName={user}&after=");
    tokio_tungstenite::connect_async(url).await.expect("it may come in").0
}

async fn say(socket: &mut Socket, text: String) {
    let message = tokio_tungstenite::tungstenite::Message::from(text);
    futures_util::SinkExt::send(socket, message).await.expect("the node listens");
}

/// Reads until the node sends something that fits.
async fn hear(socket: &mut Socket, what: &str, fits: impl Fn(&serde_json::Value) -> bool) {
    let heard = async {
        while let Some(Ok(message)) = futures_util::StreamExt::next(socket).await {
            let Ok(text) = message.to_text() else { continue };
            let Ok(said) = serde_json::from_str::<serde_json::Value>(text) else { continue };
            let events = said.as_array().cloned().unwrap_or_else(|| vec![said]);
            if events.iter().any(&fits) {
                return;
            }
        }
        panic!("cut before: {what}");
    };
    tokio::time::timeout(PATIENCE, heard).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_another_node_are_shown_with_typing_and_receipts_and_leave_when_their_node_dies() {
    let folder = tempfile::tempdir().expect("a folder");
    let nats = Nats::start(&folder.path().join("nats"), free_port()).await;
    let ports = [free_port(), free_port(), free_port()];
    let mut first = nats.node(ports[0], &folder.path().join("one")).await;
    let _second = nats.node(ports[1], &folder.path().join("two")).await;
    let of_ana =
        |kind: &'static str| move |event: &serde_json::Value| event["type"] == kind && event["userId"] == "ana";
    let mut ben = enter(ports[1], "ben").await;
    let mut ana = enter(ports[0], "ana").await;
    hear(&mut ben, "that ana has come", of_ana("user_joined")).await;
    say(&mut ana, r#"{"type":"typing","id":"t","userId":"ana","userName":"ana","isTyping":true,"timestamp":1}"#.into())
        .await;
    hear(&mut ben, "that ana types", of_ana("typing")).await;
    say(&mut ana, r#"{"type":"text","id":"1","userId":"ana","userName":"ana","text":"hi","timestamp":1}"#.into()).await;
    hear(&mut ben, "ana's line", of_ana("text")).await;
    say(&mut ben, r#"{"type":"receipt","delivered":1,"read":1}"#.into()).await;
    hear(&mut ana, "that ben has read it", |event| event["type"] == "receipt" && event["read"] == 1).await;
    // A member who joins a third node gets the users of the other nodes.
    let mut third = nats.node(ports[2], &folder.path().join("three")).await;
    let mut cleo = enter(ports[2], "cleo").await;
    hear(&mut ben, "that cleo has come", |event| event["type"] == "user_joined" && event["userId"] == "cleo").await;
    hear(&mut cleo, "of ana", |event| event.to_string().contains("\"ana\"")).await;
    third.terminate().await;
    hear(&mut ben, "that cleo has left", |event| event["type"] == "user_left" && event["userId"] == "cleo").await;
    first.kill().await;
    let died = Instant::now();
    hear(&mut ben, "that ana has left", of_ana("user_left")).await;
    assert!(died.elapsed() < Duration::from_secs(30), "{:?}", died.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_away_learns_what_a_user_has_read_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    let nats = Nats::start(&folder.path().join("nats"), free_port()).await;
    let ports = [free_port(), free_port()];
    let _first = nats.node(ports[0], &folder.path().join("one")).await;
    let mut second = nats.node(ports[1], &folder.path().join("two")).await;
    let mut ben = enter(ports[0], "ben").await;
    let line =
        |id: u8| format!(r#"{{"type":"text","id":"{id}","userId":"ben","userName":"ben","text":"hi","timestamp":1}}"#);
    let offset = |offset: u64| move |event: &serde_json::Value| event["type"] == "text" && event["offset"] == offset;
    // The second node knows how far ana has read.
    let mut there = enter(ports[1], "ana").await;
    say(&mut ben, line(1)).await;
    hear(&mut there, "ben's first line", offset(1)).await;
    say(&mut there, r#"{"type":"receipt","delivered":1,"read":1}"#.into()).await;
    hear(&mut ben, "that ana has read it", |event| event["type"] == "receipt" && event["read"] == 1).await;
    drop(there);
    second.terminate().await;
    let mut here = enter(ports[0], "ana").await;
    say(&mut ben, line(2)).await;
    hear(&mut here, "ben's second line", offset(2)).await;
    say(&mut here, r#"{"type":"receipt","delivered":2,"read":2}"#.into()).await;
    hear(&mut ben, "that ana has read it", |event| event["type"] == "receipt" && event["read"] == 2).await;
    drop(here);
    second = nats.node(ports[1], &folder.path().join("two")).await;
    let mut there = enter(ports[1], "ana").await;
    let is_read = |event: &serde_json::Value| match event["type"].as_str() {
        Some("sync") => event["read"] == 2 && event["unread"] == 0,
        Some("read_position") => event["offset"] == 2,
        _ => false,
    };
    hear(&mut there, "that ana has read it elsewhere", is_read).await;
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_names_every_metric_of_a_node_with_its_type() {
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/serve.md")).expect("the document");
    let rows = document.lines().filter(|row| row.starts_with("| `everwire_"));
    let mut documented: Vec<_> = rows.map(|row| row.split(" | ").take(2).collect::<Vec<_>>().join(" ")).collect();
    documented.sort();
    let folder = tempfile::tempdir().expect("a folder");
    let nats = Nats::start(&folder.path().join("nats"), free_port()).await;
    let port = free_port();
    let _node = nats.node(port, &folder.path().join("one")).await;
    // Metrics with a label exist once they have counted something.
    drop(enter(port, "ana").await);
    let told = async {
        loop {
            let metrics = get(port, "/metrics").await;
            if metrics.contains("everwire_members_ended_total{") {
                break metrics;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let metrics = tokio::time::timeout(PATIENCE, told).await.expect("ana has left in time");
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let mut told: Vec<_> = types.map(|(name, kind)| format!("| `{name}` {kind}")).collect();
    told.sort();
    assert_eq!(told, documented);
}

async fn get(port: u16, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("the node listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers in UTF-8");
    answer
}
