//! What a client counts for the facade `metrics`, and that the document says the same.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/told.rs"]
mod told;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use everwire::store::{MemoryStore, Saved, Store, StoreError, StoreErrorKind, StoreOp};
use everwire::{Builder, Client, Guarantee, Outcome, SendOptions};
use metrics_util::debugging::DebuggingRecorder;
use support::{Server, connected, echo, hasty, nobody, soon, until};
use told::Told;

/// A client whose numbers go to a recorder of its own.
fn counted(builder: Builder) -> (Client, Told) {
    let recorder = DebuggingRecorder::new();
    let client = metrics::with_local_recorder(&recorder, || builder.build()).expect("settings");
    (client, Told::by(&recorder))
}

#[tokio::test]
async fn messages_are_counted_on_their_way_out_and_in_and_by_their_outcome() {
    let server = Server::echo().await;
    let (client, mut told) = counted(hasty(&server.url));
    let mut inbox = client.messages();
    for _ in 0..1000 {
        drop(client.send("hello").expect("room"));
    }
    for _ in 0..1000 {
        soon("an echo", inbox.next()).await;
    }
    assert_eq!(soon("the outcome", client.send("bye").expect("room")).await, Outcome::Received);
    soon("the last echo", inbox.next()).await;
    until("everything is counted", || told.sum("everwire_client_messages_ended_total{outcome=received}") == 1001.0)
        .await;
    assert_eq!(told.sum("everwire_client_messages_ended_total"), 1001.0);
    assert_eq!(told.sum("everwire_client_messages_sent_total"), 1001.0);
    assert_eq!(told.sum("everwire_client_messages_received_total"), 1001.0);
    assert_eq!(told.sum("everwire_client_bytes_sent_total"), 5003.0);
    assert_eq!(told.sum("everwire_client_bytes_received_total"), 5003.0);
    assert_eq!(told.sum("everwire_client_queued_messages"), 0.0);
    assert_eq!(told.sum("everwire_client_in_flight_bytes"), 0.0);
    assert_eq!(told.sum("everwire_client_attempts_total"), 1.0);
    assert_eq!(told.sum("everwire_client_reconnects_total"), 0.0);
    assert!(told.records("everwire_client_round_trip_seconds") >= 1);
}

#[tokio::test]
async fn a_lost_connection_is_counted_with_its_cause_its_length_and_the_reconnect() {
    let server = Server::web_socket(|socket, number| async move {
        if number > 0 {
            echo(socket).await;
        }
    });
    let server = server.await;
    let (client, mut told) = counted(hasty(&server.url));
    until("it is back", || told.sum("everwire_client_reconnects_total") == 1.0).await;
    until("it is up", || told.sum("everwire_client_state{state=connected}") == 1.0).await;
    assert_eq!(told.sum("everwire_client_connections_total"), 2.0);
    assert_eq!(told.sum("everwire_client_disconnects_total{cause=lost}"), 1.0);
    assert_eq!(told.sum("everwire_client_disconnects_total"), 1.0);
    assert_eq!(told.records("everwire_client_outage_seconds"), 1);
    assert!(told.sum("everwire_client_outage_seconds") > 0.0);
    client.close(Duration::from_secs(5)).await;
    until("nothing is left of it", || told.sum("everwire_client_state") == 0.0).await;
    assert_eq!(told.sum("everwire_client_disconnects_total{cause=user}"), 1.0);
}

#[tokio::test]
async fn a_queue_that_grows_without_a_connection_is_seen_though_nothing_else_happens() {
    let patient = Duration::from_secs(3600);
    let builder = Client::builder(nobody().await).initial_delay(patient).max_delay(patient);
    let (client, mut told) = counted(builder);
    until("it waits", || told.sum("everwire_client_state{state=disconnected}") == 1.0).await;
    assert_eq!(told.sum("everwire_client_attempts_failed_total{phase=tcp}"), 1.0);
    for _ in 0..10 {
        drop(client.send("hello").expect("room"));
    }
    until("the queue is seen", || told.sum("everwire_client_queued_bytes") == 50.0).await;
    assert_eq!(told.sum("everwire_client_queued_messages"), 10.0);
    let expiring = SendOptions::default().ttl(Duration::from_millis(10));
    drop(client.send_with("late", expiring).expect("room"));
    until("it has expired", || told.sum("everwire_client_messages_ended_total{outcome=expired}") == 1.0).await;
    drop(client);
    until("nothing is left in the gauges", || told.sum("everwire_client_queued_messages") == 0.0).await;
    assert_eq!(told.sum("everwire_client_messages_ended_total{outcome=cancelled}"), 10.0);
}

#[tokio::test]
async fn clients_of_one_server_add_up() {
    let server = Server::echo().await;
    let recorder = DebuggingRecorder::new();
    let mut told = Told::by(&recorder);
    let build = || metrics::with_local_recorder(&recorder, || hasty(&server.url).build()).expect("settings");
    let clients = [build(), build(), build()];
    until("all are up", || told.sum("everwire_client_state{state=connected}") == 3.0).await;
    drop(clients);
    until("none is left", || told.sum("everwire_client_state{state=connected}") == 0.0).await;
}

/// Fails while it is told to.
#[derive(Clone, Default)]
struct Moody(MemoryStore, Arc<AtomicBool>);

impl Store for Moody {
    fn load(&mut self) -> Result<Saved, StoreError> {
        self.0.load()
    }

    fn commit(&mut self, steps: &[StoreOp]) -> Result<(), StoreError> {
        match self.1.load(Ordering::SeqCst) {
            true => Err(StoreError::new(StoreErrorKind::Full, "full")),
            false => self.0.commit(steps),
        }
    }
}

#[tokio::test]
async fn batches_that_a_store_takes_and_those_that_it_does_not_are_counted() {
    let store = Moody::default();
    store.1.store(true, Ordering::SeqCst);
    let server = Server::echo().await;
    let builder = hasty(&server.url).guarantee(Guarantee::AtLeastOnce).store(store.clone());
    let (client, mut told) = counted(builder);
    connected(&client).await;
    let delivery = client.send("hello").expect("room");
    until("it fails", || told.sum("everwire_client_store_failures_total") >= 1.0).await;
    store.1.store(false, Ordering::SeqCst);
    soon("the outcome", delivery).await;
    until("it works", || told.records("everwire_client_store_batch_seconds") >= 1).await;
}

#[tokio::test]
async fn the_document_names_every_metric_with_its_unit_labels_and_meaning() {
    let (_client, told) = counted(hasty(nobody().await));
    told.assert_documented();
}
