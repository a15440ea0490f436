//! Nothing goes out before the other end has agreed to it (RFC 9931): what a server or a proxy refuses must not lie in its
//! buffer, where it could be taken for another request.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use everwire::{Builder, Guarantee};
use support::proxy::{Proxy, Verdict};
use support::{Server, final_failure, hasty, read_head};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::unbounded_channel;

/// A client that has much to say as soon as it may.
async fn eager(builder: Builder) -> everwire::Client {
    let builder = builder.guarantee(Guarantee::AtLeastOnce).connect_on_build(false);
    let client = builder.build().expect("good settings");
    for n in 0..100 {
        drop(client.send(format!("message {n}")).expect("room"));
    }
    client.connect();
    client
}

#[tokio::test]
async fn nothing_is_sent_before_the_101() {
    let (report, mut reports) = unbounded_channel();
    let server = Server::raw(move |mut stream, _| {
        let report = report.clone();
        async move {
            let head = read_head(&mut stream).await;
            // An answer that could still become a 101, and then does not.
            let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 4").await;
            let _ = stream.write_all(b"00 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
            let mut more = Vec::new();
            let _ = stream.read_to_end(&mut more).await;
            let _ = report.send((head, more));
        }
    })
    .await;
    let client = eager(hasty(&server.url)).await;
    final_failure(&client).await;
    let (head, more) = support::soon("what the client sent", reports.recv()).await.expect("a report");
    assert!(head.starts_with("GET / HTTP/1.1\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    assert_eq!(more, b"", "nothing behind the request");
}

#[tokio::test]
async fn nothing_is_sent_behind_connect_before_its_2xx() {
    for url in ["ws://feed.invalid/", "wss://feed.invalid/"] {
        let (report, mut reports) = unbounded_channel();
        let proxy = Proxy::start(move |mut stream, _| {
            let report = report.clone();
            async move {
                let head = read_head(&mut stream).await;
                let _ =
                    stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n").await;
                let mut more = Vec::new();
                let _ = stream.read_to_end(&mut more).await;
                let _ = report.send((head, more));
            }
        })
        .await;
        let client = eager(hasty(url).proxy(format!("http://{}", proxy.place))).await;
        final_failure(&client).await;
        let (head, more) = support::soon("what the client sent", reports.recv()).await.expect("a report");
        assert!(head.starts_with("CONNECT feed.invalid:") && head.ends_with("\r\n\r\n"), "{head}");
        assert_eq!(more, b"", "nothing behind the request for a tunnel, {url}");
    }
}

#[tokio::test]
async fn what_the_tunnel_says_unasked_is_refused() {
    let server = Server::echo().await;
    let proxy = Proxy::http(&server, |_| Verdict::Say(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101".to_vec())).await;
    let client = eager(hasty("ws://feed.invalid/").proxy(format!("http://{}", proxy.place))).await;
    let failure = support::first_failure(&client).await;
    assert!(failure.detail.contains("sends more than its answer before it is asked to"), "{failure:?}");
}
