//! `everwire connect` through proxies and redirects, and with certificates.

#[allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test file uses a part; it is all test code")]
mod support;

use support::server::{self, Heard, Server, proxy};
use support::{Everwire, command, run};

/// Starts a proxy, and the server that it forwards to.
fn proxied() -> (Server, Server) {
    let server = Server::start(server::echo);
    (Server::start(proxy(server.address)), server)
}

fn asked(proxy: &Server) -> Option<String> {
    loop {
        if let Heard::Header(line) = proxy.next() {
            return line;
        }
    }
}

/// Sends a line to an address that only the proxy can reach, and reads it back.
fn assert_echo(args: &[&str], variables: &[(&str, &str)]) {
    let mut command = command(&[&["connect"], args].concat());
    command.envs(variables.iter().copied());
    let mut everwire = Everwire::of(command);
    everwire.say("hi");
    assert_eq!(everwire.finish(), 0, "{:?}", everwire.err.seen);
    assert_eq!(everwire.out.seen, ["hi"]);
}

#[test]
fn a_proxy_is_named_by_an_option_or_the_environment() {
    let (proxy, _server) = proxied();
    let url = format!("http://{}", proxy.address);
    assert_echo(&["ws://feed.invalid:8080/", "--proxy", &url], &[]);
    assert_eq!(asked(&proxy).as_deref(), Some("CONNECT feed.invalid:8080 HTTP/1.1"));
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        assert_echo(&["ws://feed.invalid/"], &[(variable, &url), ("NO_PROXY", "other.invalid")]);
        assert_eq!(asked(&proxy).as_deref(), Some("CONNECT feed.invalid:80 HTTP/1.1"), "{variable}");
    }
}

#[test]
fn an_option_overrides_the_environment() {
    let (proxy, server) = proxied();
    let url = format!("http://{}", proxy.address);
    let wrong = [("HTTP_PROXY", "http://127.0.0.1:9"), ("NO_PROXY", "*")];
    assert_echo(&["ws://feed.invalid/", "--proxy", &url], &wrong);
    for (args, variables) in [
        (&["--no-proxy"][..], &[("ALL_PROXY", url.as_str())][..]),
        (&[], &[("ALL_PROXY", &url), ("NO_PROXY", "feed.invalid")]),
    ] {
        let mut command = command(&[&["connect", "ws://feed.invalid/", "--max-attempts", "1"], args].concat());
        command.envs(variables.iter().copied());
        let mut everwire = Everwire::of(command);
        assert_eq!(everwire.finish(), 3);
        assert!(everwire.err.text().contains("no address for `feed.invalid`"), "{:?}", everwire.err.seen);
    }
    assert_echo(&[&server.url()], &wrong[..1]);
}

#[test]
fn a_proxy_s_refusal_is_reported_with_advice() {
    let refusing = Server::start(server::answer("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"));
    let url = format!("http://ana:secret@{}", refusing.address);
    let (code, _, err) = run(&["connect", "ws://feed.invalid/", "--proxy", &url]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("refused the credentials (407") && err.contains("; check the proxy's URL"), "{err}");
    assert!(!err.contains("secret"), "{err}");
}

#[test]
fn redirects_are_followed_on_request() {
    let moved = Server::start(server::answer("HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n"));
    let (code, _, err) = run(&["connect", &moved.url()]);
    assert_eq!(code, 4, "{err}");
    assert_eq!(moved.connections().len(), 1);
    let (code, _, err) = run(&["connect", &moved.url(), "--max-redirects", "3"]);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("they run in a circle"), "{err}");
    assert_eq!(moved.connections().len(), 2);
}

#[test]
fn unusable_certificates_keys_and_pins_are_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("text.pem");
    std::fs::write(&path, "no certificate").expect("a file");
    let (file, missing) = (path.to_string_lossy(), folder.path().join("missing.pem"));
    let missing = missing.to_string_lossy();
    for (args, part) in [
        (&["--cacert", &missing][..], "can't read "),
        (&["--cacert", &file], "a root certificate of --cacert is neither"),
        (&["--cert", &missing], "can't read "),
        (&["--cert", &file], "the client certificate of --cert is neither"),
        (&["--cert", &file, "--key", &missing], "can't read "),
        (&["--pin", "sha256/abc"], "`sha256/abc` of --pin is not a pin"),
    ] {
        let (code, _, err) = run(&[&["connect", "wss://127.0.0.1:9/"], args].concat());
        assert_eq!(code, 1, "{args:?}: {err}");
        assert!(err.contains(part) && err.lines().count() == 1, "{args:?}: {err}");
    }
}

#[test]
fn an_option_sets_the_address_of_a_host() {
    let server = Server::start(server::echo);
    let port = server.address.port();
    let place = format!("feed.invalid:{port}:127.0.0.1");
    assert_echo(&[&format!("ws://feed.invalid:{port}/"), "--resolve", &place], &[]);
}

#[cfg(target_os = "linux")]
#[test]
fn every_address_is_a_route_to_the_first_connection() {
    const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    // What is no HTTP may be TLS: that is looked at on a connection of its own.
    let ssh = "SSH-2.0-OpenSSH_9.2\r\n\r\n";
    for (first, connections, second_works) in [(PAGE, 1, true), (ssh, 2, true), (PAGE, 1, false)] {
        let good = match second_works {
            true => Server::start(server::echo),
            false => Server::start(server::answer(PAGE)),
        };
        let port = good.address.port();
        let bad = Server::on(&format!("127.0.0.2:{port}"), server::answer(first));
        let (url, place) = (format!("ws://feed.invalid:{port}/"), format!("feed.invalid:{port}:127.0.0.2,127.0.0.1"));
        let args = ["connect", &url, "--once", "--resolve", &place, "--initial-delay", "20ms", "--max-delay", "100ms"];
        let mut everwire = Everwire::start(&args);
        everwire.say("hi");
        assert_eq!(everwire.finish(), if second_works { 0 } else { 3 }, "{:?}", everwire.err.seen);
        let told = everwire.err.text();
        assert!(told.contains(&format!("(at 127.0.0.2:{port}, one of 2 addresses)")), "{told}");
        assert!(!told.contains("attempt 3"), "{told}");
        assert_eq!((bad.connections().len(), good.connections().len()), (connections, 1), "{told}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_system_without_root_certificates_is_reported() {
    let mut command = command(&["connect", "wss://127.0.0.1:9/"]);
    command.env("SSL_CERT_FILE", "/does/not/exist").env("SSL_CERT_DIR", "/does/not/exist");
    let mut everwire = Everwire::of(command);
    assert_eq!(everwire.finish(), 1, "{:?}", everwire.err.seen);
    assert!(everwire.err.text().contains("ca-certificates"), "{:?}", everwire.err.seen);
}
