//! Measures the memory of an idle client: thousands of them in one process, their servers in others.
//!
//! Each client connects, has one message echoed, and is then left alone. The result is the growth of the process's resident memory
//! per client: sockets, buffers, tasks, timers, and what the allocator keeps, without the memory of the kernel.

use std::time::Duration;

use everwire::{Client, Inbox, SessionMode};
use futures_util::future::try_join_all;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Theirs;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::process;

type Done<T> = Result<T, Box<dyn std::error::Error>>;

const CLIENTS: usize = 4_000;
/// Opened at the same time.
const AT_ONCE: usize = 100;
const ROUNDS: usize = 3;
/// A pause after the last message, so that delayed writes are done.
const REST: Duration = Duration::from_secs(2);

const CONTENDERS: [&str; 3] = ["tungstenite", "everwire", "everwire-session"];

/// Measures every contender in a process of its own, in turns.
pub(crate) fn run() -> Done<()> {
    let (plain, sessions) = (process::server(&["server"])?, process::server(&["sessions"])?);
    let mut figures = CONTENDERS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (name, figures) in CONTENDERS.into_iter().zip(&mut figures) {
            let server = if name == "everwire-session" { &sessions } else { &plain };
            figures.push(process::figure(&["idle-clients", name, &server.address])?);
        }
    }
    println!("| {CLIENTS} idle clients | KiB each, median | min – max |");
    println!("|---|---|---|");
    for (name, mut figures) in CONTENDERS.into_iter().zip(figures) {
        figures.sort_by(f64::total_cmp);
        let (min, median, max) = (figures[0], figures[ROUNDS / 2], figures[ROUNDS - 1]);
        println!("| {name} | {median:.1} | {min:.1} – {max:.1} |");
    }
    Ok(())
}

/// Runs the clients of one contender; prints the memory per client in KiB.
pub(crate) fn run_clients(contender: &str, address: &str) -> Done<()> {
    process::pin(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let url = format!("ws://{address}/echo");
        let each = match contender {
            "tungstenite" => cost(async || theirs(&url).await).await?,
            "everwire" => cost(async || ours(&url, false).await).await?,
            "everwire-session" => cost(async || ours(&url, true).await).await?,
            other => return Err(format!("there is no contender {other}").into()),
        };
        println!("{each}");
        Ok(())
    })
}

/// Measures the memory per client, in KiB. The first client is not counted, because it allocates what all share.
async fn cost<C>(client: impl AsyncFn() -> Done<C>) -> Done<f64> {
    let mut clients = vec![client().await?];
    let before = process::memory("self")?;
    for _ in 0..CLIENTS / AT_ONCE {
        clients.extend(try_join_all((0..AT_ONCE).map(|_| client())).await?);
    }
    tokio::time::sleep(REST).await;
    let each = (process::memory("self")? - before) / CLIENTS as f64 / 1024.0;
    drop(clients);
    Ok(each)
}

async fn ours(url: &str, session: bool) -> Done<(Client, Inbox)> {
    let builder = Client::builder(url);
    let client = if session { builder.session(SessionMode::Require) } else { builder }.build()?;
    let mut inbox = client.messages();
    drop(client.send("hello")?);
    inbox.next().await.ok_or("closed")?;
    Ok((client, inbox))
}

async fn theirs(url: &str) -> Done<WebSocketStream<MaybeTlsStream<TcpStream>>> {
    let (mut socket, _) = tokio_tungstenite::connect_async_with_config(url, None, true).await?;
    socket.send(Theirs::text("hello")).await?;
    socket.next().await.ok_or("closed")??;
    Ok(socket)
}
