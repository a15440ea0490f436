//! A client with a durable outbox and a server with a database, each killed again and again under traffic: every message that
//! the client reported as durable has its effect exactly once, and in order.
//!
//! `EVERWIRE_KILLS` is the number of kills (default 30); `cargo xtask kills` sets it to 500.
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use everwire::{CallError, Client, Execution, SessionMode};
use everwire_tests::{PATIENCE, Process, free_port};
use tokio::process::Command;

const KILLS: u64 = 30;

struct World {
    port: u16,
    folder: tempfile::TempDir,
    lives: u64,
    /// The messages that the client reported as durable, in that order.
    stored: Vec<String>,
}

impl World {
    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    async fn server(&self) -> Process {
        let address = format!("127.0.0.1:{}", self.port);
        let mut server =
            Process::start(Command::new(env!("CARGO_BIN_EXE_effects-server")).args([address, self.file("effects.db")]));
        server.line_with("listening").await;
        server
    }

    async fn client(&mut self) -> Process {
        self.lives += 1;
        let url = format!("ws://127.0.0.1:{}/", self.port);
        let life = format!("{}", self.lives);
        let mut client =
            Process::start(Command::new(env!("CARGO_BIN_EXE_outbox-client")).args([url, self.file("outbox.db"), life]));
        client.line_with("started").await;
        client
    }

    /// Reads this many lines of the client's output.
    async fn listen(&mut self, client: &mut Process, lines: u64) {
        for _ in 0..lines {
            let line = client.line().await;
            self.stored.push(line.strip_prefix("stored ").expect("a message that is durable").to_owned());
        }
    }

    /// Reads the rest of a killed client's output.
    async fn last_words(&mut self, client: &mut Process) {
        for line in client.rest().await {
            self.stored.extend(line.strip_prefix("stored ").map(str::to_owned));
        }
    }
}

/// The database's rows, in the order in which they were written.
fn effects(file: &Path) -> Vec<String> {
    let database = rusqlite::Connection::open(file).expect("the database");
    let mut query = database.prepare("SELECT text FROM effects ORDER BY at").expect("the table");
    let rows = query.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("texts")
}

