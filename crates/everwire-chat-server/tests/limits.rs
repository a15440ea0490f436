//! What a member may cost, and how the server parts.
#![allow(clippy::unwrap_used, reason = "this is how a test fails")]

mod support;

use std::net::TcpListener;
use std::time::Duration;

use everwire_chat_server::{ChatServer, OpenError, Origins, Rate, ServerConfig, StoreOpenError, listen};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use support::{Plain, Server, events, soon, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{client_async, connect_async};

#[tokio::test]
async fn junk_is_ignored_until_it_is_a_flood() {
    let server = Server::start(ServerConfig::default()).await;
    let mut eve = Plain::named(&server, "eve").await;
    for _ in 0..100 {
        eve.send(Message::text("{")).await;
    }
    for _ in 0..500 {
        eve.say(&json!({"type": "of a later version"})).await; // no junk
    }
    eve.barrier().await;
    eve.send(Message::text("{")).await;
    assert_eq!(eve.close_code().await, 1008);
}

#[tokio::test]
async fn a_message_over_64_kib_is_answered_with_1009() {
    let server = Server::start(ServerConfig::default()).await;
    let mut eve = Plain::named(&server, "eve").await;
    eve.send(Message::text("x".repeat((64 << 10) + 1))).await;
    assert_eq!(eve.close_code().await, 1009);
}

#[tokio::test]
async fn a_member_that_does_not_read_is_closed_with_1013_and_catches_up_when_it_comes_back() {
    let mut config = ServerConfig::default();
    (config.mailbox_frames, config.mailbox_bytes) = (100, 1 << 20);
    let server = Server::start(config).await;
    let mut slow = Plain::join(&server, "userId=slow&after=").await;
    assert_eq!(slow.brief().await, "sync");
    let mut ben = Plain::named(&server, "ben").await;
    assert_eq!(slow.brief().await, "user_joined ben");
    // More than the buffers of both kernels, the socket's and the mailbox hold together.
    let long = "x".repeat(16_000);
    let mut lines = 0;
    while !server.metrics().await.contains("members_ended_total{reason=\"slow\"} 1") {
        for n in lines..lines + 50 {
            ben.say(&text(&format!("{n}"), "ben", &long)).await;
        }
        ben.barrier().await;
        lines += 50;
        assert!(lines < 10_000, "nobody is cut off");
    }
    let mut last = (String::new(), 0);
    loop {
        match slow.raw().await {
            Message::Text(lines) => {
                for line in events(&lines) {
                    let offset = line["offset"].as_u64().unwrap();
                    assert_eq!(offset, last.1 + 1, "in order, without a gap");
                    last.1 = offset;
                }
            }
            Message::Close(frame) => {
                assert_eq!(u16::from(frame.unwrap().code), 1013);
                break;
            }
            _ => {}
        }
    }
    assert!(last.1 < lines as u64, "it was cut off");

    // Its epoch is in what a fresh connection hears.
    last.0 = Plain::join(&server, "after=").await.next().await["epoch"].as_str().unwrap().to_owned();
    let mut back = Plain::join(&server, &format!("userId=slow&after={}:{}", last.0, last.1)).await;
    assert_eq!(back.next().await["offset"], json!(lines));
    for offset in last.1 + 1..=lines as u64 {
        assert_eq!(back.next().await["offset"], json!(offset));
    }
}

#[tokio::test]
async fn a_member_that_sends_without_a_pause_is_not_cut_off_for_its_own_messages() {
    let mut config = ServerConfig::default();
    config.mailbox_frames = 1500;
    let server = Server::start(config).await;
    let mut ben = Plain::join(&server, "userId=ben&after=").await;
    assert_eq!(ben.brief().await, "sync");
    for n in 0..10_000 {
        ben.socket.feed(Message::text(text(&n.to_string(), "ben", "x").to_string())).await.unwrap();
    }
    ben.socket.flush().await.unwrap();
    for offset in 1..=10_000 {
        assert_eq!(ben.next().await, json!({"type": "stored", "id": (offset - 1).to_string(), "offset": offset}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_much_in_one_message_and_does_not_read_is_answered_no_more() {
    const QUESTIONS: usize = 200;
    let server = Server::start(ServerConfig::default()).await;
    let mut eve = Plain::join(&server, "userId=eve&after=").await;
    assert_eq!(eve.brief().await, "sync");
    let long = "x".repeat(16_000);
    for n in 0..8 {
        eve.say(&text(&n.to_string(), "eve", &long)).await;
        assert_eq!(eve.brief().await, "stored");
    }
    // 26 MB of answers.
    eve.say(&json!(vec![json!({"type": "earlier", "before": 999}); QUESTIONS])).await;
    let mut ben = Plain::named(&server, "ben").await;
    ben.barrier().await;
    let ending = tokio::spawn(server.stop());
    let mut answers = 0;
    while let Message::Text(said) = eve.raw().await {
        answers += events(&said).iter().filter(|event| event["type"] == "history").count();
    }
    assert!(answers < QUESTIONS, "the end came only behind all of them");
    drop((eve, ben));
    ending.await.unwrap();
}

#[tokio::test]
async fn a_flood_of_whatever_kind_is_slowed_down_as_one_of_messages_is() {
    let typing =
        json!({"type": "typing", "id": "t", "userId": "eve", "userName": "Eve", "isTyping": true, "timestamp": 1});
    let kinds = [
        ("binary", vec![Message::binary(vec![1]); 300], 8..=12),
        ("large binary", vec![Message::binary(vec![1; 40 << 10]); 40], 1..=3),
        ("typing", vec![Message::text(typing.to_string()); 300], 40..=60),
        ("typing in arrays", vec![Message::text(json!(vec![typing; 100]).to_string()); 10], 8..=60),
    ];
    for (kind, flood, expected) in kinds {
        let mut config = ServerConfig::default();
        config.posts = Some(Rate::new(10.0, 0.01));
        let server = Server::start(config).await;
        let mut ben = Plain::named(&server, "ben").await;
        let mut eve = Plain::named(&server, "eve").await;
        for message in flood {
            eve.send(message).await;
        }
        // All of the flood was written at once: when some of it has come, what is let through has, or comes at once.
        let (mut heard, mut pongs) = (0, 0);
        while pongs < 20 {
            if heard >= *expected.start() {
                ben.send(Message::text("ping")).await;
            }
            match ben.raw().await {
                Message::Text(pong) if pong == "pong" => pongs += 1,
                Message::Text(_) | Message::Binary(_) => heard += 1,
                _ => {}
            }
        }
        assert!(expected.contains(&heard), "{kind}: {heard}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_many_pages_and_takes_none_holds_one_of_them() {
    const QUESTIONS: usize = 200;
    let server = Server::start(ServerConfig::default()).await;
    let mut ben = Plain::join(&server, "userId=ben&after=").await;
    assert_eq!(ben.brief().await, "sync");
    let long = "x".repeat(16_000);
    for n in 0..8 {
        ben.say(&text(&n.to_string(), "ben", &long)).await;
        assert_eq!(ben.brief().await, "stored");
    }
    // 26 MB of answers each.
    let mut asking = Vec::new();
    for n in 0..3 {
        let mut one = Plain::join(&server, &format!("userId=eve{n}&after=")).await;
        assert_eq!(one.brief().await, "sync");
        one.say(&json!(vec![json!({"type": "earlier", "before": 999}); QUESTIONS])).await;
        asking.push(one);
    }
    let under_way = async || {
        let metrics = server.metrics().await;
        let pages = metrics.lines().find_map(|line| line.strip_prefix("everwire_pages ")).unwrap().to_owned();
        pages.parse::<usize>().unwrap()
    };
    soon("their systems are full", async { while under_way().await < 3 {} }).await;
    for mut one in asking {
        assert!(under_way().await <= 3, "the next is not even read");
        let mut answers = 0;
        while answers < QUESTIONS {
            answers += usize::from(one.next().await["type"] == json!("history"));
        }
    }
    soon("all are taken", async { while under_way().await > 0 {} }).await;
}

#[tokio::test]
async fn a_full_server_says_when_to_come_back() {
    let mut config = ServerConfig::default();
    config.max_connections = 1;
    let server = Server::start(config).await;
    let _ana = Plain::named(&server, "ana").await;
    match soon("an answer", connect_async(server.url())).await {
        Err(Error::Http(response)) => {
            assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"5".parse().unwrap()));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_full_server_still_says_that_it_is_well() {
    let mut config = ServerConfig::default();
    config.max_connections = 0;
    let server = Server::start(config).await;
    assert!(server.ask("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.contains("200 OK"));
}

#[tokio::test]
async fn a_page_of_another_site_is_refused_and_listed_ones_let_in() {
    let mut config = ServerConfig::default();
    config.origins = Origins::new(["https://chat.example.org"]).unwrap();
    let server = Server::start(config).await;
    let from = |origin: &str| {
        let mut request = server.url().into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        request
    };
    match soon("an answer", connect_async(from("https://evil.example"))).await {
        Err(Error::Http(response)) => {
            assert_eq!(response.status(), 403);
            let line = String::from_utf8(response.into_body().unwrap()).unwrap();
            let wanted = format!("a page of https://evil.example may not connect to {}\n", server.address);
            assert_eq!(line, wanted);
        }
        other => panic!("{other:?}"),
    }
    assert!(soon("an answer", connect_async(from("https://chat.example.org"))).await.is_ok());
}

#[tokio::test]
async fn slow_openers_are_cut_and_do_not_hold_up_the_end() {
    let mut config = ServerConfig::default();
    config.opening_timeout = Duration::from_secs(1);
    let server = Server::start(config).await;
    assert_eq!(server.ask("GET /ws?userId=slow HTTP/1.1\r\nHost: ").await, "");

    let server = Server::start(ServerConfig::default()).await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET /ws?userId=slow HTTP/1.1\r\n").await.unwrap();
    Plain::named(&server, "ana").await; // accepted later than the slow one
    server.stop().await;
}

#[tokio::test]
async fn an_address_may_have_only_so_many_connections() {
    let mut config = ServerConfig::default();
    config.max_per_address = Some(1);
    let server = Server::start(config).await;
    let _ana = Plain::named(&server, "ana").await;
    match soon("an answer", connect_async(server.url())).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 429),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn times_without_an_end_are_legal_and_members_come_and_go() {
    let mut config = ServerConfig::default();
    (config.heartbeat, config.presence_grace, config.opening_timeout) = (Duration::MAX, Duration::MAX, Duration::MAX);
    (config.retention.time, config.drain) = (Some(Duration::MAX), Duration::MAX);
    let server = Server::start(config).await;
    let mut eve = Plain::named(&server, "eve").await;
    eve.say(&text("1", "eve", "hello")).await;
    eve.barrier().await;
    drop(eve);
    Plain::named(&server, "ben").await.barrier().await;
    server.stop().await;
}

#[tokio::test]
async fn a_silent_connection_is_pinged_and_then_dropped() {
    let mut config = ServerConfig::default();
    config.heartbeat = Duration::from_secs(1);
    let server = Server::start(config).await;
    // A client that answers pings stays, however little it says.
    let mut ana = Plain::named(&server, "ana").await;
    let mut dead = TcpStream::connect(server.address).await.unwrap();
    dead.write_all(
        b"GET /ws?userId=dead HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    .await
    .unwrap();
    let mut heard = Vec::new();
    let ended = async { while dead.read_buf(&mut heard).await.is_ok_and(|read| read > 0) {} };
    let alive = async {
        assert_eq!(ana.brief().await, "user_joined dead");
        // Its library answers pings while it reads.
        loop {
            ana.raw().await;
        }
    };
    tokio::select! {
        () = soon("the silent one is dropped", ended) => {}
        never = alive => never,
    }
    assert!(heard.windows(2).any(|two| two == [0x89, 0]), "it was pinged first");
    ana.barrier().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_long_for_its_answers_is_not_dropped_while_it_takes_them() {
    const QUESTIONS: usize = 300;
    let mut config = ServerConfig::default();
    config.heartbeat = Duration::from_secs(1);
    // As much as there is: nobody is held back for it.
    config.mailbox_bytes = 64 << 20;
    let server = Server::start(config).await;
    let mut ben = Plain::join(&server, "userId=ben&after=").await;
    assert_eq!(ben.brief().await, "sync");
    let long = "x".repeat(16_000);
    for n in 0..8 {
        ben.say(&text(&n.to_string(), "ben", &long)).await;
        assert_eq!(ben.brief().await, "stored");
    }
    drop(ben);
    // Its system takes little for it.
    let small = TcpSocket::new_v4().unwrap();
    small.set_recv_buffer_size(64 << 10).unwrap();
    let stream = soon("a connection", small.connect(server.address)).await.unwrap();
    let (mut slow, _) = client_async(format!("{}?userId=slow&after=", server.url()), stream).await.unwrap();
    // 39 MB of answers, and the ping is behind them.
    let questions = json!(vec![json!({"type": "earlier", "before": 999}); QUESTIONS]);
    slow.send(Message::text(questions.to_string())).await.unwrap();
    let (began, mut answers) = (Instant::now(), 0);
    while answers < QUESTIONS {
        let said = soon("an answer", slow.next()).await.unwrap().unwrap();
        let Message::Text(said) = said else { continue };
        answers += events(&said).iter().filter(|event| event["type"] == "history").count();
        if began.elapsed() < Duration::from_secs(4) {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_ends_sends_its_members_away_with_1012() {
    let server = Server::start(ServerConfig::default()).await;
    let mut ana = Plain::named(&server, "ana").await;
    let ending = tokio::spawn(server.stop());
    assert_eq!(ana.close_code().await, 1012);
    drop(ana);
    ending.await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_at_the_start_is_told_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = listen(taken.local_addr().unwrap()).await.unwrap_err().to_string();
    assert!(error.contains("in use") && error.lines().count() == 1, "{error}");

    let data = tempfile::tempdir().unwrap();
    let _first = ChatServer::open(ServerConfig::with_data(data.path())).unwrap();
    let error = ChatServer::open(ServerConfig::with_data(data.path())).unwrap_err();
    assert!(
        matches!(error, OpenError::Store(StoreOpenError::InUse { .. })) && error.to_string().lines().count() == 1,
        "{error}"
    );
}

#[tokio::test]
async fn the_start_page_says_how_to_join() {
    let server = Server::start(ServerConfig::default()).await;
    for (path, words) in [("/", "everwire chat"), ("/healthz", "ok")] {
        let answer = server.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(words), "{answer}");
    }
}
