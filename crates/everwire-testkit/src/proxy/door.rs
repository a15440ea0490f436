//! The port: open, or closed as if nobody listened.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A port that belongs to the proxy, whether it listens on it or not.
#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    /// Bound, never listening: while it lives, the system gives the port to nobody who asks for any.
    _reserve: Option<TcpSocket>,
}

impl Door {
    pub(super) fn open(address: SocketAddr) -> io::Result<(Self, TcpListener)> {
        let reserve = bind(address)?;
        let address = reserve.local_addr()?;
        // Not every system lets two sockets have one port although only one listens.
        match bind(address).and_then(|socket| socket.listen(BACKLOG)) {
            Ok(listener) => Ok((Self { address, _reserve: Some(reserve) }, listener)),
            Err(_) => Ok((Self { address, _reserve: None }, reserve.listen(BACKLOG)?)),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens again after the listener was dropped.
    pub(super) fn listen(&self) -> io::Result<TcpListener> {
        bind(self.address)?.listen(BACKLOG)
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Elsewhere this would let others take the port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::net::TcpStream;

    use super::Door;

    #[tokio::test]
    async fn a_closed_door_refuses_and_opens_again_on_the_same_port() {
        let (door, listener) = Door::open("127.0.0.1:0".parse().unwrap()).unwrap();
        TcpStream::connect(door.address()).await.unwrap();
        drop(listener);
        let refused = TcpStream::connect(door.address()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let listener = door.listen().unwrap();
        assert_eq!(listener.local_addr().unwrap(), door.address());
        TcpStream::connect(door.address()).await.unwrap();
    }

    #[tokio::test]
    async fn a_port_where_somebody_listens_is_not_taken() {
        let (door, _listener) = Door::open("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_eq!(Door::open(door.address()).unwrap_err().kind(), ErrorKind::AddrInUse);
    }
}
