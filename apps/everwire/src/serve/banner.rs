//! The text that the server prints once it listens. No I/O.

use std::net::SocketAddr;
use std::path::Path;

use super::listen::Guarded;

/// The addresses of the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) address: SocketAddr,
    /// Empty, or a path like `/chat`.
    pub(super) base_path: &'a str,
    /// The listener for metrics and health checks, if there is one.
    pub(super) admin: Option<SocketAddr>,
}

/// The addresses, and how to join, with commands that can be copied.
pub(super) fn banner(place: Place<'_>, program: &str, data: &str, page: bool, guarded: Guarded) -> String {
    let Place { address, base_path, admin } = place;
    let host = join_target(address);
    let target = if base_path.is_empty() { host.clone() } else { format!("{host}{base_path}/") };
    let (ws, http, prefix) = if guarded.tls { ("wss", "https", "wss://") } else { ("ws", "http", "") };
    let mut lines = vec![format!("everwire chat server listening on {ws}://{address}{base_path}/ws")];
    if page {
        lines.push(format!("Open {http}://{host}{base_path}/ in a browser, or join from other terminals:"));
    } else {
        lines.push("Join from other terminals:".to_owned());
    }
    lines.extend([
        if guarded.tokens {
            format!("  {program} chat {prefix}{target} --user ana --bearer-file FILE")
        } else if guarded.auth {
            format!("  {program} chat {prefix}{target} --user ana --sign-in")
        } else {
            format!("  {program} chat {prefix}{target} --name ana\n  {program} chat {prefix}{target} --name ben")
        },
        format!("The history is kept in {data}"),
    ]);
    lines.extend(admin.map(|admin| format!("Its metrics are at http://{admin}/metrics")));
    if address.ip().is_unspecified() {
        lines.push("From other machines, with this machine's address instead.".to_owned());
    }
    if let Some(missing) = guarded.missing()
        && !address.ip().is_loopback()
    {
        let who = if guarded.auth {
            "others on the network can read everything"
        } else {
            "everyone who reaches this port can read and write"
        };
        lines.push(format!("Warning: {missing}; {who}."));
    }
    lines.push("Ctrl-C ends it.".to_owned());
    lines.join("\n")
}

/// The program as it has to be typed in the folder `here`: by its name if it was called by its name, else by its path from
/// `here`.
pub(super) fn program(called: Option<&Path>, here: Option<&Path>) -> String {
    const NAME: &str = "everwire";
    let Some(called) = called else { return NAME.to_owned() };
    if called.components().count() < 2 {
        return called.to_str().unwrap_or(NAME).to_owned();
    }
    let shown = here.and_then(|here| called.strip_prefix(here).ok()).unwrap_or(called);
    let shown = shown.display().to_string();
    if shown.contains(' ') { format!("'{shown}'") } else { shown }
}

fn join_target(address: SocketAddr) -> String {
    match address {
        _ if !address.ip().is_unspecified() => address.to_string(),
        SocketAddr::V4(_) => format!("127.0.0.1:{}", address.port()),
        SocketAddr::V6(_) => format!("[::1]:{}", address.port()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Guarded, Place, banner, program};

    fn at(address: &str) -> Place<'static> {
        Place { address: address.parse().unwrap(), base_path: "", admin: None }
    }

    #[test]
    fn the_commands_to_join_have_the_real_port() {
        let text = banner(at("127.0.0.1:34567"), "everwire", "/data", true, Guarded::default());
        assert!(text.contains("ws://127.0.0.1:34567/ws"), "{text}");
        assert!(text.contains("  everwire chat 127.0.0.1:34567 --name ana"), "{text}");
        assert!(text.contains("/data") && !text.contains("Warning"), "{text}");
    }

    #[test]
    fn every_address_has_the_base_path() {
        let admin = "127.0.0.1:9".parse().ok();
        let place = Place { base_path: "/chat", admin, ..at("127.0.0.1:99") };
        let text = banner(place, "everwire", "/data", true, Guarded::default());
        assert!(text.contains("ws://127.0.0.1:99/chat/ws") && text.contains("http://127.0.0.1:99/chat/ "), "{text}");
        assert!(text.contains("  everwire chat 127.0.0.1:99/chat/ --name ana"), "{text}");
        assert!(text.contains("\nIts metrics are at http://127.0.0.1:9/metrics\n"), "{text}");
    }

    #[test]
    fn an_address_that_others_reach_comes_with_a_warning_and_a_target_that_works() {
        let text = banner(at("0.0.0.0:80"), "everwire", "/data", true, Guarded::default());
        assert!(text.contains("everwire chat 127.0.0.1:80") && text.contains("Warning"), "{text}");
        let text = banner(at("[::]:80"), "everwire", "/data", true, Guarded::default());
        assert!(text.contains("everwire chat [::1]:80"), "{text}");
    }

    #[test]
    fn the_command_to_join_has_a_token_if_another_issuer_gives_tokens() {
        let guarded = Guarded { tls: false, auth: true, tokens: true };
        let text = banner(at("127.0.0.1:99"), "everwire", "/data", true, guarded);
        assert!(
            text.contains("chat 127.0.0.1:99 --user ana --bearer-file FILE") && !text.contains("--sign-in"),
            "{text}"
        );
    }

    #[test]
    fn the_program_is_named_as_it_can_be_called_from_here() {
        let of = |called: &str| program(Some(Path::new(called)), Some(Path::new("/home/ana/everwire")));
        assert_eq!(of("everwire"), "everwire");
        assert_eq!(of("/home/ana/everwire/target/release/everwire"), "target/release/everwire");
        assert_eq!(of("/opt/my tools/everwire"), "'/opt/my tools/everwire'");
        assert_eq!(of("target/debug/everwire"), "target/debug/everwire");
        assert_eq!(program(None, None), "everwire");
    }
}
