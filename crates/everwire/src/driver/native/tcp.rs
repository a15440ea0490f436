//! One TCP connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};

/// How TCP connections are made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TcpSettings {
    /// Idle time after which TCP asks whether the other end is still there.
    pub(crate) keepalive: Option<Duration>,
    /// The address to connect from.
    pub(crate) local_address: Option<IpAddr>,
}

/// TCP counts whole seconds.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// The number of keepalive probes without an answer after which the connection is given up.
#[cfg(not(windows))]
const UNANSWERED: u32 = 4;

pub(super) async fn connect(address: SocketAddr, settings: TcpSettings) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Merging small writes is ours: it is done before they reach the kernel.
    socket.set_nodelay(true)?;
    if let Some(idle) = settings.keepalive {
        let keepalive = TcpKeepalive::new()
            .with_time(idle)
            .with_interval(idle.checked_div(4).unwrap_or(idle).max(SHORTEST_INTERVAL));
        #[cfg(not(windows))]
        let keepalive = keepalive.with_retries(UNANSWERED);
        SockRef::from(&socket).set_tcp_keepalive(&keepalive)?;
    }
    if let Some(local) = settings.local_address {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    socket.connect(address).await
}

// Elsewhere the options can't all be read back.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tcp_sends_at_once_and_asks_after_a_silence_whether_anybody_is_there() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seconds = Duration::from_secs;
        for (idle, interval) in [(60, 15), (2, 1)] {
            let settings = TcpSettings { keepalive: Some(seconds(idle)), local_address: None };
            let tcp = connect(address, settings).await.expect("it listens");
            let socket = SockRef::from(&tcp);
            assert!(socket.keepalive().expect("an option"));
            assert_eq!(socket.tcp_keepalive_time().expect("an option"), seconds(idle));
            assert_eq!(socket.tcp_keepalive_interval().expect("an option"), seconds(interval));
            assert_eq!(socket.tcp_keepalive_retries().expect("an option"), 4);
            assert!(tcp.nodelay().expect("an option"));
        }
        let tcp = connect(address, TcpSettings::default()).await.expect("it listens");
        assert!(!SockRef::from(&tcp).keepalive().expect("an option"));
        assert!(tcp.nodelay().expect("an option"));
    }
}
