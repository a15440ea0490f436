//! The answer to whom there is no place for. It must cost next to nothing, or refusing would be the flood.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use everwire_ws::handshake::response_bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::places::NoPlace;

/// Refusals under way at a time; beyond that, connections are closed without a word.
const AT_A_TIME: usize = 64;

/// How long a refused peer may take to read why.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Refusing {
    slots: Arc<Semaphore>,
    full: Bytes,
    address: Bytes,
}

impl Refusing {
    pub(super) fn new() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(AT_A_TIME)),
            full: answer(StatusCode::SERVICE_UNAVAILABLE, "the server is full: come back later\n"),
            address: answer(
                StatusCode::TOO_MANY_REQUESTS,
                "too many connections from this address: close some, or come back later\n",
            ),
        }
    }

    pub(super) fn tell(&self, mut stream: TcpStream, why: NoPlace) {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else { return };
        let answer = match why {
            NoPlace::Full => self.full.clone(),
            NoPlace::Address => self.address.clone(),
        };
        tokio::spawn(async move {
            let told = async {
                stream.write_all(&answer).await?;
                stream.shutdown().await?;
                // Closing with its request unread would reset the connection, and the answer with it.
                let mut unread = [0; 1024];
                while stream.read(&mut unread).await? > 0 {}
                Ok::<(), std::io::Error>(())
            };
            // Whether it was read is the peer's affair.
            let _ = timeout(PATIENCE, told).await;
            drop(slot);
        });
    }
}

fn answer(status: StatusCode, line: &str) -> Bytes {
    let mut response = Response::new(line.to_owned());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response_bytes(&response)
}
