//! 10,000 members lose their server at the same moment: how long until all are back, and what that takes of the server.

use std::time::{Duration, Instant};

use everwire_chat::{ChatClient, ChatEvent};
use futures_util::future::try_join_all;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::COMING;
use super::member::{Done, Member, line};
use crate::process::{self, Server};

const MEMBERS: usize = 10_000;
/// The number of rooms, among which the members are spread; each has a history.
const ROOMS: usize = 100;
const LINES: usize = 50;
const ROUNDS: usize = 3;
/// How long to wait for the next member: after this the rest will not come.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the server is left without traffic before its memory is measured as idle.
const REST: Duration = Duration::from_secs(3);
const REFUSED: &str = "everwire_connections_refused_total";

/// Prints the figures over several losses of the server in a row.
pub(crate) async fn run() -> Done<()> {
    let folder = tempfile::tempdir()?;
    let mut server = start(&folder, 0)?;
    let posts = (0..ROOMS).map(async |room| {
        let mut poster = Member::join(&server.address, format!("room-{room}"), "poster".to_owned()).await?;
        for at in 0..LINES {
            poster.post(&line(&at.to_string())).await?;
        }
        poster.barrier().await
    });
    try_join_all(posts).await?;
    let (synced, mut back) = mpsc::unbounded_channel();
    let mut members = Vec::with_capacity(MEMBERS);
    for first in (0..MEMBERS).step_by(COMING) {
        members.extend((first..first + COMING).map(|n| member(&server.address, n, &synced)).collect::<Done<Vec<_>>>()?);
        all(&mut back, COMING).await?;
    }
    tokio::time::sleep(REST).await;
    while back.try_recv().is_ok() {}
    // They came a hundred at a time.
    let idle = server.memory()?;
    let (mut times, mut ratios, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    let port = server.address.rsplit(':').next().ok_or("no port")?.parse()?;
    for _ in 0..ROUNDS {
        drop(server);
        let lost = Instant::now();
        server = start(&folder, port)?;
        all(&mut back, MEMBERS).await?;
        times.push(lost.elapsed().as_secs_f64());
        tokio::time::sleep(REST).await;
        ratios.push(process::peak_memory(&server.id().to_string())? / idle);
        refused.push(metric(&server.address, REFUSED).await?);
        while back.try_recv().is_ok() {}
    }
    super::tell("all 10,000 are back, s", times, 1, "under 12");
    super::tell("most memory, over that of a server to which they came by and by", ratios, 2, "1.3");
    super::tell("refused", refused, 0, "0");
    Ok(())
}

fn start(folder: &TempDir, port: u16) -> Done<Server> {
    process::server(&["chat-server", &folder.path().display().to_string(), &port.to_string()])
}

/// A chat client at its defaults, that says each time when it has the room's state.
fn member(address: &str, n: usize, synced: &mpsc::UnboundedSender<()>) -> Done<ChatClient> {
    let name = format!("member-{n}");
    let builder = ChatClient::builder(format!("ws://{address}/ws"), name.clone()).user_id(name);
    let client = builder.room(format!("room-{}", n % ROOMS)).build()?;
    let (mut updates, synced) = (client.updates(), synced.clone());
    tokio::spawn(async move {
        while let Some(event) = updates.next().await {
            if matches!(event, ChatEvent::Synced { .. }) && synced.send(()).is_err() {
                return;
            }
        }
    });
    client.connect();
    Ok(client)
}

/// Waits until `count` members have come back.
async fn all(back: &mut mpsc::UnboundedReceiver<()>, count: usize) -> Done<()> {
    for come in 0..count {
        let next = timeout(PATIENCE, back.recv()).await;
        next.map_err(|_| format!("{come} of {count} came, and then nobody for {PATIENCE:?}"))?.ok_or("no members")?;
    }
    Ok(())
}

async fn metric(address: &str, name: &str) -> Done<f64> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.ok_or_else(|| format!("no {name} in the metrics"))?.trim().parse()?)
}
