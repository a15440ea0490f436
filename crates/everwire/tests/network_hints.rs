//! Changes of the network as hints: those of a scripted network, and those of the machine that this runs on.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use everwire::{Builder, Client, Event, EventItem, NetworkChange, NetworkHints, State};
use support::{Server, assert_echo, connected, nobody, soon, state};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// A network that changes when it is told to.
fn scripted() -> (UnboundedSender<NetworkChange>, NetworkHints) {
    let (change, mut changes) = unbounded_channel();
    let changes = futures_util::stream::poll_fn(move |cx| changes.poll_recv(cx));
    (change, NetworkHints::of(changes).expect("a runtime"))
}

/// A client that without a hint would try again in an hour.
fn patient(url: impl AsRef<str>) -> Builder {
    let hour = Duration::from_secs(3600);
    Client::builder(url).initial_delay(hour).max_delay(hour)
}

async fn waits(client: &Client, for_attempt: u32) {
    let waits = |state: &State| matches!(state, State::Disconnected { attempt, .. } if *attempt >= for_attempt);
    state(client, "the wait for the next attempt", waits).await;
}

#[tokio::test]
async fn a_client_that_waits_tries_at_once_when_the_network_changes() {
    let (change, hints) = scripted();
    let url = nobody().await;
    let clients = [(); 3].map(|()| patient(&url).network_hints(hints.clone()).build().expect("settings"));
    for client in &clients {
        waits(client, 2).await;
    }
    change.send(NetworkChange::Changed).expect("somebody listens");
    for client in &clients {
        waits(client, 3).await;
    }
}

#[tokio::test]
async fn a_burst_of_changes_is_one_hint() {
    let (change, hints) = scripted();
    let client = patient(nobody().await).network_hints(hints).build().expect("settings");
    waits(&client, 2).await;
    let mut events = client.events();
    for _ in 0..100 {
        change.send(NetworkChange::Changed).expect("somebody listens");
    }
    waits(&client, 3).await;
    drop(change);
    client.close(Duration::from_secs(5)).await;
    let mut failed = 0;
    while let Some(item) = events.next().await {
        failed += u32::from(matches!(item, EventItem::Event(Event::AttemptFailed { .. })));
    }
    assert_eq!(failed, 1);
}

#[tokio::test]
async fn a_connection_is_probed_when_the_network_changes_and_when_it_is_gone() {
    for what in [NetworkChange::Changed, NetworkChange::Gone] {
        let (change, hints) = scripted();
        let server = Server::echo().await;
        let client = Client::builder(&server.url).network_hints(hints).build().expect("settings");
        connected(&client).await;
        let mut events = client.events();
        change.send(what).expect("somebody listens");
        let answered =
            async { while !matches!(events.next().await.expect("an event"), EventItem::Event(Event::RoundTrip(_))) {} };
        soon("the answer to the probe", answered).await;
        assert_echo(&client).await;
    }
}

#[tokio::test]
async fn a_source_that_ends_is_no_trouble() {
    let hints = NetworkHints::of(futures_util::stream::empty()).expect("a runtime");
    let server = Server::echo().await;
    let client = Client::builder(&server.url).network_hints(hints).build().expect("settings");
    assert_echo(&client).await;
}

#[cfg(all(feature = "network-hints", target_os = "linux"))]
mod system {
    use std::io::Write;
    use std::process::Command;

    use super::*;

    /// An address of this machine's loopback interface, outside of 127.0.0.0/8, while it lives.
    struct Address(String);

    impl Address {
        fn add() -> Result<Self, String> {
            let id = std::process::id();
            let address = Self(format!("10.198.{}.{}/32", (id >> 8) as u8, id as u8));
            ip("add", &address.0).map(|()| address)
        }
    }

    impl Drop for Address {
        fn drop(&mut self) {
            let _ = ip("del", &self.0);
        }
    }

    fn ip(what: &str, address: &str) -> Result<(), String> {
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let output = Command::new("ip").args(["address", what, address, "dev", "lo"]).env("PATH", path).output();
        let output = output.expect("`ip` is there: `cargo xtask setup` installs it");
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }

    /// Needs the right to add an address. Where there is none (CI without root), it says so, and the scripted network above
    /// is what is tested; that the system can be watched is tested in any case.
    #[tokio::test]
    async fn an_address_that_comes_or_goes_is_a_hint() {
        let hints = NetworkHints::of_the_system().expect("Linux says it to everybody");
        let client = patient(nobody().await).network_hints(hints).build().expect("settings");
        waits(&client, 2).await;
        let address = match Address::add() {
            Ok(address) => address,
            Err(why) => {
                let _ = writeln!(std::io::stderr(), "no real change of the network was made: {why}");
                return;
            }
        };
        waits(&client, 3).await;
        drop(address);
        waits(&client, 4).await;
    }
}
