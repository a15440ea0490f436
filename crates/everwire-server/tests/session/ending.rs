use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire::{Closed, Outcome, SessionMode, State};
use tokio::sync::Notify;

use everwire_server::{ComeBack, Session, SessionId, Sessions, SessionsConfig, WatermarkError, Watermarks};

use crate::support::{Server, until};

#[tokio::test]
async fn closing_the_client_ends_the_session() {
    let server = Server::echo().await;
    let client = server.client();
    client.send("x").unwrap().await;
    client.close(Duration::from_secs(10)).await;
    until(|| server.sessions.stats().sessions == 0).await;
}

#[tokio::test]
async fn a_session_ends_when_its_application_does_and_the_client_has_everything() {
    let sessions = Sessions::new(SessionsConfig::default()).unwrap();
    let server = Server::start(sessions, async |session: Session| {
        for number in 0..100 {
            session.send(number.to_string()).unwrap();
        }
    })
    .await;
    let client = server.client();
    let mut inbox = client.messages();
    for number in 0..100 {
        assert_eq!(inbox.next().await.unwrap().as_text(), Some(number.to_string().as_str()));
    }
    assert_eq!(inbox.next().await, None);
    assert!(matches!(client.state(), State::Closed(Closed::ByPeer(_))), "{:?}", client.state());
    assert_eq!(server.sessions.stats().sessions, 0);
}

#[tokio::test]
async fn a_banned_client_is_put_out_and_does_not_come_back() {
    let server = Server::echo().await;
    let client = server.network.client("?user=mallory");
    client.send("x").unwrap().await;
    assert_eq!(server.sessions.ban("mallory"), 1);
    let mut states = client.watch_state();
    let state = states.wait_for(|state| state.is_final()).await.unwrap().clone();
    assert!(matches!(state, State::Closed(Closed::Refused(_))), "{state:?}");
}

#[tokio::test]
async fn a_plain_client_is_refused_and_told_why() {
    let server = Server::echo().await;
    let client = everwire::Client::builder(server.network.url()).build().unwrap();
    let mut states = client.watch_state();
    let state = states.wait_for(|state| state.is_final()).await.unwrap().clone();
    let State::Closed(Closed::Refused(cause)) = state else { panic!("{state:?}") };
    assert_eq!(cause.code(), Some(400), "{cause}");
}

/// What an application's database would hold: effects and watermarks, changed together.
#[derive(Clone, Default)]
struct Database(Arc<Mutex<Tables>>);

#[derive(Default)]
struct Tables {
    effects: Vec<String>,
    watermarks: HashMap<(SessionId, String), u64>,
}

impl Watermarks for Database {
    fn processed<'a>(
        &'a self,
        session: SessionId,
        principal: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<u64>, WatermarkError>> + Send + 'a>> {
        let found = self.0.lock().unwrap().watermarks.get(&(session, principal.to_owned())).copied();
        Box::pin(std::future::ready(Ok(found)))
    }
}

