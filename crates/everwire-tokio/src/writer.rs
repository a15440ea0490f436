//! The writing half of a socket's state.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use everwire_ws::Connection;
use tokio::io::AsyncWrite;

/// How far the transport is with what the connection has queued.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    written_total: u64,
    /// Bytes of the write that failed, if one did.
    in_doubt: u64,
    /// Bytes were written that the stream may hold back (TLS) until it is flushed.
    unflushed: bool,
    /// What ended writing. Reading goes on: the peer's last words may say why.
    failed: Option<io::Error>,
}

/// An outgoing buffer that a burst has made larger than this is given back as soon as it is written.
const KEPT_AFTER_BURST: usize = 256 << 10;

/// Pieces in one vectored write.
const SLICES: usize = 32;

impl Writer {
    pub(crate) fn written_total(&self) -> u64 {
        self.written_total
    }

    /// With what was offered to a write that failed: a stream that encrypts may have sent a part of it before it did.
    pub(crate) fn written_at_most(&self) -> u64 {
        self.written_total + self.in_doubt
    }

    pub(crate) fn failed(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }

    /// Writes while the transport takes it, then flushes it.
    pub(crate) fn poll<S: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        connection: &mut Connection,
    ) -> Poll<io::Result<()>> {
        if let Some(error) = &self.failed {
            return Poll::Ready(Err(copy(error)));
        }
        let outcome = ready!(self.poll_inner(cx, stream, connection));
        if let Err(error) = &outcome {
            self.failed = Some(copy(error));
        }
        Poll::Ready(outcome)
    }

    fn poll_inner<S: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        connection: &mut Connection,
    ) -> Poll<io::Result<()>> {
        while connection.outgoing_pieces().has_remaining() {
            let written = match ready!(poll_write(cx, stream, connection)) {
                Ok(written) => written,
                Err(error) => {
                    self.in_doubt = offered(stream.is_write_vectored(), connection) as u64;
                    return Poll::Ready(Err(error));
                }
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            connection.outgoing_pieces().advance(written);
            self.written_total += written as u64;
            self.unflushed = true;
        }
        if self.unflushed {
            if connection.outgoing().try_reclaim(KEPT_AFTER_BURST + 1) {
                *connection.outgoing() = BytesMut::new();
            }
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// One write of as much as goes at once: without copies where the stream takes several slices.
fn poll_write<S: AsyncWrite + Unpin>(
    cx: &mut Context<'_>,
    stream: &mut S,
    connection: &mut Connection,
) -> Poll<io::Result<usize>> {
    let stream = Pin::new(stream);
    if !stream.is_write_vectored() {
        return stream.poll_write(cx, connection.outgoing());
    }
    let outgoing = connection.outgoing_pieces();
    let mut slices = [IoSlice::new(&[]); SLICES];
    match outgoing.chunks_vectored(&mut slices) {
        1 => stream.poll_write(cx, &slices[0]),
        count => stream.poll_write_vectored(cx, &slices[..count]),
    }
}

/// How much [`poll_write`] offers to the stream.
fn offered(vectored: bool, connection: &mut Connection) -> usize {
    if !vectored {
        return connection.outgoing().len();
    }
    let mut slices = [IoSlice::new(&[]); SLICES];
    let outgoing = connection.outgoing_pieces();
    let count = outgoing.chunks_vectored(&mut slices);
    slices[..count].iter().map(|slice| slice.len()).sum()
}

/// The same error once more, as far as that is possible.
pub(crate) fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
