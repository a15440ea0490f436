//! Waiting for our client, with a deadline.

use everwire::{Client, Inbox, Message, State};
use everwire_tests::PATIENCE;

pub(crate) async fn next(inbox: &mut Inbox) -> Message {
    tokio::time::timeout(PATIENCE, inbox.next()).await.expect("a message in time").expect("the client is open")
}

pub(crate) async fn state(client: &Client, fits: impl FnMut(&State) -> bool) -> State {
    let mut states = client.watch_state();
    let state = tokio::time::timeout(PATIENCE, states.wait_for(fits)).await.expect("the state in time");
    state.expect("the client lives").clone()
}

/// The numbers from 0 on, up to this length: text that compresses, but not as extremely as one repeated character.
pub(crate) fn large(length: usize) -> String {
    let mut text = String::with_capacity(length + 8);
    for number in 0.. {
        if text.len() >= length {
            break;
        }
        text.push_str(&format!("{number} "));
    }
    text.truncate(length);
    text
}
