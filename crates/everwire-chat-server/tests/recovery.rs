//! Nothing is lost, doubled or swapped, whatever happens to connections and servers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "its helpers are test code as well")]

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use everwire_chat::{ChatClient, Entry, LoadError, Missing};
use everwire_chat_server::ServerConfig;
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::json;
use support::{Plain, SOON, Server, events, soon, text, with_data};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;

fn client(address: SocketAddr, name: &str) -> ChatClient {
    ChatClient::builder(format!("ws://{address}/ws"), name)
        .user_id(name)
        .window(100_000)
        .connection(|builder| builder.initial_delay(Duration::from_millis(10)).max_delay(Duration::from_millis(50)))
        .build()
        .unwrap()
}

async fn until(client: &ChatClient, what: &str, fits: impl Fn(&[Entry]) -> bool) {
    let deadline = Instant::now() + SOON;
    let mut updates = client.updates();
    while !fits(&client.entries()) {
        if timeout(deadline - Instant::now(), updates.next()).await.is_err() {
            panic!("not in time: {what}; {}; {} entries", client.state(), client.entries().len());
        }
    }
}

fn texts<'a>(entries: &'a [Entry], user: &str) -> Vec<&'a str> {
    entries.iter().filter(|entry| entry.user_id == user).map(|entry| entry.text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_is_lost_doubled_or_swapped_while_the_server_is_dropped_and_started_anew() {
    const ROUNDS: usize = 12;
    const LINES: usize = 40;
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(with_data(data.path())).await;
    let address = server.address;
    let (ana, ben) = (client(address, "ana"), client(address, "ben"));
    for round in 0..ROUNDS {
        for n in 0..LINES {
            let line = format!("{round}.{n}");
            ana.send(&*line).unwrap();
            ben.send(&*line).unwrap();
            // At another point of the traffic in each round.
            if n == round * 3 {
                until(&ben, "some of it", |entries| texts(entries, "ana").len() > round * LINES + n / 2).await;
                server.kill();
                server = Server::on(address, with_data(data.path())).await;
            }
        }
    }
    let wanted: Vec<String> = (0..ROUNDS).flat_map(|round| (0..LINES).map(move |n| format!("{round}.{n}"))).collect();
    let all =
        |entries: &[Entry]| entries.len() >= 2 * wanted.len() && entries.iter().all(|entry| entry.status.is_sent());
    until(&ana, "everything at ana's", all).await;
    until(&ben, "everything at ben's", all).await;
    for (client, whose) in [(&ana, "ana"), (&ben, "ben")] {
        let entries = client.entries();
        assert_eq!(texts(&entries, "ana"), wanted, "ana's lines at {whose}'s");
        assert_eq!(texts(&entries, "ben"), wanted, "ben's lines at {whose}'s");
    }
    let order = |client: &ChatClient| client.entries().into_iter().map(|entry| entry.id).collect::<Vec<_>>();
    assert_eq!(order(&ana), order(&ben), "both read the same conversation");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_said_without_a_server_arrive_once_and_in_order_however_many() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(with_data(data.path())).await;
    let address = server.address;
    let (ana, ben) = (client(address, "ana"), client(address, "ben"));
    ana.send("0").unwrap();
    until(&ben, "the first line", |entries| entries.len() == 1).await;
    server.kill();
    for n in 1..=5000 {
        ana.send(n.to_string()).unwrap();
    }
    let _server = Server::on(address, with_data(data.path())).await;
    until(&ben, "all lines", |entries| entries.len() > 5000).await;
    let wanted: Vec<String> = (0..=5000).map(|n| n.to_string()).collect();
    assert_eq!(texts(&ben.entries(), "ana"), wanted);
    assert!(ana.close(SOON).await.is_empty(), "nothing is left that is not known to be sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_sent_again_over_a_restart_is_the_same_message() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(with_data(data.path())).await;
    let address = server.address;
    let mut ben = Plain::join(&server, "userId=ben&after=").await;
    ben.next().await;
    ben.say(&text("1", "ben", "once")).await;
    assert_eq!(ben.next().await, json!({"type": "stored", "id": "1", "offset": 1}));
    server.kill();

    let server = Server::on(address, with_data(data.path())).await;
    let mut ana = Plain::join(&server, "userId=ana").await;
    ana.barrier().await;
    let mut ben = Plain::join(&server, "userId=ben&after=").await;
    assert_eq!((ben.brief().await, ben.brief().await), ("sync".into(), "text ben once".into()));
    assert_eq!(ana.brief().await, "user_joined ben");
    ben.say(&text("1", "ben", "once")).await;
    assert_eq!(ben.next().await, json!({"type": "stored", "id": "1", "offset": 1}));
    ana.barrier().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pong_means_that_everything_before_its_ping_survives() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(with_data(data.path())).await;
    let address = server.address;
    let (mut sent, mut proven) = (0_u64, 0);
    for round in 0..10 {
        let mut ben = Plain::join(&server, "userId=ben").await;
        let mut pongs = 0;
        // Killed with some pings answered and some not.
        while pongs <= round {
            for _ in 0..20 {
                sent += 1;
                let line = text(&sent.to_string(), "ben", "x").to_string();
                ben.socket.feed(Message::text(line)).await.unwrap();
            }
            ben.send(Message::Ping(sent.to_string().into_bytes().into())).await;
            if let Ok(Some(Ok(Message::Pong(payload)))) = timeout(SOON, ben.socket.next()).await {
                proven = String::from_utf8(payload.to_vec()).unwrap().parse().unwrap();
                pongs += 1;
            }
        }
        server.kill();
        server = Server::on(address, with_data(data.path())).await;
        let epoch = Plain::join(&server, "after=").await.next().await["epoch"].as_str().unwrap().to_owned();
        let mut reader = Plain::join(&server, &format!("after={epoch}:0")).await;
        let end = reader.next().await["offset"].as_u64().unwrap();
        let mut ids = std::collections::BTreeSet::new();
        for _ in 0..end {
            ids.insert(reader.next().await["id"].as_str().unwrap().parse::<u64>().unwrap());
        }
        assert!((1..=proven).all(|id| ids.contains(&id)), "round {round}: {proven} proven, {end} stored");
    }
}

/// Sends seven lines and three pings in one go while nothing can be stored; returns in how many commits they were stored
/// afterwards. `None` if it took too long to read them: posts that can't be stored for a second fail.
async fn commits_of_a_backlog_with_pings(server: &Server, ana: &mut Plain, data: &Path, ids: &str) -> Option<u64> {
    let commits = async || {
        let metrics = server.metrics().await;
        let count = metrics.lines().find_map(|line| line.strip_prefix("everwire_commit_messages_count ")).unwrap();
        count.parse::<u64>().unwrap()
    };
    let mut ben = Plain::join(server, "userId=ben&after=").await;
    assert_eq!(ben.brief().await, "sync");
    let before = commits().await;
    let history = rusqlite::Connection::open(data.join("history.sqlite")).unwrap();
    history.execute_batch("BEGIN IMMEDIATE").unwrap();
    for number in 1..=7 {
        ben.socket.feed(Message::text(text(&format!("{ids}{number}"), "ben", "x").to_string())).await.unwrap();
        if matches!(number, 1 | 3 | 7) {
            ben.socket.feed(Message::Ping(number.to_string().into())).await.unwrap();
        }
    }
    ben.say(&json!({"type": "presence", "userId": "ben", "userName": "ben", "away": true})).await;
    let away = json!({"type": "presence", "userId": "ben", "userName": "ben", "away": true});
    while ana.next().await != away {}
    let said = ben.socket.next().now_or_never();
    history.execute_batch("ROLLBACK").unwrap();
    if said.is_some() {
        return None;
    }
    let (mut stored, mut pongs) = (0, Vec::new());
    while pongs.len() < 3 {
        match ben.raw().await {
            Message::Text(said) => stored += events(&said).iter().filter(|event| event["type"] == "stored").count(),
            Message::Pong(payload) => {
                let behind = std::str::from_utf8(&payload).unwrap().parse().unwrap();
                assert!(stored >= behind, "a pong overtakes what it speaks for: {stored} are stored of {behind}");
                pongs.push(behind);
            }
            Message::Close(_) => return None,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pongs, [1, 3, 7], "each ping is answered");
    Some(commits().await - before)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_with_pings_in_between_is_read_in_one_go_and_stored_in_two() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(with_data(data.path())).await;
    let mut ana = Plain::join(&server, "userId=ana&after=").await;
    let deadline = Instant::now() + SOON;
    for ids in 0.. {
        let ids = format!("{ids}.");
        if let Some(commits) = commits_of_a_backlog_with_pings(&server, &mut ana, data.path(), &ids).await {
            // The first takes what has come by then, the second all that came meanwhile.
            assert!(commits <= 2, "{commits} commits");
            return;
        }
        assert!(Instant::now() < deadline, "a backlog is not read while the first of it is being stored");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn catching_up_while_others_speak_leaves_no_gap_and_repeats_nothing() {
    const LINES: u64 = 3000;
    let server = Server::start(ServerConfig::default()).await;
    let epoch = Plain::join(&server, "after=").await.next().await["epoch"].as_str().unwrap().to_owned();
    let mut ben = Plain::named(&server, "ben").await;
    let speaking = async {
        for n in 1..=LINES {
            ben.say(&text(&n.to_string(), "ben", "x")).await;
            if n % 100 == 0 {
                ben.barrier().await;
            }
        }
    };
    let listening = async {
        let mut seen = 0;
        // Leaves again and again at odd places, and goes on from there.
        while seen < LINES {
            let mut ana = Plain::join(&server, &format!("after={epoch}:{seen}")).await;
            assert_eq!(ana.brief().await, "sync");
            let stay = (seen * 7919) % 211 + 1;
            for _ in 0..stay.min(LINES - seen) {
                let line = ana.next().await;
                assert_eq!(line["offset"], json!(seen + 1));
                seen += 1;
            }
        }
    };
    soon("both are done", async { tokio::join!(speaking, listening) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_restored_from_an_older_copy_is_read_from_there() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(with_data(data.path())).await;
    let address = server.address;
    let (ana, ben) = (client(address, "ana"), client(address, "ben"));
    ana.send("kept").unwrap();
    until(&ben, "the first line", |entries| entries.len() == 1).await;
    server.stop().await;
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(data.path().join("history.sqlite"), copy.path().join("history.sqlite")).unwrap();

    let server = Server::on(address, with_data(data.path())).await;
    for n in 0..5 {
        ana.send(format!("forgotten {n}")).unwrap();
    }
    until(&ben, "more lines", |entries| entries.len() == 6).await;
    server.stop().await;

    let server = Server::on(address, with_data(copy.path())).await;
    ana.send("new 1").unwrap();
    until(&ben, "a line of the restored history", |entries| texts(entries, "ana").contains(&"new 1")).await;
    // What comes now has offsets that ben has seen before; none may be skipped when he reconnects.
    server.stop().await;
    let _server = Server::on(address, with_data(copy.path())).await;
    ana.send("new 2").unwrap();
    until(&ben, "the next line", |entries| texts(entries, "ana").contains(&"new 2")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_id_is_another_user_s_fails_with_the_reason() {
    let server = Server::start(ServerConfig::default()).await;
    let mut eve = Plain::join(&server, "userId=eve&after=").await;
    eve.next().await;
    let mut ben = Plain::named(&server, "ben").await;
    assert_eq!(eve.brief().await, "user_joined ben");
    ben.say(&text("1", "ben", "mine")).await;
    assert_eq!(eve.brief().await, "text ben mine");
    eve.say(&text("1", "eve", "mine too")).await;
    let refused = eve.next().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("rejected"), &json!("1")));
    assert_eq!(refused["code"], "id_taken");
}

#[test]
fn a_line_can_be_sent_from_any_thread() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (server, chat) = runtime.block_on(async {
        let server = Server::start(ServerConfig::default()).await;
        let chat = client(server.address, "ana");
        (server, chat)
    });
    chat.send("from outside the runtime").unwrap();
    assert!(runtime.block_on(chat.close(SOON)).is_empty());
    server.kill();
}

// On one thread, so that no answer comes between two questions; the server has its own.
#[tokio::test]
async fn what_was_said_long_before_is_loaded_page_by_page_and_what_was_removed_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = with_data(folder.path());
    config.latest = 50;
    let server = Server::start(config.clone()).await;
    let address = server.address;
    let mut ben = Plain::named(&server, "ben").await;
    for n in 1..=330 {
        ben.say(&text(&n.to_string(), "ben", &format!("line {n}"))).await;
    }
    ben.barrier().await;

    let ana = ChatClient::builder(server.url(), "ana").user_id("ana").build().unwrap();
    let oldest = |ana: &ChatClient| ana.entries().first().map(|entry| (entry.text.clone(), entry.missing));
    until_timeline(&ana, |entries| entries.len() == 50).await;
    let (first, missing) = oldest(&ana).unwrap();
    assert_eq!((first.as_str(), missing), ("line 281", Some(Missing::Unloaded { count: 280 })));
    for (count, next) in [(150, "line 181"), (250, "line 81"), (330, "line 1")] {
        let id = ana.entries()[0].id.clone();
        ana.load_earlier(&id).unwrap();
        assert_eq!(ana.load_earlier(&id), Err(LoadError::Busy));
        until_timeline(&ana, |entries| entries.len() == count).await;
        assert_eq!(oldest(&ana).unwrap().0, next);
    }
    let top = ana.entries()[0].clone();
    assert_eq!((top.missing, ana.load_earlier(&top.id)), (None, Err(LoadError::NothingMissing)));
    drop(ana);
    server.stop().await;

    // Most of it is removed.
    config.retention.messages = Some(60);
    let server = Server::on(address, config).await;
    let ana = ChatClient::builder(server.url(), "ana").user_id("ana").build().unwrap();
    until_timeline(&ana, |entries| entries.len() == 50).await;
    let mut removed = false;
    while !removed {
        let first = ana.entries()[0].clone();
        match ana.load_earlier(&first.id) {
            Ok(()) => until_timeline(&ana, |entries| entries[0].missing != first.missing).await,
            Err(LoadError::NotConnected | LoadError::Busy) => tokio::task::yield_now().await,
            Err(_) => removed = true,
        }
    }
    let top = ana.entries()[0].clone();
    assert_eq!((top.text.as_str(), top.missing), ("line 271", Some(Missing::Gone { count: 270 })));
}

async fn until_timeline(client: &ChatClient, fits: impl Fn(&[Entry]) -> bool) {
    let mut updates = client.updates();
    let fitting = async {
        while !fits(&client.entries()) {
            updates.next().await;
        }
    };
    soon("the timeline as expected", fitting).await;
}
