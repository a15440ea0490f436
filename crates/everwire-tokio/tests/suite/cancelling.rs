//! Futures that are dropped at any point lose nothing.

use everwire_ws::{CloseCode, Incoming, Message, Role};
use futures_util::FutureExt as _;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::streams::*;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn messages() -> Vec<Message> {
    (0..60)
        .map(|i| {
            let text = format!("{i} ä€😀 ").repeat(i * i % 97);
            if i % 3 == 0 { Message::binary(text.into_bytes()) } else { Message::text(text) }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn receiving_byte_by_byte_with_every_future_dropped_loses_nothing(
        pieces in prop::collection::vec(1..40_usize, 1..20),
    ) {
        runtime().block_on(async {
            let mut sender = socket(tokio::io::empty(), Role::Client);
            for message in messages() {
                assert!(sender.queue(&message));
            }
            let wire = sender.into_parts().1.outgoing().to_vec();

            let (stream, mut peer) = tokio::io::duplex(64);
            let mut server = socket(stream, Role::Server);
            let mut received = Vec::new();
            let mut rest = &wire[..];
            for piece in pieces.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*piece).min(rest.len()));
                peer.write_all(now).await.unwrap();
                rest = later;
                tokio::task::yield_now().await; // the runtime's budget for one turn starts over
                // Each of these futures is polled once and dropped.
                while let Some(incoming) = server.recv().now_or_never() {
                    received.push(incoming.unwrap().unwrap());
                }
            }
            let expected: Vec<_> = messages().into_iter().map(Incoming::Message).collect();
            assert_eq!(received, expected);
        });
    }

    #[test]
    fn writing_with_every_future_dropped_loses_and_doubles_nothing(room in 1..50_usize) {
        runtime().block_on(async {
            let (stream, mut peer) = tokio::io::duplex(room);
            let mut server = socket(stream, Role::Server);
            for message in messages() {
                // Cancelled where it does not fit: the message stays queued.
                let _ = server.send(&message).now_or_never();
            }
            let total = server.queued_total();
            let mut wire = Vec::new();
            while server.flush().now_or_never().is_none() {
                let mut some = [0; 50];
                let count = peer.read(&mut some).await.unwrap();
                wire.extend_from_slice(&some[..count]);
                tokio::task::yield_now().await; // the runtime's budget for one turn starts over
            }
            drop(server);
            peer.read_to_end(&mut wire).await.unwrap();
            assert_eq!(wire.len() as u64, total);

            let (near, mut far) = tokio::io::duplex(wire.len());
            far.write_all(&wire).await.unwrap();
            let mut client = socket(near, Role::Client);
            for message in messages() {
                assert_eq!(client.recv().await.unwrap(), Some(Incoming::Message(message)));
            }
        });
    }
}

#[tokio::test]
async fn a_cancelled_close_can_be_called_again() {
    let (mut client, mut server) = pair(3);
    let mut by_server = Vec::new();
    loop {
        let closed = client.close(CloseCode::NORMAL, "a longer reason").now_or_never();
        match server.recv().now_or_never() {
            Some(Ok(Some(incoming))) => by_server.push(incoming),
            Some(Ok(None)) | None => {}
            Some(Err(error)) => panic!("{error}"),
        }
        if let Some(closed) = closed {
            closed.unwrap();
            break;
        }
    }
    assert!(matches!(&by_server[..], [Incoming::Close(Some(frame))] if frame.reason == "a longer reason"));
}
