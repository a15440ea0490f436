use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire::{Event, EventItem, Outcome};
use everwire_server::{Limits, Priority, SendOptions, Session, Sessions, SessionsConfig};

use crate::support::Server;

const MESSAGES: usize = 2000;

#[tokio::test]
async fn every_message_is_processed_once_and_in_order_in_both_directions_through_fifty_cuts() {
    let server = Server::echo().await;
    let client = server.client();
    let mut inbox = client.messages();
    let network = server.network.clone();
    let sender = client.clone();
    let sending = tokio::spawn(async move {
        let mut deliveries = Vec::new();
        for number in 0..MESSAGES {
            deliveries.push(sender.send_wait(number.to_string()).await.unwrap());
            if number % 40 == 39 {
                // Somewhere in the middle of it.
                deliveries[number - 20].written().await;
                network.cut();
            }
        }
        let mut outcomes = Vec::new();
        for delivery in deliveries {
            outcomes.push(delivery.await);
        }
        outcomes
    });
    for number in 0..MESSAGES {
        assert_eq!(inbox.next().await.unwrap().as_text(), Some(number.to_string().as_str()));
    }
    let outcomes = sending.await.unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Acknowledged), "{outcomes:?}");
    assert!(*server.network.connections.lock().unwrap() > 10);
    assert_eq!(server.sessions.stats().sessions, 1);
    let left = client.close(Duration::from_secs(10)).await;
    assert!(left.unsent.is_empty() && left.unacknowledged.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_move_costs_no_message_and_no_disconnection() {
    let server = Server::echo().await;
    let client = server.client();
    let mut inbox = client.messages();
    let mut states = client.watch_state();
    states.wait_for(everwire::State::is_connected).await.unwrap();
    let mut events = client.events();
    for round in 0..10 {
        for number in 0..10 {
            drop(client.send(format!("{round}.{number}")).unwrap());
        }
        client.migrate();
        for number in 0..10 {
            assert_eq!(inbox.next().await.unwrap().as_text(), Some(format!("{round}.{number}").as_str()));
        }
        // The move is over when the server has seen the next connection.
        loop {
            let item = events.next().await.unwrap();
            if let EventItem::Event(Event::Session { resumed, .. }) = item {
                assert!(resumed);
                break;
            }
            assert!(!matches!(&item, EventItem::Event(Event::Disconnected(_))), "{item:?}");
        }
    }
    assert_eq!(*server.network.connections.lock().unwrap(), 11);
}

#[tokio::test]
async fn a_client_that_is_away_finds_what_was_sent_meanwhile() {
    let senders = Arc::new(Mutex::new(Vec::new()));
    let sessions = Sessions::new(SessionsConfig::default()).unwrap();
    let known = Arc::clone(&senders);
    let server = Server::start(sessions, move |mut session: Session| {
        known.lock().unwrap().push(session.sender());
        async move { while session.recv().await.is_some() {} }
    })
    .await;
    let client = server.client();
    let mut inbox = client.messages();
    client.send("hello").unwrap().await;
    client.disconnect();
    client.watch_state().wait_for(|state| matches!(state, everwire::State::Closed(_))).await.unwrap();
    let sender = senders.lock().unwrap()[0].clone();
    sender.send("while you were away").unwrap();
    client.connect();
    assert_eq!(inbox.next().await.unwrap().as_text(), Some("while you were away"));
    // It is processed when the next one is asked for.
    let (flushed, _) = tokio::join!(sender.flush(), async {
        tokio::select! { biased; _ = inbox.next() => {}, () = tokio::task::yield_now() => {} }
        tokio::select! { biased; _ = inbox.next() => {}, () = async { while sender.pending() > 0 { tokio::task::yield_now().await } } => {} }
    });
    assert!(flushed);
}

#[tokio::test]
async fn somebody_elses_session_is_not_to_be_had() {
    let server = Server::echo().await;
    let ann = server.network.client("?user=ann");
    ann.send("mine").unwrap().await;
    assert_eq!(server.sessions.stats().sessions, 1);
    let eve = server.network.client("?user=eve");
    eve.send("hers").unwrap().await;
    assert_eq!(server.sessions.stats().sessions, 2);
}

#[tokio::test]
async fn large_messages_pass_whole_in_both_directions() {
    let server = Server::echo().await;
    let client = server.client();
    let mut inbox = client.messages();
    let large = "ü".repeat(300_000);
    drop(client.send(large.clone()).unwrap());
    drop(client.send(vec![7_u8; 500_000]).unwrap());
    assert_eq!(inbox.next().await.unwrap().as_text(), Some(large.as_str()));
    assert_eq!(inbox.next().await.unwrap().len(), 500_000);
}

#[tokio::test]
async fn what_is_promised_of_large_messages_is_kept_and_what_is_not_breaks_nothing() {
    const MIB: usize = 1 << 20;
    let mut config = SessionsConfig::default();
    config.session.limits.message_bytes = 18 << 20;
    config.session.outbox.max_bytes = 64 << 20;
    let server = Server::start(Sessions::new(config).unwrap(), async |mut session: Session| {
        while let Some(received) = session.recv().await {
            // What the client has not promised to take is known here, and sent by nobody.
            for size in [received.message.len(), 17 * MIB] {
                session.sender().send_wait(vec![7_u8; size]).await.ok();
            }
            session.sender().send_wait("that is all").await.unwrap();
        }
    })
    .await;
    let builder = everwire::Client::builder(server.network.url()).session(everwire::SessionMode::Require);
    let limits = Limits { max_frame: 16 * MIB, ..Limits::default() };
    let client = builder.outbox_bytes(64 * MIB).limits(limits).build().unwrap();
    let mut inbox = client.messages();
    let sent = client.send(vec![7_u8; 17 * MIB]).unwrap();
    assert_eq!(sent.await, Outcome::Acknowledged);
    assert_eq!(inbox.next().await.unwrap().as_text(), Some("that is all"));
    drop(client.send(vec![7_u8; 15 * MIB]).unwrap());
    assert_eq!(inbox.next().await.unwrap().len(), 15 * MIB);
    assert_eq!(inbox.next().await.unwrap().as_text(), Some("that is all"));
    assert_eq!(client.stats().machine.connections, 1);
}

#[test]
fn more_than_the_frames_may_have_can_not_be_promised() {
    let mut config = SessionsConfig::default();
    config.limits = Some(Limits { max_message: 1 << 20, ..Limits::default() });
    let error = Sessions::new(config).unwrap_err();
    assert!(error.to_string().starts_with("limits is smaller than what clients are promised"), "{error}");
}

#[tokio::test]
async fn of_what_is_sent_to_a_client_that_is_away_only_what_still_counts_is_kept() {
    let senders = Arc::new(Mutex::new(Vec::new()));
    let sessions = Sessions::new(SessionsConfig::default()).unwrap();
    let known = Arc::clone(&senders);
    let server = Server::start(sessions, move |mut session: Session| {
        known.lock().unwrap().push(session.sender());
        async move { while session.recv().await.is_some() {} }
    })
    .await;
    let client = server.client();
    let mut inbox = client.messages();
    client.send("hello").unwrap().await;
    client.disconnect();
    client.watch_state().wait_for(|state| matches!(state, everwire::State::Closed(_))).await.unwrap();
    let sender = senders.lock().unwrap()[0].clone();
    for price in 1..=3 {
        sender.send_with(format!("price {price}"), SendOptions::new().key("price")).unwrap();
    }
    sender.send_with("stale", SendOptions::new().ttl(Duration::ZERO)).unwrap();
    sender.send("normal").unwrap();
    sender.send_with("urgent", SendOptions::new().priority(Priority::High)).unwrap();
    client.connect();
    for expected in ["urgent", "price 3", "normal"] {
        assert_eq!(inbox.next().await.unwrap().as_text(), Some(expected));
    }
}

#[tokio::test]
async fn what_waits_for_a_client_that_is_away_longer_than_it_may_is_given_up() {
    let senders = Arc::new(Mutex::new(Vec::new()));
    let mut config = SessionsConfig::default();
    config.session.outbox.max_age = Some(Duration::from_millis(20));
    let known = Arc::clone(&senders);
    let server = Server::start(Sessions::new(config).unwrap(), move |mut session: Session| {
        known.lock().unwrap().push(session.sender());
        async move { while session.recv().await.is_some() {} }
    })
    .await;
    let client = server.client();
    let mut inbox = client.messages();
    client.send("hello").unwrap().await;
    client.disconnect();
    client.watch_state().wait_for(|state| matches!(state, everwire::State::Closed(_))).await.unwrap();
    let sender = senders.lock().unwrap()[0].clone();
    sender.send("stale").unwrap();
    sender.send_wait("stale as well").await.unwrap();
    // Nothing but the time makes the session's task look.
    let gone = tokio::time::timeout(Duration::from_secs(10), sender.flush()).await;
    assert_eq!(gone, Ok(true));
    sender.send_with("kept", SendOptions::new().ttl(Duration::from_secs(60))).unwrap();
    client.connect();
    assert_eq!(inbox.next().await.unwrap().as_text(), Some("kept"));
}
