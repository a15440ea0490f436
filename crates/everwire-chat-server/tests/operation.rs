//! What an operator sees: how the server is, what it counts, what it keeps, and what it gives out.

#![allow(clippy::unwrap_used, reason = "its helpers are test code as well")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire_chat_server::{ChatServer, ExportError, MetricsAccess, Origins, ServerConfig, StoreOpenError, export};
use serde_json::{Value, json};
use support::{Plain, SOON, Server, soon, text, with_data};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// Status and body of a GET.
async fn get(server: &Server, path: &str, headers: &str) -> (u16, String) {
    get_as(server, &server.address.to_string(), path, headers).await
}

/// The same, for another host.
async fn get_as(server: &Server, host: &str, path: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("an answer", stream.read_to_string(&mut answer)).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// Reads the metrics until a line is there: what counts may be done a little after what is seen.
async fn counted(server: &Server, line: &str) {
    let deadline = Instant::now() + SOON;
    loop {
        let (_, metrics) = get(server, "/metrics", "").await;
        if metrics.lines().any(|counted| counted == line) {
            return;
        }
        assert!(Instant::now() < deadline, "{line} is not in\n{metrics}");
        sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn what_happens_is_counted() {
    let mut config = ServerConfig::default();
    config.max_invalid_messages = 0;
    let server = Server::start(config).await;
    let mut ana = Plain::named(&server, "ana").await;
    let mut ben = Plain::named(&server, "ben").await;
    assert_eq!(ana.brief().await, "user_joined ben");
    for id in ["1", "2", "2"] {
        ben.say(&text(id, "ben", "hi")).await;
    }
    ana.say(&text("1", "ana", "mine")).await;
    for line in [
        r#"everwire_posts_total{result="stored"} 2"#,
        r#"everwire_posts_total{result="duplicate"} 1"#,
        r#"everwire_posts_total{result="id_conflict"} 1"#,
        r#"everwire_posts_total{result="failed"} 0"#,
        "everwire_rooms 1",
        "everwire_members 2",
    ] {
        counted(&server, line).await;
    }
    let (status, metrics) = get(&server, "/metrics", "").await;
    assert_eq!(status, 200);
    assert!(
        metrics.contains("everwire_commit_seconds_bucket") && metrics.contains("everwire_connections 3"),
        "{metrics}"
    );
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");

    ben.send(tokio_tungstenite::tungstenite::Message::text("{")).await;
    assert_eq!(ben.close_code().await, 1008);
    ana.socket.close(None).await.unwrap();
    for line in [
        "everwire_invalid_messages_total 1",
        r#"everwire_members_ended_total{reason="invalid_messages"} 1"#,
        r#"everwire_members_ended_total{reason="left"} 1"#,
        "everwire_members 0",
    ] {
        counted(&server, line).await;
    }
}

#[tokio::test]
async fn the_document_names_every_metric_with_its_type() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/serve.md")).unwrap();
    // Those of a node of a cluster have a test with brokers.
    let (lone, rest) = document.split_once("\n## Several nodes\n").unwrap();
    let behind = rest.split_once("\n## ").unwrap().1;
    let rows = [lone, behind].into_iter().flat_map(str::lines).filter(|row| row.starts_with("| `everwire_"));
    let mut documented: Vec<String> = rows.map(|row| row.split(" | ").take(2).collect::<Vec<_>>().join(" ")).collect();
    documented.sort();
    let server = Server::start(ServerConfig::default()).await;
    // Those with a label are there once there is something to count.
    Plain::named(&server, "ana").await.socket.close(None).await.unwrap();
    counted(&server, r#"everwire_members_ended_total{reason="left"} 1"#).await;
    let (_, metrics) = get(&server, "/metrics", "").await;
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let mut told: Vec<String> = types.map(|(name, kind)| format!("| `{name}` {kind}")).collect();
    told.sort();
    assert_eq!(told, documented);
}

#[tokio::test]
async fn the_metrics_are_for_those_who_may_read_them() {
    let server = Server::start(ServerConfig::default()).await;
    assert_eq!(get(&server, "/metrics", "").await.0, 200);
    assert_eq!(get(&server, "/metrics", "X-Forwarded-For: 10.0.0.1\r\n").await.0, 403);
    assert_eq!(get(&server, "/metrics", "Forwarded: for=10.0.0.1\r\n").await.0, 403);
    // A proxy on this machine that hands on nothing but the host.
    for host in ["chat", "127.0.0.1", "127.0.0.1:1"] {
        assert_eq!(get_as(&server, host, "/metrics", "").await.0, 403, "{host}");
    }
    for (access, status) in [(MetricsAccess::Everyone, 200), (MetricsAccess::Nobody, 403)] {
        let mut config = ServerConfig::default();
        config.metrics = access;
        let server = Server::start(config).await;
        assert_eq!(get(&server, "/metrics", "X-Forwarded-For: 10.0.0.1\r\n").await.0, status);
    }
}

#[tokio::test]
async fn a_page_whose_name_leads_to_this_machine_is_not_served() {
    let mut config = ServerConfig::default();
    config.origins = Origins::new(["same", "https://chat.example.org"]).unwrap();
    let server = Server::start(config).await;
    let upgrade = "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for path in ["/", "/api/info", "/metrics", "/healthz"] {
        assert_eq!(get_as(&server, "evil.example:8080", path, "").await.0, 421, "{path}");
    }
    assert_eq!(get_as(&server, "evil.example", "/ws", upgrade).await.0, 421);
    for host in ["localhost", "chat.example.org", "[::1]:99"] {
        assert_eq!(get_as(&server, host, "/api/info", "").await.0, 200, "{host}");
    }
}

#[tokio::test]
async fn a_server_that_ends_sends_its_members_away_one_after_the_other_and_tells_who_comes_when_to() {
    let mut config = ServerConfig::default();
    config.drain = Duration::from_secs(60);
    let server = Server::start(config).await;
    let mut members = Vec::new();
    for n in 0..40 {
        members.push(Plain::join(&server, &format!("userId=u{n}&room=r{n}")).await);
        members[n].barrier().await;
    }
    let address = server.address;
    let ending = tokio::spawn(server.stop());
    let gone = members.into_iter().map(|mut member| {
        tokio::spawn(async move {
            let frame = soon("it is sent away", member.close_frame()).await;
            let at = Instant::now();
            drop(member);
            (frame, at)
        })
    });
    let gone: Vec<_> = gone.collect();
    let ready = async || {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        (!answer.is_empty()).then_some(answer)
    };
    // While most are still there.
    let not_ready = async {
        loop {
            let answer = ready().await.expect("it listens until all have gone");
            if answer.starts_with("HTTP/1.1 503 ") {
                break;
            }
        }
    };
    soon("it is not ready", not_ready).await;
    match tokio_tungstenite::connect_async(format!("ws://{address}/ws?userId=late")).await {
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
            assert_eq!(response.status(), 503);
            assert!(response.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
        }
        other => panic!("{other:?}"),
    }
    let mut times = Vec::new();
    for one in gone {
        let (frame, at) = soon("a member goes", one).await.unwrap();
        // Behind the end, as long after it has gone for each: they come back as they go.
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1012, "the server restarts; Retry-After: 2"));
        times.push(at);
    }
    times.sort();
    assert!(times[39] - times[0] >= Duration::from_millis(300), "40 members, 10 ms each");
    ending.await.unwrap();
}

