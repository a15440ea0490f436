//! `everwire serve` and `everwire chat` in pipes.

#[allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test file uses a part; it is all test code")]
mod support;

use std::net::TcpListener;

use support::server::{self, Nobody, Server};
use support::{Everwire, run};

const FAST: &[&str] = &["--initial-delay", "20ms", "--max-delay", "100ms"];

/// Starts a server; returns it and its address.
fn serve(listen: &str, data: &std::path::Path) -> (Everwire, String) {
    let mut server = Everwire::start(&["serve", "--listen", listen, "--data", &data.display().to_string()]);
    let line = server.out.until("listening on ws://");
    let address = line.split("ws://").nth(1).and_then(|rest| rest.strip_suffix("/ws")).unwrap_or_default();
    (server, address.to_owned())
}

fn chat(address: &str, name: &str, more: &[&str]) -> Everwire {
    Everwire::start(&[&["chat", address, "--name", name], FAST, more].concat())
}

#[cfg(unix)]
#[test]
fn two_users_chat_through_a_server() {
    let data = tempfile::tempdir().unwrap();
    let (mut server, address) = serve("127.0.0.1:0", data.path());
    let mut ana = chat(&address, "ana", &[]);
    ana.err.until("connected");
    let mut ben = chat(&address, "ben", &[]);
    ana.out.until("ben joined");
    ana.say("hello ben");
    ben.out.until("ana: hello ben");
    ana.out.until("ana: hello ben ✓");
    ben.say("hello ana");
    ana.out.until("ben: hello ana");
    assert_eq!(ben.finish(), 0, "{:?}", ben.err.seen);
    ana.out.until("ben left");
    server.signal("INT");
    assert_eq!(server.exit_code(), 0, "{:?}", server.err.seen);
    ana.err.until("disconnected");
    assert_eq!(ana.finish(), 0, "everything she said has arrived: {:?}", ana.err.seen);
    assert!(!ana.out.text().contains('\u{1b}') && !ana.err.text().contains('\u{1b}'), "no colours in a pipe");
}

#[test]
fn rooms_are_apart() {
    let data = tempfile::tempdir().unwrap();
    let (_server, address) = serve("127.0.0.1:0", data.path());
    let mut ana = chat(&address, "ana", &["--room", "garden & shed"]);
    ana.err.until("connected");
    let mut eve = chat(&address, "eve", &["--room", "kitchen"]);
    eve.say("not for ana");
    assert_eq!(eve.finish(), 0);
    let mut ben = chat(&address, "ben", &["--room", "garden & shed"]);
    ben.say("for ana");
    ana.out.until("ben: for ana");
    assert!(!ana.out.text().contains("eve"), "{:?}", ana.out.seen);
}

#[test]
fn a_script_sends_one_line() {
    let data = tempfile::tempdir().unwrap();
    let (_server, address) = serve("127.0.0.1:0", data.path());
    let mut ana = chat(&format!("http://{address}"), "ana", &["--receive-only"]);
    ana.err.until("connected");
    let mut script = chat(&address, "ci", &[]);
    script.say("/retry is no command in a pipe");
    assert_eq!(script.finish(), 0, "{:?}", script.err.seen);
    ana.out.until("ci: /retry is no command in a pipe");
}

#[test]
fn the_messages_of_others_never_control_the_terminal() {
    let data = tempfile::tempdir().unwrap();
    let (_server, address) = serve("127.0.0.1:0", data.path());
    let mut ana = chat(&address, "ana", &[]);
    ana.err.until("connected");
    let mut eve = chat(&address, "eve", &[]);
    eve.say("red \u{1b}[31m and gone \u{1b}[2J");
    assert_eq!(ana.out.until("eve: red").split("eve: ").nth(1), Some("red ␛[31m and gone ␛[2J"));
}

