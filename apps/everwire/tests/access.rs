//! Accounts, bans, closed rooms and TLS, from the command line.

#[allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test file uses a part; it is all test code")]
mod support;

use std::path::Path;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use support::server::{Heard, Holding, Server, answer, proxy};
use support::tls::Gate;
use support::{Everwire, command, run};

const PASSWORD: &str = "correct horse battery";

/// Runs a command to its end, with the password as the first line of stdin.
#[allow(clippy::expect_used, reason = "this is how a test fails")]
fn with_password(args: &[&str], password: &str) -> (i32, String) {
    let mut everwire = Everwire::start(args);
    everwire.say(password);
    let code = everwire.finish();
    (code, everwire.err.text())
}

/// Starts a server; returns it and its address.
#[allow(clippy::expect_used, reason = "this is how a test fails")]
fn serve(data: &str, more: &[&str], scheme: &str) -> (Everwire, String) {
    let args = [&["serve", "--listen", "127.0.0.1:0", "--data", data], more].concat();
    let mut server = Everwire::start(&args);
    let line = server.out.until(&format!("listening on {scheme}://"));
    let address = line.split("://").nth(1).and_then(|rest| rest.strip_suffix("/ws")).expect("an address").to_owned();
    (server, address)
}

fn chat(address: &str, user: &str, password: &str, more: &[&str]) -> Everwire {
    let mut chat = command(&[&["chat", address, "--user", user, "--sign-in"], more].concat());
    chat.env("EVERWIRE_PASSWORD", password);
    Everwire::of(chat)
}

#[test]
fn a_user_signs_in_writes_and_is_banned_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let add = ["user", "add", "ana", "--name", "Ana Lima", "--data", &data];
    assert_eq!(with_password(&add, "short"), (1, "everwire: ana: a password has at least 8 bytes".into()));
    assert_eq!(with_password(&add, PASSWORD), (0, "everwire: ana may sign in".into()));
    assert_eq!(with_password(&add, PASSWORD), (1, "everwire: ana: account already exists".into()));

    let (_server, address) = serve(&data, &["--auth", "accounts"], "ws");
    let mut wrong = chat(&address, "ana", "wrong horse", &[]);
    assert_eq!(wrong.finish(), 4);
    assert!(wrong.err.text().contains("sign-in: the user or the password is wrong"), "{:?}", wrong.err.seen);
    let (code, _, err) = run(&["chat", &address, "--name", "guest", "--receive-only"]);
    assert!(code == 4 && err.contains("401") && err.contains("--user NAME --sign-in"), "{code} {err}");

    let mut ana = chat(&address, "ana", PASSWORD, &[]);
    ana.say("signed");
    assert_eq!(ana.finish(), 0, "{:?}", ana.err.seen);
    let (_, out, _) = run(&["export", "--data", &data]);
    assert!(out.contains("\"userName\":\"Ana Lima\"") && out.contains("\"text\":\"signed\""), "{out}");

    let mut ana = chat(&address, "ana", PASSWORD, &["--receive-only"]);
    ana.err.until("connected");
    let (code, _, err) = run(&["user", "ban", "ana", "--data", &data]);
    assert_eq!((code, err.as_str()), (0, "everwire: ana is banned"));
    assert_eq!(ana.exit_code(), 4, "{:?}", ana.err.seen);
    let err = ana.err.text();
    assert!(err.contains("banned") && err.contains("whoever runs the server can let you in again"), "{err}");
    let (_, out, _) = run(&["user", "list", "--data", &data]);
    assert_eq!(out, "ana\tAna Lima\tbanned");
}

