//! The environment variables that name proxies.

use std::net::IpAddr;

use super::ProxyUrl;
use super::exceptions::Exceptions;
use crate::target::Target;

/// What `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    /// For `ws`.
    plain: Named,
    /// For `wss`.
    secure: Named,
    exceptions: Exceptions,
}

/// A proxy, none, or what is wrong with the variable that names it.
type Named = Result<Option<ProxyUrl>, String>;

impl Environment {
    /// `lookup` gives a variable's value. Of a variable's two spellings the one in capitals counts first; an empty value
    /// is none.
    pub(crate) fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &'static str| {
            let value = lookup(name)?;
            (!value.trim().is_empty()).then_some((name, value))
        };
        // In a CGI program HTTP_PROXY may be a header of the request that it answers: `Proxy: …`.
        let is_cgi = value("REQUEST_METHOD").is_some();
        let http = value("HTTP_PROXY").filter(|_| !is_cgi).or_else(|| value("http_proxy"));
        let https = value("HTTPS_PROXY").or_else(|| value("https_proxy"));
        let all = value("ALL_PROXY").or_else(|| value("all_proxy"));
        let exceptions = value("NO_PROXY").or_else(|| value("no_proxy"));
        Self {
            plain: named(http.or_else(|| all.clone())),
            secure: named(https.or(all)),
            exceptions: Exceptions::new(exceptions.as_ref().map_or("", |(_, list)| list)),
        }
    }

    pub(super) fn choose(&self, target: &Target) -> Result<Option<&ProxyUrl>, String> {
        if is_this_machine(target.host()) || self.exceptions.contain(target) {
            return Ok(None);
        }
        let named = if target.is_secure() { &self.secure } else { &self.plain };
        named.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }
}

fn named(variable: Option<(&str, String)>) -> Named {
    let Some((name, value)) = variable else { return Ok(None) };
    ProxyUrl::parse(&value).map(Some).map_err(|problem| format!("the environment variable {name}: {problem}"))
}

/// A proxy on another machine would take it for its own.
fn is_this_machine(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn chosen(variables: &[(&str, &str)], url: &str) -> Result<Option<String>, String> {
        let environment = environment(variables);
        let target = Target::parse(url).expect(url);
        environment.choose(&target).map(|proxy| proxy.map(ToString::to_string))
    }

    fn proxy(name: &str) -> Result<Option<String>, String> {
        Ok(Some(format!("http://{name}:80")))
    }

    #[test]
    fn ws_takes_the_proxy_for_http_and_wss_the_one_for_https() {
        let both = [("HTTP_PROXY", "plain"), ("HTTPS_PROXY", "secure")];
        assert_eq!(chosen(&both, "ws://example.org/"), proxy("plain"));
        assert_eq!(chosen(&both, "wss://example.org/"), proxy("secure"));
        assert_eq!(chosen(&both[..1], "wss://example.org/"), Ok(None));
        assert_eq!(chosen(&[], "ws://example.org/"), Ok(None));
    }

    #[test]
    fn all_proxy_stands_in_for_those_that_are_not_set_or_empty() {
        let variables = [("ALL_PROXY", "all"), ("HTTP_PROXY", "plain"), ("HTTPS_PROXY", " ")];
        assert_eq!(chosen(&variables, "ws://example.org/"), proxy("plain"));
        assert_eq!(chosen(&variables, "wss://example.org/"), proxy("all"));
    }

    #[test]
    fn both_spellings_count_and_capitals_first() {
        for (name, url) in [("http_proxy", "ws://example.org/"), ("https_proxy", "wss://example.org/")] {
            assert_eq!(chosen(&[(name, "small")], url), proxy("small"));
            let capitals = name.to_ascii_uppercase();
            assert_eq!(chosen(&[(name, "small"), (&capitals, "capital")], url), proxy("capital"));
            assert_eq!(chosen(&[(name, "small"), (&capitals, "")], url), proxy("small"));
        }
        assert_eq!(chosen(&[("all_proxy", "small")], "wss://example.org/"), proxy("small"));
        let variables = [("all_proxy", "small"), ("no_proxy", "example.org")];
        assert_eq!(chosen(&variables, "wss://example.org/"), Ok(None));
        let variables = [("all_proxy", "small"), ("no_proxy", "example.org"), ("NO_PROXY", "other.example")];
        assert_eq!(chosen(&variables, "wss://example.org/"), proxy("small"));
    }

    #[test]
    fn in_a_cgi_program_http_proxy_in_capitals_may_be_forged_and_does_not_count() {
        let variables = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "forged"), ("HTTPS_PROXY", "secure")];
        assert_eq!(chosen(&variables, "ws://example.org/"), Ok(None));
        assert_eq!(chosen(&variables, "wss://example.org/"), proxy("secure"));
    }

    #[test]
    fn no_proxy_names_hosts_with_what_is_below_them_addresses_networks_or_everything() {
        let excepted = |list: &str, url: &str| chosen(&[("ALL_PROXY", "all"), ("NO_PROXY", list)], url) == Ok(None);
        let list = "example.org, .internal,192.168.0.0/16,10.1.2.3,::2,fd00::/8";
        for host in ["example.org", "EXAMPLE.org", "a.b.example.org", "x.internal", "192.168.7.9", "10.1.2.3", "[::2]"]
        {
            assert!(excepted(list, &format!("wss://{host}:8443/")), "{host}");
            assert!(excepted(list, &format!("ws://{host}/")), "{host}");
            assert!(excepted("*", &format!("ws://{host}/")), "{host}");
        }
        for host in ["notexample.org", "example.org.evil.example", "192.169.0.1", "10.1.2.4", "[::3]"] {
            assert!(!excepted(list, &format!("wss://{host}/")), "{host}");
        }
        assert!(!excepted("", "ws://example.org/"));
    }

    #[test]
    fn this_machine_is_never_behind_a_proxy_that_only_the_environment_names() {
        for host in ["localhost", "LOCALHOST", "app.localhost", "localhost.", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert_eq!(chosen(&[("ALL_PROXY", "all")], &format!("ws://{host}:8080/")), Ok(None), "{host}");
        }
        assert_eq!(chosen(&[("ALL_PROXY", "all")], "ws://localhost.example/"), proxy("all"));
    }

    #[test]
    fn a_value_that_can_not_be_used_is_told_where_it_would_be_needed_and_only_there() {
        let variables = [("HTTP_PROXY", "socks4://u:secret@p"), ("NO_PROXY", "other.example")];
        let error = chosen(&variables, "ws://example.org/").expect_err("bad");
        assert!(error.starts_with("the environment variable HTTP_PROXY: `socks4`"), "{error}");
        assert!(!error.contains("secret"), "{error}");
        assert_eq!(chosen(&variables, "ws://other.example/"), Ok(None));
        assert_eq!(chosen(&variables, "wss://example.org/"), Ok(None));
    }
}
