//! The hosts that no proxy is used for, as `NO_PROXY` lists them.
//!
//! The rules are those of Go's `golang.org/x/net/http/httpproxy`. Beyond them, white space separates entries as commas do,
//! and a dot at the end of a name means nothing.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::target::Target;

/// A list of hosts.
#[derive(Clone, Debug)]
pub(super) struct Exceptions(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    /// `None` means all.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    Network(IpNet),
    Address(IpAddr),
    /// What ends in this, which begins with a dot; with `itself`, also the name behind that dot.
    Names {
        suffix: String,
        itself: bool,
    },
}

impl Exceptions {
    /// Entries that make no sense are passed over, as everybody does.
    pub(super) fn new(list: &str) -> Self {
        Self(list.split([',', ' ', '\t', '\r', '\n']).filter_map(Entry::parse).collect())
    }

    pub(super) fn contain(&self, target: &Target) -> bool {
        let host = normal(target.host());
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        self.0.iter().any(|Entry { hosts, port }| {
            port.is_none_or(|port| port == target.port())
                && match hosts {
                    Hosts::All => true,
                    Hosts::Network(network) => address.is_some_and(|address| network.contains(&address)),
                    Hosts::Address(excepted) => address == Some(*excepted),
                    Hosts::Names { suffix, itself } => host.ends_with(suffix) || *itself && host == suffix[1..],
                }
        })
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self { hosts: Hosts::All, port: None });
        }
        let text = normal(text);
        if let Ok(network) = text.parse() {
            return Some(Self { hosts: Hosts::Network(network), port: None });
        }
        let (host, port) = split_port(&text)?;
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(Self { hosts: Hosts::Address(address.to_canonical()), port });
        }
        let host = normal(host);
        let name = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(&host);
        let (itself, name) = name.strip_prefix('.').map_or((true, name), |rest| (false, rest));
        (!name.is_empty()).then(|| Self { hosts: Hosts::Names { suffix: format!(".{name}"), itself }, port })
    }
}

/// In small letters, without a dot at the end.
fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Host, without brackets, and port; `None` if the port is none.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port.parse().ok()?))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    match text.split_once(':') {
        // More than one colon: an address of IPv6.
        Some((host, port)) if !port.contains(':') => Some((host, Some(port.parse().ok()?))),
        _ => Some((text, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excepted(list: &str, url: &str) -> bool {
        Exceptions::new(list).contain(&Target::parse(url).expect(url))
    }

    #[test]
    fn a_name_stands_for_itself_and_all_below_it_and_with_a_dot_or_a_star_before_it_only_for_those() {
        for (entry, itself, below) in [
            ("example.org", true, true),
            (".example.org", false, true),
            ("*.example.org", false, true),
            ("EXAMPLE.org.", true, true),
            ("*", true, true),
            ("ample.org", false, false),
            ("*example.org", false, false),
            ("example.org.evil.example", false, false),
        ] {
            assert_eq!(excepted(entry, "ws://example.org/"), itself, "{entry}");
            assert_eq!(excepted(entry, "ws://Example.ORG./"), itself, "{entry}");
            assert_eq!(excepted(entry, "ws://a.b.example.org/"), below, "{entry}");
        }
    }

    #[test]
    fn a_port_restricts_an_entry() {
        for host in ["example.org", "10.1.2.3", "[::2]", "*.example.org"] {
            let list = format!("{host}:8443");
            let host = host.replace('*', "a");
            assert!(excepted(&list, &format!("wss://{host}:8443/")), "{list}");
            assert!(!excepted(&list, &format!("wss://{host}/")), "{list}");
        }
        assert!(excepted("example.org:443", "wss://example.org/"));
        assert!(!excepted("example.org:443", "ws://example.org/"));
    }

    #[test]
    fn addresses_and_networks_are_those_of_either_family_with_brackets_or_without() {
        for (list, url, expected) in [
            ("192.168.0.0/16", "ws://192.168.7.9/", true),
            ("192.168.0.0/16", "ws://192.169.7.9/", false),
            ("192.168.0.0/16", "ws://192.168.7.9.example/", false),
            ("10.1.2.3", "ws://10.1.2.3/", true),
            ("10.1.2.3", "ws://10.1.2.4/", false),
            ("10.1.2.3", "ws://[::ffff:10.1.2.3]/", true),
            ("::2", "ws://[0::2]/", true),
            ("[::2]", "ws://[::2]/", true),
            ("fd00::/8", "ws://[fd12::1]/", true),
            ("fe80::1", "ws://[fe80::1%25eth0]/", true),
        ] {
            assert_eq!(excepted(list, url), expected, "{list}: {url}");
        }
    }

    #[test]
    fn entries_are_separated_by_commas_and_white_space_and_senseless_ones_are_passed_over() {
        let list = " , a.example,b.example\tc.example , .,*., :80, d.example:x, [::2, [::2]x,";
        for (host, expected) in [("a", true), ("b", true), ("c", true), ("d", false)] {
            assert_eq!(excepted(list, &format!("ws://{host}.example/")), expected, "{host}");
        }
        assert!(!excepted(list, "ws://[::2]/") && !excepted("", "ws://example.org/"));
    }
}
