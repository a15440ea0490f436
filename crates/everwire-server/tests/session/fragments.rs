//! Large messages to clients: in fragments, between which a connection stays alive.

use everwire_server::{Incoming, Message, Session, Sessions, SessionsConfig};

use crate::peer::Peer;
use crate::support::{Server, until};

const LARGE: usize = 900_000;

/// Sends each session a large message and a small one.
async fn sending(fragment_above: Option<usize>) -> Server {
    let mut config = SessionsConfig::default();
    config.fragment_above = fragment_above;
    Server::start(Sessions::new(config).unwrap(), async |mut session: Session| {
        session.sender().send_wait(vec![7_u8; LARGE]).await.unwrap();
        session.sender().send_wait("small").await.unwrap();
        while session.recv().await.is_some() {}
    })
    .await
}

/// The large message, the small one, and how many pongs and session pongs have come before the large one and behind it.
async fn read(peer: &mut Peer) -> (usize, usize) {
    let (mut before, mut behind, mut seen) = (0, 0, Vec::new());
    while seen.len() < 2 {
        match peer.socket.recv().await.unwrap().unwrap() {
            Incoming::Message(message) if message.payload().starts_with(b"m") => seen.push(message.len()),
            Incoming::Pong(_) if seen.is_empty() => before += 1,
            Incoming::Message(message) if message.payload().starts_with(b"q") => behind += 1,
            Incoming::Pong(_) => behind += 1,
            _ => {}
        }
    }
    assert_eq!(seen, [LARGE + 3, "m2:small".len()], "whole, and in order");
    (before, behind)
}

#[tokio::test]
async fn pongs_pass_between_the_fragments_of_a_large_message() {
    for (fragment_above, pongs_before) in [(Some(100_000), 1), (None, 0)] {
        let server = sending(fragment_above).await;
        let mut peer = Peer::connect(server.address).await;
        assert!(peer.socket.queue_ping(b"alive?"));
        peer.socket.flush().await.unwrap();
        let (before, behind) = read(&mut peer).await;
        assert_eq!((before, before + behind), (pongs_before, 1), "{fragment_above:?}");
    }
}

#[tokio::test]
async fn what_a_client_asks_for_behind_a_large_message_is_answered_once() {
    let server = sending(Some(100_000)).await;
    let mut peer = Peer::connect(server.address).await;
    for number in 0..5_000 {
        assert!(peer.write(Message::text(format!("p{number}"))).await);
    }
    until(|| server.sessions.stats().sessions == 1).await;
    let (_, behind) = read(&mut peer).await;
    assert!(behind < 50, "{behind} answers were held");
}
