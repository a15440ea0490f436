//! What sessions count for the facade `metrics`, and that the document says the same.

#[path = "../../../everwire/tests/support/told.rs"]
mod told;

use std::time::Duration;

use everwire_server::{Session, Sessions, SessionsConfig};
use metrics_util::debugging::DebuggingRecorder;
use tokio::time::{sleep, timeout};

use self::told::Told;
use crate::support::Server;

/// Sessions whose numbers go to a recorder of their own.
fn counted(config: SessionsConfig) -> (Sessions, Told) {
    let recorder = DebuggingRecorder::new();
    let sessions = metrics::with_local_recorder(&recorder, || Sessions::new(config)).unwrap();
    // An accept loop counts, too; it is in the table of the document.
    metrics::with_local_recorder(&recorder, everwire_server::Stats::default);
    (sessions, Told::by(&recorder))
}

/// Waits until the sum is this.
async fn until(told: &mut Told, of: &str, sum: f64) {
    let reached = async {
        while told.sum(of) != sum {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(Duration::from_secs(20), reached).await.is_ok(), "{of} is {} and not {sum}", told.sum(of));
}

#[tokio::test]
async fn a_session_is_counted_as_opened_resumed_and_ended_and_so_are_its_messages() {
    let (sessions, mut told) = counted(SessionsConfig::default());
    let echo = async |mut session: Session| {
        while let Some(received) = session.recv().await {
            session.sender().send_wait(received.message).await.ok();
        }
    };
    let server = Server::start(sessions, echo).await;
    let client = server.client();
    let mut inbox = client.messages();
    for number in 0..100 {
        drop(client.send(number.to_string()).unwrap());
        inbox.next().await.unwrap();
    }
    until(&mut told, "everwire_server_messages_received_total", 100.0).await;
    until(&mut told, "everwire_server_messages_ended_total{outcome=acknowledged}", 99.0).await;
    until(&mut told, "everwire_server_unprocessed_messages", 0.0).await;
    assert!(told.records("everwire_server_acknowledgement_seconds") > 1);
    assert_eq!(told.sum("everwire_server_sessions{state=connected}"), 1.0);
    server.network.cut();
    until(&mut told, "everwire_server_sessions_total{event=resumed}", 1.0).await;
    assert_eq!(told.sum("everwire_server_sessions_total{event=opened}"), 1.0);
    // Who closes before the welcome has come back says no farewell, and the session waits for its deadline.
    client.watch_state().wait_for(everwire::State::is_connected).await.unwrap();
    client.close(Duration::from_secs(10)).await;
    until(&mut told, "everwire_server_sessions_ended_total{reason=ended}", 1.0).await;
    until(&mut told, "everwire_server_sessions{", 0.0).await;
    until(&mut told, "everwire_server_held_messages", 0.0).await;
    // The client's application has not come back from the last one.
    assert_eq!(told.sum("everwire_server_messages_ended_total{outcome=acknowledged}"), 99.0);
    assert_eq!(told.sum("everwire_server_messages_ended_total"), 100.0);
}

#[tokio::test]
async fn what_is_held_for_a_client_that_is_away_is_seen_and_a_session_that_it_never_resumes_expires() {
    let mut config = SessionsConfig::default();
    config.session.resume_within = Duration::from_millis(300);
    let (sessions, mut told) = counted(config);
    let server = Server::start(sessions, async |mut session: Session| while session.recv().await.is_some() {}).await;
    let client = server.client();
    client.watch_state().wait_for(everwire::State::is_connected).await.unwrap();
    until(&mut told, "everwire_server_sessions{state=connected}", 1.0).await;
    client.disconnect();
    until(&mut told, "everwire_server_sessions{state=waiting}", 1.0).await;
    for sender in server.sessions.all() {
        sender.send("for later").unwrap();
    }
    until(&mut told, "everwire_server_held_bytes", 9.0).await;
    until(&mut told, "everwire_server_sessions_ended_total{reason=expired}", 1.0).await;
    until(&mut told, "everwire_server_held_bytes", 0.0).await;
}

#[tokio::test]
async fn a_connection_that_gets_no_session_is_counted_with_the_reason() {
    let mut config = SessionsConfig::default();
    config.registry.max_sessions = 1;
    config.hello_timeout = Duration::from_millis(50);
    let (sessions, mut told) = counted(config);
    let server = Server::start(sessions, async |mut session: Session| while session.recv().await.is_some() {}).await;
    let first = server.client();
    first.watch_state().wait_for(everwire::State::is_connected).await.unwrap();
    let _second = server.client();
    let refused = "everwire_server_sessions_refused_total";
    until(&mut told, &format!("{refused}{{reason=no_room}}"), 1.0).await;
    let _silent = everwire::Client::builder(server.network.url()).subprotocol("everwire.v1").build().unwrap();
    until(&mut told, &format!("{refused}{{reason=hello_timeout}}"), 1.0).await;
}

#[tokio::test]
async fn the_document_names_every_metric_of_the_server() {
    let (_sessions, told) = counted(SessionsConfig::default());
    told.assert_documented();
}
