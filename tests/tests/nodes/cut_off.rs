//! A node that is cut off from the brokers for a while.

use everwire_tests::free_port;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::broker::Broker;
use crate::node::{Raw, Said, command, get, history, node, post, until};

/// A relay to a broker that can drop all bytes silently, as a network does.
struct Way {
    port: u16,
    is_cut: watch::Sender<bool>,
}

impl Way {
    async fn to(broker: String) -> Self {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("loopback");
        let (is_cut, cut) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(broker.trim_start_matches("nats://")).await else { continue };
                let ((from, to), (back, forth)) = (client.into_split(), server.into_split());
                tokio::spawn(carry(from, forth, cut.clone()));
                tokio::spawn(carry(back, to, cut.clone()));
            }
        });
        Self { port, is_cut }
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut cut: watch::Receiver<bool>) {
    let mut chunk = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        if cut.wait_for(|is_cut| !is_cut).await.is_err() || to.write_all(&chunk[..count]).await.is_err() {
            return;
        }
    }
}

const PASSWORD: &str = "correct horse battery";

async fn token(address: &str, user: &str) -> String {
    let credentials = format!("{{\"user\":\"{user}\",\"password\":\"{PASSWORD}\"}}");
    until("a sign-in", async || {
        let (_, said) = post(address, "/api/sign-in", &credentials).await;
        Some(said.split("\"token\":\"").nth(1)?.split('"').next()?.to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_held_by_a_cut_off_node_are_not_stored_if_their_user_is_banned_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start("").await;
    let way = Way::to(broker.url()).await;
    let options = ["--auth", "accounts", "--metrics", "everyone"];
    let (_one, one) = node(&broker.url(), &folder.path().join("one"), &options).await;
    let (_two, two) = node(&way.url(), &folder.path().join("two"), &options).await;
    for user in ["ana", "mallory"] {
        command(&["user", "add", user, "--cluster", &broker.url()], PASSWORD).await;
    }
    // Both sign in at one node; the sign-ins hold at the other at once.
    let (ana, mallory) = (token(&one, "ana").await, token(&one, "mallory").await);
    let mut cut_off = Raw::join(&two, &format!("token={mallory}&after=")).await.expect("it may come in");
    cut_off.until(|said| matches!(said, Said::Event(event) if event["type"] == "sync")).await;

    way.is_cut.send_replace(true);
    cut_off.post("mallory", "on its way").await;
    until("an unknown outcome", async || {
        let (_, metrics) = get(&two, "/metrics").await;
        let unknown = metrics.lines().find_map(|line| line.strip_prefix("everwire_cluster_unknown_outcomes_total "))?;
        (unknown.trim().parse::<u64>().ok()? > 0).then_some(())
    })
    .await;
    cut_off.post("mallory", "waits").await;
    command(&["user", "ban", "mallory", "--cluster", &broker.url()], "").await;
    // Wait until the node is not ready: it no longer knows for sure who may join.
    until("a refusal", async || {
        let refused = Raw::join(&two, &format!("token={ana}&after=")).await.err()?;
        refused.contains("503").then_some(())
    })
    .await;

    way.is_cut.send_replace(false);
    let closed = cut_off.until(|said| matches!(said, Said::Closed(..))).await;
    assert!(matches!(closed, Said::Closed(1008, _)), "{closed:?}");
    let mut honest = Raw::join(&one, &format!("token={ana}&after=")).await.expect("it may come in");
    honest.post("ana", "last").await;
    for address in [&one, &two] {
        until("readiness", async || (get(address, "/readyz").await.0 == 200).then_some(())).await;
        let stored = history(address, &format!("token={ana}&after="), "last").await;
        assert!(!stored.contains(&"waits".to_owned()), "{stored:?}");
    }
}
