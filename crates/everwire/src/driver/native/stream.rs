//! The transport under a WebSocket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustls::ProtocolVersion;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The stream under a [`WebSocket`](crate::WebSocket): TCP, or TLS over it; with an `https` proxy, over TLS over it.
#[derive(Debug)]
pub struct Stream {
    kind: Kind,
    bytes_read: u64,
}

#[derive(Debug)]
enum Kind {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

pub(super) type TlsStream = tokio_rustls::client::TlsStream<Stream>;

/// What a handshake has settled.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) version: Option<ProtocolVersion>,
    pub(super) alpn: Option<String>,
}

impl Stream {
    pub(super) fn plain(stream: TcpStream) -> Self {
        limit_unsent(&stream);
        Self { kind: Kind::Plain(stream), bytes_read: 0 }
    }

    pub(super) fn tls(stream: TlsStream) -> Self {
        Self { kind: Kind::Tls(Box::new(stream)), bytes_read: 0 }
    }

    /// What was agreed on by TLS, if there is any.
    pub(super) fn tls_terms(&self) -> Option<Terms> {
        match &self.kind {
            Kind::Plain(_) => None,
            Kind::Tls(stream) => Some(terms(stream)),
        }
    }

    /// Whether a write that fails can have sent a part of what it was given all the same.
    pub(super) fn may_send_and_fail(&self) -> bool {
        matches!(self.kind, Kind::Tls(_))
    }

    /// Has the operating system give the connection up when bytes of ours stay unacknowledged for so long, where it can.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    pub(super) fn give_up_unacknowledged_after(&self, time: Duration) {
        match &self.kind {
            Kind::Plain(stream) => {
                // Without it the connection is given up later.
                let _ = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(time));
            }
            Kind::Tls(stream) => stream.get_ref().0.give_up_unacknowledged_after(time),
        }
    }

    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    pub(super) fn give_up_unacknowledged_after(&self, _: Duration) {}

    /// Bytes read so far. Any change is a sign of life, also where it completes no frame yet.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }
}

/// Bytes that the operating system takes and has not sent: what waits in front of a ping is then seen, and short.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNSENT: u32 = 32 << 10;

#[cfg(any(target_os = "android", target_os = "linux"))]
fn limit_unsent(stream: &TcpStream) {
    // Without it pings wait longer behind large messages, and nothing else changes.
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn limit_unsent(_: &TcpStream) {}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(match &mut self.kind {
            Kind::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Kind::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        })?;
        self.bytes_read += (buf.filled().len() - before) as u64;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.kind {
            Kind::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Kind::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.kind {
            Kind::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Kind::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.kind {
            Kind::Plain(stream) => stream.is_write_vectored(),
            Kind::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.kind {
            Kind::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Kind::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.kind {
            Kind::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Kind::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(all(test, any(target_os = "android", target_os = "linux")))]
mod tests {
    use std::net::Ipv4Addr;

    use socket2::SockRef;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_operating_system_is_told_how_long_to_wait_for_acknowledgements() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let tcp = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
        let stream = Stream::plain(tcp);
        let Kind::Plain(tcp) = &stream.kind else { panic!("it is plain") };
        assert_eq!(SockRef::from(tcp).tcp_user_timeout().expect("an option"), None);
        stream.give_up_unacknowledged_after(Duration::from_millis(1_250));
        let told = SockRef::from(tcp).tcp_user_timeout().expect("an option");
        assert_eq!(told, Some(Duration::from_millis(1_250)));
    }
}

fn terms(stream: &TlsStream) -> Terms {
    let connection = stream.get_ref().1;
    let alpn = connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
    Terms { version: connection.protocol_version(), alpn }
}
