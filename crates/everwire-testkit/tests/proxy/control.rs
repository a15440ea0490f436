//! Faults at run time.

use std::io::ErrorKind;

use everwire_testkit::faults::{Directions, Ending, Fault, Rule, Schedule, When};
use everwire_testkit::proxy::{Control, EndedBy, EventKind};
use tokio::net::TcpStream;

use crate::support::{assert_silent, connect, event, eventually, expect, fault, ms, pair, proxied, send, to_end};

#[tokio::test]
async fn a_cut_hits_every_connection_on_both_sides() {
    let (proxy, mut server) = proxied([]).await;
    let mut pairs = Vec::new();
    for _ in 0..3 {
        pairs.push(pair(&proxy, &mut server).await);
    }
    assert_eq!(proxy.cut_all(Ending::Reset), 3);
    for (client, peer) in &mut pairs {
        assert_eq!(to_end(client).await.1, Some(ErrorKind::ConnectionReset));
        assert_eq!(to_end(peer).await.1, Some(ErrorKind::ConnectionReset));
    }
    eventually(|| proxy.stats().open == 0).await;
    let closed = event(&proxy, |kind| matches!(kind, EventKind::Closed { .. })).await;
    assert!(matches!(closed, EventKind::Closed { by: EndedBy::Control, .. }), "{closed}");
    assert_eq!(proxy.cut_all(Ending::Close), 0);
}

#[tokio::test]
async fn an_orderly_cut_is_an_end_without_an_error() {
    let (proxy, mut server) = proxied([]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    proxy.cut_all(Ending::Close);
    assert_eq!(to_end(&mut client).await, (vec![], None));
    assert_eq!(to_end(&mut peer).await, (vec![], None));
}

#[tokio::test]
async fn a_black_hole_swallows_everything_and_gives_it_back_when_it_goes() {
    let (proxy, mut server) = proxied([]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    send(&mut client, b"before").await;
    expect(&mut peer, b"before").await;
    proxy.black_hole(true);
    assert!(proxy.is_black_hole());
    send(&mut client, b"within").await;
    send(&mut peer, b"within").await;
    // A new connection is as silent, and the server does not see it.
    let mut second = connect(&proxy).await;
    send(&mut second, b"second").await;
    eventually(|| proxy.open().len() == 2).await;
    assert_silent(&client);
    assert_silent(&peer);
    assert!(!server.has_more());
    proxy.black_hole(false);
    expect(&mut peer, b"within").await;
    expect(&mut client, b"within").await;
    let mut peer = server.accept().await;
    expect(&mut peer, b"second").await;
}

#[tokio::test]
async fn a_cut_gets_through_even_in_a_black_hole() {
    let (proxy, mut server) = proxied([]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    proxy.black_hole(true);
    send(&mut client, b"lost").await;
    proxy.cut_all(Ending::Close);
    assert_eq!(to_end(&mut peer).await, (vec![], None));
    assert_eq!(to_end(&mut client).await, (vec![], None));
}

#[tokio::test]
async fn a_refusal_closes_the_port_keeps_open_connections_and_ends() {
    let (proxy, mut server) = proxied([]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    proxy.refuse(true);
    assert!(proxy.is_refusing());
    event(&proxy, |kind| *kind == EventKind::Closing).await;
    let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    send(&mut client, b"lives").await;
    expect(&mut peer, b"lives").await;
    proxy.refuse(false);
    event(&proxy, |kind| *kind == EventKind::Listening).await;
    pair(&proxy, &mut server).await;
}

#[tokio::test]
async fn another_schedule_holds_for_open_connections_and_for_new_ones() {
    let (proxy, mut server) = proxied([Rule::new(Fault::BlackHole).direction(Directions::ToServer)]).await;
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    send(&mut client, b"held").await;
    fault(&proxy, "black-hole").await;
    assert_silent(&peer);
    let cut = Rule::new(Fault::Cut(Ending::Close)).when(When::Bytes(6..=6)).counting(Directions::ToServer);
    let next = Schedule::new(2).rule(cut);
    proxy.set(next.clone()).unwrap();
    assert_eq!(proxy.schedule(), next);
    expect(&mut peer, b"held").await;
    send(&mut client, b"1234").await;
    assert_eq!(to_end(&mut peer).await.0, b"12", "what was held counts as well");
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    send(&mut client, b"12345678").await;
    assert_eq!(to_end(&mut peer).await.0, b"123456");
    proxy.set(Schedule::default()).unwrap();
    let (mut client, mut peer) = pair(&proxy, &mut server).await;
    send(&mut client, b"12345678").await;
    expect(&mut peer, b"12345678").await;
}

#[tokio::test]
async fn a_schedule_without_sense_is_refused_and_the_old_one_stays() {
    let (proxy, _server) = proxied([]).await;
    let before = proxy.schedule();
    assert!(proxy.set(Schedule::new(9).rule(Rule::new(Fault::Stall))).is_err());
    assert_eq!(proxy.schedule(), before);
}

#[tokio::test]
async fn the_time_of_another_schedule_begins_when_it_is_set() {
    let (proxy, mut server) = proxied([]).await;
    let (mut client, _peer) = pair(&proxy, &mut server).await;
    let cut = Rule::new(Fault::Cut(Ending::Reset)).when(When::At(ms(40)));
    // As late as this the time of the old one has long passed 40 ms.
    let start = std::time::Instant::now();
    eventually(|| start.elapsed() > ms(60)).await;
    let start = std::time::Instant::now();
    proxy.set(Schedule::new(1).rule(cut)).unwrap();
    assert_eq!(to_end(&mut client).await.1, Some(ErrorKind::ConnectionReset));
    assert!(start.elapsed() >= ms(39), "{:?}", start.elapsed());
}

#[tokio::test]
async fn every_intervention_is_told() {
    let (proxy, _server) = proxied([]).await;
    proxy.black_hole(true);
    proxy.black_hole(false);
    proxy.refuse(true);
    proxy.refuse(false);
    proxy.set(Schedule::default()).unwrap();
    proxy.cut_all(Ending::Close);
    let mut events = proxy.events();
    let mut told = Vec::new();
    while told.len() < 6 {
        if let EventKind::Control { control } = crate::support::within(events.next()).await.unwrap().kind {
            told.push(control);
        }
    }
    let expected = [
        Control::BlackHole { on: true },
        Control::BlackHole { on: false },
        Control::Refuse { on: true },
        Control::Refuse { on: false },
        Control::Schedule { rules: 0 },
        Control::Cut { connections: 0, with: Ending::Close },
    ];
    assert_eq!(told, expected);
}
