//! `everwire serve`, `config check`, `export`, `backup` and `restore`.

#[allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test file uses a part; it is all test code")]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use support::{Everwire, PATIENCE, command, run};

#[cfg(unix)]
#[test]
fn settings_come_from_the_file_the_environment_and_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let (data, other) = (folder.path().join("data"), folder.path().join("other"));
    let config = folder.path().join("chat.toml");
    std::fs::write(&config, format!("listen = '127.0.0.1:0'\ndata = '{}'\n", other.display())).unwrap();
    let mut serve = command(&["serve", "--config", &config.display().to_string()]);
    serve.env("EVERWIRE_DATA", &data);
    let mut server = Everwire::of(serve);
    server.out.until("listening on ws://127.0.0.1:");
    let kept = server.out.until("The history is kept in");
    assert!(kept.ends_with(&data.display().to_string()), "the environment goes before the file: {kept}");
    server.signal("INT");
    assert_eq!(server.exit_code(), 0);
    assert!(data.exists() && !other.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_terminal_ends_it_in_order_unless_it_was_told_to_outlive_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", data.as_str()];
    let mut server = Everwire::start(&serve);
    server.out.until("listening on ws://127.0.0.1:");
    server.signal("HUP");
    assert_eq!(server.exit_code(), 0);

    let mut nohup = std::process::Command::new("nohup");
    nohup.arg(env!("CARGO_BIN_EXE_everwire")).args(serve);
    nohup.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = Everwire::of(nohup);
    let line = server.out.until("listening on ws://127.0.0.1:");
    server.signal("HUP");
    let mut ana = Everwire::start(&["chat", line.split(' ').next_back().unwrap(), "--name", "Ana"]);
    ana.say("still here?");
    assert_eq!(ana.finish(), 0, "{:?}", ana.err.seen);
    server.signal("TERM");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn a_file_is_checked_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("chat.toml");
    std::fs::write(&config, "keep-time = '24h'\nmetrics = 'everyone'\n").unwrap();
    let path = config.display().to_string();
    let (code, out, err) = run(&["config", "check", &path]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("listens on 127.0.0.1:8080") && out.contains("for 24 h 0 min"), "{out}");
    std::fs::write(&config, "keep-time = '24h'\nmetrics = 'all'\n").unwrap();
    let (code, out, err) = run(&["config", "check", &path]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("chat.toml, line 2: metrics: `all` is not one of `local`"), "{err}");
}

#[test]
fn a_settings_file_with_which_a_server_would_not_start_fails_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("chat.toml");
    std::fs::write(&config, "listen = '0.0.0.0:80'\n").unwrap();
    let (code, out, _) = run(&["config", "check", &config.display().to_string()]);
    assert!(code == 1 && out.contains("would not start"), "{code}: {out}");
    let (code, _, err) = run(&["config", "check", &folder.path().join("none.toml").display().to_string()]);
    assert!(code == 1 && err.contains("can't be read"), "{code}: {err}");
}

#[test]
fn an_invalid_option_is_reported_in_one_line() {
    let (code, _, err) = run(&["serve", "--keep-time", "long"]);
    assert_eq!(code, 2);
    assert!(err.contains("--keep-time") && err.contains("not a duration"), "{err}");
}

