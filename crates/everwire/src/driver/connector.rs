//! Everything of hyper-util: name resolution and TCP with happy eyeballs (RFC 8305), and the rules of `NO_PROXY`.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use everwire_core::{OpenFailure, Phase};
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::net::TcpStream;
use tower_service::Service;

use super::dial::BoxFuture;
use super::failure;
use super::stopwatch::Stopwatch;
use crate::proxy::ProxyUrl;
use crate::target::Target;

/// Dials hosts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connector {
    /// Idle time after which TCP asks whether the other end is still there.
    pub(crate) keepalive: Option<Duration>,
    pub(crate) local_address: Option<IpAddr>,
}

/// What is dialled.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Server(&'a Target),
    Proxy(&'a ProxyUrl),
}

impl Connector {
    pub(super) async fn connect(self, place: Place<'_>, stopwatch: &Arc<Stopwatch>) -> Result<TcpStream, OpenFailure> {
        let uri = place.uri()?;
        let named = place.host().parse::<IpAddr>().is_err();
        stopwatch.enter(if named { Phase::Dns } else { Phase::Tcp });
        let mut connector = self.connector(Arc::clone(stopwatch));
        let connected = match poll_fn(|cx| connector.poll_ready(cx)).await {
            Ok(()) => connector.call(uri).await,
            Err(error) => Err(error),
        };
        match connected {
            Ok(stream) => Ok(stream.into_inner()),
            Err(error) if stopwatch.phase() == Phase::Dns => Err(no_address(&place.name(), &error)),
            Err(error) => Err(not_connected(&place.to_string(), &error)),
        }
    }

    fn connector(self, stopwatch: Arc<Stopwatch>) -> HttpConnector<Resolver> {
        let mut connector = HttpConnector::new_with_resolver(Resolver { names: GaiResolver::new(), stopwatch });
        connector.enforce_http(false);
        // Merging small writes is ours: it is done before they reach the kernel.
        connector.set_nodelay(true);
        connector.set_keepalive(self.keepalive);
        connector.set_keepalive_interval(self.keepalive.map(|idle| (idle / 4).max(SHORTEST_INTERVAL)));
        connector.set_keepalive_retries(self.keepalive.map(|_| UNANSWERED));
        connector.set_local_address(self.local_address);
        connector
    }
}

/// TCP counts whole seconds.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// After so many questions without an answer the connection is given up.
const UNANSWERED: u32 = 4;

/// An address of a server, where it is not TCP that needs it.
pub(super) async fn resolve(target: &Target, stopwatch: &Stopwatch) -> Result<SocketAddr, OpenFailure> {
    if let Ok(ip) = target.host().parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, target.port()));
    }
    stopwatch.enter(Phase::Dns);
    let name = Place::Server(target).name();
    match tokio::net::lookup_host((target.host(), target.port())).await {
        Ok(mut addresses) => addresses.next().ok_or_else(|| no_address(&name, &io::Error::other("it has none"))),
        Err(error) => Err(no_address(&name, &error)),
    }
}

impl Place<'_> {
    /// The host, without the brackets of an IPv6 address.
    fn host(&self) -> &str {
        match self {
            Self::Server(target) => target.host(),
            Self::Proxy(proxy) => proxy.host(),
        }
    }

    /// For errors: the host.
    fn name(&self) -> String {
        match self {
            Self::Server(target) => format!("`{}`", target.host()),
            Self::Proxy(proxy) => format!("the proxy `{}`", proxy.host()),
        }
    }

    /// An HTTP URL, which is what the connector knows.
    fn uri(&self) -> Result<Uri, OpenFailure> {
        let authority = match self {
            Self::Server(target) => target.host_and_port(),
            Self::Proxy(proxy) => proxy.host_and_port(),
        };
        let uri = Uri::builder().scheme("http").authority(authority).path_and_query("/").build();
        uri.map_err(|error| failure::bad_request(format!("not a URL that can be dialled: {error}")))
    }
}

/// For errors: the host and the port.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(target) => f.write_str(&target.host_and_port()),
            Self::Proxy(proxy) => write!(f, "the proxy {}", proxy.host_and_port()),
        }
    }
}

