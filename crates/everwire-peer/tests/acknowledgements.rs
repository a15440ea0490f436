//! When what has arrived is acknowledged, in virtual time.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire_calls::{Message, Role};
use everwire_core::Moment;
use everwire_peer::{Arrived, BoxFuture, Call, Calls, CallsMeter, Carrier, Link, Peer, SendFailed, Setup, Ticket};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// What a link was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    WithNext(u64),
    AtOnce(u64),
}

/// The session of a client's end.
struct World {
    peer: Peer,
    arrives: mpsc::UnboundedSender<Arrived>,
    position: u64,
    told: Arc<Mutex<Vec<Told>>>,
    sent: Arc<Mutex<Vec<Message>>>,
}

struct FakeLink {
    arrivals: mpsc::UnboundedReceiver<Arrived>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Link for FakeLink {
    async fn recv(&mut self) -> Option<Arrived> {
        self.arrivals.recv().await
    }

    fn acknowledge(&mut self, position: u64) {
        self.told.lock().unwrap().push(Told::AtOnce(position));
    }

    fn acknowledges_with_next(&self) -> bool {
        true
    }

    fn acknowledge_with_next(&mut self, position: u64) {
        self.told.lock().unwrap().push(Told::WithNext(position));
    }
}

struct FakeCarrier {
    origin: Instant,
    sent: Arc<Mutex<Vec<Message>>>,
}

impl Carrier for FakeCarrier {
    fn send(&self, message: Message) -> Result<Option<Box<dyn Ticket>>, SendFailed> {
        self.sent.lock().unwrap().push(message);
        Ok(None)
    }

    fn send_wait(&self, message: Message) -> BoxFuture<'static, Result<Option<Box<dyn Ticket>>, SendFailed>> {
        let sent = self.send(message);
        Box::pin(async move { sent })
    }

    fn now(&self) -> Moment {
        Moment::ZERO + self.origin.elapsed()
    }

    fn sleep_until(&self, moment: Moment) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(self.origin + moment.since(Moment::ZERO)))
    }
}

impl World {
    /// Both ends have said hello and heard the answer; nothing of that waits to be acknowledged.
    async fn new() -> Self {
        let (arrives, arrivals) = mpsc::unbounded_channel();
        let (told, sent) = (Arc::default(), Arc::default());
        let setup =
            Setup { calls: Calls::new(), role: Role::Client, seed: 1, session: None, meter: CallsMeter::client("") };
        let carrier = Arc::new(FakeCarrier { origin: Instant::now(), sent: Arc::clone(&sent) });
        let (peer, task) = setup.start(FakeLink { arrivals, told: Arc::clone(&told) }, carrier);
        tokio::spawn(task);
        let mut world = Self { peer, arrives, position: 0, told, sent };
        world.arrive(r#"@h{"instance":"5c","number":1,"first":1,"last":0,"max_running":100}"#);
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.told();
        world
    }

    fn arrive(&mut self, message: &str) {
        self.position += 1;
        let (message, position) = (Message::text(message.to_owned()), self.position);
        self.arrives.send(Arrived { message, position, sequence: None }).unwrap();
    }

    /// A call and its reply, which has arrived.
    async fn call(&mut self) -> Call {
        let call = self.peer.call("sum", "");
        let sent = self.sent.lock().unwrap().last().unwrap().clone();
        let id: String = sent.as_text().unwrap().chars().skip(2).take_while(char::is_ascii_digit).collect();
        self.arrive(&format!("@r{id}\n3"));
        call
    }

    /// What the link was told since the last time.
    fn told(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_acknowledged_with_what_is_sent_next_or_a_few_milliseconds_later() {
    let mut world = World::new().await;
    let started = Instant::now();
    assert!(world.call().await.await.is_ok());
    assert_eq!(world.told(), [Told::WithNext(2)], "the next call takes it along");
    assert_eq!(started.elapsed(), Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(26)).await;
    assert_eq!(world.told(), [Told::AtOnce(2)], "there was none");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.told(), [], "and nobody is woken for it again");
}

#[tokio::test(start_paused = true)]
async fn calls_that_follow_each_other_do_not_put_an_acknowledgement_off_for_ever() {
    let mut world = World::new().await;
    for _ in 0..10 {
        assert!(world.call().await.await.is_ok());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let told = world.told();
    let at_once = told.iter().filter(|told| matches!(told, Told::AtOnce(_))).count();
    assert!((1..=2).contains(&at_once), "once in 25 milliseconds: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn many_messages_are_acknowledged_before_the_time_has_passed() {
    let mut world = World::new().await;
    for _ in 0..64 {
        world.arrive("of the application's own");
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }
    let started = Instant::now();
    assert!(world.told().contains(&Told::AtOnce(65)));
    assert_eq!(started.elapsed(), Duration::ZERO);
}
