//! Settings of the way to the server.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{BuildError, Builder, setting};
use crate::NetworkHints;
use crate::driver::{Connector, KnownHost, Routes, TcpSettings, Tls};
use crate::proxy::{Environment, Proxies, ProxyUrl};
use crate::target::Target;

/// The way to the server, as it was set.
pub(super) struct Network {
    proxy: Proxy,
    keepalive: Option<Duration>,
    local_address: Option<IpAddr>,
    known: Vec<KnownHost>,
    pub(super) max_redirects: u8,
    pub(super) fragment_above: Option<usize>,
    pub(super) hints: Option<NetworkHints>,
}

#[derive(Clone)]
enum Proxy {
    Environment,
    Url(String),
    None,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            proxy: Proxy::Environment,
            keepalive: Some(Duration::from_secs(60)),
            local_address: None,
            known: Vec::new(),
            max_redirects: 0,
            fragment_above: Some(1 << 20),
            hints: None,
        }
    }
}

impl Builder {
    /// Connects through this proxy, whatever the environment says. The URL's scheme is `http` or `https` (CONNECT, RFC
    /// 9110 section 9.3.6), `socks5` (RFC 1928; this machine resolves names) or `socks5h` (the proxy resolves them). A
    /// user and password in the URL, percent-encoded, are for the proxy (RFC 7617, RFC 1929); they never appear in
    /// errors, logs or [`Opening`](crate::Opening). The default port is 80 for `http`, 443 for `https`, and 1080 for
    /// SOCKS.
    ///
    /// Default: the proxy that the environment names when [`build`](Self::build) is called: `HTTP_PROXY` for `ws`,
    /// `HTTPS_PROXY` for `wss`, `ALL_PROXY` for both where the other is not set, and no proxy for the hosts in
    /// `NO_PROXY` and for this machine (`localhost`, 127.0.0.0/8, `::1`). The names may also be in lower case; an empty
    /// value counts as none. `HTTP_PROXY` in upper case is ignored in CGI programs (where `REQUEST_METHOD` is set).
    ///
    /// `NO_PROXY` is read as Go's `httpproxy` reads it: entries are names (`example.org` with what is below it,
    /// `.example.org` and `*.example.org` only that), addresses, networks like `10.0.0.0/8`, or `*` for everything, each
    /// but the last two with a port if only that is meant (`example.org:8443`, `[fd00::1]:80`). Commas or white space
    /// separate them.
    ///
    /// If an HTTP proxy answers anything but success, the attempt fails as [`Refused`](crate::OpenFailureKind::Refused)
    /// in [`Phase::Proxy`](crate::Phase::Proxy): 401, 403, 405 and 407 are final, all other answers are retried. If a
    /// SOCKS proxy refuses the credentials, or makes no connections at all, the attempt fails as
    /// [`ProxyDenied`](crate::OpenFailureKind::ProxyDenied), which is final.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), everwire::BuildError> {
    /// let client = everwire::Client::builder("wss://example.org/feed")
    ///     .proxy("http://user:password@proxy.example:3128")
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn proxy(mut self, url: impl AsRef<str>) -> Self {
        self.network.proxy = Proxy::Url(url.as_ref().to_owned());
        self
    }

