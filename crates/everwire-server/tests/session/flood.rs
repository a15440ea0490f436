//! Clients that send and never read, or never stop: what they cost is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use everwire_core::session::code;
use everwire_server::{ComeBack, Incoming, Message, Session, SessionLimits, Sessions, SessionsConfig};
use tokio::sync::Notify;

use crate::peer::Peer;
use crate::support::{Server, until};

/// The number of frames of 64 bytes: answers to all of them would be far more than a connection may hold.
const FLOOD: u64 = 20_000;
/// What may be on its way to a client that does not read: the bound on replies, and the kernel's buffers.
const BOUND: usize = 256 << 10;

fn sessions(set: impl FnOnce(&mut SessionsConfig)) -> Sessions {
    let mut config = SessionsConfig::default();
    set(&mut config);
    Sessions::new(config).unwrap()
}

/// Every frame of the protocol that a client may send as often as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Reliable,
    Volatile,
    Ack,
    Ping,
    Pong,
    WebSocketPing,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Reliable, Self::Volatile, Self::Ack, Self::Ping, Self::Pong, Self::WebSocketPing];

    async fn write(self, peer: &mut Peer, number: u64) -> bool {
        let frame = match self {
            Self::Reliable => format!("m{number}:{number:060}"),
            Self::Volatile => format!("v:{number:060}"),
            Self::Ack => "a0".to_owned(),
            Self::Ping => format!("p{number:060}"),
            Self::Pong => format!("q{number:060}"),
            Self::WebSocketPing => {
                return peer.socket.queue_ping(&[7; 60]) && peer.socket.flush().await.is_ok();
            }
        };
        peer.write(frame).await
    }
}

#[tokio::test]
async fn what_a_client_makes_the_server_write_is_bounded_though_it_never_reads() {
    for kind in Kind::ALL {
        let told = Arc::new(Notify::new());
        let application = {
            let told = Arc::clone(&told);
            move |mut session: Session| {
                let told = Arc::clone(&told);
                async move {
                    while let Some(received) = session.recv().await {
                        if received.message.as_text() == Some("the last") {
                            told.notify_one();
                        }
                    }
                }
            }
        };
        // The client does not wait for acknowledgements.
        let limits = SessionLimits { messages: u32::MAX, bytes: u64::MAX, ..SessionLimits::default() };
        let server = Server::start(sessions(|config| config.session.limits = limits), application).await;
        let mut peer = Peer::connect(server.address).await;
        for number in 1..=FLOOD {
            assert!(kind.write(&mut peer, number).await, "{kind:?}");
        }
        let last = if kind == Kind::Reliable { FLOOD + 1 } else { 1 };
        assert!(peer.write(format!("m{last}:the last")).await);
        told.notified().await;
        let (said, closed) = peer.read_all().await;
        let bytes: usize = said.iter().map(size).sum();
        assert!(bytes <= BOUND && closed.is_none(), "{kind:?}: {bytes} bytes, closed with {closed:?}");
        let said_last =
            |frame: &str| said.iter().any(|said| matches!(said, Incoming::Message(m) if m.as_text() == Some(frame)));
        assert!(said_last(&format!("a{last}")), "{kind:?}: the last acknowledgement");
        if kind == Kind::Ping {
            assert!(said_last(&format!("q{FLOOD:060}")), "the answer to the last ping");
        }
    }
}

fn size(incoming: &Incoming) -> usize {
    match incoming {
        Incoming::Message(message) => message.len() + 4,
        Incoming::Ping(payload) | Incoming::Pong(payload) => payload.len() + 2,
        Incoming::Close(_) => 0,
    }
}

#[tokio::test]
async fn a_client_that_ignores_the_limits_it_was_told_is_closed_with_4410() {
    let limits = SessionLimits { messages: 100, bytes: 256 << 10, message_bytes: 64 << 10 };
    let payload = |length: usize| "x".repeat(length);
    for (what, length, most) in
        [("messages", 1, 100), ("bytes", 64 << 10, 4), ("the size of a message", (64 << 10) + 1, 0)]
    {
        let received = Arc::new(AtomicUsize::new(0));
        let application = {
            let received = Arc::clone(&received);
            move |mut session: Session| {
                let received = Arc::clone(&received);
                async move {
                    // Takes everything, and is done with nothing.
                    while session.recv_manual().await.is_some() {
                        received.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        };
        let server = Server::start(sessions(|config| config.session.limits = limits), application).await;
        let mut peer = Peer::connect(server.address).await;
        assert_eq!(peer.welcome.limits, limits);
        for number in 1..=200 {
            if !peer.write(format!("m{number}:{}", payload(length))).await {
                break;
            }
        }
        let (_, closed) = peer.read_all().await;
        assert_eq!(closed, Some(code::VIOLATED.0), "{what}");
        until(|| server.sessions.stats().sessions == 0).await;
        assert!(received.load(Ordering::SeqCst) <= most, "{what}: {received:?} messages were held");
    }
}

#[tokio::test]
async fn a_client_that_never_says_bye_is_left_all_the_same() {
    let server = Server::echo().await;
    let mut peer = Peer::connect(server.address).await;
    server.sessions.all()[0].end(ComeBack::Never, "the end");
    let alive = async {
        loop {
            peer.write("p").await;
            let _ = peer.read_all().await;
        }
    };
    tokio::select! {
        () = until(|| server.sessions.stats().sessions == 0) => {}
        () = alive => {}
    }
}

#[tokio::test]
async fn a_drain_leaves_nothing_though_no_client_says_bye() {
    let server = Server::echo().await;
    let mut peers = [Peer::connect(server.address).await, Peer::connect(server.address).await];
    server.sessions.drain(Duration::ZERO).await;
    let alive = async {
        loop {
            for peer in &mut peers {
                peer.write("p").await;
                let _ = peer.read_all().await;
            }
        }
    };
    tokio::select! {
        () = until(|| server.sessions.stats().sessions == 0) => {}
        () = alive => {}
    }
}

#[tokio::test]
async fn what_sessions_without_a_connection_hold_is_bounded_at_every_moment() {
    const BYTES: usize = 1 << 20;
    let sessions = sessions(|config| config.registry.max_detached_bytes = BYTES);
    let server =
        Server::start(sessions.clone(), async |mut session: Session| while session.recv_manual().await.is_some() {})
            .await;
    // Messages of the clients that are not processed count as well.
    for _ in 0..8 {
        let mut peer = Peer::connect(server.address).await;
        assert!(peer.write(format!("m1:{}", "x".repeat(1000))).await);
        peer.socket.close(everwire_server::CloseCode(1001), "").await.ok();
    }
    until(|| sessions.stats().detached == 8).await;
    assert_eq!(sessions.stats().detached_bytes, 8 * 1000);
    let senders = sessions.all();
    for _ in 0..12 {
        for sender in &senders {
            let _ = sender.send(Message::from(vec![7; 256 << 10]));
            assert!(sessions.stats().detached_bytes <= BYTES, "{:?}", sessions.stats());
        }
    }
    until(|| sessions.stats().sessions == sessions.stats().detached).await;
    assert!(sessions.stats().sessions < 8, "some had to go");
}
