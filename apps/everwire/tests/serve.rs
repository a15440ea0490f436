//! `everwire serve`, `config check` and `export`: settings from everywhere, and the history taken out.

#[allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test file uses a part; it is all test code")]
mod support;

use std::process::Stdio;

use support::{Everwire, command, run};

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
    assert!(err.contains("chat.toml, line 2: unknown variant `all`"), "{err}");
}

#[test]
fn a_file_with_which_a_server_would_not_start_has_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("chat.toml");
    std::fs::write(&config, "listen = '0.0.0.0:80'\n").unwrap();
    let (code, out, _) = run(&["config", "check", &config.display().to_string()]);
    assert!(code == 1 && out.contains("would not start"), "{code}: {out}");
    let (code, _, err) = run(&["config", "check", &folder.path().join("none.toml").display().to_string()]);
    assert!(code == 1 && err.contains("can't be read"), "{code}: {err}");
}

#[test]
fn a_flag_that_makes_no_sense_is_told_in_one_line() {
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
    let (code, _, err) = run(&["export", "--data", "/not/there"]);
    assert!(code == 1 && err.contains("/not/there"), "{err}");
}
