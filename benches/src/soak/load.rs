//! The clients of the soak: most send and receive, some read slowly, some idle, some flood; and the network between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use everwire::{Client, SessionMode};
use everwire_testkit::faults::Ending;
use everwire_testkit::proxy::Proxy;
use tokio::time::{sleep, timeout};

use super::Done;
use super::peer::{Kind, Peer};

/// In each minute, the second at which cuts begin beside the traffic, and the second at which both end; the rest is idle.
const TRAFFIC: u64 = 30;
const CUTS: u64 = 45;
/// The interval at which all connections are cut, in seconds.
const CUT_EVERY: u64 = 5;
/// The number of clients that are opened at a time.
const AT_ONCE: usize = 50;
/// Of this many clients, one reads slowly, one idles, and one floods.
const EVERY: usize = 10;
const PAYLOAD: usize = 500;

pub(super) struct Load {
    proxy: Proxy,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Whether clients send now.
    busy: AtomicBool,
    echoed: AtomicU64,
    floods: AtomicU64,
    cuts: AtomicU64,
}

/// Connects all clients.
pub(super) async fn start(address: &str, clients: usize) -> Done<Load> {
    let proxy = Proxy::builder(address).start().await?;
    let shared = Arc::new(Shared::default());
    for number in 0..clients {
        let (url, shared) = (format!("ws://{}/echo", proxy.address()), Arc::clone(&shared));
        match number % EVERY {
            0 => drop(tokio::spawn(idle(client(&url)?))),
            1 => drop(tokio::spawn(read_slowly(client(&url)?, shared))),
            2 => drop(tokio::spawn(flood(proxy.address().to_string(), number, shared))),
            _ => drop(tokio::spawn(talk(client(&url)?, shared))),
        }
        if number % AT_ONCE == 0 {
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(Load { proxy, shared })
}

fn client(url: &str) -> Done<Client> {
    Ok(Client::builder(url).session(SessionMode::Require).max_delay(Duration::from_secs(2)).build()?)
}

impl Load {
    /// Sets what the clients and the network do at this time; to be called about once per second.
    pub(super) fn advance(&self, elapsed: Duration) {
        let second = elapsed.as_secs() % 60;
        self.shared.busy.store(second < CUTS, Ordering::Relaxed);
        if (TRAFFIC..CUTS).contains(&second) && second.is_multiple_of(CUT_EVERY) {
            self.proxy.cut_all(Ending::Reset);
            self.shared.cuts.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn summary(&self) -> String {
        let Shared { echoed, floods, cuts, .. } = &*self.shared;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        format!(
            "{} messages echoed, {} floods, {} times all connections cut",
            count(echoed),
            count(floods),
            count(cuts)
        )
    }
}

/// Sends, and reads the echoes.
async fn talk(client: Client, shared: Arc<Shared>) {
    let mut inbox = client.messages();
    loop {
        if shared.busy.load(Ordering::Relaxed) && client.send("x".repeat(PAYLOAD)).is_ok() {
            // The server drops echoes for which it has no room.
            if timeout(Duration::from_secs(10), inbox.next()).await.is_ok() {
                shared.echoed.fetch_add(1, Ordering::Relaxed);
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Sends more than it reads.
async fn read_slowly(client: Client, shared: Arc<Shared>) {
    let mut inbox = client.messages();
    loop {
        if shared.busy.load(Ordering::Relaxed) {
            for _ in 0..20 {
                // An error is ignored: a slow reader ends up with a full outbox.
                let _ = client.send("x".repeat(PAYLOAD));
            }
        }
        inbox.next().await;
        sleep(Duration::from_millis(100)).await;
    }
}

async fn idle(client: Client) {
    let mut inbox = client.messages();
    while inbox.next().await.is_some() {}
}

/// Floods with one kind of frame after the other, each on a connection of its own, and never reads.
async fn flood(address: String, number: usize, shared: Arc<Shared>) {
    for kind in Kind::ALL.into_iter().cycle().skip(number / EVERY) {
        // `ok`, because the error can't be held across the following `await`.
        let peer = if shared.busy.load(Ordering::Relaxed) { Peer::connect(&address, "/sink").await.ok() } else { None };
        if let Some(mut peer) = peer {
            shared.floods.fetch_add(1, Ordering::Relaxed);
            for _ in 0..10 {
                if !peer.flood(kind, 50).await {
                    break;
                }
                sleep(Duration::from_millis(500)).await;
            }
        }
        sleep(Duration::from_secs(5)).await;
    }
}
