//! From a host to a TCP connection: the name, its addresses, and a race between them.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everwire_core::{AddressResult, OpenFailure, Phase, ReachProblem};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::Instant;

use super::addresses::{AddressBook, Candidate, Trial};
use super::failure;
use super::race::{Dialling, Lost, race};
use super::stopwatch::Stopwatch;
use super::tcp::{self, TcpSettings};
use crate::proxy::ProxyUrl;
use crate::sync::lock;
use crate::target::Target;

/// Dials hosts.
#[derive(Default)]
pub(crate) struct Connector {
    tcp: TcpSettings,
    /// Addresses that the resolver is not asked for, by host and port.
    known: Vec<KnownHost>,
    pub(super) book: Arc<AddressBook>,
    /// Connections in the making that an attempt did not wait for: the next attempt may find them made.
    unanswered: Mutex<Vec<Unanswered>>,
}

/// Where a host is, without asking.
#[derive(Clone, Debug)]
pub(crate) struct KnownHost {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) addresses: Vec<SocketAddr>,
}

struct Unanswered {
    address: SocketAddr,
    since: Instant,
    dialling: Dialling<'static, TcpStream, io::Error>,
}

/// What is dialled.
#[derive(Clone, Copy)]
pub(super) enum HostPort<'a> {
    Server(&'a Target),
    Proxy(&'a ProxyUrl),
}

/// How long a connection in the making is kept. A new one asks sooner than TCP repeats its question, ever more seldom.
const KEPT: Duration = Duration::from_secs(5);

impl Connector {
    pub(crate) fn new(tcp: TcpSettings, known: Vec<KnownHost>) -> Self {
        Self { tcp, known, ..Self::default() }
    }

    /// A TCP connection to one of the addresses of a place.
    pub(super) async fn connect(
        &self,
        place: HostPort<'_>,
        stopwatch: &Stopwatch,
    ) -> Result<(TcpStream, Trial), OpenFailure> {
        let candidates = self.candidates(place, stopwatch).await?;
        stopwatch.enter(Phase::Tcp);
        let choice = candidates.iter().map(|candidate| candidate.address).collect();
        let mut trials = Vec::new();
        let dial = |address| {
            let Unanswered { since, dialling, .. } = self.dial(address);
            trials.push((since, Trial::of(&self.book, address, &choice)));
            stopwatch.tried(address, AddressResult::Pending);
            dialling
        };
        let failed = |address, error: &io::Error| {
            stopwatch.tried(address, AddressResult::Failed(failure::tcp_problem(error)));
        };
        let raced = race(candidates, dial, failed).await;
        let mut kept = lock(&self.unanswered);
        kept.clear();
        match raced {
            Ok((address, stream)) => {
                stopwatch.tried(address, AddressResult::Connected);
                // Those that are dropped here have been beaten.
                let trial = trials.into_iter().map(|(_, trial)| trial).find(|trial| trial.is_of(address));
                Ok((stream, trial.unwrap_or_else(|| Trial::of(&self.book, address, &choice))))
            }
            Err(Lost { failures, unanswered }) => {
                let failure = not_connected(place, &failures, &unanswered);
                kept.extend(unanswered.into_iter().filter_map(|(address, dialling)| {
                    let (since, _) = trials.iter().find(|(_, trial)| trial.is_of(address))?;
                    Some(Unanswered { address, since: *since, dialling })
                }));
                Err(failure)
            }
        }
    }

    /// The addresses of a place, in the order in which they are to be tried.
    pub(super) async fn candidates(
        &self,
        place: HostPort<'_>,
        stopwatch: &Stopwatch,
    ) -> Result<Vec<Candidate>, OpenFailure> {
        let mut addresses = self.resolve(place, stopwatch).await?;
        if let Some(local) = self.tcp.local_address {
            addresses.retain(|address| address.is_ipv4() == local.is_ipv4());
            if addresses.is_empty() {
                let detail = format!("{place} has no address that {local} can connect to");
                return Err(failure::unreachable(Phase::Tcp, place.is_proxy(), ReachProblem::Other, detail));
            }
        }
        Ok(self.book.order(&addresses))
    }

    /// Whether the user has given the addresses of this place.
    pub(super) fn knows(&self, place: HostPort<'_>) -> bool {
        self.known(place).is_some()
    }

    /// A name with a dot at its end is the same host.
    fn known(&self, place: HostPort<'_>) -> Option<&KnownHost> {
        let (host, port) = (without_last_dot(place.host()), place.port());
        let is_this =
            |known: &&KnownHost| known.port == port && without_last_dot(&known.host).eq_ignore_ascii_case(host);
        self.known.iter().rev().find(is_this)
    }

    async fn resolve(&self, place: HostPort<'_>, stopwatch: &Stopwatch) -> Result<Vec<SocketAddr>, OpenFailure> {
        let port = place.port();
        if let Some(known) = self.known(place) {
            return Ok(known.addresses.clone());
        }
        let looked_up = place.looked_up_host();
        if let Ok(ip) = looked_up.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        stopwatch.enter(Phase::Dns);
        let addresses = match lookup_host((&*looked_up, port)).await {
            Ok(addresses) => addresses.collect::<Vec<_>>(),
            Err(error) => return Err(no_address(place, &error)),
        };
        match addresses.is_empty() {
            true => Err(no_address(place, &io::Error::other("it has none"))),
            false => Ok(addresses),
        }
    }

    /// A new connection, or one that is in the making already.
    fn dial(&self, address: SocketAddr) -> Unanswered {
        let mut kept = lock(&self.unanswered);
        let found = kept.iter().position(|kept| kept.address == address).map(|index| kept.swap_remove(index));
        let fresh = found.filter(|kept| kept.since.elapsed() < KEPT);
        fresh.unwrap_or_else(|| Unanswered {
            address,
            since: Instant::now(),
            dialling: Box::pin(tcp::connect(address, self.tcp)),
        })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("tcp", &self.tcp).field("known", &self.known).finish_non_exhaustive()
    }
}

impl HostPort<'_> {
    /// The host, without the brackets of an IPv6 address.
    fn host(&self) -> &str {
        match self {
            Self::Server(target) => target.host(),
            Self::Proxy(proxy) => proxy.host(),
        }
    }

    /// The host as the system's look-up takes it, with the zone of an IPv6 address.
    fn looked_up_host(&self) -> String {
        match self {
            Self::Server(target) => target.dialled_host(),
            Self::Proxy(proxy) => proxy.host().to_owned(),
        }
    }

    fn is_proxy(&self) -> bool {
        matches!(self, Self::Proxy(_))
    }

    fn port(&self) -> u16 {
        match self {
            Self::Server(target) => target.port(),
            Self::Proxy(proxy) => proxy.port(),
        }
    }

    /// For errors: the host.
    fn name(&self) -> String {
        match self {
            Self::Server(target) => format!("`{}`", target.dialled_host()),
            Self::Proxy(proxy) => format!("the proxy `{}`", proxy.host()),
        }
    }
}