#[test]
fn a_user_whose_id_differs_from_an_account_s_by_case_only_is_refused_with_the_account() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    with_password(&["user", "add", "ana", "--data", &data], PASSWORD);
    let hint = "everwire: Ana: there is no such account; if ana is meant, write it so";
    for command in [
        &["user", "ban", "Ana"][..],
        &["user", "unban", "Ana"],
        &["user", "remove", "Ana"],
        &["room", "admit", "board", "Ana"],
        &["room", "dismiss", "board", "Ana"],
        &["room", "close", "board", "Ana"],
    ] {
        let (code, _, err) = run(&[command, &["--data", &data]].concat());
        assert_eq!((code, err.as_str()), (1, hint), "{command:?}");
    }
    assert_eq!(with_password(&["user", "passwd", "Ana", "--data", &data], PASSWORD), (1, hint.into()));
    assert_eq!(run(&["user", "list", "--data", &data]).1, "ana\tana");
    assert_eq!(run(&["room", "list", "--data", &data]).1, "", "the room is open");
    assert_eq!(run(&["user", "ban", "ana", "--data", &data]).2, "everwire: ana is banned");
}

#[test]
fn a_command_about_a_room_names_another_that_differs_in_case_only() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    with_password(&["user", "add", "ana", "--data", &data], PASSWORD);
    let room = |words: &[&str]| run(&[&["room"], words, &["--data", &data]].concat()).2;
    assert_eq!(room(&["close", "board"]), "everwire: board is for its members only");
    let other = "everwire: board is another room, and stays as it was";
    assert_eq!(room(&["open", "Board"]), format!("everwire: Board was open before\n{other}"));
    assert_eq!(room(&["admit", "Board", "ana"]), format!("everwire: ana is a member of Board\n{other}"));
    assert_eq!(room(&["publish", "garden"]), "everwire: garden is listed");
}

#[test]
fn a_user_signs_in_by_the_page_s_address_under_a_base_path() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    with_password(&["user", "add", "ana", "--data", &data], PASSWORD);
    let (_server, address) = serve(&data, &["--auth", "accounts", "--base-path", "/chat/"], "ws");
    assert!(address.ends_with("/chat"), "{address}");
    let mut ana = chat(&format!("http://{address}/"), "ana", PASSWORD, &[]);
    ana.say("below");
    assert_eq!(ana.finish(), 0, "{:?}", ana.err.seen);

    let (code, out, err) = run(&["serve", "--base-path", "chat", "--data", &data]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("the path does not begin with '/'; write it like /chat"), "{err}");
}

#[test]
fn a_missing_folder_is_reported_and_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("typo").display().to_string();
    for args in [
        &["user", "list"][..],
        &["user", "remove", "ana"],
        &["user", "unban", "ana"],
        &["room", "list"],
        &["room", "open", "board"],
        &["export"],
    ] {
        let (code, out, err) = run(&[args, &["--data", &data]].concat());
        assert_eq!((code, out.as_str()), (1, ""), "{args:?}: {err}");
        assert!(err.contains("there is no history in ") && err.contains("--data"), "{args:?}: {err}");
        assert!(!Path::new(&data).exists(), "{args:?}");
    }
}

#[test]
fn with_an_outbox_a_sign_in_outlives_the_program_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let outbox = folder.path().join("outbox").display().to_string();
    with_password(&["user", "add", "ana", "--data", &data], PASSWORD);
    let (_server, address) = serve(&data, &["--auth", "accounts"], "ws");
    let again = |line: &str| {
        let mut ana = Everwire::start(&["chat", &address, "--user", "ana", "--sign-in", "--outbox", &outbox]);
        ana.say(line);
        (ana.finish(), ana.err.text())
    };
    let (code, err) = again("too early");
    assert!(code == 2 && err.contains("set EVERWIRE_PASSWORD"), "{code} {err}");
    let mut ana = chat(&address, "ana", PASSWORD, &["--outbox", &outbox]);
    ana.say("signed in");
    assert_eq!(ana.finish(), 0, "{:?}", ana.err.seen);
    for line in ["once more", "and once more"] {
        let (code, err) = again(line);
        assert_eq!(code, 0, "{err}");
    }
    let (_, out, _) = run(&["export", "--data", &data]);
    assert!(["signed in", "once more", "and once more"].iter().all(|line| out.contains(line)), "{out}");

    // A new password ends the sign-ins before it.
    with_password(&["user", "passwd", "ana", "--data", &data], "another horse battery");
    let (code, err) = again("too late");
    assert!(code == 2 && err.contains("set EVERWIRE_PASSWORD"), "{code} {err}");
}

