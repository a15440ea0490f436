//! What a connection holds on the server when its traffic has ceased.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::{Connected, Effort, Measure, open};
use crate::peers::{End, Peer};
use crate::wire::Wire;
use crate::{Done, chat, process};

/// Messages that each connection has in flight at once, and how often that many.
const BURST: usize = 16;
const BURSTS: usize = 3;

/// How long the server is given to give memory back, and how often: an allocator does so when it is used.
const PAUSE: Duration = Duration::from_millis(20);
const PAUSES: usize = 5;

/// KiB of resident memory per connection.
pub(super) async fn client<P: Peer>(measure: Measure, address: &str, effort: Effort) -> Done<Vec<f64>> {
    let messages: Vec<_> = chat::messages().iter().take(BURST).map(|text| P::text(text)).collect();
    // One connection has shown the process all code and made it all that is shared.
    let mut first = vec![connect::<P>(measure, address).await?];
    talk(&mut first, &messages).await?;
    let before = resident(&mut first[0]).await?;
    let mut connections = Vec::new();
    for _ in 0..effort.connections {
        connections.push(connect::<P>(measure, address).await?);
        // A server that does not keep up with accepting makes clients wait for seconds.
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
        // A client that is done just goes.
        tokio::spawn(async { drop(echo(peer).await) });
    }
}

async fn connect<P: Peer>(measure: Measure, address: &str) -> Done<P> {
    Connected { measure, wire: Wire::tcp(TcpStream::connect(address).await?)? }.open()
}

/// A burst on all connections at once, then what comes back.
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

/// The server's memory, once it has come to rest.
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
