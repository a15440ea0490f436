//! Name resolution and TCP, by hyper-util: happy eyeballs (RFC 8305) over all addresses.

use std::error::Error;
use std::future::poll_fn;
use std::io;

use everwire_core::{OpenFailure, Phase};
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::net::TcpStream;
use tower_service::Service;

use super::failure;
use crate::target::Target;

/// Dials hosts.
#[derive(Clone, Debug)]
pub(super) struct Connector(HttpConnector);

impl Connector {
    pub(super) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        // Merging small writes is ours: it is done before they reach the kernel.
        connector.set_nodelay(true);
        Self(connector)
    }

    pub(super) async fn connect(&self, target: &Target) -> Result<TcpStream, OpenFailure> {
        let mut connector = self.0.clone();
        let uri = dialable(target)?;
        let connected = match poll_fn(|cx| connector.poll_ready(cx)).await {
            Ok(()) => connector.call(uri).await,
            Err(error) => Err(error),
        };
        match connected {
            Ok(stream) => Ok(stream.into_inner()),
            Err(error) => Err(describe(&error, target)),
        }
    }
}

/// The same place as an HTTP URL, which is what the connector knows.
fn dialable(target: &Target) -> Result<Uri, OpenFailure> {
    let scheme = if target.is_secure() { "https" } else { "http" };
    Uri::builder()
        .scheme(scheme)
        .authority(target.host_and_port())
        .path_and_query("/")
        .build()
        .map_err(|error| failure::bad_request(format!("not a URL that can be dialled: {error}")))
}

fn describe(error: &(dyn Error + 'static), target: &Target) -> OpenFailure {
    if error.to_string() == DNS_ERROR {
        let why = failure::innermost(error);
        let detail = format!("no address for `{}`: {why}", target.host());
        return failure::io(Phase::Dns, detail);
    }
    let place = target.host_and_port();
    let detail = match failure::find::<io::Error>(error) {
        Some(error) => failure::tcp_words(error, &place),
        None => format!("can't connect to {place}: {}", failure::innermost(error)),
    };
    failure::io(Phase::Tcp, detail)
}

/// How the connector's error says, in its `Display` only, that the name was the problem.
const DNS_ERROR: &str = "dns error";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_without_an_address_fails_in_the_dns_phase() {
        let target = Target::parse("ws://no-such-host.invalid/").expect("a good URL");
        let failure = Connector::new().connect(&target).await.expect_err("no such host");
        assert_eq!(failure.phase, Phase::Dns, "{failure:?}");
        assert!(failure.detail.starts_with("no address for `no-such-host.invalid`: "), "{failure:?}");
    }

    #[test]
    fn the_default_port_follows_the_scheme() {
        let uri = |url: &str| dialable(&Target::parse(url).expect(url)).expect(url).to_string();
        assert_eq!(uri("ws://example.org/feed"), "http://example.org:80/");
        assert_eq!(uri("wss://u:p@[::1]/feed?x"), "https://[::1]:443/");
        assert_eq!(uri("wss://example.org:9/"), "https://example.org:9/");
    }
}
