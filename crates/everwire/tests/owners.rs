//! Payloads with an owner that does things when it is dropped: nothing of the client's is locked then.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use everwire::store::MemoryStore;
use everwire::{Client, Guarantee, Message, Outcome, Priority, SendError, SendOptions};
use support::{Server, connected, hasty, soon, until};

const NOWHERE: &str = "ws://127.0.0.1:9/";

/// Uses the client when it is dropped: under the client's own lock that would be the end of both.
struct Owner {
    payload: Vec<u8>,
    client: Client,
    dropped: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.payload
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.client.stats();
        let _ = self.client.state();
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// A client, and how many of its payloads are gone.
struct Owned {
    client: Client,
    dropped: Arc<AtomicUsize>,
}

impl Owned {
    fn new(client: Client) -> Self {
        Self { client, dropped: Arc::default() }
    }

    fn message(&self, size: usize) -> Message {
        let owner = Owner { payload: vec![7; size], client: self.client.clone(), dropped: Arc::clone(&self.dropped) };
        Message::binary(Bytes::from_owner(owner))
    }

    fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }

    async fn all_dropped(&self, count: usize) {
        until("all owners are dropped", || self.dropped() == count).await;
    }
}

#[tokio::test]
async fn an_owner_is_dropped_under_no_lock_when_its_message_is_proven() {
    for guarantee in [Guarantee::Unproven, Guarantee::AtMostOnce, Guarantee::AtLeastOnce] {
        let server = Server::echo().await;
        let owned = Owned::new(hasty(&server.url).guarantee(guarantee).build().expect("good settings"));
        connected(&owned.client).await;
        let mut deliveries: Vec<_> = (0..100).map(|_| owned.client.send(owned.message(10)).expect("room")).collect();
        // Too large to be encoded under the lock.
        deliveries.push(owned.client.send(owned.message(1 << 20)).expect("room"));
        deliveries.push(owned.client.send_volatile(owned.message(10)).expect("open"));
        for delivery in deliveries {
            soon("the outcome", delivery).await;
        }
        owned.all_dropped(102).await;
    }
}

#[tokio::test]
async fn an_owner_is_dropped_under_no_lock_when_its_message_expires_is_conflated_cancelled_or_replaced() {
    let owned = Owned::new(hasty(NOWHERE).build().expect("good settings"));
    let send = |options| owned.client.send_with(owned.message(10), options).expect("room");
    let brief = SendOptions::new().ttl(Duration::from_millis(20));
    let expired = [send(brief.clone()), send(brief)];
    let conflated = send(SendOptions::new().key("price"));
    let kept = send(SendOptions::new().key("price"));
    assert!(matches!(soon("the outcome", conflated).await, Outcome::Dropped(_)));
    for delivery in expired {
        assert_eq!(soon("the outcome", delivery).await, Outcome::Expired);
    }
    owned.all_dropped(3).await;
    owned.client.replace(kept.id(), owned.message(5)).expect("it waits");
    assert_eq!(owned.dropped(), 4);
    owned.client.cancel(kept.id()).expect("it waits");
    let taken_back = send(SendOptions::new());
    owned.client.withdraw(taken_back.id()).expect("it waits");
    assert_eq!(owned.dropped(), 6);
    drop(owned.client.send_volatile(owned.message(1)).expect("open"));
    assert_eq!(owned.dropped(), 7, "without a connection it is dropped at once");
}

#[tokio::test]
async fn an_owner_is_dropped_under_no_lock_when_its_message_makes_room_for_others() {
    use everwire::Overflow;

    for overflow in [Overflow::DropOldest, Overflow::DropNewest, Overflow::DropLowestPriority, Overflow::Reject] {
        let client = hasty(NOWHERE).outbox_messages(2).overflow(overflow).build().expect("good settings");
        let owned = Owned::new(client);
        for priority in [Priority::Low, Priority::Normal, Priority::High, Priority::Low] {
            match owned.client.send_with(owned.message(10), SendOptions::new().priority(priority)) {
                Ok(delivery) => drop(delivery),
                Err(SendError::Full(message)) => drop(message),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!((owned.dropped(), owned.client.stats().machine.queued_messages), (2, 2), "{overflow:?}");
    }
}

#[tokio::test]
async fn an_owner_is_dropped_under_no_lock_when_the_client_is_closed_or_its_server_gone() {
    let server = Server::raw(|stream, _| async move { drop(support::upgrade(stream).await) }).await;
    let owned = Owned::new(hasty(&server.url).build().expect("good settings"));
    for _ in 0..50 {
        drop(soon("room", owned.client.send_wait(owned.message(10))).await.expect("open"));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let left = soon("closed", owned.client.close(Duration::from_millis(50))).await;
    drop(left);
    owned.all_dropped(50).await;
}

#[tokio::test]
async fn an_owner_is_dropped_under_no_lock_when_a_store_has_its_message_too() {
    let server = Server::echo().await;
    let builder = hasty(&server.url).guarantee(Guarantee::AtLeastOnce).store(MemoryStore::default());
    let owned = Owned::new(builder.build().expect("good settings"));
    connected(&owned.client).await;
    let deliveries: Vec<_> = (0..100).map(|_| owned.client.send(owned.message(10)).expect("room")).collect();
    for delivery in deliveries {
        assert_eq!(soon("the outcome", delivery).await, Outcome::Received);
    }
    owned.all_dropped(100).await;
}

/// Buffers that are used again: taken from while the pool is locked, and given back by their drop.
#[derive(Default)]
struct Pool(Mutex<Vec<Vec<u8>>>);

struct Pooled {
    buffer: Vec<u8>,
    pool: Arc<Pool>,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        self.pool.0.lock().expect("no panic").push(buffer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_of_buffers_behind_a_lock_of_its_own_goes_on() {
    let server = Server::echo().await;
    let client = hasty(&server.url).build().expect("good settings");
    connected(&client).await;
    let pool = Arc::new(Pool::default());
    let sender = std::thread::spawn({
        let client = client.clone();
        move || {
            for _ in 0..20_000 {
                let mut buffers = pool.0.lock().expect("no panic");
                let buffer = buffers.pop().unwrap_or_else(|| vec![7; 16]);
                // With the pool locked: the client may lock itself, but must not wait for the pool.
                let pooled = Pooled { buffer, pool: Arc::clone(&pool) };
                let sent = client.send(Bytes::from_owner(pooled));
                drop(buffers);
                if let Err(SendError::Full(message)) = sent.map(drop) {
                    drop(message);
                    std::thread::yield_now();
                }
            }
        }
    });
    until("all is sent", || sender.is_finished()).await;
    sender.join().expect("no panic");
    assert_eq!(soon("the outcome", client.send("x").expect("room")).await, Outcome::Received);
}