#[test]
fn the_history_is_written_out_as_json_lines() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let mut server = Everwire::start(&["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    let line = server.out.until("listening on ws://");
    let address = line.split("ws://").nth(1).and_then(|rest| rest.strip_suffix("/ws")).unwrap().to_owned();
    for (room, text) in [("lobby", "good \"morning\""), ("garden", "привет")] {
        let mut chat = Everwire::start(&["chat", &address, "--name", "ana", "--room", room]);
        chat.say(text);
        assert_eq!(chat.finish(), 0, "{:?}", chat.err.seen);
    }
    let (code, out, err) = run(&["export", "--data", &data]);
    assert_eq!(code, 0, "while the server runs: {err}");
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> =
        lines.iter().map(|line| (line["room"].as_str().unwrap(), line["text"].as_str().unwrap())).collect();
    assert_eq!(told, [("garden", "привет"), ("lobby", "good \"morning\"")]);
    let (_, out, _) = run(&["export", "--data", &data, "--room", "garden"]);
    assert_eq!(out.lines().count(), 1);
    let (code, out, err) = run(&["export", "--data", &data, "--room", "gardn"]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains(r#"the room "gardn"; check its name: rooms with messages are "garden", "lobby""#), "{err}");
    let (code, _, err) = run(&["export", "--data", "/not/there"]);
    assert!(code == 1 && err.contains("/not/there"), "{err}");
}

#[test]
fn the_history_is_copied_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let copy = folder.path().join("copy").display().to_string();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", &data];
    let say = |server: &mut Everwire, text: &str| {
        let line = server.out.until("listening on ws://");
        let mut chat = Everwire::start(&["chat", line.split(' ').next_back().unwrap(), "--name", "ana"]);
        chat.say(text);
        assert_eq!(chat.finish(), 0, "{:?}", chat.err.seen);
    };
    let mut server = Everwire::start(&serve);
    say(&mut server, "first");
    let (code, _, err) = run(&["backup", "--data", &data, &copy]);
    assert!(code == 0 && err.contains("1 message is in"), "while the server runs: {err}");
    let (code, _, err) = run(&["restore", "--data", &data, &copy]);
    assert!(code == 1 && err.contains("in use by another server"), "{err}");
    server.signal("TERM");
    assert_eq!(server.exit_code(), 0);
    let mut server = Everwire::start(&serve);
    say(&mut server, "second");
    server.signal("TERM");
    assert_eq!(server.exit_code(), 0);

    let (code, _, err) = run(&["restore", "--data", &data, &copy]);
    assert!(code == 0 && err.contains("1 message is restored") && err.contains("history-before-"), "{err}");
    let (_, out, _) = run(&["export", "--data", &data]);
    assert!(out.contains("first") && !out.contains("second"), "{out}");
    let (code, _, err) = run(&["backup", "--data", "/not/there", &copy]);
    assert!(code == 1 && err.contains("no history in /not/there (--data DIR)"), "{err}");

    // An error about the copy does not name the data folder.
    let junk = folder.path().join("junk").display().to_string();
    let nowhere = folder.path().join("nowhere/copy").display().to_string();
    std::fs::write(&junk, "no history").unwrap();
    for (args, says) in [
        (["backup", &copy], "copy exists: choose another name"),
        (["backup", &nowhere], "nowhere/copy can't be written: No such file"),
        (["backup", "."], ". is a folder: give the name of a file that is to be made"),
        (["restore", "/not/there"], "there is no file /not/there"),
        (["restore", "."], ". is a folder: name a file"),
        (["restore", &junk], "junk is damaged or no history, and was not restored"),
    ] {
        let (code, _, err) = run(&[args[0], "--data", &data, args[1]]);
        assert!(code == 1 && err.contains(says) && !err.contains("--data"), "{args:?}: {err}");
    }
}

/// The response to a request for this path.
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[cfg(unix)]
#[test]
fn metrics_and_health_checks_can_have_a_listener_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", &data];
    let mut server = Everwire::start(&[&serve[..], &["--admin-listen", "127.0.0.1:0"]].concat());
    let line = server.out.until("listening on ws://");
    let address = line.split("ws://").nth(1).and_then(|rest| rest.strip_suffix("/ws")).unwrap().to_owned();
    let line = server.out.until("Its metrics are at http://");
    let admin = line.split("http://").nth(1).and_then(|rest| rest.strip_suffix("/metrics")).unwrap().to_owned();
    assert!(get(&admin, "/metrics").contains("everwire_members 0"));
    assert!(get(&admin, "/healthz").ends_with("ok\n") && get(&admin, "/readyz").ends_with("ready\n"));
    for path in ["/", "/ws", "/api/info"] {
        assert!(get(&admin, path).starts_with("HTTP/1.1 404"), "{path}");
    }
    assert!(get(&address, "/metrics").starts_with("HTTP/1.1 403"));
    assert!(get(&address, "/healthz").ends_with("ok\n"));

    let other = folder.path().join("other").display().to_string();
    let with = |more: &[&str]| run(&[&["serve", "--listen", "127.0.0.1:0", "--data", &other][..], more].concat());
    let (code, _, err) = with(&["--admin-listen", &admin]);
    assert!(
        code == 1 && err.contains("is in use by another program") && err.contains("--admin-listen ADDRESS:PORT"),
        "{code} {err}"
    );
    let (code, _, err) = with(&["--admin-listen", "0.0.0.0:0"]);
    assert!(code == 2 && err.contains("--allow-remote"), "{code} {err}");
    let (code, _, err) = with(&["--admin-listen", "127.0.0.1:0", "--metrics", "everyone"]);
    assert!(code == 2 && err.contains("metrics goes without admin-listen"), "{code} {err}");
    server.signal("TERM");
    assert_eq!(server.exit_code(), 0);
}

#[test]
fn an_unread_log_delays_nothing_and_its_lost_lines_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let mut serve = command(&["serve", "--listen", "127.0.0.1:0", "--data", &data, "--log", "debug"]);
    let mut server = serve.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut banner = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut banner).unwrap();
    let address = banner.trim().split("ws://").nth(1).and_then(|rest| rest.strip_suffix("/ws")).unwrap().to_owned();

    // Each invalid message is a line of log: more lines than the queue and a pipe hold.
    let junk = format!("[{}]", ["1"; 101].join(","));
    let length = u16::try_from(junk.len()).unwrap().to_be_bytes();
    for _ in 0..150 {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .unwrap();
        stream.write_all(&[&[0x81, 0x80 | 126], &length[..], &[0; 4], junk.as_bytes()].concat()).unwrap();
        // Until the server closes the connection because of them.
        let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
        while !answer.windows(2).any(|code| code == 1008_u16.to_be_bytes()) {
            let read = stream.read(&mut piece).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&piece[..read]);
        }
    }
    assert!(get(&address, "/healthz").ends_with("ok\n"));
    let metrics = get(&address, "/metrics");
    let lost = metrics.lines().find_map(|line| line.strip_prefix("everwire_log_lines_lost_total "));
    assert!(lost.is_some_and(|lost| lost.parse::<u64>().unwrap() > 0), "{metrics}");
    server.kill().unwrap();
    server.wait().unwrap();
}

