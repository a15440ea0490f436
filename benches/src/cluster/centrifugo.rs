//! Centrifugo 6 with its NATS engine over the same kind of brokers, measured with the same deliveries.
//!
//! In this configuration it stores nothing, so it does less than a node.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use everwire_tokio::{Socket, client};
use everwire_ws::handshake::ClientHandshake;
use everwire_ws::{Config, Incoming, Message};
use futures_util::future::try_join_all;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::nodes::{Brokers, Programs, Running, free_port};
use crate::chat::member::Done;
use crate::process;

const SERVERS: usize = 3;
/// As many members as in the measure of the nodes.
const MEMBERS: usize = 300;
const LINES: usize = 3_000;
const AT_ONCE: usize = 50;
const IDLE: usize = 3_000;

pub(super) struct Figures {
    /// Deliveries per second.
    pub(super) rate: f64,
    /// Deliveries per second of the servers' processor time.
    pub(super) each: f64,
    /// Memory per idle member, in KiB.
    pub(super) memory: f64,
}

pub(super) async fn measure(centrifugo: &Path, programs: &Programs<'_>) -> Done<Figures> {
    let brokers = Brokers::start(programs.nats_server)?;
    let folder = tempfile::tempdir()?;
    let mut servers = Vec::new();
    for n in 0..SERVERS {
        let port = free_port()?;
        let file = folder.path().join(format!("{n}.json"));
        std::fs::write(&file, settings(port, &brokers.addresses[n]))?;
        let mut command = Command::new(centrifugo);
        command.arg("--config").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        servers.push((Running(command.spawn()?), format!("127.0.0.1:{port}")));
    }
    for (_, address) in &servers {
        let begin = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            if begin.elapsed() > Duration::from_secs(30) {
                return Err("Centrifugo does not listen".into());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
    // Its subscriptions at the brokers exist before anything is published.
    let used = || -> Done<f64> { servers.iter().map(|(server, _)| process::cpu_seconds(server.0.id())).sum() };
    let mut members = Vec::new();
    for n in 0..MEMBERS {
        members.push(Peer::join(&servers[n % SERVERS].1, "room").await?);
    }
    let mut speaker = Peer::join(&servers[0].1, "room").await?;
    sleep(Duration::from_millis(500)).await;
    let (before, started) = (used()?, Instant::now());
    let speaks = speaker.speak(LINES);
    let hear = try_join_all(members.iter_mut().map(|member| member.hear(LINES)));
    tokio::try_join!(speaks, hear)?;
    let count = (MEMBERS * LINES) as f64;
    let (rate, each) = (count / started.elapsed().as_secs_f64(), count / (used()? - before));
    let first = servers[0].0.0.id().to_string();
    let before = process::memory(&first)?;
    let mut idle = Vec::new();
    for n in 0..IDLE {
        idle.push(Peer::join(&servers[0].1, &format!("idle-{}", n % 300)).await?);
    }
    let memory = (process::memory(&first)? - before) / IDLE as f64 / 1024.0;
    Ok(Figures { rate, each, memory })
}

fn settings(port: u16, broker: &str) -> String {
    format!(
        r#"{{
            "http_server": {{"address": "127.0.0.1", "port": {port}}},
            "client": {{"insecure": true, "allowed_origins": ["*"]}},
            "channel": {{"without_namespace": {{
                "allow_subscribe_for_client": true, "allow_publish_for_client": true,
                "allow_subscribe_for_anonymous": true, "allow_publish_for_anonymous": true
            }}}},
            "broker": {{"enabled": true, "type": "nats", "nats": {{"url": "{broker}"}}}},
            "log": {{"level": "error"}}
        }}"#
    )
}

struct Peer {
    socket: Socket<TcpStream>,
    heard: usize,
    replies: usize,
}

impl Peer {
    async fn join(address: &str, channel: &str) -> Done<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = http::Request::get(format!("ws://{address}/connection/websocket")).body(())?;
        // A measurement needs no secrets.
        let handshake = ClientHandshake::new(&request, &[], [1; 16])?;
        let (socket, _) = client(stream, handshake, Config::default(), [2; 32]).await?;
        let mut peer = Self { socket, heard: 0, replies: 0 };
        let words = format!("{{\"id\":1,\"connect\":{{}}}}\n{{\"id\":2,\"subscribe\":{{\"channel\":\"{channel}\"}}}}");
        peer.socket.send(&Message::from(words)).await?;
        peer.replies(2).await?;
        Ok(peer)
    }

    /// Publishes messages, and waits after each group until all are accepted.
    async fn speak(&mut self, lines: usize) -> Done<()> {
        for at in 0..lines {
            let line = format!(
                "{{\"id\":{},\"publish\":{{\"channel\":\"room\",\"data\":{{\"id\":\"speaker-{at}\",\"user\":\"speaker\",\
                 \"text\":\"the build is green again, and the tests have passed\",\"timestamp\":1795444241651}}}}}}",
                at + 3
            );
            let _ = self.socket.queue(&Message::from(line));
            if at % AT_ONCE == AT_ONCE - 1 {
                self.socket.flush().await?;
                self.replies(AT_ONCE).await?;
            }
        }
        Ok(())
    }

    async fn replies(&mut self, count: usize) -> Done<()> {
        while self.replies < count {
            self.take().await?;
        }
        self.replies -= count;
        Ok(())
    }

    async fn hear(&mut self, lines: usize) -> Done<()> {
        while self.heard < lines {
            self.take().await?;
        }
        Ok(())
    }

    /// Reads a message, which may contain several objects, one per line.
    async fn take(&mut self) -> Done<()> {
        match self.socket.recv().await? {
            Some(Incoming::Message(message)) => {
                for line in message.payload().split(|byte| *byte == b'\n') {
                    if line.starts_with(b"{\"error\"") || line.windows(9).take(24).any(|part| part == b"\"error\":{") {
                        return Err(String::from_utf8_lossy(line).into_owned().into());
                    }
                    self.replies += usize::from(line.starts_with(b"{\"id\""));
                    self.heard += usize::from(line.starts_with(b"{\"push\""));
                }
                Ok(())
            }
            Some(_) => Ok(()),
            None => Err("Centrifugo has gone".into()),
        }
    }
}