    /// Connects without a proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.network.proxy = Proxy::None;
        self
    }

    /// The URL of the proxy that the client will connect through, without credentials, by the settings and the
    /// environment as they are now; `None` if it connects directly.
    ///
    /// # Errors
    /// [`BuildError::Url`] and [`BuildError::Proxy`], as [`build`](Self::build) would return them.
    pub fn proxy_in_use(&self) -> Result<Option<String>, BuildError> {
        let target = Target::parse(&self.url).map_err(BuildError::Url)?;
        let proxies = self.network.proxy.clone().proxies(variable)?;
        let proxy = proxies.choose(&target).map_err(BuildError::Proxy)?;
        Ok(proxy.map(ToString::to_string))
    }

    /// The number of redirects (301, 302, 303, 307, 308) that one attempt follows; with more, or in a circle, the
    /// attempt fails. Default: 0, as in browsers: a redirect is a failure, and final.
    ///
    /// `Location` may be relative, or have the scheme `ws`, `wss`, `http` (taken for `ws`) or `https` (taken for
    /// `wss`). A redirect from `wss` to `ws` is not followed. Another origin (scheme, host or port) is sent no headers
    /// but `Accept`, `Accept-Language`, `Origin` and `User-Agent`, and not the URL's user and password; it is sent the
    /// subprotocols, so don't follow redirects if one of those is a secret. Each attempt starts at the original URL.
    ///
    /// Too low: a server that has moved can't be reached. Too high: an attempt may follow a chain of redirects until
    /// the time for opening is over.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), everwire::BuildError> {
    /// let client = everwire::Client::builder("wss://example.org/feed").max_redirects(5).build()?;
    /// # Ok(()) }
    /// ```
    pub fn max_redirects(mut self, redirects: u8) -> Self {
        self.network.max_redirects = redirects;
        self
    }

    /// Messages of more bytes than this are sent in fragments of 64 KiB (RFC 6455 section 5.4), compressed or not, so
    /// that pings, pongs and a close frame pass between them: a server's ping is answered, and a dead peer is found,
    /// while a large message is on its way over a slow network. Default: 1 MiB. `None` sends every message in one
    /// frame, for a server that takes each fragment for a message.
    ///
    /// Too low: a header for each fragment, and work for servers that handle each fragment separately. Too high: pings
    /// and close frames wait behind a large message, and on a slow network the server may take the client for dead
    /// meanwhile.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), everwire::BuildError> {
    /// let client = everwire::Client::builder("wss://example.org/pub").fragment_above(None).build()?;
    /// # Ok(()) }
    /// ```
    pub fn fragment_above(mut self, bytes: Option<usize>) -> Self {
        self.network.fragment_above = bytes;
        self
    }

    /// The time for which a TCP connection is idle before TCP itself probes whether the other end is still there;
    /// `None` sends no probes. From 1 s to 9 h, in whole seconds. Default: 60 s. The probes are repeated after each
    /// quarter of that time (at least 1 s), and after four without an answer (on Windows, as many as the system says)
    /// the connection is lost: after about twice the time.
    ///
    /// It finds less than the [heartbeat](Self::heartbeat_interval) does, since a proxy may answer for a server that is
    /// gone. It costs next to nothing, and keeps address translators from forgetting the connection when the heartbeat
    /// is off.
    ///
    /// Too short: the probes wake the radio of a mobile device for nothing. Too long: address translators forget idle
    /// connections, and TCP notices a vanished peer late.
    pub fn tcp_keepalive(mut self, idle: Option<Duration>) -> Self {
        self.network.keepalive = idle;
        self
    }

    /// Passes changes of the network to this client as [hints](crate::Hint), so that it probes its connection, or tries
    /// again, at once. Default: none; the heartbeat finds dead connections later, and the wall clock tells when the
    /// device has slept.
    pub fn network_hints(mut self, hints: NetworkHints) -> Self {
        self.network.hints = Some(hints);
        self
    }

    /// The address of this machine to connect from. Servers and proxies are then reached only at addresses of the same
    /// family, IPv4 or IPv6. Default: the operating system chooses.
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.network.local_address = Some(address);
        self
    }

    /// Connects to these addresses for `host` and `port` instead of asking the system's resolver, as curl's `--resolve`
    /// does: for a server behind a balancer, or one whose name still leads elsewhere. The `Host` header and the
    /// certificate check use the URL's name all the same. A proxy of any kind is then asked for the address instead of
    /// the name. It applies to a proxy's host too, and a dot at the end of a name makes no difference. May be called
    /// several times; the last call for a host and port counts. Default: none.
    ///
    /// The addresses of a host are tried as RFC 8305 says: IPv4 and IPv6 in turn, the next address when one has failed
    /// or has not answered for 250 ms. An address at which an opening failed, also after TCP was connected, comes last
    /// for the next ten minutes.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = everwire::Client::builder("wss://example.org/feed")
    ///     .resolve("example.org", 443, ["192.0.2.1:443".parse()?, "[2001:db8::1]:443".parse()?])
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn resolve(
        mut self,
        host: impl Into<String>,
        port: u16,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Self {
        let addresses = addresses.into_iter().collect();
        self.network.known.push(KnownHost { host: host.into(), port, addresses });
        self
    }
}

