//! The way to a server: TCP, a proxy, TLS.

use std::net::SocketAddr;

use everwire_core::{AddressResult, Cause, OpenFailure, Phase};

use super::addresses::Trial;
use super::connector::{Connector, HostPort};
use super::failure;
use super::race::{Lost, race};
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
pub(crate) struct Reached {
    pub(crate) stream: Stream,
    /// The proxy, without credentials.
    pub(super) via: Option<String>,
    /// The other end of the TCP connection.
    pub(super) address: Option<SocketAddr>,
    /// To be told what the opening came to.
    pub(super) trial: Trial,
}

impl Routes {
    /// Dropping the future abandons the way.
    pub(crate) async fn reach(&self, target: &Target, stopwatch: &Stopwatch) -> Result<Reached, OpenFailure> {
        let proxy = self.proxies.choose(target).map_err(failure::bad_request)?;
        let (stream, trial) = match proxy {
            None => self.dial(HostPort::Server(target), stopwatch).await?,
            Some(proxy) => self.pass(proxy, target, stopwatch).await?,
        };
        let address = trial.address();
        let secured = match target.is_secure() {
            false => Ok(stream),
            true => {
                stopwatch.enter(Phase::Tls);
                self.tls.connect(stream, target).await
            }
        };
        match secured {
            Ok(stream) => Ok(Reached { stream, via: proxy.map(ToString::to_string), address, trial }),
            Err(failure) => Err(trial.failed(failure, stopwatch)),
        }
    }

    /// A connection that was opened was of no use: the next attempt starts at another address.
    pub(super) fn doubt_latest(&self) {
        self.connector.book.doubt_latest();
    }

    async fn dial(&self, place: HostPort<'_>, stopwatch: &Stopwatch) -> Result<(Stream, Trial), OpenFailure> {
        let (tcp, trial) = self.connector.connect(place, stopwatch).await?;
        Ok((Stream::plain(tcp), trial))
    }

    async fn pass(
        &self,
        proxy: &ProxyUrl,
        target: &Target,
        stopwatch: &Stopwatch,
    ) -> Result<(Stream, Trial), OpenFailure> {
        let by_address = match proxy.kind {
            Kind::Socks5 => true,
            // These look names up themselves, but for those whose addresses the user has given.
            Kind::Http | Kind::Https | Kind::Socks5h => self.connector.knows(HostPort::Server(target)),
        };
        match by_address {
            true => self.pass_to_an_address(proxy, target, stopwatch).await,
            false => self.tunnel(proxy, target, None, stopwatch).await,
        }
    }

    /// Where the addresses are known or looked up here, the proxy is given them, as they would be tried without it.
    async fn pass_to_an_address(
        &self,
        proxy: &ProxyUrl,
        target: &Target,
        stopwatch: &Stopwatch,
    ) -> Result<(Stream, Trial), OpenFailure> {
        let candidates = self.connector.candidates(HostPort::Server(target), stopwatch).await?;
        let choice = candidates.iter().map(|candidate| candidate.address).collect();
        let raced = race(
            candidates,
            |address| {
                stopwatch.tried(address, AddressResult::Pending);
                let trial = Trial::of(&self.connector.book, address, &choice);
                Box::pin(async move {
                    let (stream, to_proxy) = self.tunnel(proxy, target, Some(address), stopwatch).await?;
                    Ok((stream, to_proxy.and(trial)))
                })
            },
            |address, failure: &OpenFailure| {
                stopwatch.tried(address, AddressResult::Failed(failure.detail.clone()));
            },
        );
        match raced.await {
            Ok((address, way)) => {
                stopwatch.tried(address, AddressResult::Connected);
                Ok(way)
            }
            Err(Lost { failures, .. }) => Err(most_hopeful(failures)),
        }
    }

    async fn tunnel(
        &self,
        proxy: &ProxyUrl,
        target: &Target,
        address: Option<SocketAddr>,
        stopwatch: &Stopwatch,
    ) -> Result<(Stream, Trial), OpenFailure> {
        let (stream, trial) = self.dial(HostPort::Proxy(proxy), stopwatch).await?;
        stopwatch.enter(Phase::Proxy);
        let passed = async {
            let stream = match proxy.kind {
                Kind::Https => self.tls.connect_to_proxy(stream, proxy).await?,
                Kind::Http | Kind::Socks5 | Kind::Socks5h => stream,
            };
            tunnel::open(stream, proxy, target, address).await
        };
        match passed.await {
            Ok(stream) => Ok((stream, trial)),
            Err(failure) => Err(trial.failed(failure, stopwatch)),
        }
    }
}

/// Of the failures at several addresses: one that trying again may heal, if there is one, with what became of the others.
fn most_hopeful(failures: Vec<(SocketAddr, OpenFailure)>) -> OpenFailure {
    let others: Vec<_> = failures.iter().map(|(address, failure)| format!("{address}: {}", failure.detail)).collect();
    let best = |(_, failure): &(SocketAddr, OpenFailure)| Cause::OpenFailed(failure.clone()).is_retryable();
    let place = failures.iter().position(best).unwrap_or_default();
    let choice = failures.len() > 1;
    match failures.into_iter().nth(place) {
        Some((_, mut failure)) => {
            if choice {
                failure.detail = others.join("; ");
            }
            failure
        }
        None => failure::io(Phase::Proxy, "there is no address to connect to".into()),
    }
}
