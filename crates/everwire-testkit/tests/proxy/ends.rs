//! Without faults the proxy is not there; ends pass as they are.

use std::io::ErrorKind;

use everwire_testkit::proxy::{EndedBy, EventKind, Proxy, StartError};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Server, connect, event, eventually, expect, pair, proxied, send, to_end, within};

#[tokio::test]
async fn bytes_go_both_ways_and_an_end_of_one_direction_leaves_the_other_open() {
    let (proxy, mut server) = proxied([]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    send(&mut client, b"question").await;
    expect(&mut peer, b"question").await;
    client.shutdown().await.unwrap();
    assert_eq!(to_end(&mut peer).await, (vec![], None));
    send(&mut peer, b"answer").await;
    drop(peer);
    assert_eq!(to_end(&mut client).await, (b"answer".to_vec(), None));
    let closed = event(&proxy, |kind| matches!(kind, EventKind::Closed { .. })).await;
    assert_eq!(closed, EventKind::Closed { connection: 1, by: EndedBy::Client, to_server: 8, to_client: 6 });
    let stats = proxy.stats();
    assert_eq!((stats.connections, stats.open, stats.to_server, stats.to_client), (1, 0, 8, 6));
}

#[tokio::test]
async fn megabytes_arrive_whole_both_ways_at_once() {
    let (proxy, mut server) = proxied([]).await;
    let (client, peer) = pair(&proxy, &mut server).await;
    let data: Vec<u8> = (0..8_u32 << 20).map(|place| (place % 253) as u8).collect();
    let both = |stream: TcpStream| {
        let data = data.clone();
        async move {
            let (mut read, mut write) = stream.into_split();
            let writing = tokio::spawn(async move { write.write_all(&data).await });
            let mut received = Vec::new();
            tokio::io::AsyncReadExt::read_to_end(&mut read, &mut received).await.unwrap();
            writing.await.unwrap().unwrap();
            received
        }
    };
    let (at_client, at_server) = within(async { tokio::join!(both(client), both(peer)) }).await;
    assert!(at_client == data && at_server == data);
}

#[tokio::test]
async fn a_reset_passes_as_a_reset() {
    let (proxy, mut server) = proxied([]).await;
    let (client, mut peer) = pair(&proxy, &mut server).await;
    client.set_zero_linger().unwrap();
    drop(client);
    assert_eq!(to_end(&mut peer).await.1, Some(ErrorKind::ConnectionReset));
    let (mut client, peer) = pair(&proxy, &mut server).await;
    peer.set_zero_linger().unwrap();
    drop(peer);
    assert_eq!(to_end(&mut client).await.1, Some(ErrorKind::ConnectionReset));
    eventually(|| proxy.stats().open == 0).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_resets_the_client_and_is_told() {
    let server = Server::start().await;
    let address = server.address;
    drop(server);
    let proxy = Proxy::builder(address.to_string()).start().await.unwrap();
    let mut client = connect(&proxy).await;
    assert_eq!(to_end(&mut client).await.1, Some(ErrorKind::ConnectionReset));
    let told = event(&proxy, |kind| matches!(kind, EventKind::Unreachable { .. })).await.to_string();
    assert!(told.contains(&address.to_string()) && told.contains("refused"), "{told}");
    eventually(|| proxy.stats().open == 0).await;
    assert_eq!(proxy.stats().unreachable, 1);
}

#[tokio::test]
async fn a_sender_that_is_not_read_is_held_back() {
    let (proxy, mut server) = proxied([]).await;
    let (client, peer) = pair(&proxy, &mut server).await;
    // Far more than all buffers on the way hold.
    let data = vec![7; 64 << 20];
    let writing = tokio::spawn(async move {
        let mut client = client;
        client.write_all(&data).await.map(|()| client)
    });
    eventually(|| proxy.open()[0].to_server > 0).await;
    assert!(!writing.is_finished());
    let mut peer = peer;
    let mut read = 0;
    within(async {
        let mut buffer = vec![0; 1 << 20];
        while read < 64 << 20 {
            read += tokio::io::AsyncReadExt::read(&mut peer, &mut buffer).await.unwrap();
        }
    })
    .await;
    assert!(within(writing).await.unwrap().is_ok());
}

#[tokio::test]
async fn too_many_connections_are_reset_and_told() {
    let mut server = Server::start().await;
    let proxy = Proxy::builder(server.address.to_string()).max_connections(1).start().await.unwrap();
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    let mut second = connect(&proxy).await;
    assert_eq!(to_end(&mut second).await.1, Some(ErrorKind::ConnectionReset));
    event(&proxy, |kind| *kind == EventKind::TooMany { connection: 2 }).await;
    send(&mut client, b"still here").await;
    expect(&mut peer, b"still here").await;
    assert_eq!(proxy.stats().refused, 1);
}

#[tokio::test]
async fn a_stop_ends_every_connection_in_order_and_frees_the_port() {
    let (proxy, mut server) = proxied([]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    send(&mut client, b"last").await;
    expect(&mut peer, b"last").await;
    let address = proxy.address();
    let stop = tokio::spawn(async move { proxy.stop().await });
    assert_eq!(to_end(&mut client).await, (vec![], None));
    assert_eq!(to_end(&mut peer).await, (vec![], None));
    drop((client, peer));
    let stats = within(stop).await.unwrap();
    assert_eq!((stats.open, stats.to_server), (0, 4));
    assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    Proxy::builder(server.address.to_string()).listen(address.to_string()).start().await.unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_peers_that_never_close() {
    let (proxy, mut server) = proxied([]).await;
    let (_client, _peer) = pair(&proxy, &mut server).await;
    assert_eq!(within(proxy.stop()).await.open, 0);
    assert_eq!(within(proxy.stop()).await.open, 0, "twice does no harm");
    let mut events = proxy.events();
    within(async { while events.next().await.is_some() {} }).await;
}

#[tokio::test]
async fn a_dropped_proxy_leaves_nothing_behind() {
    let (proxy, mut server) = proxied([]).await;
    let (mut client, _peer) = pair(&proxy, &mut server).await;
    let address = proxy.address();
    drop(proxy);
    to_end(&mut client).await;
    within(async { while TcpStream::connect(address).await.is_ok() {} }).await;
}

#[tokio::test]
async fn what_can_t_start_says_why_in_one_line() {
    let taken = Proxy::builder("127.0.0.1:9").start().await.unwrap();
    let again = Proxy::builder("127.0.0.1:9").listen(taken.address().to_string()).start().await.unwrap_err();
    assert!(again.to_string().contains("is in use; choose another port"), "{again}");
    for upstream in ["", "localhost", "localhost:0", ":80", "http://localhost:80", "host:99999"] {
        let error = Proxy::builder(upstream).start().await.unwrap_err();
        assert!(matches!(error, StartError::Upstream { .. }), "{upstream}: {error}");
    }
    let error = Proxy::builder("localhost:80").listen("nonsense").start().await.unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }) && std::error::Error::source(&error).is_some());
}
