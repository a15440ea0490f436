//! The server's memory for a connection after its traffic has ended.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::{Connected, Effort, Measure, open};
use crate::peers::{End, Peer};
use crate::wire::Wire;
use crate::{Done, chat, process};

/// The number of messages that each connection has in flight, and the number of such bursts.
const BURST: usize = 16;
const BURSTS: usize = 3;

/// The pauses for the server to return memory; there are several, because an allocator returns it when it is used.
const PAUSE: Duration = Duration::from_millis(20);
const PAUSES: usize = 5;

/// Measures the resident memory per connection, in KiB.
pub(super) async fn client<P: Peer>(measure: Measure, address: &str, effort: Effort) -> Done<Vec<f64>> {
    let messages: Vec<_> = chat::messages().iter().take(BURST).map(|text| P::text(text)).collect();
    // A first connection loads all code and allocates everything that is shared.
    let mut first = vec![connect::<P>(measure, address).await?];
    talk(&mut first, &messages).await?;
    let before = resident(&mut first[0]).await?;
    let mut connections = Vec::new();
    for _ in 0..effort.connections {
        connections.push(connect::<P>(measure, address).await?);
        // One by one: if accepting falls behind, clients wait for seconds.
        talk(connections.last_mut().map_or(&mut [], std::slice::from_mut), &messages[..1]).await?;
    }
    talk(&mut connections, &messages).await?;
    let held = resident(&mut first[0]).await? - before;
    Ok(vec![held / 1024.0 / effort.connections as f64])
}

/// Echoes everything, each connection in a task of its own.
pub(super) async fn server<P: Peer>(measure: Measure, listener: TcpListener) -> Done<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let peer = open::<P>(measure, Wire::tcp(stream)?, End::Server)?;
        // A client that has finished just disconnects.
        tokio::spawn(async { drop(echo(peer).await) });
    }
}

async fn connect<P: Peer>(measure: Measure, address: &str) -> Done<P> {
    Connected { measure, wire: Wire::tcp(TcpStream::connect(address).await?)? }.open()
}

/// Sends a burst on all connections at once, then reads the echoes.
async fn talk<P: Peer>(connections: &mut [P], messages: &[P::Message]) -> Done<()> {
    for _ in 0..BURSTS {
        for connection in &mut *connections {
            for message in messages {
                connection.feed(message).await?;
            }
            connection.flush().await?;
        }
        for connection in &mut *connections {
            for message in messages {
                if P::payload(&connection.receive().await?) != P::payload(message) {
                    return Err("something else came back".into());
                }
            }
        }
    }
    Ok(())
}

/// The server's memory after the pauses.
async fn resident<P: Peer>(connection: &mut P) -> Done<f64> {
    let mut resident = 0.0;
    for _ in 0..PAUSES {
        tokio::time::sleep(PAUSE).await;
        connection.send(&P::text("memory")).await?;
        resident = std::str::from_utf8(P::payload(&connection.receive().await?))?.parse()?;
    }
    Ok(resident)
}

async fn echo<P: Peer>(mut peer: P) -> Done<()> {
    loop {
        let message = peer.flush_and_receive().await?;
        if P::payload(&message) == b"memory" {
            peer.send(&P::text(&(process::memory("self")? as u64).to_string())).await?;
        } else {
            peer.feed_back(message).await?;
        }
    }
}
