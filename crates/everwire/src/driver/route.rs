//! The way to a server: TCP, a proxy, TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use everwire_core::{OpenFailure, Phase};

use super::connector::{Connector, Place, resolve};
use super::failure;
use super::stopwatch::Stopwatch;
use super::stream::Stream;
use super::tls::Tls;
use super::tunnel;
use crate::proxy::{Kind, Proxies, ProxyUrl};
use crate::target::Target;

/// How servers are reached.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) proxies: Proxies,
    pub(crate) connector: Connector,
    pub(crate) tls: Tls,
}

/// A server that has been reached.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) stream: Stream,
    /// The proxy, without credentials.
    pub(super) via: Option<String>,
    /// The other end of the TCP connection.
    pub(super) address: Option<SocketAddr>,
}

impl Routes {
    /// Dropping the future abandons the way.
    pub(super) async fn reach(&self, target: &Target, stopwatch: &Arc<Stopwatch>) -> Result<Reached, OpenFailure> {
        let proxy = self.proxies.choose(target).map_err(failure::bad_request)?;
        let (stream, address) = match proxy {
            None => self.dial(Place::Server(target), stopwatch).await?,
            Some(proxy) => self.pass(proxy, target, stopwatch).await?,
        };
        let stream = if target.is_secure() {
            stopwatch.enter(Phase::Tls);
            self.tls.connect(stream, target).await?
        } else {
            stream
        };
        Ok(Reached { stream, via: proxy.map(ToString::to_string), address })
    }

    async fn dial(
        &self,
        place: Place<'_>,
        stopwatch: &Arc<Stopwatch>,
    ) -> Result<(Stream, Option<SocketAddr>), OpenFailure> {
        let tcp = self.connector.connect(place, stopwatch).await?;
        let address = tcp.peer_addr().ok();
        Ok((Stream::plain(tcp), address))
    }

    async fn pass(
        &self,
        proxy: &ProxyUrl,
        target: &Target,
        stopwatch: &Arc<Stopwatch>,
    ) -> Result<(Stream, Option<SocketAddr>), OpenFailure> {
        let resolved = match proxy.kind {
            Kind::Socks5 => Some(resolve(target, stopwatch).await?),
            Kind::Http | Kind::Https | Kind::Socks5h => None,
        };
        let (stream, address) = self.dial(Place::Proxy(proxy), stopwatch).await?;
        stopwatch.enter(Phase::Proxy);
        let stream = match proxy.kind {
            Kind::Https => self.tls.connect_to_proxy(stream, proxy).await?,
            Kind::Http | Kind::Socks5 | Kind::Socks5h => stream,
        };
        Ok((tunnel::open(stream, proxy, target, resolved).await?, address))
    }
}
