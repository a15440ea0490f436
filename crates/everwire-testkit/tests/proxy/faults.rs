//! What rules do to real connections.

use std::io::ErrorKind;
use std::time::Instant;

use everwire_testkit::faults::{Connections, Directions, Ending, Fault, Rule, When};
use everwire_testkit::proxy::{EndedBy, EventKind};
use tokio::io::AsyncReadExt;

use crate::support::{assert_silent, event, eventually, expect, fault, ms, pair, proxied, send, to_end, within};

fn bytes(count: u64) -> When {
    When::Bytes(count..=count)
}

#[tokio::test]
async fn a_cut_by_bytes_lets_exactly_so_many_through_at_every_place() {
    for ending in [Ending::Close, Ending::Reset] {
        for count in [0, 1, 2, 7, 63, 64] {
            let rule = Rule::new(Fault::Cut(ending)).when(bytes(count)).counting(Directions::ToServer);
            let (proxy, mut server) = proxied([rule]).await;
            if count == 0 {
                // The server may or may not see it.
                let mut client = crate::support::connect(&proxy).await;
                let end = to_end(&mut client).await;
                assert_eq!(end, (vec![], (ending == Ending::Reset).then_some(ErrorKind::ConnectionReset)));
                continue;
            }
            let (mut client, mut peer) = pair(&proxy, &mut server).await;
            send(&mut client, &[7; 64]).await;
            let (arrived, error) = to_end(&mut peer).await;
            let expected = (ending == Ending::Reset).then_some(ErrorKind::ConnectionReset);
            assert_eq!((arrived.len() as u64, error), (count, expected), "{ending:?}");
            assert_eq!(to_end(&mut client).await, (vec![], expected), "{ending:?} {count}");
            let closed = event(&proxy, |kind| matches!(kind, EventKind::Closed { .. })).await;
            assert!(matches!(closed, EventKind::Closed { by: EndedBy::Fault, to_server, .. } if to_server == count));
            assert_eq!(proxy.stats().faults["cut"], 1);
        }
    }
}

