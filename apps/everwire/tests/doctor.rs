//! `everwire doctor` with healthy servers, and with servers that fail in each way.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test file uses a part; it is all test code")]
mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use support::secure::{issuer, secure};
use support::server::{self, Heard, Nobody, Server};
use support::{command, run};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
use tokio_tungstenite::tungstenite::{accept, accept_hdr};

/// Runs the doctor; returns the exit code and stdout.
fn doctor(args: &[&str]) -> (i32, String) {
    let (code, out, err) = run(&[&["doctor"], args].concat());
    assert_eq!(err, "", "{out}");
    (code, out)
}

/// The line of a step, and the advice below it.
#[track_caller]
fn step(out: &str, mark: &str, name: &str) -> String {
    let begins = format!("{mark:<4}  {name:<11}");
    let mut lines = out.lines().skip_while(|line| !line.starts_with(&begins));
    let line = lines.next().unwrap_or_else(|| panic!("no line `{begins}` in:\n{out}"));
    let advice = lines.next().filter(|line| line.trim_start().starts_with('→')).unwrap_or_default();
    format!("{line} {}", advice.trim())
}

#[test]
fn a_healthy_server_is_shown_step_by_step() {
    let server = Server::start(server::echo);
    let (code, out) = doctor(&[&server.url()]);
    assert_eq!(code, 0, "{out}");
    for (name, part) in [
        ("address", "not encrypted (ws), on this machine"),
        ("proxy", "none"),
        ("name", "nothing to look up"),
        ("tcp", &format!("{} in ", server.address)),
        ("upgrade", "101 Switching Protocols in "),
        ("round trip", "5 pings answered"),
        ("session", "none: a plain WebSocket"),
        ("compression", "the server does without"),
    ] {
        assert!(step(&out, "ok", name).contains(part), "{name}: {out}");
    }
    assert!(out.contains("It works."), "{out}");
}

#[test]
fn the_chat_server_is_healthy_and_compresses() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_string_lossy();
    let mut server = support::Everwire::start(&["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    let line = server.out.until("listening on ");
    let url = line.split("listening on ").nth(1).expect("an address").trim().to_owned();
    let (code, out) = doctor(&[&url, "--pings", "1"]);
    assert_eq!(code, 0, "{out}");
    assert!(step(&out, "ok", "compression").contains("agreed on: permessage-deflate"), "{out}");
    assert!(step(&out, "ok", "round trip").contains("1 pings answered"), "{out}");
}

#[test]
fn a_script_gets_an_object_per_step_and_one_at_the_end() {
    let refusing = Server::start(server::answer("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"));
    let (code, out) = doctor(&[&refusing.url(), "--json"]);
    assert_eq!(code, 4, "{out}");
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |name: &str| lines.iter().find(|line| line["step"] == name).expect("the step");
    assert_eq!(of("tcp")["verdict"], "good");
    assert_eq!(of("tcp")["addresses"][0]["address"], refusing.address.to_string());
    assert_eq!((&of("upgrade")["verdict"], &of("upgrade")["status"]), (&"bad".into(), &401.into()));
    assert!(of("upgrade")["advice"].as_str().is_some_and(|advice| advice.contains("--bearer-file")), "{out}");
    assert_eq!(of("round trip")["verdict"], "skipped");
    assert_eq!((&lines[lines.len() - 1]["ok"], &lines[lines.len() - 1]["exit"]), (&false.into(), &4.into()));
}

#[test]
fn an_answer_that_is_not_an_upgrade_is_explained() {
    for (answer, exit, part) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 3, "check the path (that of"),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", 4, "Origin"),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 4, "check the path"),
        ("HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n", 4, "--max-redirects"),
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", 3, "check that server"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", 3, "not a WebSocket server"),
    ] {
        let server = Server::start(server::answer(answer));
        let (code, out) = doctor(&[&server.url()]);
        assert_eq!(code, exit, "{answer}: {out}");
        assert!(step(&out, "FAIL", "upgrade").contains(part), "{answer}: {out}");
        assert!(out.contains("not come to: round trip, session, compression"), "{out}");
    }
}

