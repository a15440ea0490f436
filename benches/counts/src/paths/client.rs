use std::collections::VecDeque;
use std::hint::black_box;

use bytestring::ByteString;
use everwire::{Client, Deliveries, Message};
use everwire_ws::{Config, Incoming};
use tokio::net::TcpListener;

use super::Operations;
use crate::measure::measured;

const AT_ONCE: usize = 256;
const ROUNDS: usize = 40;

type Failed = Box<dyn std::error::Error>;

/// `Client::send` of 128 bytes, with each `Delivery` dropped at once. The driver's work is not counted.
pub(super) fn send() -> Operations {
    connected(async |client| {
        let text = ByteString::from("x".repeat(128));
        for _ in 0..ROUNDS {
            measured(&mut || {
                for _ in 0..AT_ONCE {
                    // It can't fail: the outbox has room.
                    drop(client.send(black_box(&text).clone()));
                }
            });
            // Lets the driver work until all messages have their outcome.
            client.send("")?.await;
        }
        Ok((ROUNDS * AT_ONCE) as u64)
    })
}

/// `Client::send_many` of the same.
pub(super) fn send_many() -> Operations {
    connected(async |client| {
        let text = ByteString::from("x".repeat(128));
        for _ in 0..ROUNDS {
            let mut messages: VecDeque<_> = (0..AT_ONCE).map(|_| Message::from(text.clone())).collect();
            let mut deliveries = Deliveries::new();
            measured(&mut || drop(client.send_many(&mut messages, &mut deliveries)));
            client.send("")?.await;
        }
        Ok((ROUNDS * AT_ONCE) as u64)
    })
}

/// Calls `work` with a client that is connected to a peer in the same thread.
fn connected(work: impl AsyncFnOnce(&Client) -> Operations) -> Operations {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let client = Client::builder(format!("ws://{}", listener.local_addr()?)).build()?;
        let peer = tokio::spawn(async move { answer(listener).await.map_err(|error| error.to_string()) });
        client.send("")?.await;
        let operations = work(&client).await;
        peer.abort();
        operations
    })
}

/// Reads everything, which also answers pings.
async fn answer(listener: TcpListener) -> Result<(), Failed> {
    let (stream, _) = listener.accept().await?;
    let (mut socket, _) = everwire_tokio::server(stream, Config::default(), |_| None).await?;
    while let Some(incoming) = socket.recv().await? {
        if matches!(incoming, Incoming::Close(_)) {
            break;
        }
    }
    Ok(())
}
