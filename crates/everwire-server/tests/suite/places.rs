//! How many connections there may be.

use everwire_server::Server;
use tokio::io::AsyncWriteExt;

use crate::support::{Running, open, rest, until};

#[tokio::test]
async fn one_connection_too_many_is_told_to_come_back_and_gets_the_place_of_one_that_ends() {
    let server = Server::new().max_connections(2);
    let running = Running::start(server).await;
    let (first, _second) = (open(&running).await, open(&running).await);
    let answer = running.answer(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 5\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nthe server is full: come back later\n"), "{answer}");
    assert_eq!((running.stats.open(), running.stats.refused()), (2, 1));
    drop(first);
    until("a place is free", || running.stats.open() == 1).await;
    running.works().await;
}

#[tokio::test]
async fn who_is_refused_and_does_not_go_costs_nobody_else_the_answer() {
    let running = Running::start(Server::new().max_connections(0)).await;
    // More than are told at a time; the ones beyond are just closed.
    let mut deaf = Vec::new();
    for _ in 0..100 {
        deaf.push(running.connect().await);
    }
    until("all are refused", || running.stats.refused() == 100).await;
    for stream in &mut deaf {
        let _ = stream.write_all(b"GET ").await;
        let answer = rest(stream).await;
        assert!(answer.is_empty() || answer.contains("the server is full"), "{answer}");
    }
}

/// Only Linux has the whole of 127.0.0.0/8 on its loopback interface.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_address_with_too_many_connections_is_refused_while_others_are_let_in() {
    let running = Running::start(Server::new().max_per_address(Some(2))).await;
    let _both = (open(&running).await, open(&running).await);
    let answer = running.answer(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("retry-after: 5\r\n"), "{answer}");
    assert!(answer.contains("too many connections from this address"), "{answer}");

    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut elsewhere = socket.connect(running.address).await.unwrap();
    elsewhere.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(rest(&mut elsewhere).await.starts_with("HTTP/1.1 200 "));
}
