//! A listener that falls behind.

use everwire_chat::{ChatClient, ChatEvent, Entry, Updates};

/// Follows what there is to be heard until a line with this text is there.
#[allow(clippy::expect_used, reason = "a helper of tests")]
async fn follow(copy: &mut Vec<Entry>, updates: &mut Updates, last: &str) -> u64 {
    let mut missed = 0;
    while copy.last().is_none_or(|entry| entry.text != last) {
        match updates.next().await.expect("the client is there") {
            ChatEvent::Timeline(change) => change.apply(copy),
            ChatEvent::Missed { count, entries } => {
                missed += count;
                *copy = entries;
            }
            _ => {}
        }
    }
    missed
}

#[tokio::test]
async fn whoever_falls_behind_gets_the_timeline_and_goes_on_from_there() {
    let chat = ChatClient::builder("ws://127.0.0.1:9/ws", "Ana").window(10_000).build().unwrap();
    let (mut copy, mut updates) = chat.follow_timeline();
    for line in 1..=3000 {
        chat.send(format!("line {line}")).unwrap();
        // Some was heard before, some comes while the listener is behind.
        if line == 500 {
            assert_eq!(follow(&mut copy, &mut updates, "line 500").await, 0);
        }
    }
    let missed = follow(&mut copy, &mut updates, "line 3000").await;
    assert!(missed >= 2500, "{missed}");
    chat.send("and on").unwrap();
    assert_eq!(follow(&mut copy, &mut updates, "and on").await, 0, "nothing old comes after it");
    assert_eq!(copy, chat.entries());
}
