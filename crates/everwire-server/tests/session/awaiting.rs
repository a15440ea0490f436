use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use everwire::{Client, Outcome};
use everwire_server::{Session, Sessions, SessionsConfig};
use tokio::time::timeout;

use crate::support::Server;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_client_that_awaits_outcomes_between_messages_goes_through_a_flood() {
    const MESSAGES: usize = 5000;
    let sessions = Sessions::new(SessionsConfig::default()).unwrap();
    let server = Server::start(sessions, async |mut session: Session| {
        let sender = session.sender();
        tokio::spawn(async move {
            for number in 0..MESSAGES {
                sender.send_wait(number.to_string()).await.ok();
            }
        });
        while session.recv().await.is_some() {}
    })
    .await;
    let client = server.client();
    let mut inbox = client.messages();
    for number in 0..MESSAGES {
        let message = timeout(SOON, inbox.next()).await.unwrap().unwrap();
        assert_eq!(message.as_text(), Some(number.to_string().as_str()));
        let delivery = client.send("x").unwrap();
        // An acknowledgement that is waited for takes its time.
        if number % 100 == 0 {
            assert_eq!(timeout(SOON, delivery).await.unwrap(), Outcome::Acknowledged);
        }
    }
}

#[tokio::test]
async fn dropping_the_inbox_acknowledges_what_was_in_it_at_once() {
    let sessions = Sessions::new(SessionsConfig::default()).unwrap();
    let server = Server::start(sessions, async |mut session: Session| {
        for number in 0..5 {
            session.sender().send_wait(number.to_string()).await.ok();
        }
        while session.recv().await.is_some() {}
    })
    .await;
    // No heartbeat: nothing else would wake the client.
    let client = server.network.builder("").heartbeat_interval(None).build().unwrap();
    let inbox = client.messages();
    let until = async |what: &dyn Fn() -> bool| {
        let condition = async {
            while !what() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(SOON, condition).await.unwrap();
    };
    until(&|| client.stats().inbox_messages == 5).await;
    // Long enough for the client to have nothing left to do.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let session = server.sessions.all().pop().unwrap();
    let held = || session.pending();
    assert_eq!(held(), 5);
    drop(inbox);
    until(&|| held() == 0).await;
}

/// Uses its session when it is dropped: under the session's own lock that would be the end of both.
struct Owner {
    sender: everwire_server::SessionSender,
    dropped: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        b"payload"
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        drop(self.sender.send_volatile("dropped"));
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_payloads_owner_is_dropped_while_its_session_is_not_locked() {
    const MESSAGES: usize = 100;
    let dropped = Arc::new(AtomicUsize::new(0));
    let sessions = Sessions::new(SessionsConfig::default()).unwrap();
    let count = Arc::clone(&dropped);
    let server = Server::start(sessions, move |mut session: Session| {
        let count = Arc::clone(&count);
        async move {
            for _ in 0..MESSAGES {
                let owner = Owner { sender: session.sender(), dropped: Arc::clone(&count) };
                session.send(Bytes::from_owner(owner)).unwrap();
            }
            while session.recv().await.is_some() {}
            // What the client did not acknowledge ends with the session.
            let owner = Owner { sender: session.sender(), dropped: Arc::clone(&count) };
            drop(session.send(Bytes::from_owner(owner)));
        }
    })
    .await;
    let client = server.client();
    let mut inbox = client.messages();
    let mut read = 0;
    while read < MESSAGES {
        read += usize::from(timeout(SOON, inbox.next()).await.unwrap().unwrap().payload() == b"payload");
    }
    timeout(SOON, client.close(Duration::from_secs(5))).await.unwrap();
    let all = async {
        while dropped.load(Ordering::SeqCst) < MESSAGES + 1 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(SOON, all).await.unwrap();
}

/// The same for the client.
struct ClientOwner {
    payload: Vec<u8>,
    client: Client,
    dropped: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for ClientOwner {
    fn as_ref(&self) -> &[u8] {
        &self.payload
    }
}

impl Drop for ClientOwner {
    fn drop(&mut self) {
        let _ = self.client.stats();
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_payloads_owner_is_dropped_while_its_client_is_not_locked() {
    let server = Server::echo().await;
    let client = server.client();
    let dropped = Arc::new(AtomicUsize::new(0));
    let owned = |size| {
        let (client, dropped) = (client.clone(), Arc::clone(&dropped));
        Bytes::from_owner(ClientOwner { payload: vec![7; size], client, dropped })
    };
    let mut deliveries: Vec<_> = (0..100).map(|_| client.send(owned(10)).unwrap()).collect();
    timeout(SOON, client.send("x").unwrap()).await.unwrap();
    server.network.cut();
    deliveries.extend((0..100).map(|_| client.send(owned(10_000)).unwrap()));
    deliveries.push(client.send_volatile(owned(10)).unwrap());
    // Larger than the server takes.
    deliveries.push(client.send(owned(8 << 20)).expect("room"));
    for delivery in deliveries {
        timeout(SOON, delivery).await.unwrap();
    }
    timeout(SOON, client.close(Duration::from_secs(5))).await.unwrap();
    let all = async {
        while dropped.load(Ordering::SeqCst) < 202 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(SOON, all).await.unwrap();
}
