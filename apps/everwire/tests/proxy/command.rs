//! The command line of the proxy: its output, its errors and its end.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Instant;

use crate::support::server::{Nobody, Server, echo};
use crate::support::{Everwire, PATIENCE, command, run};

/// Starts a proxy on a free port; returns it and its address.
pub(crate) fn start(args: &[&str]) -> (Everwire, String) {
    let mut proxy = Everwire::start(&[&["proxy", "--listen", "127.0.0.1:0"], args].concat());
    let line = proxy.out.until("everwire proxy listening on");
    let address = line.split("listening on ").nth(1).and_then(|rest| rest.split(',').next()).unwrap().to_owned();
    proxy.out.until("Ctrl-C ends it.");
    (proxy, address)
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[cfg(unix)]
#[test]
fn each_connection_has_its_lines_and_the_end_has_a_summary() {
    let server = Server::start(echo);
    let (mut proxy, address) = start(&["--to", &server.address.to_string()]);
    let mut client = Everwire::start(&["connect", &format!("ws://{address}/")]);
    client.say("hello");
    client.out.until("hello");
    assert_eq!(client.finish(), 0);
    proxy.out.until("#1 opened by 127.0.0.1:");
    proxy.out.until("#1 closed by the ");
    proxy.signal("INT");
    assert_eq!(proxy.exit_code(), 0);
    let summary = proxy.out.seen.last().unwrap();
    assert!(summary.starts_with("Summary: 1 connections; ") && summary.ends_with("no faults"), "{summary}");
    assert_eq!(proxy.err.text(), "");
}

#[test]
fn unread_output_delays_no_connection() {
    let server = Server::start(|mut stream, _| {
        let mut byte = [0];
        let _ = stream.read_exact(&mut byte).and_then(|()| stream.write_all(&byte));
    });
    let mut proxy =
        command(&["proxy", "--listen", "127.0.0.1:0", "--to", &server.address.to_string(), "--log", "trace"]);
    let mut proxy = proxy.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut banner = String::new();
    BufReader::new(proxy.stdout.as_mut().unwrap()).read_line(&mut banner).unwrap();
    let address = banner.split("listening on ").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
    // More lines of log and output than a pipe holds.
    for _ in 0..1500 {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"x").unwrap();
        let mut answer = [0];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"x");
    }
    proxy.kill().unwrap();
    proxy.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn each_fault_of_a_schedule_is_reported_and_counted() {
    let server = Server::start(echo);
    // The fault comes in the second message of the first connection.
    let faults = file("[[rule]]\nname = \"torn\"\nfault = \"cut\"\nconnection = 1\nafter-messages = 2\n");
    let path = faults.path().to_str().unwrap();
    let (mut proxy, address) = start(&["--to", &server.address.to_string(), "--schedule", path]);
    assert!(proxy.out.text().contains("1. torn: cut (reset), connection 1, after 2 messages"), "{}", proxy.out.text());
    let mut client = Everwire::start(&[
        "connect",
        &format!("ws://{address}/"),
        "--guarantee",
        "at-least-once",
        "--initial-delay",
        "10ms",
    ]);
    for number in 0..20 {
        client.say(&format!("line {number}"));
    }
    client.out.until("line 19");
    assert_eq!(client.finish(), 0);
    proxy.out.until("#1 fault: cut (torn)");
    proxy.out.until("#1 closed by a fault");
    proxy.out.until("#2 opened");
    proxy.signal("TERM");
    assert_eq!(proxy.exit_code(), 0);
    assert!(proxy.out.seen.last().unwrap().contains("faults: cut 1"), "{}", proxy.out.text());
}

#[cfg(unix)]
#[test]
fn an_unreachable_server_is_reported_for_each_connection() {
    let nobody = Nobody::new();
    let to = nobody.address.to_string();
    let (mut proxy, address) = start(&["--to", &to]);
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let end = stream.read(&mut [0]).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    proxy.out.until(&format!("#1 server unreachable: {to}: Connection refused"));
    proxy.signal("INT");
    assert_eq!(proxy.exit_code(), 0);
    assert!(proxy.out.seen.last().unwrap().contains("1 without a server"), "{}", proxy.out.text());
}