/// For errors: the host and the port.
impl fmt::Display for HostPort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(target) => f.write_str(&target.dialled_place()),
            Self::Proxy(proxy) => write!(f, "the proxy {}", proxy.host_and_port()),
        }
    }
}

/// What is missing of an address that counts on one link only (RFC 4007 section 6).
fn without_zone(address: &SocketAddr) -> &'static str {
    match address {
        SocketAddr::V6(address) if address.ip().is_unicast_link_local() && address.scope_id() == 0 => {
            " (a link-local address needs the zone of its interface, as in [fe80::1%eth0])"
        }
        _ => "",
    }
}

fn without_last_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

fn no_address(place: HostPort<'_>, error: &(dyn Error + 'static)) -> OpenFailure {
    let detail = format!("no address for {}: {}", place.name(), failure::innermost(error));
    failure::unreachable(Phase::Dns, place.is_proxy(), ReachProblem::NoAddress, detail)
}

/// One address's problem in a sentence; those of several, each with its address.
fn not_connected<T>(
    place: HostPort<'_>,
    failures: &[(SocketAddr, io::Error)],
    unanswered: &[(SocketAddr, T)],
) -> OpenFailure {
    let (is_proxy, place) = (place.is_proxy(), place.to_string());
    if let ([(address, error)], []) = (failures, unanswered) {
        let detail = format!("{}{}", failure::tcp_words(error, &place), without_zone(address));
        return failure::unreachable(Phase::Tcp, is_proxy, failure::reach_problem(error), detail);
    }
    let failed = failures
        .iter()
        .map(|(address, error)| format!("{address}: {}{}", failure::tcp_problem(error), without_zone(address)));
    let silent = unanswered.iter().map(|(address, _)| format!("{address}: no answer"));
    let each: Vec<_> = failed.chain(silent).collect();
    let detail = format!("can't connect to {place} ({})", each.join("; "));
    failure::unreachable(Phase::Tcp, is_proxy, common_problem(failures, unanswered.is_empty()), detail)
}