#[test]
fn lines_typed_while_the_server_is_down_arrive_once_when_it_is_back() {
    let data = tempfile::tempdir().unwrap();
    let (mut server, address) = serve("127.0.0.1:0", data.path());
    let mut ana = chat(&address, "ana", &[]);
    ana.err.until("connected");
    let mut ben = chat(&address, "ben", &[]);
    ana.out.until("ben joined");
    ana.say("before");
    ben.out.until("ana: before");
    server.kill();
    ana.err.until("disconnected");
    for n in 0..10 {
        ana.say(&format!("while away {n}"));
    }
    ben.err.until("disconnected");
    let (_server, _) = serve(&address, data.path());
    ana.out.until("ana: while away 9 ✓");
    assert_eq!(ana.finish(), 0, "{:?}", ana.err.seen);
    drop(ben);
}

#[test]
fn without_a_server_it_gives_up_with_exit_code_3_when_attempts_are_limited() {
    let nobody = Nobody::new();
    let address = nobody.address.to_string();
    // The time between the two attempts is enough to read the line.
    let slow = ["--max-attempts", "2", "--initial-delay", "1s", "--max-delay", "1s", "--jitter", "none"];
    let mut ana = chat(&address, "ana", &slow);
    ana.say("hello?");
    assert_eq!(ana.finish(), 3, "{:?}", ana.err.seen);
    assert!(ana.out.text().contains("ana: hello? ✗"), "{:?}", ana.out.seen);
    assert!(ana.err.text().contains("gave up after 2 attempts"), "{:?}", ana.err.seen);
}

#[test]
fn a_line_that_was_not_sent_in_time_means_exit_code_5() {
    let nobody = Nobody::new();
    let address = nobody.address.to_string();
    let mut ana = chat(&address, "ana", &["--close-timeout", "200ms"]);
    ana.say("hello?");
    assert_eq!(ana.finish(), 5, "{:?}", ana.err.seen);
    assert!(ana.out.text().contains("ana: hello? ✗"), "{:?}", ana.out.seen);
}

#[test]
fn a_chat_without_input_that_never_connected_fails() {
    let nobody = Nobody::new();
    let address = nobody.address.to_string();
    let mut once = chat(&address, "ana", &["--max-attempts", "1"]);
    assert_eq!(once.finish(), 3, "{:?}", once.err.seen);
    assert!(once.err.text().contains("gave up after 1 attempt"), "{:?}", once.err.seen);
    let mut late = chat(&address, "ana", &["--close-timeout", "200ms"]);
    assert_eq!(late.finish(), 3, "{:?}", late.err.seen);
    assert!(late.err.text().contains("there never was a connection: "), "{:?}", late.err.seen);
    let data = tempfile::tempdir().unwrap();
    let (_server, address) = serve("127.0.0.1:0", data.path());
    let mut ana = chat(&address, "ana", &[]);
    assert_eq!(ana.finish(), 0, "{:?}", ana.err.seen);
    assert!(ana.err.text().contains("connected"), "a first connection is waited for: {:?}", ana.err.seen);
}

#[test]
fn a_port_in_use_is_reported_in_one_line_with_advice() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for command in ["serve", "echo"] {
        let (code, out, err) = run(&[command, "--listen", &address]);
        assert_eq!((code, out.as_str()), (1, ""), "{command}");
        assert_eq!(err.lines().count(), 1, "{err}");
        assert!(err.contains("in use by another program: stop it, or choose another port"), "{err}");
        assert!(err.contains("--listen"), "{err}");
    }
}

#[test]
fn a_data_folder_in_use_is_reported_in_one_line_with_advice() {
    let data = tempfile::tempdir().unwrap();
    let (_server, _) = serve("127.0.0.1:0", data.path());
    let (code, out, err) = run(&["serve", "--listen", "127.0.0.1:0", "--data", &data.path().display().to_string()]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("in use by another server") && err.contains("--data"), "{err}");
}

#[test]
fn an_address_that_other_machines_reach_has_to_be_allowed() {
    let (code, _, err) = run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(code, 2);
    assert!(err.contains("--allow-remote") && err.contains("no TLS"), "{err}");
}

