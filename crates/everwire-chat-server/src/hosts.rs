//! Under which names a server that listens for this machine only may be asked. Any web page can have its own name lead to
//! 127.0.0.1, and is then of the same origin as what answers there (DNS rebinding): only the name that it asked for tells.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use everwire_server::Origins;

/// Whether a `Host` header's value can't be a foreign page's: an address, a name without a dot, which nobody can have in the
/// public DNS, one below `localhost`, or one that an origin's rule names.
pub(crate) fn is_ours(host: &str, origins: &Origins) -> bool {
    let (name, _) = split(host);
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    address(&name).is_some() || !name.contains('.') || name.ends_with(".localhost") || origins.names_host(host)
}

/// Whether this very socket was asked by its own address or as `localhost`: no proxy asks so that hands the name on.
pub(crate) fn is_itself(host: &str, listening: SocketAddr) -> bool {
    let (name, port) = split(host);
    let is_loopback = name.eq_ignore_ascii_case("localhost") || address(name).is_some_and(|ip| ip.is_loopback());
    is_loopback && port.unwrap_or("80").parse() == Ok(listening.port())
}

fn split(host: &str) -> (&str, Option<&str>) {
    let end = host.find(']').unwrap_or(0);
    match host[end..].split_once(':') {
        Some((_, port)) => (&host[..host.len() - port.len() - 1], Some(port)),
        None => (host, None),
    }
}

fn address(name: &str) -> Option<IpAddr> {
    match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_page_s_name_is_not_ours() {
        let origins = Origins::new(["same", "https://chat.example.org"]).unwrap();
        for ours in [
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "chat.localhost",
            "LOCALHOST.",
            "everwire",
            "chat.example.org",
        ] {
            assert!(is_ours(ours, &origins), "{ours}");
        }
        for foreign in ["evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example:80", "example.org"] {
            assert!(!is_ours(foreign, &origins), "{foreign}");
        }
    }

    #[test]
    fn a_socket_is_itself_by_its_own_port_only() {
        let listening = "127.0.0.1:8080".parse().unwrap();
        assert!(is_itself("127.0.0.1:8080", listening) && is_itself("LocalHost:8080", listening));
        assert!(is_itself("[::1]:8080", listening));
        for other in ["127.0.0.1:80", "127.0.0.1", "chat.example.org:8080", "10.0.0.1:8080"] {
            assert!(!is_itself(other, listening), "{other}");
        }
    }
}