fn no_address(name: &str, error: &(dyn Error + 'static)) -> OpenFailure {
    failure::io(Phase::Dns, format!("no address for {name}: {}", failure::innermost(error)))
}

fn not_connected(place: &str, error: &(dyn Error + 'static)) -> OpenFailure {
    let detail = match failure::find::<io::Error>(error) {
        Some(error) => failure::tcp_words(error, place),
        None => format!("can't connect to {place}: {}", failure::innermost(error)),
    };
    failure::io(Phase::Tcp, detail)
}

/// The system's resolver, which says when it is done.
#[derive(Clone)]
struct Resolver {
    names: GaiResolver,
    stopwatch: Arc<Stopwatch>,
}

impl Service<Name> for Resolver {
    type Response = GaiAddrs;
    type Error = io::Error;
    type Future = BoxFuture<io::Result<GaiAddrs>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.names.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (addresses, stopwatch) = (self.names.call(name), Arc::clone(&self.stopwatch));
        Box::pin(async move {
            let addresses = addresses.await?;
            stopwatch.enter(Phase::Tcp);
            Ok(addresses)
        })
    }
}

/// The hosts that no proxy is used for, in the words of `NO_PROXY`.
#[derive(Clone, Debug)]
pub(crate) struct Exceptions {
    /// `*`, which the matcher does not apply to addresses.
    all: bool,
    matcher: Arc<Matcher>,
}

impl Exceptions {
    pub(crate) fn new(list: String) -> Self {
        // Of the matcher only the exceptions are wanted; it has them only together with a proxy.
        let all = list.split(',').any(|entry| entry.trim() == "*");
        Self { all, matcher: Arc::new(Matcher::builder().all("http://proxy.invalid").no(list).build()) }
    }

    pub(crate) fn contain(&self, target: &Target) -> bool {
        self.all || Place::Server(target).uri().is_ok_and(|uri| self.matcher.intercept(&uri).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Connector = Connector { keepalive: None, local_address: None };

    #[tokio::test]
    async fn a_name_without_an_address_fails_in_the_dns_phase() {
        let target = Target::parse("ws://no-such-host.invalid/").expect("a good URL");
        let proxy = ProxyUrl::parse("http://no-such-host.invalid:3128").expect("a good URL");
        let stopwatch = Arc::new(Stopwatch::start(|_| {}));
        for (place, words) in [
            (Place::Server(&target), "no address for `no-such-host.invalid`: "),
            (Place::Proxy(&proxy), "no address for the proxy `no-such-host.invalid`: "),
        ] {
            let failure = PLAIN.connect(place, &stopwatch).await.expect_err("no such host");
            assert_eq!(failure.phase, Phase::Dns, "{failure:?}");
            assert!(failure.detail.starts_with(words), "{failure:?}");
        }
        let failure = resolve(&target, &stopwatch).await.expect_err("no such host");
        assert_eq!(failure.phase, Phase::Dns, "{failure:?}");
    }

    // Elsewhere the options can't all be read back.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn tcp_sends_at_once_and_asks_after_a_silence_whether_anybody_is_there() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let target = Target::parse(&format!("ws://{}/", listener.local_addr().expect("an address"))).expect("good");
        let seconds = Duration::from_secs;
        for (idle, interval) in [(60, 15), (2, 1)] {
            let connector = Connector { keepalive: Some(seconds(idle)), ..PLAIN };
            let stopwatch = Arc::new(Stopwatch::start(|_| {}));
            let tcp = connector.connect(Place::Server(&target), &stopwatch).await.expect("it listens");
            let socket = socket2::SockRef::from(&tcp);
            assert!(socket.keepalive().expect("an option"));
            assert_eq!(socket.tcp_keepalive_time().expect("an option"), seconds(idle));
            assert_eq!(socket.tcp_keepalive_interval().expect("an option"), seconds(interval));
            assert_eq!(socket.tcp_keepalive_retries().expect("an option"), 4);
            assert!(tcp.nodelay().expect("an option"));
        }
        let stopwatch = Arc::new(Stopwatch::start(|_| {}));
        let tcp = PLAIN.connect(Place::Server(&target), &stopwatch).await.expect("it listens");
        assert!(!socket2::SockRef::from(&tcp).keepalive().expect("an option"));
        assert!(tcp.nodelay().expect("an option"));
    }

    #[test]
    fn the_default_port_follows_the_scheme() {
        let uri = |url: &str| Place::Server(&Target::parse(url).expect(url)).uri().expect(url).to_string();
        assert_eq!(uri("ws://example.org/feed"), "http://example.org:80/");
        assert_eq!(uri("wss://u:p@[::1]/feed?x"), "http://[::1]:443/");
        assert_eq!(uri("wss://example.org:9/"), "http://example.org:9/");
    }
}
