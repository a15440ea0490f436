//! A path that drops idle connections, over real sockets: what two losses teach one client, the others of the process know too.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use everwire::{Event, EventItem, LearnedInterval};
use futures_util::StreamExt as _;
use support::{Server, connected, hasty, until};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

/// For how long the server lets a connection be idle; less than that is not learned.
const IDLE: Duration = Duration::from_millis(6_000);
const SHORTEST: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_server_that_drops_idle_connections_is_pinged_before_that_by_all_clients_of_the_process() {
    let pings = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&pings);
    let server = Server::web_socket(move |mut socket, _| {
        let counted = Arc::clone(&counted);
        async move {
            while let Ok(Some(Ok(message))) = timeout(IDLE, socket.next()).await {
                counted.fetch_add(usize::from(matches!(message, Message::Ping(_))), Ordering::SeqCst);
            }
            // Dropped without a word.
        }
    })
    .await;
    let client = hasty(&server.url).build().expect("good settings");
    let mut events = client.events();
    until("two connections are lost, and the third is there", || client.stats().machine.connections == 3).await;
    let learned = client.stats().machine.learned_interval.expect("the losses teach something");
    assert!((IDLE..IDLE + Duration::from_secs(2)).contains(&learned.idle), "{learned:?}");
    assert_eq!(learned.interval, SHORTEST, "{learned:?}");
    assert_eq!(pings.load(Ordering::SeqCst), 2, "the first ones of two connections; 25 s is what is set for others");

    let other = hasty(&server.url).build().expect("good settings");
    connected(&other).await;
    assert_eq!(other.stats().machine.learned_interval, Some(learned), "what one has learned the others know");
    let deaf = hasty(&server.url).adaptive_heartbeat(false).build().expect("good settings");
    connected(&deaf).await;
    assert_eq!(deaf.stats().machine.learned_interval, None, "but for those who do not want to");
    until("after the first pings of all three both are pinged", || pings.load(Ordering::SeqCst) >= 2 + 3 + 2).await;
    until("the one that does not want to is dropped", || deaf.stats().machine.connections == 2).await;
    assert_eq!((client.stats().machine.connections, other.stats().machine.connections), (3, 1));

    client.close(Duration::from_secs(1)).await;
    let mut told: Vec<Option<LearnedInterval>> = Vec::new();
    while let Some(item) = events.next().await {
        if let EventItem::Event(Event::Disconnected(end)) = item {
            told.push(end.learned);
        }
    }
    assert_eq!(told[..2], [None, Some(learned)]);
}
