//! Connections that never reach the server.

use std::io;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::events::EndedBy;
use super::shared::{Entry, Shared, until};
use super::side::{discard_to_end, end};
use crate::faults::{Direction, Ending, Output};

/// The longest request that is waited for before it is answered all the same.
const MAX_REQUEST: usize = 16 << 10;

/// Says nothing, ever.
pub(super) async fn mute(shared: Arc<Shared>, entry: Arc<Entry>, stream: TcpStream) {
    let by = tokio::select! {
        () = discard_to_end(&stream) => EndedBy::Client,
        by = say(&shared, &entry, None) => by,
    };
    finish(&shared, &entry, stream, by).await;
}

/// Answers the client's request and closes.
pub(super) async fn answer(shared: Arc<Shared>, entry: Arc<Entry>, mut stream: TcpStream, response: Vec<u8>) {
    let by = tokio::select! {
        asked = read_request(&stream) => match asked {
            Ok(()) => {
                respond(&shared, &entry, response);
                say(&shared, &entry, Some(&mut stream)).await
            }
            Err(_) => EndedBy::Client,
        },
        by = say(&shared, &entry, None) => by,
    };
    finish(&shared, &entry, stream, by).await;
}

fn respond(shared: &Shared, entry: &Entry, response: Vec<u8>) {
    let now = shared.now();
    let mut inner = entry.lock();
    inner.link.push(now, Direction::ToClient, response);
    inner.link.end(now, Direction::ToClient, Ending::Close);
}

async fn finish(shared: &Shared, entry: &Entry, stream: TcpStream, by: EndedBy) {
    let ending = {
        let mut inner = entry.lock();
        inner.ended_by.get_or_insert(by);
        inner.ending
    };
    end(stream, ending).await;
    shared.leave(entry);
}

async fn read_request(stream: &TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    while request.len() < MAX_REQUEST && !request.windows(4).any(|end| end == b"\r\n\r\n") {
        stream.readable().await?;
        let mut part = [0; 4096];
        match stream.try_read(&mut part) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => request.extend_from_slice(&part[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Says to the client what its link has for it, up to the end. Without a stream there is only the end to wait for.
async fn say(shared: &Shared, entry: &Entry, mut stream: Option<&mut TcpStream>) -> EndedBy {
    loop {
        let (output, next) = {
            let mut inner = entry.lock();
            (inner.link.pop(shared.now(), Direction::ToClient), inner.link.next_arrival(Direction::ToClient))
        };
        match output {
            Some(Output::Bytes(bytes)) => {
                if let Some(stream) = &mut stream {
                    if stream.write_all(&bytes).await.is_err() {
                        return EndedBy::Client;
                    }
                    entry.lock().passed(Direction::ToClient, bytes.len());
                }
            }
            Some(Output::End(ending)) => {
                entry.lock().ending = ending;
                return EndedBy::Fault;
            }
            None => tokio::select! {
                () = until(next.and_then(|at| shared.instant(at))) => {}
                () = entry.wake.notified() => {}
            },
        }
    }
}
