//! What a peer may do before it is a WebSocket, and what it costs it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use axum::{Extension, response::Response};
use everwire_server::{PeerAddress, Server, Upgrade};
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Running, SHORT, UPGRADE, listener, never, open, rest, soon, until};

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_cut_while_others_are_served() {
    let running = Running::start(Server::new().opening_timeout(SHORT)).await;
    let started = Instant::now();
    let mut slow = running.connect().await;
    let dripping = async {
        let mut pace = tokio::time::interval(SHORT / 20);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for byte in UPGRADE.as_bytes() {
            pace.tick().await;
            if slow.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
        panic!("it was never cut");
    };
    soon("the slow one is cut", dripping).await;
    assert!(started.elapsed() >= SHORT);
    running.works().await;
    until("counted", || running.stats.timed_out() == 1).await;
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_cut() {
    let running = Running::start(Server::new().opening_timeout(SHORT)).await;
    let mut silent = running.connect().await;
    assert_eq!(rest(&mut silent).await, "");
    until("its place is free", || running.stats.open() == 0).await;
}

#[tokio::test]
async fn a_connection_kept_alive_without_a_further_request_is_cut() {
    let running = Running::start(Server::new().opening_timeout(SHORT)).await;
    let answer = running.answer(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.ends_with("here"), "{answer}");
    until("its place is free", || running.stats.open() == 0).await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_answered_with_431() {
    let running = Running::start(Server::new()).await;
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(17 << 10));
    let endless = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}", "x".repeat(64 << 10));
    let fields = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: x\r\n".repeat(101));
    for head in [long, endless, fields] {
        let answer = running.answer(head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 ") || answer.is_empty(), "{answer}");
    }
    let fits = format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: {}\r\n\r\n", "x".repeat(15 << 10));
    assert!(running.answer(fits.as_bytes()).await.starts_with("HTTP/1.1 200 "));
    let small = Running::start(Server::new().max_head(100)).await;
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(100));
    assert!(small.answer(head.as_bytes()).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let running = Running::start(Server::new().max_body(10)).await;
    let post = |rest: &str| format!("POST /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{rest}");
    for large in [
        post("Content-Length: 11\r\n\r\n"), // refused by what it announces
        post("Transfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n6\r\nworld!\r\n0\r\n\r\n"),
    ] {
        let answer = running.answer(large.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let answer = running.answer(post("Content-Length: 10\r\n\r\n0123456789").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("0123456789"), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let running = Running::start(Server::new().opening_timeout(SHORT)).await;
    let answer = running.answer(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_peer_that_does_not_read_its_response_is_cut() {
    let running = Running::start(Server::new().opening_timeout(SHORT)).await;
    let mut deaf = running.connect().await;
    deaf.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    until("it is cut", || running.stats.timed_out() == 1 && running.stats.open() == 0).await;
    assert!(rest(&mut deaf).await.len() < 64 << 20);
}

#[tokio::test]
async fn a_handshake_below_http_that_does_not_end_is_cut_and_one_that_fails_is_no_matter() {
    for fails in [false, true] {
        let server = Server::new().opening_timeout(SHORT);
        let stats = server.stats();
        let (listener, address) = listener().await;
        let handshake = move |stream: tokio::net::TcpStream| async move {
            if fails {
                return Err(std::io::Error::other("no certificate"));
            }
            let kept = stream;
            std::future::pending::<()>().await;
            Ok(kept)
        };
        let service = hyper::service::service_fn(never);
        let serving = server.serve_with(listener, handshake, service, std::future::pending());
        let client = async {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            assert_eq!(rest(&mut stream).await, "");
        };
        tokio::select! {
            () = client => {}
            _ = serving => panic!("it ended"),
        }
        assert_eq!(stats.timed_out(), u64::from(!fails));
    }
}

#[tokio::test]
async fn a_peer_that_speaks_no_http_1_is_let_go() {
    let running = Running::start(Server::new().opening_timeout(SHORT)).await;
    for garbage in [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".as_slice(), // HTTP/2 with prior knowledge
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 a TLS client's hello",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
    ] {
        let answer = running.answer(garbage).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    running.works().await;
    until("nothing is left of them", || running.stats.open() == 0).await;
}

#[tokio::test]
async fn a_websocket_may_be_silent_for_longer_than_an_opening() {
    let running = Running::start(Server::new().opening_timeout(SHORT)).await;
    let (mut socket, _) = connect_async(format!("ws://{}/ws", running.address)).await.unwrap();
    // An opener that comes later has been cut: the WebSocket's time would be over as well.
    rest(&mut running.connect().await).await;
    socket.send(Message::text("still here")).await.unwrap();
    assert_eq!(soon("an echo", socket.next()).await.unwrap().unwrap(), Message::text("still here"));
}

#[tokio::test]
async fn an_upgrade_whose_response_is_held_back_is_given_up_and_its_handler_never_runs() {
    let (runs, dropped) = oneshot::channel();
    let runs = Arc::new(std::sync::Mutex::new(Some(runs)));
    let hold_back = async move |upgrade: Upgrade| -> Response<String> {
        let runs = runs.lock().unwrap().take();
        let _response = upgrade.opening_timeout(SHORT).on_upgrade(async move |_socket| {
            let _ = runs.unwrap().send(());
        });
        std::future::pending().await
    };
    let (listener, address) = listener().await;
    let serving =
        Server::new().serve_router(listener, Router::new().route("/ws", get(hold_back)), std::future::pending());
    let client = async {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(UPGRADE.as_bytes()).await.unwrap();
        assert!(soon("the handler is dropped", dropped).await.is_err());
    };
    tokio::select! {
        () = client => {}
        _ = serving => panic!("it ended"),
    }
}

#[tokio::test]
async fn a_flood_of_websocket_bytes_behind_the_request_is_the_websocket_s() {
    let running = Running::start(Server::new()).await;
    let mut stream = running.connect().await;
    // A masked "hi" in the same packet as the request.
    let frame = [0x81, 0x82, 0, 0, 0, 0, b'h', b'i'];
    stream.write_all(&[UPGRADE.as_bytes(), &frame].concat()).await.unwrap();
    crate::support::heard(&mut stream, "hi").await;
}

#[tokio::test]
async fn a_request_knows_where_it_comes_from() {
    let router = Router::new().route(
        "/",
        get(async |Extension(peer): Extension<PeerAddress>, ConnectInfo(info): ConnectInfo<std::net::SocketAddr>| {
            assert_eq!(peer.0, info);
            peer.0.to_string()
        }),
    );
    let (listener, address) = listener().await;
    let serving = Server::new().serve_router(listener, router, std::future::pending());
    let client = async {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.ends_with(&stream.local_addr().unwrap().to_string()), "{answer}");
    };
    tokio::select! {
        () = client => {}
        _ = serving => panic!("it ended"),
    }
}

#[tokio::test]
async fn many_slow_openers_at_once_hold_nobody_up() {
    let running = Running::start(Server::new().opening_timeout(Duration::from_secs(5))).await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = running.connect().await;
        stream.write_all(b"GET /ws HTTP/1.1\r\nHost: ").await.unwrap();
        slow.push(stream);
    }
    running.works().await;
    let _socket = open(&running).await;
}

#[tokio::test]
async fn a_time_limit_of_never_is_no_overflow() {
    let running = Running::start(Server::new().opening_timeout(Duration::MAX)).await;
    let request = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
    let answer = running.answer(request).await;
    assert!(answer.ends_with("hi"), "{answer}");
}
