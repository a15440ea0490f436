//! How a server ends, whatever its peers do.

use std::time::Duration;

use everwire_server::Server;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::support::{Running, SHORT, UPGRADE, listener, never, open, rest, soon, until};

/// So long that a test that waits for it fails.
const LONG: Duration = Duration::from_secs(600);

fn patient() -> Server {
    Server::new().opening_timeout(LONG).grace(LONG)
}

#[tokio::test]
async fn slow_openers_do_not_hold_up_the_end() {
    let running = Running::start(patient()).await;
    let mut silent = running.connect().await;
    let mut half = running.connect().await;
    half.write_all(&UPGRADE.as_bytes()[..40]).await.unwrap();
    until("both are accepted", || running.stats.open() == 2).await;
    let stats = running.stats.clone();
    assert_eq!(running.stop().await.cut, 0);
    assert_eq!(stats.open(), 0);
    assert_eq!((rest(&mut silent).await, rest(&mut half).await), (String::new(), String::new()));
}

#[tokio::test]
async fn a_handshake_below_http_does_not_hold_up_the_end() {
    let server = patient();
    let stats = server.stats();
    let (listener, address) = listener().await;
    let handshake = |_stream| std::future::pending::<std::io::Result<tokio::net::TcpStream>>();
    let accepted = async {
        let _stream = tokio::net::TcpStream::connect(address).await.unwrap();
        until("it is accepted", || stats.open() == 1).await;
    };
    let ended = server.serve_with(listener, handshake, hyper::service::service_fn(never), accepted);
    assert_eq!(soon("the server ends", ended).await.cut, 0);
}

#[tokio::test]
async fn a_request_under_way_is_answered_and_a_kept_alive_connection_ends() {
    let running = Running::start(patient()).await;
    let mut idle = running.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    crate::support::heard(&mut idle, "here").await;
    let mut asking = running.connect().await;
    asking.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    running.asked.notified().await;
    let answer = running.answer.clone();
    let address = running.address;
    let answered = async {
        // Nobody listens any more: the end has begun.
        let deadline = Instant::now() + LONG;
        while tokio::net::TcpStream::connect(address).await.is_ok() && Instant::now() < deadline {}
        assert_eq!(rest(&mut idle).await, "");
        answer.notify_one();
        rest(&mut asking).await
    };
    let (ended, answered) = tokio::join!(running.stop(), answered);
    assert_eq!(ended.cut, 0);
    assert!(answered.starts_with("HTTP/1.1 200 ") && answered.ends_with("at last"), "{answered}");
}

#[tokio::test]
async fn websockets_and_requests_that_do_not_end_are_cut_when_the_grace_is_over() {
    let running = Running::start(patient().grace(SHORT)).await;
    let mut socket = open(&running).await;
    let mut asking = running.connect().await;
    asking.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    running.asked.notified().await;
    let stats = running.stats.clone();
    assert_eq!(running.stop().await.cut, 2);
    assert_eq!(stats.open(), 0, "nothing runs any more");
    assert_eq!((rest(&mut socket).await, rest(&mut asking).await), (String::new(), String::new()));
}

#[tokio::test]
async fn a_websocket_that_ends_within_the_grace_is_not_cut() {
    let running = Running::start(patient()).await;
    let mut socket = open(&running).await;
    let leaving = async move {
        // A close frame with 1001, masked with zeros.
        socket.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]).await.unwrap();
        rest(&mut socket).await;
    };
    let (ended, ()) = tokio::join!(running.stop(), leaving);
    assert_eq!(ended.cut, 0);
}

#[tokio::test]
async fn dropping_a_server_cuts_everything() {
    let running = Running::start(patient()).await;
    let mut socket = open(&running).await;
    let mut silent = running.connect().await;
    until("both are accepted", || running.stats.open() == 2).await;
    running.serving.abort();
    assert_eq!((rest(&mut socket).await, rest(&mut silent).await), (String::new(), String::new()));
    until("nothing is left", || running.stats.open() == 0).await;
}
