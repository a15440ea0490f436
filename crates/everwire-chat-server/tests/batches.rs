//! What comes together goes out in one message, to those who can read it.

#![allow(clippy::unwrap_used, reason = "its helpers are test code as well")]

mod support;

use everwire_chat_server::ServerConfig;
use futures_util::future::join_all;
use serde_json::{Value, json};
use support::{Plain, Server, soon, text};
use tokio_tungstenite::tungstenite::Message;

/// The bounds of a message with several events.
const MOST: usize = 256;
const BYTES: usize = 32 << 10;

/// Says these lines in few messages, so that many are committed together.
async fn flood(speaker: &mut Plain, user: &str, lines: std::ops::RangeInclusive<u64>) {
    let lines: Vec<Value> = lines.map(|n| text(&format!("{user} {n}"), user, "x")).collect();
    for some in lines.chunks(300) {
        speaker.say(&json!(some)).await;
    }
}

async fn epoch(server: &Server) -> String {
    Plain::join(server, "after=").await.next().await["epoch"].as_str().unwrap().to_owned()
}

/// Reads lines from this offset on, up to that one at least: the offset that is next, and how many messages it took.
async fn hear(client: &mut Plain, from: u64, to: u64) -> (u64, u64) {
    let (mut next, mut messages) = (from, 0);
    while next <= to {
        let events = client.next_message().await;
        assert!(events.len() <= MOST && (events.len() == 1 || json!(events).to_string().len() <= BYTES));
        for event in events {
            assert_eq!((&event["type"], &event["offset"]), (&json!("text"), &json!(next)));
            next += 1;
        }
        messages += 1;
    }
    (next, messages)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_comes_in_few_messages_to_who_can_read_arrays_and_line_by_line_to_the_others() {
    const LINES: u64 = 3000;
    let server = Server::start(ServerConfig::default()).await;
    let mut old = Plain::named(&server, "old").await;
    let mut new = Plain::join(&server, "after=").await;
    assert_eq!(new.brief().await, "sync");
    let mut ben = Plain::join(&server, "after=").await;
    assert_eq!(ben.brief().await, "sync");
    flood(&mut ben, "ben", 1..=LINES).await;
    assert_eq!((old.brief().await, new.brief().await), ("user_joined ben".into(), "user_joined ben".into()));
    assert_eq!(hear(&mut old, 1, LINES).await.1, LINES);
    let (_, messages) = hear(&mut new, 1, LINES).await;
    assert!(messages < LINES / 4, "{messages}");
    // So it is with what the sender is told.
    let (mut next, mut messages) = (1, 0);
    while next <= LINES {
        for event in ben.next_message().await {
            assert_eq!(event, json!({"type": "stored", "id": format!("ben {next}"), "offset": next}));
            next += 1;
        }
        messages += 1;
    }
    assert!(messages < LINES / 4, "{messages}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_comes_in_few_messages() {
    const LINES: u64 = 1200;
    let server = Server::start(ServerConfig::default()).await;
    let epoch = epoch(&server).await;
    let mut ben = Plain::named(&server, "ben").await;
    flood(&mut ben, "ben", 1..=LINES).await;
    ben.barrier().await;
    let mut late = Plain::join(&server, &format!("after={epoch}:0")).await;
    assert_eq!(late.brief().await, "sync");
    let (_, messages) = hear(&mut late, 1, LINES).await;
    assert!(messages < LINES / 4, "{messages}");
    let mut nearly = Plain::join(&server, &format!("after={epoch}:{}", LINES - 1)).await;
    assert_eq!(nearly.brief().await, "sync");
    let Message::Text(single) = nearly.raw().await else { panic!("no line") };
    assert!(single.starts_with(r#"{"type":"text""#), "one line is no array: {single}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_into_a_flood_gets_what_was_missed_and_then_what_is_said_without_gap_or_double() {
    const LINES: u64 = 5_000;
    let server = Server::start(ServerConfig::default()).await;
    let epoch = epoch(&server).await;
    let mut ben = Plain::named(&server, "ben").await;
    let speaking = async {
        for first in (1..=LINES).step_by(500) {
            flood(&mut ben, "ben", first..=first + 499).await;
            ben.barrier().await;
        }
    };
    let listening = async {
        let first = Plain::join(&server, &format!("after={epoch}:0")).await;
        let mut all = vec![(first, 1)];
        for _ in 0..10 {
            // Comes in the midst of it, with all that was said so far to catch up.
            let mut late = Plain::join(&server, &format!("after={epoch}:0")).await;
            assert_eq!(late.brief().await, "sync");
            let (next, _) = hear(&mut late, 1, 1).await;
            all.push((late, next));
        }
        all
    };
    let (mut all, ()) = soon("all are in", async { tokio::join!(listening, speaking) }).await;
    assert_eq!(all[0].0.brief().await, "sync");
    soon("all have heard everything", join_all(all.iter_mut().map(|(late, from)| hear(late, *from, LINES)))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_in_a_flood_hears_the_others_and_of_its_own_lines_in_order() {
    const LINES: u64 = 1000;
    let server = Server::start(ServerConfig::default()).await;
    let names = ["ana", "ben", "cat"];
    let mut clients = Vec::new();
    for name in names {
        let mut client = Plain::join(&server, &format!("userId={name}&after=")).await;
        assert_eq!(client.brief().await, "sync");
        clients.push(client);
    }
    let speaking = async |client: &mut Plain, name: &str| {
        flood(client, name, 1..=LINES).await;
        let mut next = 1;
        while next <= 3 * LINES {
            let event = client.next().await;
            if event["type"] == "user_joined" {
                continue;
            }
            assert_eq!(event["offset"], json!(next));
            let is_own = event["id"].as_str().unwrap().starts_with(name);
            assert_eq!(event["type"], json!(if is_own { "stored" } else { "text" }));
            next += 1;
        }
    };
    soon("all have heard all", join_all(clients.iter_mut().zip(names).map(|(client, name)| speaking(client, name))))
        .await;
}