#[test]
fn a_closed_room_is_named_with_its_members() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    with_password(&["user", "add", "ana", "--data", &data], PASSWORD);
    let room = |words: &[&str]| run(&[&["room"], words, &["--data", &data]].concat());
    assert_eq!(room(&["close", "board", "ana", "ben"]).2, "everwire: board is for its members only");
    assert_eq!(room(&["dismiss", "board", "ben"]).2, "everwire: ben is not a member of board");
    assert_eq!(room(&["list"]).1, "board\tana");
    assert_eq!(room(&["open", "board"]).2, "everwire: board is open to all");
    assert_eq!(room(&["list"]).1, "");
}

#[test]
fn a_room_is_published_for_a_server_of_guests_too() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let mut server = Everwire::start(&["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    server.out.until("listening on ws://");
    let room = |words: &[&str]| run(&[&["room"], words, &["--data", &data]].concat());
    assert_eq!(room(&["publish", "garden"]).2, "everwire: garden is listed");
    assert_eq!(room(&["publish", "garden"]).2, "everwire: garden was listed before");
    assert_eq!(room(&["list", "--published"]).1, "garden");
    assert_eq!(room(&["list"]).1, "", "it is not closed");
    assert_eq!(room(&["unpublish", "garden"]).2, "everwire: garden is not listed any more");
    assert_eq!(room(&["list", "--published"]).1, "");
    assert_eq!(room(&["publish", " "]).0, 1);
}

#[test]
fn a_user_refused_by_a_closed_room_is_told_to_join_another_or_to_ask() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    with_password(&["user", "add", "ana", "--data", &data], PASSWORD);
    run(&["room", "close", "board", "ben", "--data", &data]);
    let (_server, address) = serve(&data, &["--auth", "accounts"], "ws");
    let mut ana = chat(&address, "ana", PASSWORD, &["--room", "board", "--receive-only"]);
    assert_eq!(ana.exit_code(), 4, "{:?}", ana.err.seen);
    let err = ana.err.text();
    assert!(err.contains("for its members only") && err.contains("join another room with --room"), "{err}");
}

/// Replaces the certificate for this machine by a new one.
#[allow(clippy::expect_used, reason = "this is how a test fails")]
fn certify(folder: &Path) -> String {
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).expect("a certificate");
    let pem = cert.pem();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).expect("the key is written");
    std::fs::write(folder.join("cert.pem"), &pem).expect("the certificate is written");
    std::fs::write(folder.join("trusted.pem"), pem).expect("the root is written");
    folder.join("trusted.pem").display().to_string()
}

#[test]
fn a_running_server_loads_a_new_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let root = certify(folder.path());
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name).display().to_string());
    with_password(&["user", "add", "ana", "--data", &data], PASSWORD);
    let tls = ["--auth", "accounts", "--tls-cert", &cert, "--tls-key", &key];
    let (_server, address) = serve(&data, &tls, "wss");
    let url = format!("wss://{address}");
    let mut ana = chat(&url, "ana", PASSWORD, &["--cacert", &root]);
    ana.say("sealed");
    assert_eq!(ana.finish(), 0, "{:?}", ana.err.seen);

    certify(folder.path());
    // Until the server has loaded the new certificate, clients that trust the new root only are refused.
    let deadline = std::time::Instant::now() + support::PATIENCE;
    loop {
        let mut ana = chat(&url, "ana", PASSWORD, &["--cacert", &root, "--max-attempts", "1"]);
        ana.say("sealed anew");
        match ana.finish() {
            0 => break,
            code => assert!(std::time::Instant::now() < deadline, "{code}: {:?}", ana.err.seen),
        }
    }
    let (_, out, _) = run(&["export", "--data", &data]);
    assert!(out.contains("sealed anew"), "{out}");
}

