//! Messages that are taken back before they have come anywhere.

use everwire_chat::{Change, ChatClient, ChatError, ChatEvent, TakeBackError};

/// A client whose server is not there.
fn offline() -> Result<ChatClient, ChatError> {
    ChatClient::builder("ws://127.0.0.1:9/ws", "Ana").build()
}

#[tokio::test]
async fn what_waits_can_be_taken_back_and_is_gone() {
    let chat = offline().unwrap();
    let mut updates = chat.updates();
    let kept = chat.send("stays").unwrap();
    let id = chat.send("never mind").unwrap();
    assert_eq!(chat.take_back(&id), Ok(()));
    let ids: Vec<String> = chat.entries().into_iter().map(|entry| entry.id).collect();
    assert_eq!(ids, [kept]);
    let mut copy = Vec::new();
    loop {
        let Some(ChatEvent::Timeline(change)) = updates.next().await else { continue };
        let is_last = matches!(&change, Change::Removed { id: gone, .. } if *gone == id);
        change.apply(&mut copy);
        if is_last {
            break;
        }
    }
    assert_eq!(copy, chat.entries(), "whoever follows the changes sees the same");
    assert_eq!(chat.take_back(&id), Err(TakeBackError::Unknown), "it is gone already");
}

#[tokio::test]
async fn a_message_that_was_taken_back_is_not_among_those_left_at_the_end() {
    let chat = offline().unwrap();
    let id = chat.send("never mind").unwrap();
    chat.send("was to arrive").unwrap();
    chat.take_back(&id).unwrap();
    let left = chat.close(std::time::Duration::ZERO).await;
    assert_eq!(left.into_iter().map(|entry| entry.text).collect::<Vec<_>>(), ["was to arrive"]);
}
