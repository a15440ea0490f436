//! Looks up the name and connects to the addresses.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use http::Uri;
use serde_json::{Value, json};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::advice;
use super::finding::{Finding, Step, millis};
use crate::args::Resolved;
use crate::term::short;

/// A server or a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether it is reached by TLS.
    pub(super) secure: bool,
}

impl Place {
    /// # Errors
    /// If it is no URL with a host.
    pub(super) fn of(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("not a URL: {error}"))?;
        let host = uri.host().ok_or("the URL names no host")?;
        let (secure, usual) = match uri.scheme_str() {
            Some("wss" | "https") => (true, 443),
            Some("socks5" | "socks5h") => (false, 1080),
            _ => (false, 80),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        // The zone of an address, as the system's look-up accepts it: a URL has `%25` for `%` (RFC 6874).
        let host = host.replacen("%25", "%", 1);
        Ok(Self { host, port: uri.port_u16().unwrap_or(usual), secure })
    }

    /// Host and port, as a URL has them.
    pub(super) fn host_and_port(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    pub(super) fn is_this_machine(&self) -> bool {
        let name = self.host.trim_end_matches('.').to_ascii_lowercase();
        name == "localhost"
            || name.ends_with(".localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// The network path to a server.
pub(super) struct Way<'a> {
    pub(super) url: &'a str,
    pub(super) server: &'a Place,
    pub(super) proxy: Option<&'a str>,
    /// The addresses of the proxy, or the server's.
    pub(super) first: &'a [SocketAddr],
}

/// Looks up the addresses of a server or a proxy; none if that failed.
pub(super) async fn look_up(place: &Place, given: &[Resolved], limit: Duration) -> (Finding, Vec<SocketAddr>) {
    let bare = |host: &str| host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_this = |given: &&Resolved| given.port == place.port && bare(&given.host) == bare(&place.host);
    if let Some(Resolved { addresses, .. }) = given.iter().rev().find(is_this) {
        let listed: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
        let words = format!("{} is {}, by --resolve", place.host, listed.join(", "));
        return (Finding::good(Step::Name, words).with("addresses", listed), addresses.clone());
    }
    if let Ok(address) = place.host.parse::<IpAddr>() {
        let words = format!("{address} is an address, so there is nothing to look up");
        return (Finding::good(Step::Name, words), vec![SocketAddr::new(address, place.port)]);
    }
    let start = Instant::now();
    let found = timeout(limit, lookup_host((place.host.as_str(), place.port))).await;
    let took = start.elapsed();
    let host = &place.host;
    let problem = match found {
        Ok(Ok(addresses)) => {
            let mut addresses: Vec<_> = addresses.collect();
            addresses.dedup();
            if !addresses.is_empty() {
                let listed: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
                let words = format!("{host} is {}, in {}", listed.join(", "), short(took));
                let finding = Finding::good(Step::Name, words).with("addresses", listed).with("ms", millis(took));
                return (finding, addresses);
            }
            format!("{host} has no address")
        }
        Ok(Err(error)) => format!("no address for {host}: {error}"),
        Err(_) => format!("no answer about {host} within {}", short(limit)),
    };
    (Finding::bad(Step::Name, problem).advise(advice::NO_ADDRESS).with("ms", millis(took)), Vec::new())
}

/// Opens a TCP connection to each address, at the same time.
pub(super) async fn dial(addresses: &[SocketAddr], limit: Duration) -> Finding {
    let attempts = addresses.iter().map(|address| tokio::spawn(dial_one(*address, limit)));
    let attempts: Vec<_> = attempts.collect();
    let mut results = Vec::new();
    for attempt in attempts {
        // An error would be a panic of the task, which the runtime has reported.
        results.extend(attempt.await.ok());
    }
    let told: Vec<_> = results.iter().map(Dialled::words).collect();
    let data: Vec<Value> = results.iter().map(Dialled::json).collect();
    let reached = results.iter().filter(|dialled| dialled.result.is_ok()).count();
    let words = told.join("; ");
    let finding = if reached == results.len() {
        Finding::good(Step::Tcp, words)
    } else if reached > 0 {
        Finding::odd(Step::Tcp, words)
            .advise("clients try the addresses side by side, so this costs little; but each should answer")
    } else {
        let refused = results
            .iter()
            .any(|dialled| matches!(&dialled.result, Err(error) if error.kind() == ErrorKind::ConnectionRefused));
        Finding::bad(Step::Tcp, words).advise(if refused { advice::NOT_LISTENING } else { advice::NOT_REACHED })
    };
    finding.with("addresses", data)
}

struct Dialled {
    address: SocketAddr,
    result: io::Result<()>,
    took: Duration,
}

async fn dial_one(address: SocketAddr, limit: Duration) -> Dialled {
    let start = Instant::now();
    let result = match timeout(limit, TcpStream::connect(address)).await {
        Ok(result) => result.map(drop),
        Err(_) => Err(ErrorKind::TimedOut.into()),
    };
    Dialled { address, result, took: start.elapsed() }
}

impl Dialled {
    fn words(&self) -> String {
        let Self { address, result, took } = self;
        match result {
            Ok(()) => format!("{address} in {}", short(*took)),
            Err(error) => format!("{address}: {}", problem(error)),
        }
    }

    fn json(&self) -> Value {
        let Self { address, result, took } = self;
        match result {
            Ok(()) => json!({ "address": address.to_string(), "ms": millis(*took) }),
            Err(error) => json!({ "address": address.to_string(), "problem": problem(error) }),
        }
    }
}

fn problem(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".into(),
        ErrorKind::TimedOut => "no answer".into(),
        ErrorKind::HostUnreachable => "host unreachable".into(),
        ErrorKind::NetworkUnreachable => "no way to its network".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_place_is_read_from_urls_of_servers_and_proxies() {
        let read = |url| Place::of(url).map(|place| (place.host, place.port, place.secure));
        assert_eq!(read("wss://example.org/feed?x"), Ok(("example.org".into(), 443, true)));
        assert_eq!(read("ws://[::1]:8080/"), Ok(("::1".into(), 8080, false)));
        assert_eq!(read("socks5h://proxy.example"), Ok(("proxy.example".into(), 1080, false)));
        assert_eq!(read("https://proxy.example:3129"), Ok(("proxy.example".into(), 3129, true)));
        assert!(read("/feed").is_err());
    }
}