/// What is logged from warnings on.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn members_who_answer_the_restarts_close_frame_wrongly_are_neither_logged_nor_counted_as_breaches() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(move || writer.clone())
        .finish();
    let _default = tracing::subscriber::set_default(subscriber);
    let mut config = ServerConfig::default();
    config.metrics = MetricsAccess::Everyone;
    let chat = ChatServer::open(config).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(axum::serve(listener, chat.router()).into_future());
    // With a mask of zeros: 1002, as clients answer that take 1012 for an error; one byte; 1006; a reason that is no UTF-8;
    // without a mask; a reserved opcode; a text frame that is not closed by anything; nothing but the end.
    let answers: [&[u8]; 8] = [
        b"\x88\x82\0\0\0\0\x03\xea",
        b"\x88\x81\0\0\0\0\x03",
        b"\x88\x82\0\0\0\0\x03\xee",
        b"\x88\x83\0\0\0\0\x03\xe8\xff",
        b"\x88\x02\x03\xf4",
        b"\x8b\x80\0\0\0\0",
        b"\x01\x81\0\0\0\0x",
        b"",
    ];
    let mut members = Vec::new();
    for (number, answer) in answers.into_iter().enumerate() {
        let mut member = Plain::join_at(&format!("ws://{address}/ws"), &format!("userId=u&room=r{number}")).await;
        member.barrier().await;
        members.push(async move {
            let stream = member.socket.get_mut();
            let mut head = [0; 4];
            soon("a close frame", stream.read_exact(&mut head)).await.unwrap();
            assert_eq!((head[0], u16::from_be_bytes([head[2], head[3]])), (0x88, 1012));
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
            // It may be reset.
            let _ = soon("the end", stream.read_to_end(&mut Vec::new())).await;
        });
    }
    tokio::join!(chat.close(), futures_util::future::join_all(members));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut metrics = String::new();
    soon("an answer", stream.read_to_string(&mut metrics)).await.unwrap();
    let ended: Vec<_> = metrics.lines().filter(|line| line.starts_with("everwire_members_ended_total")).collect();
    assert_eq!(ended, [r#"everwire_members_ended_total{reason="restart"} 8"#], "and nothing for a breach");
    assert_eq!(String::from_utf8_lossy(&logged.0.lock().unwrap()), "");
    serving.abort();
}

#[tokio::test]
async fn a_server_is_ready_until_it_ends() {
    let server = Server::start(ServerConfig::default()).await;
    assert_eq!(get(&server, "/readyz", "").await, (200, "ready\n".to_owned()));

    // Behind another accept loop, which goes on while the chat ends.
    let chat = ChatServer::open(ServerConfig::default()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(axum::serve(listener, chat.router()).into_future());
    chat.close().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    soon("an answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("the server is stopping\n"), "{answer}");
    serving.abort();
}

#[tokio::test]
async fn who_comes_back_after_messages_were_removed_is_told_of_the_gap() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(with_data(data.path())).await;
    let mut ben = Plain::join(&server, "userId=ben&after=").await;
    let epoch = ben.next().await["epoch"].as_str().unwrap().to_owned();
    for n in 1..=10 {
        ben.say(&text(&n.to_string(), "ben", "x")).await;
        assert_eq!(ben.next().await["offset"], json!(n));
    }
    server.stop().await;

    let mut config = with_data(data.path());
    config.retention.messages = Some(2);
    let server = Server::start(config).await;
    counted(&server, "everwire_removed_messages_total 8").await;
    let mut back = Plain::join(&server, &format!("userId=ben&after={epoch}:5")).await;
    let sync = back.next().await;
    assert_eq!((&sync["offset"], &sync["earlier"]), (&json!(10), &json!(true)));
    assert_eq!((back.next().await["offset"].clone(), back.next().await["offset"].clone()), (json!(9), json!(10)));
    let mut current = Plain::join(&server, &format!("userId=ana&after={epoch}:9")).await;
    assert_eq!(current.next().await["earlier"], json!(false));
}

#[tokio::test]
async fn what_is_removed_while_somebody_catches_up_is_announced_as_a_gap() {
    const LINES: u64 = 20_000;
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(with_data(data.path())).await;
    let mut ben = Plain::join(&server, "userId=ben&after=").await;
    let epoch = ben.next().await["epoch"].as_str().unwrap().to_owned();
    let history = rusqlite::Connection::open(data.path().join("history.sqlite")).unwrap();
    history.busy_timeout(SOON).unwrap();
    // More than the systems between take.
    let fill = format!(
        "INSERT INTO rooms VALUES ('lobby', 0);
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {LINES})
         INSERT INTO messages (room, position, id, user_id, user_name, text, timestamp, stored)
         SELECT 'lobby', n, 'm' || n, 'ana', 'Ana', printf('%.*c', 1500, 'x'), 1, 1 FROM numbers"
    );
    history.execute_batch(&fill).unwrap();
    let mut back = Plain::join(&server, &format!("userId=cat&after={epoch}:0")).await;
    assert_eq!((back.next().await["offset"].clone(), back.next().await["offset"].clone()), (json!(LINES), json!(1)));
    history.execute("DELETE FROM messages WHERE position <= ?1", [LINES - 3]).unwrap();

    let (mut last, mut announced) = (1, Vec::new());
    while last < LINES {
        let event = back.next().await;
        match event["type"].as_str().unwrap() {
            "sync" => announced.push((last, event["earlier"].clone(), event["offset"].clone())),
            "text" => {
                let offset = event["offset"].as_u64().unwrap();
                let is_told = announced.last().is_some_and(|(before, ..)| *before == last);
                assert!(offset == last + 1 || is_told, "{last}, then {offset}");
                last = offset;
            }
            _ => {}
        }
    }
    assert!(
        matches!(&announced[..], [(_, earlier, offset)] if *earlier == json!(true) && *offset == json!(LINES)),
        "{announced:?}"
    );
}

#[tokio::test]
async fn the_history_is_exported_as_json_lines_while_a_server_uses_it() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(with_data(data.path())).await;
    let mut ben = Plain::named(&server, "ben").await;
    let mut den = Plain::join(&server, "userId=ben&room=den").await;
    for n in 1..=600 {
        ben.say(&text(&n.to_string(), "ben", "a \"line\"\nof two")).await;
    }
    den.say(&text("1", "ben", "elsewhere")).await;
    ben.barrier().await;
    den.barrier().await;

    let mut all = Vec::new();
    assert_eq!(export(data.path(), None, &mut all).unwrap(), 601);
    let lines: Vec<Value> = all
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 601);
    assert_eq!(
        (&lines[0]["room"], &lines[0]["text"], &lines[0]["offset"]),
        (&json!("den"), &json!("elsewhere"), &json!(1))
    );
    for (n, line) in lines[1..].iter().enumerate() {
        assert_eq!(
            (&line["room"], &line["offset"], &line["id"]),
            (&json!("lobby"), &json!(n + 1), &json!((n + 1).to_string()))
        );
        assert_eq!((&line["userId"], &line["userName"], &line["timestamp"]), (&json!("ben"), &json!("BEN"), &json!(5)));
        assert_eq!(line["text"], json!("a \"line\"\nof two"));
        assert!(line["storedAt"].as_i64().unwrap() > 1_600_000_000_000, "{line}");
    }
    let mut one = Vec::new();
    assert_eq!(export(data.path(), Some("den"), &mut one).unwrap(), 1);
    let unknown = export(data.path(), Some("no such room"), std::io::sink()).unwrap_err();
    assert!(matches!(&unknown, ExportError::UnknownRoom { some_rooms, .. } if *some_rooms == ["den", "lobby"]));
    let words = r#"no message was ever stored in the room "no such room"; check its name: rooms with messages are "den", "lobby""#;
    assert_eq!(unknown.to_string(), words);
    // The server has noticed nothing.
    ben.say(&text("more", "ben", "x")).await;
    ben.barrier().await;
    server.stop().await;
    assert_eq!(export(data.path(), None, std::io::sink()).unwrap(), 602);
}

#[tokio::test]
async fn what_can_not_be_exported_is_told_in_one_line() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let data = tempfile::tempdir().unwrap();
    let error = export(data.path(), None, std::io::sink()).unwrap_err();
    assert!(matches!(error, ExportError::Open(StoreOpenError::NotThere { .. })), "{error:?}");
    assert!(error.to_string().contains("no history in"));
    assert!(std::fs::read_dir(data.path()).unwrap().next().is_none(), "reading makes nothing");

    let server = Server::start(with_data(data.path())).await;
    let mut ben = Plain::named(&server, "ben").await;
    ben.say(&text("1", "ben", "x")).await;
    ben.barrier().await;
    let error = export(data.path(), None, Full).unwrap_err();
    assert!(matches!(error, ExportError::Write(_)), "{error:?}");
}
