//! Streams with the habits that matter.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use everwire_tokio::Socket;
use everwire_ws::{Config, Connection, Role};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

pub(crate) fn socket<S: AsyncRead + AsyncWrite + Unpin>(stream: S, role: Role) -> Socket<S> {
    Socket::new(stream, Connection::new(role, Config::default(), [42; 32]))
}

/// A client and a server with `buffer` bytes in between each way.
pub(crate) fn pair(buffer: usize) -> (Socket<DuplexStream>, Socket<DuplexStream>) {
    let (near, far) = tokio::io::duplex(buffer);
    (socket(near, Role::Client), socket(far, Role::Server))
}

/// What a test does with a stream from outside, and what it sees of it.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// What a read yields, one entry at a time; then pending for ever, or the end.
    pub(crate) reads: std::collections::VecDeque<Vec<u8>>,
    pub(crate) end_of_stream: bool,
    /// What a write takes at most; 0: pending.
    pub(crate) takes: usize,
    pub(crate) write_error: Option<io::ErrorKind>,
    /// Whether it takes several slices at once.
    pub(crate) vectored: bool,
    pub(crate) written: Vec<u8>,
    /// As much of `written` has been flushed.
    pub(crate) flushed: usize,
    pub(crate) shut_down: bool,
    pub(crate) read_calls: usize,
    pub(crate) write_calls: usize,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Scripted(pub(crate) Arc<Mutex<Script>>);

impl Scripted {
    pub(crate) fn with(script: Script) -> Self {
        Self(Arc::new(Mutex::new(script)))
    }

    pub(crate) fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

impl AsyncRead for Scripted {
    fn poll_read(self: Pin<&mut Self>, _cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut script = self.script();
        script.read_calls += 1;
        let Some(mut chunk) = script.reads.pop_front() else {
            return if script.end_of_stream { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        let rest = chunk.split_off(chunk.len().min(buffer.remaining()));
        buffer.put_slice(&chunk);
        if !rest.is_empty() {
            script.reads.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut script = self.script();
        script.write_calls += 1;
        if let Some(kind) = script.write_error {
            return Poll::Ready(Err(kind.into()));
        }
        let count = bytes.len().min(script.takes);
        if count == 0 {
            return Poll::Pending;
        }
        script.written.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        assert!(self.script().vectored, "it said that it does not");
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        self.poll_write(cx, &all)
    }

    fn is_write_vectored(&self) -> bool {
        self.script().vectored
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut script = self.script();
        script.flushed = script.written.len();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.script().shut_down = true;
        Poll::Ready(Ok(()))
    }
}

/// Frames as a server sends them.
pub(crate) fn from_server(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    [&[first, payload.len() as u8], payload].concat()
}