#[cfg(unix)]
#[test]
fn the_server_prints_how_to_join_with_its_real_port() {
    let data = tempfile::tempdir().unwrap();
    let (mut server, address) = serve("127.0.0.1:0", data.path());
    let line = server.out.until("--name ben");
    assert!(line.contains(&format!("chat {address} --name ben")), "{line}");
    assert!(!address.ends_with(":0"));
    server.signal("TERM");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn a_line_written_offline_is_sent_by_the_next_start() {
    let (data, outbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kept = ["--user", "ana", "--outbox", &outbox.path().display().to_string(), "--close-timeout", "300ms"];
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut offline = chat(&address, "ana", &kept);
    offline.err.until("disconnected");
    offline.say("from the train");
    assert_eq!(offline.finish(), 5, "it says that the line has not arrived: {:?}", offline.err.seen);
    let (_server, address) = serve(&address, data.path());
    let mut ben = chat(&address, "ben", &["--receive-only"]);
    ben.err.until("connected");
    let mut again = chat(&address, "ana", &kept);
    again.out.until("ana: from the train ✓");
    ben.out.until("ana: from the train");
    assert_eq!(again.finish(), 0, "{:?}", again.err.seen);
    let mut third = chat(&address, "ana", &kept);
    third.err.until("connected");
    third.say("home");
    ben.out.until("ana: home");
    assert_eq!(third.finish(), 0);
    assert_eq!(ben.out.text().matches("from the train").count(), 1, "{}", ben.out.text());
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_leaves_at_once_and_reports_unsent_lines() {
    let outbox = tempfile::tempdir().unwrap();
    let folder = outbox.path().display().to_string();
    for (more, says) in [
        (vec!["--user", "ana", "--outbox", folder.as_str()], "1 message was not sent; it is kept in"),
        (vec![], "1 message is not known to have been sent, and is kept nowhere; --user NAME --outbox DIR"),
    ] {
        let server = Server::start(server::mute);
        let mut ana = chat(&server.url(), "ana", &[&["--close-timeout", "60s"], &more[..]].concat());
        ana.say("is anybody there?");
        server.next_message();
        ana.signal("INT");
        ana.err.until("leaving; Ctrl-C again leaves at once");
        ana.signal("INT");
        assert_eq!(ana.exit_code(), 130, "{:?}", ana.err.seen);
        assert!(ana.err.text().contains(says), "{:?}", ana.err.seen);
    }
}

#[test]
fn unsent_lines_go_to_no_other_server_and_under_no_other_user() {
    let (data, outbox) = ([(); 2].map(|()| tempfile::tempdir().unwrap()), tempfile::tempdir().unwrap());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = format!("127.0.0.1:{port}");
    let kept = |user: &'static str| {
        ["--user", user, "--outbox", outbox.path().to_str().unwrap(), "--close-timeout", "300ms"].map(str::to_owned)
    };
    let say = |address: &str, user: &'static str, line: &str| {
        let kept = kept(user);
        let mut chat = chat(address, user, &kept.each_ref().map(String::as_str));
        chat.say(line);
        (chat.finish(), chat.out.text())
    };
    assert_eq!(say(&away, "ana", "for the first alone").0, 5, "it waits");
    let (_other, elsewhere) = serve("127.0.0.1:0", data[1].path());
    let (code, out) = say(&elsewhere, "ana", "for the other");
    assert_eq!(code, 0);
    assert!(!out.contains("for the first alone"), "{out}");
    let (_server, back) = serve(&away, data[0].path());
    let (code, out) = say(&back, "ben", "of ben");
    assert_eq!(code, 0);
    assert!(!out.contains("for the first alone"), "{out}");
    let (code, out) = say(&back, "ana", "and this");
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("for the first alone ✓"), "{out}");
    let said = |data: &tempfile::TempDir| run(&["export", "--data", &data.path().display().to_string()]).1;
    assert_eq!(said(&data[0]).matches("for the first alone").count(), 1);
    assert!(!said(&data[1]).contains("for the first alone"));
}

#[test]
fn an_outbox_requires_a_user() {
    let (code, _, err) = run(&["chat", "localhost:1", "--name", "ana", "--outbox", "/tmp/x"]);
    assert!(code == 2 && err.contains("--user"), "{err}");
}