/// A client that sends messages of this size as fast as it can, and reads nothing but the answer to its request.
#[cfg(unix)]
fn flood(address: &str, path: &str, size: u16, sent: &std::sync::atomic::AtomicUsize) {
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    if stream.write_all(request.as_bytes()).is_err() || stream.read(&mut [0; 1024]).is_err() {
        return;
    }
    // A binary message of 16 bits' length, masked by nothing (RFC 6455 section 5.2).
    let mut frame = vec![0x82, 0x80 | 126];
    frame.extend(size.to_be_bytes());
    frame.extend([0; 4]);
    frame.resize(frame.len() + usize::from(size), b'x');
    let frames = frame.repeat(usize::from(u16::MAX / size));
    while stream.write_all(&frames).is_ok() {
        sent.fetch_add(frames.len(), std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(unix)]
#[test]
fn a_flood_does_not_delay_the_end() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", data.as_str(), "--drain", "1s"];
    let echo = ["echo", "--listen", "127.0.0.1:0"];
    for (args, path, size) in [(&serve[..], "/ws", 200), (&echo, "/", 60_000)] {
        let mut server = Everwire::start(args);
        let line = server.out.until("listening on ws://127.0.0.1:");
        let address = line.rsplit("ws://").next().unwrap().split('/').next().unwrap().to_owned();
        let sent = Arc::new(AtomicUsize::new(0));
        for _ in 0..24 {
            let (address, sent) = (address.clone(), Arc::clone(&sent));
            std::thread::spawn(move || flood(&address, path, size, &sent));
        }
        let begun = Instant::now();
        while sent.load(Ordering::Relaxed) < 4 << 20 {
            assert!(begun.elapsed() < PATIENCE, "the flood does not arrive");
            std::thread::sleep(Duration::from_millis(5));
        }
        let asked = Instant::now();
        server.signal("TERM");
        server.exit_code();
        // The clients' time and 2 s; the rest is for a busy machine.
        assert!(asked.elapsed() < Duration::from_secs(10), "{args:?} ended after {:?}", asked.elapsed());
    }
}

#[cfg(unix)]
#[test]
fn an_echo_server_closes_its_connections_at_once_when_it_ends() {
    use std::time::{Duration, Instant};

    let mut server = Everwire::start(&["echo", "--listen", "127.0.0.1:0"]);
    let url = server.out.until("listening on ws://").rsplit(' ').next().unwrap().to_owned();
    let mut client = Everwire::start(&["connect", &url, "--receive-only", "--stop-on", "1001"]);
    client.err.until_line("connected", |line| line.ends_with(": connected"));
    let asked = Instant::now();
    server.signal("TERM");
    assert_eq!((server.exit_code(), client.exit_code()), (0, 4), "{:?}", client.err.seen);
    assert!(client.err.text().contains("1001: the server ends"), "{:?}", client.err.seen);
    assert!(asked.elapsed() < Duration::from_millis(2500), "{:?}", asked.elapsed());
}