#[cfg(unix)]
#[test]
fn as_json_every_line_is_an_object() {
    let server = Server::start(echo);
    let to = server.address.to_string();
    let mut proxy =
        Everwire::start(&["proxy", "--to", &to, "--json", "--control", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    // The first line has the address.
    let first: serde_json::Value = serde_json::from_str(&proxy.out.until("\"event\":\"started\"")).unwrap();
    let address = first["listen"].as_str().unwrap().to_owned();
    assert!(first["control"].as_str().unwrap().starts_with("127.0.0.1:"), "{first}");
    drop(TcpStream::connect(address).unwrap());
    proxy.out.until("\"event\":\"closed\"");
    proxy.signal("INT");
    assert_eq!(proxy.exit_code(), 0);
    for line in &proxy.out.seen {
        assert!(serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].is_string(), "{line}");
    }
    assert!(proxy.out.seen.last().unwrap().contains("\"event\":\"summary\""), "{}", proxy.out.text());
}

#[test]
fn a_check_describes_a_schedule_or_reports_its_error() {
    let right = file("[[rule]]\nfault = \"mute\"\nevery = 3\n");
    let (code, out, err) = run(&["proxy", "--check", right.path().to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("is valid: 1 rule, seed 0") && out.contains("1. mute, every 3. connection"), "{out}");
    let wrong = file("seed = 1\n\n[[rule]]\nfault = \"cut\"\nafter = 5\n");
    for command in [&["--check"][..], &["--to", "127.0.0.1:9", "--schedule"]] {
        let (code, out, err) = run(&[&["proxy"], command, &[wrong.path().to_str().unwrap()]].concat());
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.contains(".toml:5:9: 5 has no unit; write it with its unit"), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[test]
fn a_profile_and_a_seed_make_the_same_schedule_each_time_and_it_can_be_read_back() {
    let print = |seed: &str| run(&["proxy", "--print", "--profile", "mixed", "--seed", seed]);
    let (code, out, err) = print("7");
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(print("7").1, out);
    assert_ne!(print("8").1, out);
    let (code, told, err) = run(&["proxy", "--check", file(&out).path().to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert!(told.contains("seed 7"), "{told}");
}

#[test]
fn a_random_seed_is_printed_so_that_it_can_be_used_again() {
    let (proxy, _) = start(&["--to", "127.0.0.1:9", "--profile", "cuts"]);
    let told = proxy.out.text();
    let seed = told.split("profile cuts, seed ").nth(1).and_then(|rest| rest.split(';').next()).expect(&told);
    let (_, out, _) = run(&["proxy", "--print", "--profile", "cuts", "--seed", seed]);
    assert!(out.starts_with(&format!("seed = {seed}\n")), "{out}");
}

#[test]
fn each_failure_is_one_line() {
    let server = Server::start(echo);
    let taken = server.address.to_string();
    let folder = std::env::temp_dir();
    let folder = folder.to_str().unwrap();
    for (args, expected, part) in [
        (&["--to", "127.0.0.1:9", "--listen", &taken][..], 1, "is in use; choose another port"),
        (&["--to", "127.0.0.1:9", "--control", &taken], 1, "is in use; choose another port with --control"),
        (&["--to", "127.0.0.1:9", "--control", "nowhere"], 1, "can't listen on 'nowhere' for control"),
        (&["--to", "127.0.0.1:9", "--listen", "nowhere"], 1, "can't listen on \"nowhere\""),
        (&["--to", "localhost"], 2, "write host and port"),
        (&["--to", "http://localhost:80"], 2, "write host and port"),
        (&["--check", "/nonexistent/faults.toml"], 1, "/nonexistent/faults.toml can't be read: "),
        (&["--check", folder], 1, "can't be read: "),
    ] {
        let (code, out, err) = run(&[&["proxy"], args].concat());
        assert_eq!((code, out.as_str()), (expected, ""), "{args:?}: {err}");
        assert!(err.contains(part) && err.starts_with("everwire: "), "{args:?}: {err}");
        assert_eq!(err.lines().count(), 1, "{args:?}: {err}");
    }
}

#[test]
fn an_invalid_command_line_is_a_usage_error() {
    for (args, part) in [
        (&[][..], "--to <HOST:PORT>"),
        (&["--to", "h:1", "--profile", "stormy"], "mobile"),
        (&["--to", "h:1", "--profile", "cuts", "--schedule", "x"], "cannot be used with"),
        (&["--to", "h:1", "--seed", "x"], "not a whole number of at least 0"),
        (&["--check", "x", "--to", "h:1"], "cannot be used with"),
    ] {
        let (code, out, err) = run(&[&["proxy"], args].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(part), "{args:?}: {err}");
    }
}

#[test]
fn the_help_has_examples_and_exit_codes() {
    let (code, out, err) = run(&["proxy", "--help"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for part in ["Examples:", "Exit codes:", "everwire proxy --check", "black-hole", "hostile"] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let server = Server::start(echo);
    let mut command =
        crate::support::command(&["proxy", "--to", &server.address.to_string(), "--listen", "127.0.0.1:0"]);
    let mut child = command.spawn().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    let address = line.split("listening on ").nth(1).and_then(|rest| rest.split(',').next()).unwrap().to_owned();
    drop(stdout);
    // Each connection is a line of output that nobody reads.
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it runs on");
        let _ = TcpStream::connect(&address);
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
