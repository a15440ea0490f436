//! How far users have read, on a node that was away.

use std::sync::Arc;

use super::*;
use crate::domain::{ReadPosition, Rooms};
use crate::store::messages::ReadQuery;

fn at(room: &str, user: String, offset: u64) -> ReadPosition {
    ReadPosition { room: room.to_owned(), user, offset }
}

async fn read(store: &ClusterStore, room: &str, user: &str) -> Option<u64> {
    let query = ReadQuery { room: room.to_owned(), user: user.to_owned(), known: None, end: u64::MAX };
    store.read_state(query).await.unwrap().read
}

fn share(store: &ClusterStore) {
    store.share(Arc::new(Mutex::new(Rooms::default())), Duration::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_asks_the_others_how_far_users_have_read_and_keeps_what_it_knows_better() {
    let nats = Nats::start("");
    let ((_one, one), (_two, two)) = (folder(), folder());
    let (first, _log) = join(&nats, &one).unwrap();
    // More than one answer has.
    let positions: Vec<_> = (0..1_200).map(|n| at("den", format!("user-{n}"), n + 1)).collect();
    first.save_read_positions(positions).await.unwrap();
    share(&first);
    let (second, _log) = join(&nats, &two).unwrap();
    let better = vec![at("den", "user-7".to_owned(), 900), at("hall", "user-7".to_owned(), 3)];
    second.save_read_positions(better).await.unwrap();
    share(&second);
    let until = Instant::now() + PATIENCE;
    // The last one by its name.
    while read(&second, "den", "user-999").await != Some(1_000) || read(&first, "hall", "user-7").await != Some(3) {
        assert!(Instant::now() < until, "not asked in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for store in [&first, &second] {
        assert_eq!(read(store, "den", "user-0").await, Some(1));
        assert_eq!(read(store, "den", "user-600").await, Some(601));
        assert_eq!(read(store, "den", "user-7").await, Some(900), "the further one counts");
    }
}
