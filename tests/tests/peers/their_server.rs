//! The conversation of our client with a foreign server.

use std::time::Duration;

use everwire::{Client, Deflate, Message, Outcome, State};
use everwire_tests::{PATIENCE, Process, Tap};

use crate::our_client::{large, next, state};

/// The features of a server.
#[derive(Clone, Copy)]
pub(crate) struct Skills {
    /// Whether it can send a message in fragments.
    pub(crate) fragments: bool,
}

/// Runs the whole conversation with a server that behaves as `tests/peers/ws-server.mjs` describes, with compression.
pub(crate) async fn talks_with_our_client(mut server: Process, skills: Skills) {
    let port = server.line().await;
    let tap = Tap::to(&format!("127.0.0.1:{port}")).await;
    let client = Client::builder(format!("ws://{}/", tap.address()))
        .compression(Deflate::default())
        .initial_delay(Duration::from_millis(20))
        .build()
        .expect("settings");
    let mut inbox = client.messages();

    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 2 << 20] {
        let before = (tap.to_server(), tap.to_client());
        for message in
            [Message::from("д".repeat(length.min(4096) / 2)), large(length).into(), large(length).into_bytes().into()]
        {
            let delivery = client.send(message.clone()).expect("room");
            assert!(next(&mut inbox).await == message, "what comes back is what was sent ({length} bytes)");
            assert_eq!(delivery.await, Outcome::Received, "it answers our pings");
        }
        let (there, back) = (tap.to_server() - before.0, tap.to_client() - before.1);
        // Two of the three messages have this length, so this is half of their uncompressed size.
        let half = u64::try_from(length).expect("small");
        assert!(length < 1 << 20 || there < half && back < half, "{length} bytes took {there} and {back}");
    }
    assert!(tap.has_agreed_to_compress());
    if skills.fragments {
        drop(client.send("!fragment abcdefgh").expect("room"));
        assert_eq!(next(&mut inbox).await.as_text(), Some("abcdefgh"));
    }
    drop(client.send("!ping are you there").expect("room"));
    event(&mut server, "pong", |pong| pong["text"] == "are you there").await;

    drop(client.send("!close 1012 restart").expect("room"));
    let lost = state(&client, |state| matches!(state, State::Disconnected { .. })).await;
    assert!(matches!(&lost, State::Disconnected { cause, .. } if cause.code() == Some(1012)), "{lost}");
    assert!(lost.to_string().contains("restart"), "{lost}");
    drop(client.send("still here").expect("room"));
    assert_eq!(next(&mut inbox).await.as_text(), Some("still here"));

    let left = client.close(PATIENCE).await;
    assert!(left.unsent.is_empty() && left.unacknowledged.is_empty());
    event(&mut server, "close", |close| close["code"] == 1000).await;
}

/// Reads until an event of this name fits.
async fn event(server: &mut Process, name: &str, fits: impl Fn(&serde_json::Value) -> bool) {
    let fitting = async {
        loop {
            let event = server.json().await;
            if event["event"] == name && fits(&event) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, fitting).await.expect("such an event comes in time");
}