impl Network {
    /// Checks everything, reading the environment's variables by `lookup`.
    pub(super) fn routes(
        self,
        target: &Target,
        tls: Tls,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Routes, BuildError> {
        if self.keepalive.is_some_and(|idle| !(SHORTEST_KEEPALIVE..=LONGEST_KEEPALIVE).contains(&idle)) {
            return Err(setting("tcp_keepalive", "must be from 1 s to 9 h"));
        }
        let proxies = self.proxy.proxies(lookup)?;
        proxies.choose(target).map_err(BuildError::Proxy)?;
        if self.known.iter().any(|known| known.addresses.is_empty()) {
            return Err(setting("resolve", "must name at least one address"));
        }
        let tcp = TcpSettings { keepalive: self.keepalive, local_address: self.local_address };
        let connector = Connector::new(tcp, self.known);
        Ok(Routes { proxies, connector, tls })
    }
}

impl Proxy {
    fn proxies(self, lookup: impl Fn(&str) -> Option<String>) -> Result<Proxies, BuildError> {
        Ok(match self {
            Self::Environment => Proxies::Environment(Environment::read(lookup)),
            Self::Url(url) => Proxies::All(ProxyUrl::parse(&url).map_err(BuildError::Proxy)?),
            Self::None => Proxies::Direct,
        })
    }
}

const SHORTEST_KEEPALIVE: Duration = Duration::from_secs(1);
/// Linux takes no more than 32,767 s.
const LONGEST_KEEPALIVE: Duration = Duration::from_secs(9 * 3600);

/// A variable of the environment.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::TlsSettings;

    fn chosen(builder: Builder, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let target = Target::parse("ws://example.org/").expect("good");
        let tls = Tls::new(TlsSettings::default()).expect("good");
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let routes = builder.network.routes(&target, tls, lookup).map_err(|error| error.to_string())?;
        routes.proxies.choose(&target).map(|proxy| proxy.map(ToString::to_string))
    }

    #[test]
    fn what_is_set_counts_before_the_environment_and_the_last_setting_counts() {
        let builder = || Builder::new("ws://example.org/");
        let named = [("HTTP_PROXY", "named"), ("NO_PROXY", "")];
        let excepted = [("HTTP_PROXY", "named"), ("NO_PROXY", "*")];
        let set = Ok(Some("socks5://set:1080".to_owned()));
        assert_eq!(chosen(builder(), &named), Ok(Some("http://named:80".to_owned())));
        assert_eq!(chosen(builder(), &excepted), Ok(None));
        assert_eq!(chosen(builder().proxy("socks5://set"), &named), set);
        assert_eq!(chosen(builder().proxy("socks5://set"), &excepted), set);
        assert_eq!(chosen(builder().no_proxy(), &named), Ok(None));
        assert_eq!(chosen(builder().proxy("socks5://set").no_proxy(), &named), Ok(None));
        assert_eq!(chosen(builder().no_proxy().proxy("socks5://set"), &named), set);
    }

    #[test]
    fn a_proxy_that_can_not_be_used_is_told_when_the_client_is_built() {
        let builder = || Builder::new("ws://example.org/");
        let named = [("HTTP_PROXY", "socks4://named")];
        assert!(chosen(builder(), &named).expect_err("bad").contains("variable HTTP_PROXY: `socks4`"));
        assert!(chosen(builder().proxy("ftp://set"), &[]).expect_err("bad").contains("`ftp`"));
        assert_eq!(chosen(builder().no_proxy(), &named), Ok(None));
    }
}