#[test]
fn a_password_goes_to_no_other_server_than_the_messages() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let root = certify(folder.path());
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name).display().to_string());
    with_password(&["user", "add", "ana", "--data", &data], PASSWORD);
    let tls = ["--auth", "accounts", "--tls-cert", &cert, "--tls-key", &key];
    let (_server, address) = serve(&data, &tls, "wss");
    let other_key = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let pinned = ["--cacert", &root, "--pin", other_key, "--max-attempts", "1"];
    let mut ana = chat(&format!("wss://{address}"), "ana", "wrong horse", &pinned);
    assert_ne!(ana.finish(), 0);
    let err = ana.err.text();
    assert!(err.contains("none of those pinned") && !err.contains("password is wrong"), "{err}");
}

#[test]
fn a_sign_in_uses_the_client_certificate_and_the_pin_of_the_messages() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    with_password(&["user", "add", "ana", "--data", &data], PASSWORD);
    let (_server, address) = serve(&data, &["--auth", "accounts"], "ws");
    let Gate { address, root, pin, client, .. } = &Gate::before(&address, folder.path());
    let url = format!("wss://{address}");
    let known = ["--cacert", root, "--pin", pin, "--max-attempts", "1"];
    let mut ana = chat(&url, "ana", PASSWORD, &[&known[..], &["--cert", client]].concat());
    ana.say("through the gate");
    assert_eq!(ana.finish(), 0, "{:?}", ana.err.seen);
    let (_, out, _) = run(&["export", "--data", &data]);
    assert!(out.contains("through the gate"), "{out}");

    let mut without = chat(&url, "ana", "wrong horse", &known);
    assert_ne!(without.finish(), 0);
    assert!(!without.err.text().contains("password is wrong"), "it was asked: {:?}", without.err.seen);
}

#[test]
fn a_sign_in_uses_the_headers_and_the_proxy_of_the_messages() {
    let gateway = Server::start(answer("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}"));
    let proxy = Server::start(proxy(gateway.address));
    let by = format!("http://{}", proxy.address);
    let more = ["-H", "Authorization: Bearer of the gateway", "--proxy", &by];
    let mut ana = chat("ws://127.0.0.1:1", "ana", PASSWORD, &more);
    assert_eq!(ana.finish(), 4, "{:?}", ana.err.seen);
    let header = |server: &Server| loop {
        if let Heard::Header(header) = server.next() {
            return header;
        }
    };
    assert_eq!(header(&proxy).as_deref(), Some("CONNECT 127.0.0.1:1 HTTP/1.1"));
    assert_eq!(header(&gateway).as_deref(), Some("Bearer of the gateway"));
}

#[test]
fn an_answer_to_a_refresh_that_comes_after_the_attempt_has_ended_is_used_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let outbox = folder.path().join("outbox").display().to_string();
    with_password(&["user", "add", "ana", "--data", &data], PASSWORD);
    let (_server, address) = serve(&data, &["--auth", "accounts"], "ws");
    let holding = Holding::on("127.0.0.1:0", &address);
    let front = holding.front.address.to_string();
    let fast = ["--connect-timeout", "300ms", "--initial-delay", "20ms", "--max-delay", "100ms"];
    let mut ana = chat(&front, "ana", PASSWORD, &["--outbox", &outbox]);
    ana.say("signed in");
    assert_eq!(ana.finish(), 0, "{:?}", ana.err.seen);
    drop(holding);

    let sign_in = ["chat", &front, "--user", "ana", "--sign-in", "--outbox", &outbox];
    let mut ana = Everwire::start(&[&sign_in[..], &fast].concat());
    ana.err.until("disconnected");
    let holding = Holding::on(&front, &address);
    for _ in 0..3 {
        ana.err.until("did not finish within");
    }
    holding.go_on();
    ana.err.until("connected");
    ana.say("still here");
    assert_eq!(ana.finish(), 0, "{:?}", ana.err.seen);
    let is_refresh = |heard: &Heard| matches!(heard, Heard::Header(Some(line)) if line.contains("/api/refresh"));
    assert_eq!(holding.front.heard.try_iter().filter(is_refresh).count(), 1);
}