/// A pseudo-random number from `n`, the same in each run.
fn dice(n: u64) -> u64 {
    n.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

#[tokio::test(flavor = "multi_thread")]
async fn durable_messages_have_their_effects_once_and_in_order_over_many_kills_of_both() {
    let kills = std::env::var("EVERWIRE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let folder = tempfile::tempdir().expect("a folder");
    let mut world = World { port: free_port(), folder, lives: 0, stored: Vec::new() };
    let (mut server, mut client) = (world.server().await, world.client().await);
    for kill in 0..kills {
        // Each kill comes at another point, both in the traffic and in time.
        world.listen(&mut client, dice(kill) % 120).await;
        tokio::time::sleep(Duration::from_micros(dice(kill + 1_000_000) % 8_000)).await;
        match dice(kill + 2_000_000) % 3 {
            0 => {
                // The client sends until its outbox is full.
                server.kill().await;
                tokio::time::sleep(Duration::from_micros(dice(kill + 3_000_000) % 8_000)).await;
                server = world.server().await;
            }
            1 => {
                client.kill().await;
                world.last_words(&mut client).await;
                client = world.client().await;
            }
            _ => {
                server.kill().await;
                client.kill().await;
                world.last_words(&mut client).await;
                (server, client) = (world.server().await, world.client().await);
            }
        }
    }
    client.end_input();
    let mut left = None;
    for line in tokio::time::timeout(PATIENCE, client.rest()).await.expect("it ends in time") {
        match line.strip_prefix("stored ") {
            Some(text) => world.stored.push(text.to_owned()),
            None => left = Some(line),
        }
    }
    assert_eq!(left.as_deref(), Some("left 0 and 0"));
    server.kill().await;

    let effects = effects(Path::new(&world.file("effects.db")));
    let mut places = HashMap::new();
    for (place, text) in effects.iter().enumerate() {
        assert_eq!(places.insert(text, place), None, "{text} was done twice");
    }
    let missing: Vec<_> = world.stored.iter().filter(|text| !places.contains_key(text)).collect();
    assert_eq!(missing, [""; 0], "reported as durable, and never done");
    let order: Vec<(u64, u64)> = effects.iter().map(|text| parts(text)).collect();
    assert!(order.is_sorted(), "what was sent first is done first");
    assert!(world.stored.len() as u64 > kills, "there was traffic: {}", world.stored.len());
    println!("{kills} kills, {} durable, {} done", world.stored.len(), effects.len());
}

/// Tests [C-18] of `docs/calls.md`.
#[tokio::test(flavor = "multi_thread")]
async fn each_call_has_its_effect_once_over_kills_of_the_server() {
    const KILLS: u64 = 8;
    let folder = tempfile::tempdir().expect("a folder");
    let (port, file) = (free_port(), folder.path().join("effects.db"));
    let start = async || {
        let args = [format!("127.0.0.1:{port}"), file.display().to_string(), "calls".to_owned()];
        let mut server = Process::start(Command::new(env!("CARGO_BIN_EXE_effects-server")).args(args));
        server.line_with("listening").await;
        server
    };
    let mut server = start().await;
    let builder = Client::builder(format!("ws://127.0.0.1:{port}/")).session(SessionMode::Require);
    let builder = builder.initial_delay(Duration::from_millis(10)).max_delay(Duration::from_millis(100));
    let client = builder.build().expect("settings");
    let (mut replies, mut taken, mut number) = (0, 0, 0);
    for kill in 0..KILLS {
        let texts: Vec<String> = (number..number + 60).map(|number| format!("1-{number}")).collect();
        number += 60;
        let mut calls: Vec<_> = texts.iter().map(|text| client.call("write", text.as_str())).collect();
        // At another point each time.
        let rest = calls.split_off((dice(kill) % 40) as usize);
        for (call, text) in std::mem::replace(&mut calls, rest).into_iter().zip(&texts) {
            let reply = tokio::time::timeout(PATIENCE, call).await.expect("a reply in time").expect("a reply");
            assert_eq!(reply.as_text(), Some(text.as_str()));
            replies += 1;
        }
        tokio::time::sleep(Duration::from_micros(dice(kill + 1_000_000) % 8_000)).await;
        server.kill().await;
        server = start().await;
        for call in calls {
            match tokio::time::timeout(PATIENCE, call).await.expect("an end in time") {
                Ok(_) => replies += 1,
                // Its reply was lost with the server, but the client knows that it had its effect.
                Err(CallError::Lost(Execution::Taken)) => taken += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    client.close(PATIENCE).await;
    server.kill().await;
    let effects = effects(&file);
    let expected: Vec<String> = (0..number).map(|number| format!("1-{number}")).collect();
    assert_eq!(effects, expected, "each once, in order");
    assert_eq!((replies + taken) as usize, effects.len());
    println!("{KILLS} kills, {replies} replies, {taken} taken without one");
}

/// [C-14], [C-16] of `docs/calls.md`.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_client_finds_its_call_and_its_stream_goes_on_at_the_next_item() {
    /// As in `calls-client`.
    const WINDOW: u64 = 8;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("outbox.db").display().to_string();
    let mut server = Process::start(&mut Command::new(env!("CARGO_BIN_EXE_session-calls")));
    let listening = server.line_with("listening on").await;
    let url = format!("ws://{}/", listening.trim_start_matches("listening on "));
    let start = |begin: Option<&str>| {
        Process::start(Command::new(env!("CARGO_BIN_EXE_calls-client")).args([&*url, &*file]).args(begin))
    };
    let mut client = start(Some("begin"));
    assert_eq!(client.line().await, "found 0");
    let (mut last, mut kills) = (0, 0);
    let (reply, is_killed) = loop {
        let (mut before, mut lines) = (None, 1 + dice(kills) % 40);
        // What it says until it is killed, and what it has said by then.
        let mut said = Vec::new();
        while lines > 0 && !said.iter().any(|line: &String| line.starts_with("reply")) {
            said.push(client.line().await);
            lines -= 1;
        }
        let is_over = said.iter().any(|line| line.starts_with("reply"));
        if !is_over {
            client.kill().await;
            said.extend(client.rest().await);
        }
        for number in said.iter().filter_map(|line| line.strip_prefix("item ")) {
            let (position, item) = number.split_once(' ').expect("a position and an item");
            assert_eq!(position, item);
            let number: u64 = item.parse().expect("a number");
            match before {
                Some(before) => assert_eq!(number, before + 1),
                None => {
                    assert!(number <= last + 1 && number + WINDOW > last, "{number}, and the process before had {last}")
                }
            }
            (last, before) = (last.max(number), Some(number));
        }
        if let Some(reply) = said.iter().find_map(|line| line.strip_prefix("reply ")) {
            break (reply.to_owned(), !is_over);
        }
        kills += 1;
        client = start(None);
        let found = client.line().await;
        assert!(found == "found 2" || last == 400, "{found}");
    };
    assert_eq!((last, &*reply), (400, "42"));
    assert!(kills >= 5, "{kills}");
    if is_killed {
        // That the reply is processed may not be durable.
        client = start(None);
    }
    client.line_with("left 0").await;
    let mut after = start(None);
    assert_eq!(after.line().await, "found 0", "what was processed to its end is not found again");
    after.line_with("left 0").await;
    server.kill().await;
}

/// The number of the client process that sent this text, and the text's number in that process.
fn parts(text: &str) -> (u64, u64) {
    let (life, number) = text.split_once('-').expect("LIFE-NUMBER");
    (life.parse().expect("a number"), number.parse().expect("a number"))
}
