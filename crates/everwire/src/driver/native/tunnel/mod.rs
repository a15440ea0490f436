//! A way through a proxy to a server, on a stream to the proxy.
//!
//! - [`open`]: by what the proxy speaks
//! - `connect`: HTTP
//! - `socks`: SOCKS 5

mod connect;
mod socks;

use std::net::SocketAddr;

use everwire_core::OpenFailure;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::proxy::{Kind, ProxyUrl};
use crate::target::Target;

/// Asks the proxy for a way to the server. `address` is the server's, where the proxy is to have that and not the name.
pub(super) async fn open<S>(
    stream: S,
    proxy: &ProxyUrl,
    target: &Target,
    address: Option<SocketAddr>,
) -> Result<S, OpenFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match proxy.kind {
        Kind::Http | Kind::Https => connect::open(stream, proxy, target, address).await,
        Kind::Socks5 | Kind::Socks5h => socks::open(stream, proxy, target, address).await,
    }
}
