//! One message to many connections.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Effort, Measure, open};
use crate::peers::{End, Peer};
use crate::process::cpu_time;
use crate::wire::Wire;
use crate::{Done, chat};

/// Measures the CPU time per member in microseconds, without a transport.
pub(super) async fn without_transport<P: Peer>(effort: Effort) -> Done<Vec<f64>> {
    let member = |_| open::<P>(Measure::BroadcastProtocol, Wire::null(), End::Server);
    let mut members = (0..effort.connections).map(member).collect::<Done<Vec<_>>>()?;
    Ok(vec![broadcast(&mut members, effort).await?])
}

/// Measures the CPU time per member in microseconds, through TCP.
pub(super) async fn server<P: Peer>(listener: TcpListener, effort: Effort) -> Done<()> {
    let (mut control, _) = listener.accept().await?;
    let mut members = Vec::new();
    for _ in 0..effort.connections {
        let (stream, _) = listener.accept().await?;
        members.push(open::<P>(Measure::BroadcastTcp, Wire::tcp(stream)?, End::Server)?);
    }
    let micros = broadcast(&mut members, effort).await?;
    control.write_all(micros.to_string().as_bytes()).await?;
    Ok(())
}

/// Reads and discards what all members receive; the figure comes from the server.
pub(super) async fn client(address: &str, effort: Effort) -> Done<Vec<f64>> {
    let mut control = TcpStream::connect(address).await?;
    for _ in 0..effort.connections {
        let mut member = TcpStream::connect(address).await?;
        tokio::spawn(async move {
            let mut space = [0; 4 << 10];
            while let Ok(1..) = member.read(&mut space).await {}
        });
    }
    let mut figure = String::new();
    control.read_to_string(&mut figure).await?;
    Ok(vec![figure.parse()?])
}

async fn broadcast<P: Peer>(members: &mut [P], effort: Effort) -> Done<f64> {
    let texts = chat::messages();
    // Once to warm up.
    send_to_all(members, &texts[0]).await?;
    let before = cpu_time();
    for text in texts.iter().cycle().skip(1).take(effort.broadcasts) {
        send_to_all(members, text).await?;
    }
    let micros = (cpu_time() - before).as_nanos() as f64 / 1e3;
    Ok(micros / (effort.broadcasts * members.len()) as f64)
}

async fn send_to_all<P: Peer>(members: &mut [P], text: &str) -> Done<()> {
    let message = P::text(text);
    for member in members {
        member.send(&message).await?;
    }
    Ok(())
}