#[tokio::test]
async fn a_cut_that_only_the_client_sees_leaves_the_server_with_a_silent_connection() {
    let rule = Rule::new(Fault::Cut(Ending::Close)).direction(Directions::ToClient).when(bytes(3));
    let (proxy, mut server) = proxied([rule]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    send(&mut peer, b"abcdef").await;
    assert_eq!(to_end(&mut client).await, (b"abc".to_vec(), None));
    drop(client);
    // The server goes on, hears nothing, and keeps the connection open in the proxy.
    send(&mut peer, b"anybody?").await;
    fault(&proxy, "cut").await;
    assert_silent(&peer);
    assert_eq!(proxy.open().len(), 1);
    drop(peer);
    eventually(|| proxy.open().is_empty()).await;
}

#[tokio::test]
async fn a_half_open_connection_lives_one_way() {
    let rule = Rule::new(Fault::BlackHole).direction(Directions::ToServer).when(bytes(4));
    let (proxy, mut server) = proxied([rule]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    send(&mut client, b"heard and not heard").await;
    expect(&mut peer, b"hear").await;
    for _ in 0..5 {
        send(&mut peer, b"hello?").await;
        expect(&mut client, b"hello?").await;
    }
    assert_silent(&peer);
    // The client leaves, and even that is not heard.
    drop(client);
    send(&mut peer, b"hello?").await;
    assert_silent(&peer);
    assert_eq!(proxy.open().len(), 1);
    drop(peer);
    eventually(|| proxy.open().is_empty()).await;
}

#[tokio::test]
async fn a_sender_into_a_black_hole_finds_its_buffers_full_some_day() {
    let (proxy, mut server) = proxied([Rule::new(Fault::BlackHole)]).await;
    let (mut client, _peer) = pair(&proxy, &mut server).await;
    let chunk = [0; 1 << 16];
    let mut taken = 0;
    // A write that does not end is the sign.
    while tokio::time::timeout(ms(300), tokio::io::AsyncWriteExt::write_all(&mut client, &chunk)).await.is_ok() {
        taken += chunk.len();
        assert!(taken < 64 << 20, "it is taken without end");
    }
    assert_eq!(proxy.stats().to_server, 0);
    let mut byte = [0];
    assert!(client.try_read(&mut byte).is_err(), "and the connection still looks open");
}

#[tokio::test]
async fn a_stall_holds_everything_for_its_time_and_loses_nothing() {
    let rule = Rule::new(Fault::Stall).when(bytes(5)).counting(Directions::ToServer).lasting(ms(250));
    let (proxy, mut server) = proxied([rule]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    let start = Instant::now();
    send(&mut client, b"first").await;
    expect(&mut peer, b"first").await;
    fault(&proxy, "stall").await;
    send(&mut client, b"second").await;
    send(&mut peer, b"answer").await;
    expect(&mut peer, b"second").await;
    expect(&mut client, b"answer").await;
    assert!(start.elapsed() >= ms(250), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_delay_is_kept_in_both_directions() {
    let (proxy, mut server) = proxied([Rule::new(Fault::Delay { by: ms(60), jitter: ms(30) })]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    for _ in 0..3 {
        let start = Instant::now();
        send(&mut client, b"ping").await;
        expect(&mut peer, b"ping").await;
        send(&mut peer, b"pong").await;
        expect(&mut client, b"pong").await;
        assert!(start.elapsed() >= ms(120), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn bandwidth_is_not_exceeded() {
    let (proxy, mut server) = proxied([Rule::new(Fault::Bandwidth(100_000)).direction(Directions::ToServer)]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    let start = Instant::now();
    send(&mut client, &[7; 30_000]).await;
    expect(&mut peer, &[7; 30_000]).await;
    assert!(start.elapsed() >= ms(299), "{:?}", start.elapsed());
}

#[tokio::test]
async fn splitting_writes_piece_by_piece() {
    let (proxy, mut server) = proxied([Rule::new(Fault::Split { size: 2, gap: ms(20) })]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    send(&mut client, b"abcdefgh").await;
    let mut reads = 0;
    let mut all = Vec::new();
    within(async {
        while all.len() < 8 {
            let mut buffer = [0; 8];
            let read = peer.read(&mut buffer).await.unwrap();
            all.extend_from_slice(&buffer[..read]);
            reads += 1;
        }
    })
    .await;
    assert_eq!(all, b"abcdefgh");
    assert!(reads >= 2, "a busy machine may join some pieces, not all");
}

#[tokio::test]
async fn a_byte_is_corrupted_in_its_place() {
    let rule = Rule::new(Fault::Corrupt(0x20)).direction(Directions::ToClient).when(bytes(1));
    let (proxy, mut server) = proxied([rule]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    send(&mut peer, b"abcd").await;
    expect(&mut client, b"aBcd").await;
    assert_eq!(proxy.stats().faults["corrupt"], 1);
}

#[tokio::test]
async fn only_the_connections_that_a_rule_names_are_hit() {
    let rule = Rule::new(Fault::Cut(Ending::Reset)).on(Connections::Only(vec![2]));
    let (proxy, mut server) = proxied([rule]).await;
    let (mut first, mut peer) = pair(&proxy, &mut server).await;
    let mut second = crate::support::connect(&proxy).await;
    assert_eq!(to_end(&mut second).await.1, Some(ErrorKind::ConnectionReset));
    send(&mut first, b"alive").await;
    expect(&mut peer, b"alive").await;
}

#[tokio::test]
async fn a_cut_by_time_comes_by_itself() {
    let rule = Rule::new(Fault::Cut(Ending::Reset)).when(When::After(ms(50)..=ms(50)));
    let (proxy, mut server) = proxied([rule]).await;
    let start = Instant::now();
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    assert_eq!(to_end(&mut client).await.1, Some(ErrorKind::ConnectionReset));
    assert_eq!(to_end(&mut peer).await.1, Some(ErrorKind::ConnectionReset));
    assert!(start.elapsed() >= ms(49));
    eventually(|| proxy.open().is_empty()).await;
}
