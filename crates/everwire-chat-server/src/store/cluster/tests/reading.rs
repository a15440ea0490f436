use std::sync::Arc;

use async_nats::jetstream::message::PublishMessage;
use tokio::runtime::Handle;

use super::*;
use crate::store::access_state::Subject;
use crate::store::cluster::access::{self, AccessLink};
use crate::store::cluster::broker::{Broker, StreamState};
use crate::store::cluster::names;
use crate::store::cluster::reader::Reader;
use crate::store::cluster::status::ClusterStatus;
use crate::store::sqlite::SqliteAccounts;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_that_reads_has_not_yet_is_waited_for() {
    let nats = Nats::start("");
    let broker = Broker::open(&nats.settings(), LARGEST).await.unwrap();
    nats.write(&names::of_access(&Subject::User("ana".into())), "{}").await;
    let last = end(&broker).await;
    let mut reader = Reader::open(&broker, names::ACCESS, 1, Duration::from_millis(100)).await.unwrap();
    // The one that was asked for the end of the stream had another record already.
    let behind = async {
        while broker.last(names::ACCESS, "ew.a.u.seen").await.unwrap().is_none() {
            nats.write("ew.a.u.seen", "{}").await;
        }
    };
    let (read, ()) = tokio::join!(access::read_up_to(&mut reader, last + 1), behind);
    let sequences: Vec<u64> = read.unwrap().iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, (1..=last + 1).collect::<Vec<_>>());
    let endless = access::read_up_to(&mut reader, last + 2).await;
    assert!(endless.unwrap_err().contains("behind"), "another server is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_at_the_end_that_were_removed_are_not_waited_for() {
    let nats = Nats::start("");
    let broker = Broker::open(&nats.settings(), LARGEST).await.unwrap();
    nats.write(&names::of_access(&Subject::User("ana".into())), "{}").await;
    let brief = PublishMessage::build().payload("node".into()).ttl(Duration::from_secs(1));
    broker.streams.send_publish(names::RETENTION_LEASE, brief).await.unwrap().await.unwrap();
    let last = end(&broker).await;
    while broker.last(names::ACCESS, names::RETENTION_LEASE).await.unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    let (entries, known) = access::read_all(&broker, 0).await.unwrap();
    assert_eq!((entries.len(), known), (1, last));
    assert_eq!(access::read_all(&broker, 1).await.unwrap().0.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_is_over_leaves_no_reader_behind() {
    let nats = Nats::start("");
    let broker = Broker::open(&nats.settings(), LARGEST).await.unwrap();
    nats.write(&names::of_access(&Subject::User("ana".into())), "{}").await;
    for _ in 0..20 {
        access::read_all(&broker, 0).await.unwrap();
    }
    let stream = broker.streams.get_stream(names::ACCESS).await.unwrap();
    assert_eq!(stream.cached_info().state.consumer_count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_says_it_has_what_it_has_not_is_brought_up_to_date_all_the_same() {
    let nats = Nats::start("");
    let data = [folder(), folder()];
    let (first, _log) = join(&nats, &data[0].1).unwrap();
    let broker = Broker::open(&nats.settings(), LARGEST).await.unwrap();
    let last = end(&broker).await;
    let mut accounts = SqliteAccounts::open(Some(&data[1].1)).unwrap();
    accounts.prepare_replica().unwrap();
    accounts.apply_access(&[], Some(last)).unwrap();
    let link = AccessLink { broker, status: Arc::new(ClusterStatus::new()), runtime: Handle::current() };
    access::catch_up(&link, &mut accounts).await.unwrap();
    assert_eq!(accounts.key().unwrap(), first.accounts().unwrap().key().unwrap());
    first.close();
}

async fn end(broker: &Broker) -> u64 {
    match broker.state(names::ACCESS).await.unwrap() {
        StreamState::There { last, .. } => last,
        StreamState::Missing => panic!("the stream is there"),
    }
}