/// The problem of all addresses, if it is the same.
fn common_problem(failures: &[(SocketAddr, io::Error)], all_answered: bool) -> ReachProblem {
    let mut problems: Vec<_> = failures.iter().map(|(_, error)| failure::reach_problem(error)).collect();
    if !all_answered {
        problems.push(ReachProblem::NoAnswer);
    }
    match problems.split_first() {
        Some((first, others)) if others.iter().all(|other| other == first) => *first,
        _ => ReachProblem::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_without_an_address_fails_in_the_dns_phase() {
        let target = Target::parse("ws://no-such-host.invalid/").expect("a good URL");
        let proxy = ProxyUrl::parse("http://no-such-host.invalid:3128").expect("a good URL");
        for (place, words) in [
            (HostPort::Server(&target), "no address for `no-such-host.invalid`: "),
            (HostPort::Proxy(&proxy), "no address for the proxy `no-such-host.invalid`: "),
        ] {
            let connector = Connector::default();
            let failure = connector.connect(place, &Stopwatch::start(|_| {})).await.expect_err("no such host");
            assert_eq!(failure.phase, Phase::Dns, "{failure:?}");
            assert!(failure.detail.starts_with(words), "{failure:?}");
        }
    }

    #[tokio::test]
    async fn a_known_host_is_not_looked_up_and_only_at_its_port() {
        let target = |url| Target::parse(url).expect(url);
        let known = KnownHost {
            host: "feed.invalid".into(),
            port: 80,
            addresses: vec![SocketAddr::from(([192, 0, 2, 1], 8080))],
        };
        let connector = Connector::new(TcpSettings::default(), vec![known]);
        let stopwatch = Stopwatch::start(|_| {});
        let resolved = connector.resolve(HostPort::Server(&target("ws://FEED.invalid/")), &stopwatch).await;
        assert_eq!(resolved.expect("known"), [SocketAddr::from(([192, 0, 2, 1], 8080))]);
        assert_eq!(stopwatch.phase(), Phase::Request, "nobody was asked");
        connector.resolve(HostPort::Server(&target("ws://feed.invalid:81/")), &stopwatch).await.expect_err("not known");
    }

    #[test]
    fn a_host_is_known_with_a_dot_at_the_end_of_its_name_and_without() {
        let target = |url| Target::parse(url).expect(url);
        for known in ["feed.invalid", "feed.invalid."] {
            let known = KnownHost { host: known.into(), port: 80, addresses: vec![([192, 0, 2, 1], 80).into()] };
            let connector = Connector::new(TcpSettings::default(), vec![known]);
            for url in ["ws://feed.invalid/", "ws://feed.invalid./"] {
                assert!(connector.knows(HostPort::Server(&target(url))), "{url}");
            }
            assert!(!connector.knows(HostPort::Server(&target("ws://other.invalid/"))));
        }
    }

    #[test]
    fn an_address_is_named_in_errors_with_its_zone() {
        let target = Target::parse("ws://[fe80::1%25eth0]:8080/").expect("a good URL");
        let refused = [(SocketAddr::from(([127, 0, 0, 1], 8080)), io::ErrorKind::ConnectionRefused.into())];
        let failure = not_connected::<()>(HostPort::Server(&target), &refused, &[]);
        assert_eq!(failure.detail, "connection refused by [fe80::1%eth0]:8080");
        let link_local = [(SocketAddr::from(([0xfe80, 0, 0, 0, 0, 0, 0, 1], 80)), io::ErrorKind::InvalidInput.into())];
        let failure = not_connected::<()>(HostPort::Server(&target), &link_local, &[]);
        assert!(failure.detail.ends_with("needs the zone of its interface, as in [fe80::1%eth0])"), "{failure:?}");
        let none = no_address(HostPort::Server(&target), &io::Error::other("no such interface"));
        assert_eq!(none.detail, "no address for `fe80::1%eth0`: no such interface");
    }

    #[tokio::test]
    async fn from_an_address_of_one_family_only_that_family_is_reached() {
        let target = Target::parse("ws://[2001:db8::1]/").expect("a good URL");
        let tcp = TcpSettings { local_address: Some([127, 0, 0, 1].into()), ..TcpSettings::default() };
        let connector = Connector::new(tcp, Vec::new());
        let failure =
            connector.connect(HostPort::Server(&target), &Stopwatch::start(|_| {})).await.expect_err("no way");
        assert_eq!(failure.detail, "[2001:db8::1]:80 has no address that 127.0.0.1 can connect to");
    }
}
