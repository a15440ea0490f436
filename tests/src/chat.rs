//! Chat clients of a real server.

use std::time::Duration;

use everwire_chat::{ChatClient, Entry};

use crate::process::PATIENCE;

/// A client of this name in the room `den` of the server on this port; its timeline keeps `window` entries.
pub fn member(port: u16, name: &str, window: usize) -> ChatClient {
    ChatClient::builder(format!("ws://127.0.0.1:{port}/ws"), name)
        .user_id(name)
        .room("den")
        .window(window)
        .connection(|builder| builder.initial_delay(Duration::from_millis(20)).max_delay(Duration::from_millis(200)))
        .build()
        .expect("settings")
}

/// Waits until `fits` is true of a client's timeline; `what` names the condition in the failure.
pub async fn until(client: &ChatClient, what: &str, fits: impl Fn(&[Entry]) -> bool) {
    let mut updates = client.updates();
    let reached = async {
        while !fits(&client.entries()) {
            updates.next().await.expect("the client lives");
        }
    };
    if tokio::time::timeout(PATIENCE, reached).await.is_err() {
        let entries = client.entries();
        panic!("{what}: {:?}, {} entries up to {:?}", client.state(), entries.len(), entries.last());
    }
}

/// The texts of a user, in order.
pub fn texts<'a>(entries: &'a [Entry], user: &str) -> Vec<&'a str> {
    entries.iter().filter(|entry| entry.user_id == user).map(|entry| entry.text.as_str()).collect()
}