#[test]
fn a_refused_port_an_unknown_name_and_a_silent_server_are_told_apart() {
    let nobody = Nobody::new();
    let (code, out) = doctor(&[&nobody.url()]);
    assert_eq!(code, 3, "{out}");
    assert!(step(&out, "FAIL", "tcp").contains("connection refused → the machine answers"), "{out}");

    let (code, out) = doctor(&["ws://feed.invalid/"]);
    assert_eq!(code, 3, "{out}");
    assert!(step(&out, "FAIL", "name").contains("no address for feed.invalid"), "{out}");
    assert!(step(&out, "note", "address").contains("use wss://"), "{out}");

    let mute = Server::start(|stream, _| {
        let _ = std::io::copy(&mut &stream, &mut std::io::sink());
    });
    let (code, out) = doctor(&[&mute.url(), "--timeout", "200ms"]);
    assert_eq!(code, 3, "{out}");
    assert!(step(&out, "FAIL", "upgrade").contains("accepts connections and does not answer"), "{out}");
}

#[test]
fn a_server_that_answers_no_ping_works_and_the_consequence_is_explained() {
    // The server sends, and never reads.
    let deaf = Server::start(|stream, _| {
        let Ok(mut socket) = accept(stream) else { return };
        while socket.send("tick".into()).is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let (code, out) = doctor(&[&deaf.url(), "--timeout", "300ms", "--idle", "50ms"]);
    assert_eq!(code, 0, "{out}");
    let line = step(&out, "note", "round trip");
    assert!(line.contains("no answer to a ping within 300 ms") && line.contains("--text-ping"), "{line}");
    let line = step(&out, "note", "idle");
    assert!(line.contains("not cut in 50 ms of silence") && line.contains("answers no pings"), "{line}");
    assert!(step(&out, "ok", "session").contains("none: a plain WebSocket"), "{out}");
    assert!(step(&out, "ok", "compression").contains("does without"), "{out}");
    assert!(out.contains("It works."), "{out}");
}

#[test]
fn a_server_that_closes_what_it_accepts_is_found() {
    let rejecting = Server::start(server::close_with(1008));
    let (code, out) = doctor(&[&rejecting.url()]);
    assert_eq!(code, 4, "{out}");
    assert!(out.contains("1008") && out.contains("it may want a token"), "{out}");
}

/// A server that chooses its subprotocol from the offer, or refuses the request because of it.
#[allow(clippy::result_large_err, reason = "the callback's type is given")]
fn choosing(choose: impl Fn(&str) -> Result<Option<String>, ()> + Send + Sync + 'static) -> Server {
    Server::start(move |stream, _| {
        let callback = |request: &Request, mut response: Response| {
            let offered = request.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
            match choose(offered.unwrap_or_default()) {
                Ok(Some(name)) => {
                    response.headers_mut().insert("sec-websocket-protocol", name.parse().expect("a value"));
                    Ok(response)
                }
                Ok(None) => Ok(response),
                Err(()) => {
                    let mut refusal = ErrorResponse::new(None);
                    *refusal.status_mut() = StatusCode::BAD_REQUEST;
                    Err(refusal)
                }
            }
        };
        if let Ok(mut socket) = accept_hdr(stream, callback) {
            while socket.read().is_ok() {}
        }
    })
}

#[test]
fn a_server_is_judged_by_the_application_s_request_and_not_by_optional_features() {
    let echoes = |offered: &str| Ok(offered.split(',').next().map(str::to_owned).filter(|name| !name.is_empty()));
    let strict = |offered: &str| match offered {
        "" => Ok(None),
        "ocpp1.6" => Ok(Some("ocpp1.6".to_owned())),
        _ => Err(()),
    };
    for (server, words) in [(choosing(echoes), "no welcome"), (choosing(strict), "400 Bad Request")] {
        for more in [&[][..], &["-s", "ocpp1.6"]] {
            let (code, out) = doctor(&[&[&server.url(), "--timeout", "1s"], more].concat());
            assert_eq!(code, 0, "{out}");
            assert!(step(&out, "ok", "round trip").contains("5 pings answered"), "{out}");
            let session = step(&out, "note", "session");
            assert!(session.contains("with 'everwire.v1' among the subprotocols it fails: "), "{out}");
            assert!(session.contains(words) || words == "no welcome", "{out}");
            assert!(step(&out, "ok", "compression").contains("does without"), "{out}");
            assert_eq!(step(&out, "ok", "upgrade").contains("subprotocol ocpp1.6"), !more.is_empty(), "{out}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_addresses_that_work_are_named() {
    let good = Server::start(server::echo);
    let port = good.address.port();
    let busy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    let _bad = Server::on(&format!("127.0.0.2:{port}"), server::answer(busy));
    let url = format!("ws://feed.invalid:{port}/");
    let both = format!("feed.invalid:{port}:127.0.0.1,127.0.0.2");
    let (code, out) = doctor(&[&url, "--resolve", &both]);
    assert_eq!(code, 0, "{out}");
    assert!(step(&out, "ok", "name").contains("feed.invalid is 127.0.0.1, 127.0.0.2, by --resolve"), "{out}");
    let line = step(&out, "note", "addresses");
    assert!(line.contains(&format!("127.0.0.1:{port} works; 127.0.0.2:{port}: ")), "{line}");
    assert!(line.contains("503 Service Unavailable"), "{line}");
}

#[cfg(target_os = "linux")]
#[test]
fn if_the_first_address_closes_and_another_works_both_are_reported() {
    let good = Server::start(server::echo);
    let port = good.address.port();
    let _bad = Server::on(&format!("127.0.0.2:{port}"), server::close_with(1011));
    let url = format!("ws://feed.invalid:{port}/");
    let both = format!("feed.invalid:{port}:127.0.0.2,127.0.0.1");
    let (code, out) = doctor(&[&url, "--resolve", &both, "--timeout", "2s"]);
    assert_eq!(code, 3, "{out}");
    let line = step(&out, "note", "addresses");
    assert!(line.contains(&format!("127.0.0.2:{port}: closed by the peer with 1011")), "{line}");
    assert!(out.contains(&format!("It works at 127.0.0.1:{port}, not at 127.0.0.2:{port}.")), "{out}");
}

#[cfg(target_os = "linux")]
#[test]
fn if_the_first_address_fails_and_another_works_both_are_reported() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        "SSH-2.0-x\r\n\r\n",
    ] {
        let good = Server::start(server::echo);
        let port = good.address.port();
        let _bad = Server::on(&format!("127.0.0.2:{port}"), server::answer(answer));
        let url = format!("ws://feed.invalid:{port}/");
        let both = format!("feed.invalid:{port}:127.0.0.2,127.0.0.1");
        let (code, out) = doctor(&[&url, "--resolve", &both, "--timeout", "2s"]);
        assert_eq!(code, 3, "{answer}: {out}");
        assert!(step(&out, "FAIL", "upgrade").contains("127.0.0.2"), "{out}");
        let verdict = format!("It works at 127.0.0.1:{port}, not at 127.0.0.2:{port}.");
        assert!(out.contains(&verdict) && !out.contains("trying again won't help"), "{answer}: {out}");
    }
}

#[test]
fn a_token_that_can_not_be_fetched_is_a_local_failure() {
    let server = Server::start(server::echo);
    for (option, value, part) in [
        ("--token-command", "sleep 60", "the token command printed nothing in time"),
        ("--token-command", "exit 3", "try the command alone"),
        ("--bearer-file", "/nonexistent/token", "/nonexistent/token"),
    ] {
        let (code, out) = doctor(&[&server.url(), option, value, "--timeout", "500ms"]);
        assert_eq!(code, 1, "{value}: {out}");
        assert!(step(&out, "FAIL", "request").contains(part), "{value}: {out}");
        assert!(!out.contains("server's logs"), "{value}: {out}");
    }
}

#[test]
fn an_idle_connection_that_was_cut_is_reported_with_the_cause_although_the_client_reconnects() {
    let cutting = Server::start(|stream, _| {
        let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
        if let Ok(mut socket) = accept(stream) {
            while socket.read().is_ok() {}
            let frame = CloseFrame { code: CloseCode::Away, reason: "idle for too long".into() };
            let _ = socket.close(Some(frame)).and_then(|()| socket.flush());
        }
    });
    for _ in 0..5 {
        let (code, out) = doctor(&[&cutting.url(), "--idle", "1h", "--pings", "1"]);
        assert_eq!(code, 0, "{out}");
        let line = step(&out, "note", "idle");
        assert!(line.contains("without a word from this side: ") && line.contains("1001: idle for too long"), "{line}");
    }
}

#[test]
fn a_connection_that_is_cut_during_silence_is_found() {
    // The doctor's pings come at once; after that it sends nothing.
    let cutting = Server::start(|stream, _| {
        let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
        if let Ok(mut socket) = accept(stream) {
            while socket.read().is_ok() {}
        }
    });
    let (code, out) = doctor(&[&cutting.url(), "--idle", "1h"]);
    assert_eq!(code, 0, "{out}");
    let line = step(&out, "note", "idle");
    assert!(line.contains("cut after ") && line.contains("keep the heartbeat on"), "{line}");

    let patient = Server::start(server::echo);
    let (code, out) = doctor(&[&patient.url(), "--idle", "50ms"]);
    assert_eq!(code, 0, "{out}");
    assert!(step(&out, "ok", "idle").contains("still there after 50 ms of silence"), "{out}");
}

#[test]
fn advice_on_a_lost_upgrade_begins_with_the_proxy() {
    for (answer, parts) in [
        (
            "HTTP/1.1 426 Upgrade Required\r\nServer: lighttpd\r\nVia: 1.1 varnish\r\nContent-Length: 0\r\n\r\n",
            ["426 Upgrade Required", "(server: lighttpd, via: 1.1 varnish)"],
        ),
        (
            "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 26\r\n\r\n\
             <p>Can \"Upgrade\" only</p>\n",
            ["(server: nginx)", "Can \"Upgrade\" only"],
        ),
    ] {
        let server = Server::start(server::answer(answer));
        let (code, out) = doctor(&[&server.url()]);
        assert_eq!(code, 4, "{out}");
        let line = step(&out, "FAIL", "upgrade");
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
        assert!(line.contains("→ first check the proxy in front of the server"), "{line}");
    }
}

#[test]
fn a_port_with_tls_behind_a_ws_address_is_found() {
    let server = secure(&issuer(), "localhost", None);
    let (code, out) = doctor(&[&format!("ws://localhost:{}/", server.address.port())]);
    assert_eq!(code, 3, "{out}");
    assert!(step(&out, "FAIL", "upgrade").contains("speaks TLS: use wss:// instead of ws://"), "{out}");
}

#[test]
fn a_failure_that_needs_a_change_says_so_with_the_exit_code_of_connect() {
    let page = Server::start(server::answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    let untrusted = secure(&issuer(), "localhost", None);
    for url in [page.url(), url(&untrusted, "localhost")] {
        let (code, out) = doctor(&[&url]);
        assert_eq!(code, 3, "{out}");
        assert!(out.contains("It does not work, and won't without a change."), "{out}");
        let mut connect = support::Everwire::of(command(&["connect", &url, "--receive-only"]));
        assert_eq!(connect.finish(), 3, "{}", connect.err.text());
    }
}

#[test]
fn the_advice_on_a_redirect_loop_is_not_to_follow_it() {
    for (answer, part) in [
        ("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", "the server redirects in a circle"),
        ("HTTP/1.1 302 Found\r\nlocation: /deeper\r\ncontent-length: 0\r\n\r\n", "the server redirects in a circle"),
        ("HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n", "a proxy on the way gave this answer"),
        ("HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 8\r\n\r\n", "an older version of the protocol"),
    ] {
        let server = Server::start(server::answer(answer));
        let (code, out) = doctor(&[&server.url(), "--max-redirects", "5"]);
        assert_eq!(code, 4, "{out}");
        assert!(step(&out, "FAIL", "upgrade").contains(part), "{answer}: {out}");
    }
}

#[test]
fn a_proxy_s_own_reason_is_repeated_and_a_proxy_of_another_kind_is_recognised() {
    for (answer, code, part) in [
        ("HTTP/1.1 500 Unable to connect\r\n\r\n", 3, "500 Unable to connect"),
        ("HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n", 4, "ERR_ACCESS_DENIED 0"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", 4, "allow CONNECT to port 443 only"),
    ] {
        let proxy = Server::start(server::answer(answer));
        let (got, out) = doctor(&["ws://feed.invalid/", "--proxy", &format!("http://{}", proxy.address)]);
        assert_eq!(got, code, "{out}");
        assert!(step(&out, "FAIL", "proxy").contains(part), "{out}");
    }
    let socks = Server::start(|mut stream, _| {
        let mut greeting = [0; 3];
        let read = stream.read_exact(&mut greeting);
        if read.is_ok() && greeting == [5, 1, 0] {
            let _ = stream.write_all(&[5, 0]);
        }
    });
    let (code, out) = doctor(&["ws://feed.invalid/", "--proxy", &format!("http://{}", socks.address)]);
    assert_eq!(code, 3, "{out}");
    let line = step(&out, "FAIL", "proxy");
    assert!(line.contains(&format!("is a SOCKS 5 proxy: write socks5h://{}", socks.address)), "{line}");

    let http = Server::start(server::answer("HTTP/1.1 400 Bad Request\r\n\r\n"));
    let url = format!("socks5h://{}", http.address);
    let (code, out) = doctor(&["ws://feed.invalid/", "--proxy", &url, "--timeout", "300ms"]);
    assert_eq!(code, 3, "{out}");
    let line = step(&out, "FAIL", "proxy");
    assert!(line.contains(&format!("is an HTTP proxy: write http://{}", http.address)), "{line}");
}

#[test]
fn nothing_secret_of_the_address_is_printed() {
    let server = Server::start(server::echo);
    let url = format!("ws://ana:s3cret@{}/feed?token=s3cret", server.address);
    for more in [&[][..], &["--json"]] {
        let (code, out) = doctor(&[&[&url, "--pings", "1"], more].concat());
        assert_eq!(code, 0, "{out}");
        assert!(!out.contains("s3cret"), "{out}");
    }
    // Even if the server repeats the request's path, as Fastify does, its query is not shown.
    let repeating = Server::start(server::answer(
        "HTTP/1.1 404 Not Found\r\nServer: x/feed?token=s3cret\r\nContent-Type: application/json; charset=utf-8\r\n\
         Content-Length: 75\r\n\r\n{\"message\":\"Route GET:/feed?token=s3cret not found\",\"error\":\"Not Found\"}   ",
    ));
    let url = format!("ws://ana:s3cret@{}/feed?token=s3cret", repeating.address);
    for more in [&[][..], &["--json"]] {
        let (code, out) = doctor(&[&[&url, "--pings", "1"], more].concat());
        assert_eq!(code, 4, "{out}");
        assert!(!out.contains("s3cret") && out.contains("Route GET:/feed?… not found"), "{out}");
    }
}

#[test]
fn a_refusal_by_a_proxy_is_reported_as_the_proxy_s() {
    let target = Server::start(server::echo);
    let proxy = Server::start(server::proxy(target.address));
    let url = format!("http://ana:secret@{}", proxy.address);
    let mut doctor_by_environment = command(&["doctor", "ws://feed.invalid/"]);
    doctor_by_environment.env("HTTP_PROXY", &url);
    let mut everwire = support::Everwire::of(doctor_by_environment);
    assert_eq!(everwire.finish(), 0, "{}", everwire.out.text());
    let out = everwire.out.text();
    assert!(step(&out, "ok", "proxy").contains(&format!("by http://{}", proxy.address)), "{out}");
    assert!(!out.contains("secret"), "{out}");
    assert!(
        proxy.heard.try_iter().any(|heard| matches!(heard, Heard::Header(Some(line)) if line.contains("feed.invalid")))
    );

    let refusing = Server::start(server::answer("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"));
    let (code, out) = doctor(&["ws://feed.invalid/", "--proxy", &format!("http://{}", refusing.address)]);
    assert_eq!(code, 4, "{out}");
    assert!(step(&out, "FAIL", "proxy").contains("wants credentials"), "{out}");
}

fn url(server: &Server, host: &str) -> String {
    format!("wss://{host}:{}/", server.address.port())
}

#[test]
fn a_certificate_is_shown_and_a_fault_of_one_is_explained_with_advice() {
    let issuer = issuer();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("company.pem");
    std::fs::write(&file, issuer.pem()).expect("a file");
    let trusting = |url: &str| doctor(&[url, "--cacert", &Path::new(&file).to_string_lossy()]);

    let good = secure(&issuer, "localhost", None);
    let (code, out) = trusting(&url(&good, "localhost"));
    assert_eq!(code, 0, "{out}");
    let line = step(&out, "ok", "tls");
    assert!(line.contains("TLS 1.3 in ") && line.contains("certificate of CN=the server for localhost"), "{line}");
    assert!(line.contains("issued by CN=a company, valid "), "{line}");

    let (code, out) = doctor(&[&url(&good, "localhost")]);
    assert_eq!(code, 3, "{out}");
    let line = step(&out, "FAIL", "tls");
    assert!(
        line.contains("CN=a company") && line.contains("this machine does not trust the certificate's issuer"),
        "{line}"
    );

    let expired = secure(&issuer, "localhost", Some((2002, 2, 2)));
    let (code, out) = trusting(&url(&expired, "localhost"));
    assert_eq!(code, 3, "{out}");
    let line = step(&out, "FAIL", "tls");
    assert!(line.contains("valid 2001-01-01 to 2002-02-02") && line.contains("the certificate has expired"), "{line}");

    let other = secure(&issuer, "other.example", None);
    let (code, out) = trusting(&url(&other, "localhost"));
    assert_eq!(code, 3, "{out}");
    let line = step(&out, "FAIL", "tls");
    assert!(line.contains("for other.example") && line.contains("not for localhost"), "{line}");
    let url_of_other = url(&other, "localhost");
    let mut connect = command(&["connect", &url_of_other, "--receive-only", "--cacert"]);
    connect.arg(&file);
    let mut connect = support::Everwire::of(connect);
    assert_eq!(connect.finish(), 3, "{}", connect.err.text());
    let last = connect.err.seen.last().expect("a line");
    assert!(last.ends_with("it is for other.example, not for localhost; use a name that the certificate is for, or get another for the server"), "{last}");

    let plain = Server::start(server::echo);
    let (code, out) = doctor(&[&url(&plain, "127.0.0.1")]);
    assert_ne!(code, 0, "{out}");
    assert!(step(&out, "FAIL", "tls").contains("try ws://"), "{out}");
}