#[test]
fn an_error_about_a_certificate_names_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    certify(folder.path());
    let cert = folder.path().join("cert.pem").display().to_string();
    let (code, _, err) = run(&["serve", "--listen", "127.0.0.1:0", "--data", &data, "--tls-cert", &cert]);
    assert!(code == 1 && err.contains("cert.pem holds no private key in PEM form"), "{err}");
    let (code, _, err) = run(&["serve", "--listen", "127.0.0.1:0", "--data", &data, "--tls-cert", "/not/there"]);
    assert!(code == 1 && err.contains("/not/there"), "{err}");
    let (code, _, err) = run(&["serve", "--auth", "tokens", "--data", &data]);
    assert!(code == 2 && err.contains("issuer-keys"), "{err}");
    let (code, _, err) = run(&["chat", "ws://chat.example.org", "--user", "ana", "--sign-in"]);
    assert!(code == 2 && err.contains("use wss://"), "{err}");
}

/// The blocks of a page that are fenced as `language`.
#[cfg(unix)]
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let parts: Vec<&str> = page.split("```").collect();
    let is_of = |part: &&str| format!("```{part}").starts_with(&fence);
    parts.into_iter().filter(is_of).filter_map(|part| part.split_once('\n')).map(|(_, block)| block).collect()
}

#[cfg(unix)]
fn shell(line: &str, data: &Path) -> std::process::Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_everwire")).parent().map(Path::to_path_buf).unwrap_or_default();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = std::process::Command::new("sh");
    command.args(["-c", line]).env("PATH", path).env("EVERWIRE_DATA", data);
    command
}

#[cfg(unix)]
#[test]
fn the_commands_of_the_page_on_running_a_server_do_what_it_shows() {
    let page = include_str!("../../../docs/serve.md");
    let data = tempfile::tempdir().unwrap();
    let mut shown = Vec::new();
    for line in blocks(page, "console").concat().lines() {
        match line.strip_prefix("$ ") {
            Some(command) => shown.push((command.to_owned(), String::new())),
            None => shown.last_mut().unwrap().1.push_str(&format!("{line}\n")),
        }
    }
    assert!(shown.len() >= 6, "the page lost its commands");
    for (line, expected) in shown {
        let output = shell(&format!("{line} 2>&1"), data.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{line}");
    }
    let others = blocks(page, "sh").concat();
    assert!(others.lines().count() >= 4, "the page lost its commands");
    for line in others.lines() {
        let output = shell(&format!("{line} --help"), data.path()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_ban_or_a_closed_room_without_effect_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mistyped = folder.path().join("mistyped");
    let keeping_out: [&[&str]; 4] = [
        &["user", "ban", "eve"],
        &["room", "close", "board"],
        &["room", "admit", "board", "ana"],
        &["room", "dismiss", "board", "ana"],
    ];
    let run_on = |command: &[&str], data: &std::path::Path| {
        let data = data.display().to_string();
        let (code, _, err) = run(&[command, &["--data", &data]].concat());
        (code, err)
    };
    for command in keeping_out {
        let (code, err) = run_on(command, &mistyped);
        assert!(code == 1 && err.contains("no history in"), "{command:?}: {err}");
        assert!(!mistyped.exists(), "{command:?} makes no folder");
    }
    for (auth, expected) in [("none", 1), ("accounts", 0)] {
        let data = folder.path().display().to_string();
        let mut server = Everwire::start(&["serve", "--listen", "127.0.0.1:0", "--data", &data, "--auth", auth]);
        server.out.until("listening on ws://");
        for command in keeping_out {
            let (code, err) = run_on(command, folder.path());
            assert_eq!(code, expected, "--auth {auth}, {command:?}: {err}");
            assert_eq!(err.contains("--auth accounts"), expected == 1, "{err}");
        }
        server.signal("TERM");
        assert_eq!(server.exit_code(), 0);
    }
}
