//! A socket as a stream and a sink of messages, for code that is written for those.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use everwire_ws::{CloseCode, Incoming, Message};
use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::halves::Half;
use crate::{Socket, SocketError};

/// As long as so much is buffered, the sink takes no more.
const WRITE_BUFFER: usize = 64 << 10;

/// The messages of the peer, until the connection has ended. Pings are answered automatically, and the close frame
/// shows only as the end of the stream (for its code use [`recv`](Socket::recv)).
///
/// Polling it also writes what is queued, so that a task that only reads answers pings. With `StreamExt::split` one
/// task may read and another write.
///
/// Where `StreamExt` is in scope, its `buffered` hides the socket's own: write `Socket::buffered(&socket)`.
///
/// Cancel-safe: `next()` may be dropped at any point, and no message is lost.
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for Socket<S> {
    type Item = Result<Message, SocketError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let socket = self.get_mut();
        loop {
            match ready!(socket.poll_recv(cx)) {
                Ok(Some(Incoming::Message(message))) => return Poll::Ready(Some(Ok(message))),
                Ok(Some(Incoming::Ping(_) | Incoming::Pong(_) | Incoming::Close(_))) => {}
                Ok(None) => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

/// Messages to the peer. The sink accepts messages while less than 64 KiB are unwritten; flushing writes everything.
/// Closing sends a close frame (1000) and does not wait for the peer's: read to the end of the stream for that.
///
/// Cancel-safe as sinks are: if `feed` or `send` is dropped before the sink was ready, nothing was sent; if it is
/// dropped later, the message is queued and goes out with the next write (of either half), so don't send it again.
impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for Socket<S> {
    type Error = SocketError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        let socket = self.get_mut();
        if socket.buffered() < WRITE_BUFFER {
            return Poll::Ready(Ok(()));
        }
        match socket.poll_flush_as(Half::Writer, cx) {
            Poll::Pending if socket.buffered() >= WRITE_BUFFER => Poll::Pending,
            Poll::Pending => Poll::Ready(Ok(())),
            Poll::Ready(flushed) => Poll::Ready(flushed.map_err(SocketError::Io)),
        }
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), SocketError> {
        if self.get_mut().queue(&message) { Ok(()) } else { Err(SocketError::Closing) }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        self.get_mut().poll_flush_as(Half::Writer, cx).map_err(SocketError::Io)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        let socket = self.get_mut();
        socket.queue_close(CloseCode::NORMAL, "");
        socket.poll_flush_as(Half::Writer, cx).map_err(SocketError::Io)
    }
}
