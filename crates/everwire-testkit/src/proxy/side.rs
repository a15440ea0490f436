//! One end of a connection: the client's socket or the server's.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::faults::Ending;

/// How long the peer may take to close its side once it has seen ours end.
const LINGER: Duration = Duration::from_secs(1);

/// Read at once at most.
const CHUNK: usize = 64 << 10;

/// A socket, as far as it is still open.
#[derive(Debug)]
pub(super) struct Side {
    stream: Option<TcpStream>,
    /// The peer has not ended its direction.
    pub(super) hears: bool,
    /// Ours has not ended.
    pub(super) speaks: bool,
    /// What is to be written next.
    out: Bytes,
    /// What it still says is for nobody.
    dismissed: bool,
}

/// What a read came to.
#[derive(Debug)]
pub(super) enum Read {
    Bytes(Bytes),
    Nothing,
    End(Ending),
}

impl Side {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream: Some(stream), ..Self::absent() }
    }

    /// Not there yet: what it would be told waits.
    pub(super) fn absent() -> Self {
        Self { stream: None, hears: true, speaks: true, out: Bytes::new(), dismissed: false }
    }

    pub(super) fn connect(&mut self, stream: TcpStream) {
        self.stream = Some(stream);
    }

    pub(super) fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// Nothing more can come of it.
    pub(super) fn is_over(&self) -> bool {
        !self.hears && !self.speaks
    }

    /// Whether there is room for the next piece.
    pub(super) fn is_ready(&self) -> bool {
        self.out.is_empty()
    }

    pub(super) fn offer(&mut self, bytes: Bytes) {
        self.out = bytes;
    }

    /// Listens to it no more, but lets it end by itself.
    pub(super) fn dismiss(&mut self) {
        self.hears = false;
        self.dismissed = true;
    }

    /// Reads what there is, up to `room` bytes.
    pub(super) fn read(&mut self, room: usize) -> Read {
        if self.dismissed {
            self.discard();
        }
        let Some(stream) = self.stream.as_ref().filter(|_| self.hears && room > 0) else {
            return Read::Nothing;
        };
        let mut buffer = vec![0; room.min(CHUNK)];
        match stream.try_read(&mut buffer) {
            Ok(0) => {
                self.hears = false;
                Read::End(Ending::Close)
            }
            Ok(read) => {
                buffer.truncate(read);
                Read::Bytes(Bytes::from(buffer))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Read::Nothing,
            Err(_) => {
                self.lose();
                Read::End(Ending::Reset)
            }
        }
    }

    /// Writes what the socket takes; how much that was, or `None` if the peer is gone.
    pub(super) fn write(&mut self) -> Option<usize> {
        let mut written = 0;
        let Some(stream) = &self.stream else { return Some(0) };
        while !self.out.is_empty() {
            match stream.try_write(&self.out) {
                Ok(bytes) => {
                    self.out.advance(bytes);
                    written += bytes;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.lose();
                    return None;
                }
            }
        }
        Some(written)
    }

    fn discard(&mut self) {
        let mut buffer = [0; 4096];
        let over = match self.stream.as_ref().map(|stream| stream.try_read(&mut buffer)) {
            Some(Ok(read)) => read == 0,
            Some(Err(error)) => error.kind() != io::ErrorKind::WouldBlock,
            None => false,
        };
        if over {
            self.lose();
        }
    }

    /// Ends our direction; with a reset, both.
    pub(super) async fn end(&mut self, ending: Ending) {
        self.speaks = false;
        match (ending, &mut self.stream) {
            (_, None) => {}
            (Ending::Close, Some(stream)) => drop(stream.shutdown().await),
            (Ending::Reset, Some(stream)) => {
                let _ = stream.set_zero_linger();
                self.lose();
            }
        }
    }

    /// The peer is gone.
    pub(super) fn lose(&mut self) {
        self.stream = None;
        self.hears = false;
        self.speaks = false;
        self.out = Bytes::new();
    }

    /// Gives the peer a moment to see the end, so that no reset overtakes it.
    pub(super) async fn linger(&mut self) {
        if let Some(stream) = self.stream.take() {
            let _ = timeout(LINGER, discard_to_end(&stream)).await;
        }
        self.lose();
    }

    /// Resolves when reading is worth a try; never, if it is not wanted.
    pub(super) async fn readable(&self, wanted: bool) {
        match self.stream.as_ref().filter(|_| wanted && self.hears || self.dismissed) {
            // An error shows in the read that follows.
            Some(stream) => drop(stream.readable().await),
            None => std::future::pending().await,
        }
    }

    /// Resolves when writing is worth a try; never, if there is nothing to write.
    pub(super) async fn writable(&self) {
        match self.stream.as_ref().filter(|_| !self.out.is_empty()) {
            Some(stream) => drop(stream.writable().await),
            None => std::future::pending().await,
        }
    }
}

/// Ends a whole stream.
pub(super) async fn end(mut stream: TcpStream, ending: Ending) {
    match ending {
        Ending::Reset => drop(stream.set_zero_linger()),
        Ending::Close => {
            let _ = stream.shutdown().await;
            let _ = timeout(LINGER, discard_to_end(&stream)).await;
        }
    }
}

/// Reads until the peer ends, and keeps nothing.
pub(super) async fn discard_to_end(stream: &TcpStream) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        if stream.readable().await.is_err() {
            return;
        }
        match stream.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
