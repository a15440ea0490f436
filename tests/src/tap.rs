//! A relay between a client and a server that observes the bytes, and changes nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A relay on a loopback port, until it is dropped.
pub struct Tap {
    address: SocketAddr,
    passed: Arc<Passed>,
    task: JoinHandle<()>,
}

/// The totals of all connections.
#[derive(Default)]
struct Passed {
    to_server: AtomicU64,
    to_client: AtomicU64,
    /// The heads of the servers' responses.
    heads: Mutex<Vec<u8>>,
}

impl Tap {
    /// Relays to `server`, an address as in `127.0.0.1:80`.
    pub async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("bound");
        let passed = Arc::new(Passed::default());
        let task = tokio::spawn(accept(listener, server.to_owned(), Arc::clone(&passed)));
        Self { address, passed, task }
    }

    /// The address at which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of bytes from clients to the server.
    pub fn to_server(&self) -> u64 {
        self.passed.to_server.load(Ordering::SeqCst)
    }

    /// The number of bytes from the server to clients.
    pub fn to_client(&self) -> u64 {
        self.passed.to_client.load(Ordering::SeqCst)
    }

    /// Whether a server has agreed to permessage-deflate.
    pub fn has_agreed_to_compress(&self) -> bool {
        let heads = self.passed.heads.lock().expect("nobody panicked");
        let heads = String::from_utf8_lossy(&heads).to_lowercase();
        heads.lines().any(|line| line.starts_with("sec-websocket-extensions:") && line.contains("permessage-deflate"))
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: String, passed: Arc<Passed>) {
    loop {
        let (client, _) = listener.accept().await.expect("loopback");
        let (server, passed) = (server.clone(), Arc::clone(&passed));
        // The peers notice a broken connection themselves.
        tokio::spawn(async move { relay(client, &server, &passed).await.ok() });
    }
}

async fn relay(client: TcpStream, server: &str, passed: &Passed) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = copy(from_client, to_server, |bytes| add(&passed.to_server, bytes));
    let mut head_bytes = 1024;
    let back = copy(from_server, to_client, |bytes| {
        add(&passed.to_client, bytes);
        let head = &bytes[..bytes.len().min(head_bytes)];
        head_bytes -= head.len();
        passed.heads.lock().expect("nobody panicked").extend_from_slice(head);
    });
    tokio::try_join!(there, back).map(drop)
}

fn add(count: &AtomicU64, bytes: &[u8]) {
    count.fetch_add(bytes.len() as u64, Ordering::SeqCst);
}

/// Copies until the end of the stream, and passes on that end. Counts bytes before it passes them on.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut look: impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        look(&buffer[..read]);
        to.write_all(&buffer[..read]).await?;
    }
}
