//! Servers and clients of plain TCP, and a limit on everything that is waited for.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use everwire_testkit::faults::{Rule, Schedule};
use everwire_testkit::proxy::{EventKind, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("in time")
}

/// Hands over the connections that reach it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    accepted: mpsc::UnboundedReceiver<TcpStream>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, accepted) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                if sender.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { address, accepted, task }
    }

    pub(crate) async fn accept(&mut self) -> TcpStream {
        within(self.accepted.recv()).await.expect("the server listens")
    }

    /// Whether a connection has arrived that nobody took.
    pub(crate) fn has_more(&mut self) -> bool {
        !self.accepted.is_empty()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A proxy with these rules before a server.
pub(crate) async fn proxied(rules: impl IntoIterator<Item = Rule>) -> (Proxy, Server) {
    let server = Server::start().await;
    let schedule = rules.into_iter().fold(Schedule::new(1), Schedule::rule);
    let proxy = Proxy::builder(server.address.to_string()).schedule(schedule).start().await.unwrap();
    (proxy, server)
}

pub(crate) async fn connect(proxy: &Proxy) -> TcpStream {
    let stream = within(TcpStream::connect(proxy.address())).await.expect("the proxy accepts");
    stream.set_nodelay(true).unwrap();
    stream
}

/// Both ends of a new connection.
pub(crate) async fn pair(proxy: &Proxy, server: &mut Server) -> (TcpStream, TcpStream) {
    let client = connect(proxy).await;
    (client, server.accept().await)
}

/// Exactly this comes next.
pub(crate) async fn expect(stream: &mut TcpStream, expected: &[u8]) {
    let mut read = vec![0; expected.len()];
    within(stream.read_exact(&mut read)).await.expect("bytes");
    assert_eq!(read, expected);
}

pub(crate) async fn send(stream: &mut TcpStream, bytes: &[u8]) {
    within(stream.write_all(bytes)).await.expect("the socket takes them");
}

/// Everything up to the end, and the error if that was the end.
pub(crate) async fn to_end(stream: &mut TcpStream) -> (Vec<u8>, Option<io::ErrorKind>) {
    let mut bytes = Vec::new();
    let error = within(stream.read_to_end(&mut bytes)).await.err();
    (bytes, error.map(|error| error.kind()))
}

/// Nothing arrives while bytes make the round of another connection or `other` goes on: the stream has nothing to read.
pub(crate) fn assert_silent(stream: &TcpStream) {
    let mut byte = [0];
    let read = stream.try_read(&mut byte);
    assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock, "something arrived");
}

/// Waits until the proxy tells such an event.
pub(crate) async fn event(proxy: &Proxy, wanted: impl Fn(&EventKind) -> bool) -> EventKind {
    let mut events = proxy.events();
    within(async {
        loop {
            let event = events.next().await.expect("the proxy runs");
            if wanted(&event.kind) {
                return event.kind;
            }
        }
    })
    .await
}

pub(crate) async fn fault(proxy: &Proxy, name: &str) {
    event(proxy, |kind| matches!(kind, EventKind::Fault { rule, .. } if rule.fault == name)).await;
}

/// Waits until `condition` holds, whatever makes it so.
pub(crate) async fn eventually(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
