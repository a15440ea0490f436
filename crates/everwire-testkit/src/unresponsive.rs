//! An address of this machine that answers no connection, as that of a machine that is gone does.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

/// Holds the address for as long as it lives.
///
/// It is a listener that accepts nothing and whose queue is full: Linux, where this is known to work, ignores further
/// connections then instead of refusing them.
#[derive(Debug)]
pub struct Unresponsive {
    address: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

/// On this machine an answer takes far less.
const NO_ANSWER: Duration = Duration::from_millis(100);
/// More than any queue that is asked to be empty holds.
const MOST: usize = 64;

impl Unresponsive {
    /// Takes a port of 127.0.0.1.
    ///
    /// # Errors
    /// If there is no port, or if the system goes on answering.
    pub async fn bind() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let listener = socket.listen(0)?;
        let address = listener.local_addr()?;
        let mut queue = Vec::new();
        while queue.len() < MOST {
            match timeout(NO_ANSWER, TcpStream::connect(address)).await {
                Ok(connected) => queue.push(connected?),
                Err(_) => return Ok(Self { address, _listener: listener, _queue: queue }),
            }
        }
        Err(io::Error::other("this system answers connections that nobody accepts"))
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