async fn server_on(database: &Database, die_after: Option<usize>) -> Server {
    let sessions = Sessions::with_watermarks(SessionsConfig::default(), database.clone()).unwrap();
    let database = database.clone();
    Server::start(sessions, move |mut session: Session| {
        let database = database.clone();
        async move {
            let mut count = 0;
            while let Some(received) = session.recv_manual().await {
                {
                    let mut tables = database.0.lock().unwrap();
                    tables.effects.push(received.message.as_text().unwrap().to_owned());
                    let row = (session.id(), session.principal().to_owned());
                    tables.watermarks.insert(row, received.sequence.unwrap());
                }
                count += 1;
                if Some(count) == die_after {
                    // The server dies between its commit and its acknowledgement.
                    std::future::pending::<()>().await;
                }
                session.acknowledge(&received);
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_restarted_server_with_watermarks_loses_and_doubles_nothing() {
    let database = Database::default();
    let first = server_on(&database, Some(30)).await;
    let client = first.client();
    let deliveries: Vec<_> = (0..100).map(|number| client.send(number.to_string()).unwrap()).collect();
    until(|| database.0.lock().unwrap().effects.len() == 30).await;
    let second = server_on(&database, None).await;
    first.network.lead_to(&second.network);
    first.network.cut();
    for delivery in deliveries {
        assert_eq!(delivery.await, Outcome::Acknowledged);
    }
    let wanted: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(database.0.lock().unwrap().effects, wanted);
}

#[tokio::test]
async fn a_server_that_drains_moves_its_clients_to_the_next_one() {
    let database = Database::default();
    let first = server_on(&database, None).await;
    let second = server_on(&database, None).await;
    let client = first.client();
    client.send("0").unwrap().await;
    first.network.lead_to(&second.network);
    first.sessions.drain(Duration::from_millis(100)).await;
    assert_eq!(client.send("1").unwrap().await, Outcome::Acknowledged);
    assert_eq!(database.0.lock().unwrap().effects, ["0", "1"]);
    until(|| first.sessions.stats().sessions == 0).await;
    assert_eq!(second.sessions.stats().sessions, 1);
}

#[tokio::test]
async fn a_drained_server_refuses_new_connections_for_a_moment() {
    let server = Server::echo().await;
    server.sessions.drain(Duration::ZERO).await;
    let client =
        everwire::Client::builder(server.network.url()).session(SessionMode::Require).max_attempts(1).build().unwrap();
    let mut states = client.watch_state();
    let state = states.wait_for(|state| state.is_final()).await.unwrap().clone();
    let State::Closed(Closed::GaveUp { last, .. }) = state else { panic!("{state:?}") };
    assert_eq!(last.code(), Some(503));
}

#[tokio::test]
async fn an_end_in_the_middle_of_a_message_leaves_it_neither_undone_nor_done_twice() {
    let effects = Arc::new(Mutex::new(Vec::new()));
    let (at_work, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let sender = Arc::new(Mutex::new(None));
    let sessions = Sessions::new(SessionsConfig::default()).unwrap();
    let application = {
        let (effects, at_work, go_on, sender) =
            (Arc::clone(&effects), Arc::clone(&at_work), Arc::clone(&go_on), Arc::clone(&sender));
        move |mut session: Session| {
            let (effects, at_work, go_on) = (Arc::clone(&effects), Arc::clone(&at_work), Arc::clone(&go_on));
            sender.lock().unwrap().get_or_insert_with(|| session.sender());
            async move {
                while let Some(received) = session.recv().await {
                    if received.message.as_text() == Some("3") {
                        at_work.notify_one();
                        go_on.notified().await;
                    }
                    effects.lock().unwrap().push(received.message.as_text().unwrap().to_owned());
                }
            }
        }
    };
    let server = Server::start(sessions, application).await;
    let client = server.client();
    let deliveries: Vec<_> = (0..10).map(|number| client.send(number.to_string()).unwrap()).collect();
    at_work.notified().await;
    sender.lock().unwrap().as_ref().unwrap().end(ComeBack::After(Duration::ZERO), "maintenance");
    go_on.notify_one();
    for delivery in deliveries {
        assert_eq!(delivery.await, Outcome::Acknowledged);
    }
    let wanted: Vec<_> = (0..10).map(|number| number.to_string()).collect();
    until(|| effects.lock().unwrap().len() >= 10).await;
    assert_eq!(*effects.lock().unwrap(), wanted);
}

#[tokio::test]
async fn a_server_that_ends_all_sessions_gives_each_client_a_time_of_its_own() {
    let server = Server::echo().await;
    let clients: Vec<_> = (0..5).map(|_| server.client()).collect();
    for client in &clients {
        client.watch_state().wait_for(State::is_connected).await.unwrap();
    }
    let away = Duration::from_secs(100);
    server.sessions.end_all(away, Duration::from_secs(50), "update");
    let mut waits = Vec::new();
    for client in &clients {
        let mut states = client.watch_state();
        let waits_for_long = |state: &State| state.retry_in().is_some_and(|left| left > away / 2);
        waits.push(states.wait_for(waits_for_long).await.unwrap().retry_in().unwrap().as_secs_f64());
    }
    waits.sort_by(f64::total_cmp);
    for (place, wait) in (0..).zip(waits) {
        let told = 100.0 + 10.0 * f64::from(place);
        assert!((told - 5.0..=told).contains(&wait), "{wait} s for a client that was told {told} s");
    }
}
