//! Opens WebSockets, with the same bytes for all contenders.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::HandshakeKind;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use crate::contender::Transport;
use crate::{Done, tls};

/// A request like a browser's.
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\
    Host: localhost\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
    Upgrade: websocket\r\n\
    Origin: http://localhost\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate, br\r\n\
    Accept-Language: en-US,en;q=0.9\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The value of `Sec-WebSocket-Accept` for that key (RFC 6455 section 1.3).
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const AT_A_TIME: u64 = 32;

/// Opens and closes `count` connections, 32 at a time; returns how long that took.
pub(crate) async fn open_all(
    transport: Transport,
    server: SocketAddr,
    certificate: CertificateDer<'static>,
    count: u64,
) -> Done<Duration> {
    let started = Instant::now();
    let each = |number: u64| {
        let (certificate, share) = (certificate.clone(), count / AT_A_TIME + u64::from(number < count % AT_A_TIME));
        // Each worker has its own store of tickets: one store would hold fewer than all workers use at once.
        let tls = transport.is_encrypted().then(|| tls::connector(certificate, transport == Transport::Resumed));
        tokio::spawn(async move {
            let tls = tls.transpose()?;
            let mut resumed = false;
            for _ in 0..share {
                resumed = open_one(server, tls.as_ref()).await?;
            }
            // The first connections can't be resumed.
            if share > 20 && resumed != (transport == Transport::Resumed) {
                return Err("a session was resumed, or was not".into());
            }
            Done::Ok(())
        })
    };
    let workers: Vec<_> = (0..AT_A_TIME).map(each).collect();
    for worker in workers {
        worker.await??;
    }
    Ok(started.elapsed())
}

/// Opens a connection; returns whether its TLS session was resumed.
async fn open_one(server: SocketAddr, tls: Option<&TlsConnector>) -> Done<bool> {
    let tcp = TcpStream::connect(server).await?;
    tcp.set_nodelay(true)?;
    // Closed by a reset, because closed connections would use up the machine's ports.
    tcp.set_zero_linger()?;
    let Some(tls) = tls else {
        return upgrade(tcp).await.map(|_| false);
    };
    let stream = upgrade(tls.connect(ServerName::try_from("localhost")?, tcp).await?).await?;
    Ok(stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed))
}

async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> Done<S> {
    stream.write_all(REQUEST).await?;
    stream.flush().await?;
    let mut answer = Vec::with_capacity(1024);
    while !answer.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err("closed instead of an answer".into());
        }
    }
    let is_accepted = answer.starts_with(b"HTTP/1.1 101 ") && answer.windows(ACCEPT.len()).any(|it| it == ACCEPT);
    if is_accepted { Ok(stream) } else { Err(String::from_utf8_lossy(&answer).into_owned().into()) }
}
