//! Proxies on 127.0.0.1, by script. Whatever they are asked for, they lead to one server.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Server, read_head, soon};

/// What a proxy does about a request.
#[derive(Clone)]
pub enum Verdict {
    /// Says these bytes and leads to the server.
    Tunnel(Vec<u8>),
    /// Says these bytes and ends.
    Say(Vec<u8>),
    /// Says these bytes again and again until nobody takes them.
    Babble(Vec<u8>),
    /// Says nothing, for ever.
    Stall,
}

pub fn say(bytes: impl AsRef<[u8]>) -> Verdict {
    Verdict::Say(bytes.as_ref().to_vec())
}

pub fn tunnel() -> Verdict {
    Verdict::Tunnel(b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec())
}

/// A proxy, and what it was asked for.
pub struct Proxy {
    /// Its `host:port`.
    pub place: String,
    asked: Mutex<UnboundedReceiver<String>>,
    server: Server,
}

impl Proxy {
    /// HTTP CONNECT. What it is asked for are the heads of the requests.
    pub async fn http(to: &Server, judge: impl Fn(&str) -> Verdict + Send + Sync + 'static) -> Self {
        let (to, judge) = (address(to), Arc::new(judge));
        Self::start(move |mut stream, asked| {
            let judge = Arc::clone(&judge);
            async move {
                let head = read_head(&mut stream).await;
                let verdict = judge(&head);
                let _ = asked.send(head);
                act(verdict, stream, to).await;
            }
        })
        .await
    }

    /// The same without looking at anything.
    pub async fn open(to: &Server) -> Self {
        Self::http(to, |_| tunnel()).await
    }

    /// SOCKS 5. It wants these credentials, if any, and gives this reply (RFC 1928 section 6). What it is asked for are
    /// places.
    pub async fn socks(to: &Server, credentials: Option<(&'static str, &'static str)>, reply: u8) -> Self {
        let to = address(to);
        Self::start(move |mut stream, asked| async move {
            if let Some(place) = negotiate(&mut stream, credentials).await {
                let _ = asked.send(place);
                let answer = vec![5, reply, 0, 1, 0, 0, 0, 0, 0, 0];
                act(if reply == 0 { Verdict::Tunnel(answer) } else { Verdict::Say(answer) }, stream, to).await;
            }
        })
        .await
    }

    /// The same without credentials, with a reply for each place; `None`: it never replies.
    pub async fn socks_by_place(
        to: &Server,
        reply: impl Fn(&str) -> Option<u8> + Clone + Send + Sync + 'static,
    ) -> Self {
        let to = address(to);
        Self::start(move |mut stream, asked| {
            let reply = reply.clone();
            async move {
                let Some(place) = negotiate(&mut stream, None).await else { return };
                let answer = |reply| vec![5, reply, 0, 1, 0, 0, 0, 0, 0, 0];
                let verdict = match reply(&place) {
                    Some(0) => Verdict::Tunnel(answer(0)),
                    Some(reply) => Verdict::Say(answer(reply)),
                    None => Verdict::Stall,
                };
                let _ = asked.send(place);
                act(verdict, stream, to).await;
            }
        })
        .await
    }

    /// What speaks by itself as soon as it has heard the first bytes.
    pub async fn blurting(verdict: Verdict) -> Self {
        Self::start(move |mut stream, _| {
            let verdict = verdict.clone();
            async move {
                let _ = stream.read(&mut [0; 512]).await;
                act(verdict, stream, ([127, 0, 0, 1], 9).into()).await;
            }
        })
        .await
    }

    pub async fn start<Fut: Future<Output = ()> + Send + 'static>(
        handler: impl Fn(TcpStream, UnboundedSender<String>) -> Fut + Send + 'static,
    ) -> Self {
        let (sender, asked) = unbounded_channel();
        let server = Server::raw(move |stream, _| handler(stream, sender.clone())).await;
        let place = address(&server).to_string();
        Self { place, asked: Mutex::new(asked), server }
    }

    /// The next thing that it is asked for.
    pub async fn next(&self) -> String {
        soon("a request to the proxy", async { self.asked.lock().await.recv().await }).await.expect("a request")
    }

    /// Connections so far.
    pub fn accepted(&self) -> usize {
        self.server.accepted()
    }
}

pub fn address(server: &Server) -> SocketAddr {
    let place = server.url.trim_start_matches("ws://").trim_end_matches('/');
    place.parse().expect("an address")
}

pub async fn act<S: AsyncRead + AsyncWrite + Unpin>(verdict: Verdict, mut stream: S, to: SocketAddr) {
    match verdict {
        Verdict::Tunnel(bytes) => {
            let mut there = TcpStream::connect(to).await.expect("the server");
            let _ = stream.write_all(&bytes).await;
            let _ = copy_bidirectional(&mut stream, &mut there).await;
        }
        Verdict::Say(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            // Not to reset what the client has not read yet.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        Verdict::Babble(bytes) => while stream.write_all(&bytes).await.is_ok() {},
        Verdict::Stall => {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    }
}

/// The start of SOCKS 5 up to the request; the place that it asks for.
async fn negotiate(stream: &mut TcpStream, credentials: Option<(&str, &str)>) -> Option<String> {
    let [version, count] = read(stream).await?;
    assert_eq!(version, 5, "RFC 1928 section 3");
    let mut offered = vec![0; count.into()];
    stream.read_exact(&mut offered).await.ok()?;
    let wanted = if credentials.is_some() { 2 } else { 0 };
    if !offered.contains(&wanted) {
        stream.write_all(&[5, 0xff]).await.ok()?;
        return None;
    }
    stream.write_all(&[5, wanted]).await.ok()?;
    if let Some((user, password)) = credentials {
        let [version] = read(stream).await?;
        assert_eq!(version, 1, "RFC 1929 section 2");
        let given = (text(stream).await?, text(stream).await?);
        let right = given == (user.to_owned(), password.to_owned());
        stream.write_all(&[1, u8::from(!right)]).await.ok()?;
        if !right {
            return None;
        }
    }
    let [version, command, reserved, kind] = read(stream).await?;
    assert_eq!((version, command, reserved), (5, 1, 0), "RFC 1928 section 4: CONNECT");
    let host = match kind {
        1 => Ipv4Addr::from(read::<4>(stream).await?).to_string(),
        3 => text(stream).await?,
        4 => format!("[{}]", Ipv6Addr::from(read::<16>(stream).await?)),
        other => panic!("no kind of address: {other}"),
    };
    Some(format!("{host}:{}", u16::from_be_bytes(read(stream).await?)))
}

async fn read<const N: usize>(stream: &mut TcpStream) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

async fn text(stream: &mut TcpStream) -> Option<String> {
    let [length] = read(stream).await?;
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes).await.ok()?;
    String::from_utf8(bytes).ok()
}
