//! Errors about the command line are one helpful line with exit code 2, and help has examples.

#[allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test file uses a part; it is all test code")]
mod support;

use support::run;

#[test]
fn every_bad_input_has_its_line_and_exit_code() {
    for (args, part) in [
        (&["connect"][..], "<URL>"),
        (&["connect", "ftp://example.org"], "use ws:// or"),
        (&["connect", "ws://"], "names no host"),
        (&["connect", "ws://host:99999/"], "1 to 65535"),
        (&["connect", "ws://ex ample"], "no spaces"),
        (&["connect", "ws://h", "--initial-delay", "5"], "no unit"),
        (&["connect", "ws://h", "--max-delay", "soon"], "not a duration"),
        (&["connect", "ws://h", "--heartbeat-interval=-3s"], "negative"),
        (&["connect", "ws://h", "--factor", "0.5"], "factor"),
        (&["connect", "ws://h", "--jitter", "some"], "full"),
        (&["connect", "ws://h", "--max-attempts", "0"], "at least 1"),
        (&["connect", "ws://h", "--factor", "more"], "not a number"),
        (&["connect", "ws://h", "--outbox-bytes", "lots"], "64KiB"),
        (&["connect", "ws://h", "--outbox-messages", "0"], "at least 1"),
        (&["connect", "ws://h", "-H", "no colon here"], "X-Team: blue"),
        (&["connect", "ws://h", "-H", "Sec-WebSocket-Key: x"], "sec-websocket-key"),
        (&["connect", "ws://h", "-s", "not a token"], "subprotocol"),
        (&["connect", "ws://h", "--json", "--binary"], "cannot be used with"),
        (&["connect", "ws://h", "-q", "-v"], "cannot be used with"),
        (&["connect", "ws://h", "--proxy", "socks4://p"], "`socks4`"),
        (&["connect", "ws://h", "--proxy", "http://p", "--no-proxy"], "cannot be used with"),
        (&["connect", "ws://h", "--max-redirects", "999"], "255"),
        (&["connect", "wss://h", "--key", "a"], "--cert"),
        (&["connect", "ws://h", "--resolve", "h:80:name"], "not an address"),
        (&["connect", "ws://h", "--text-ping", "ping"], "ping=pong"),
        (&["connect", "ws://h", "--retry-on", "9"], "close code"),
        (&["connect", "ws://h", "--bearer-file", "a", "--token-command", "b"], "cannot be used with"),
        (&["connect", "ws://h", "--log", "everwire=loudest"], "--log"),
        (&["chat", "localhost:1"], "--name"),
        (&["chat", "gopher://h", "--name", "ana"], "use ws:// or"),
        (&["chat", "h", "--name", " "], "name"),
        (
            &["chat", "h", "--name", "ana", "--initial-delay", "20s"],
            "--max-delay: 10.0 s: it must not be below --initial-delay",
        ),
        (&["call", "h", "sum", "--factor", "0.5"], "--factor: out of range"),
        (&["chat", "h", "--name", "ana", "--bearer-file", "a"], "--user"),
        (&["serve", "--listen", "8080"], "127.0.0.1:8080"),
        (&["echo", "--listen", "0.0.0.0:0"], "--allow-remote"),
        (&["echo", "--listen", "8090"], "127.0.0.1:8080"),
        (&["completions", "csh"], "bash"),
        (&["conect", "ws://h"], "connect"),
    ] {
        let (code, out, err) = run(args);
        assert_eq!(code, 2, "{args:?}: {err}");
        assert!(err.to_lowercase().contains(&part.to_lowercase()), "{args:?}: {err}");
        assert_eq!(out, "", "{args:?}");
        assert!(!err.contains("panicked"), "{args:?}: {err}");
    }
}

#[test]
fn an_error_about_a_value_of_the_environment_names_the_variable() {
    let fails = |args: &[&str]| {
        let mut serve = support::command(args);
        let output = serve.env("EVERWIRE_MAX_POSTS", "many").output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let tip = "it is the value of EVERWIRE_MAX_POSTS in the environment";
    let err = fails(&["serve"]);
    assert!(err.contains("'--max-posts <COUNT>': not a whole number of at least 0") && err.contains(tip), "{err}");
    let err = fails(&["serve", "--max-posts", "some"]);
    assert!(err.contains("'some'") && !err.contains(tip), "{err}");
}

/// Options of other programs, which the texts name too.
const OTHERS: [&str; 2] = ["--replicas", "--default-signal"];

#[test]
fn every_option_that_a_text_names_exists() {
    let words = |text: &str| -> Vec<String> {
        let parts = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
        let is_option = |part: &&str| {
            part.strip_prefix("--").is_some_and(|name| name.starts_with(|first: char| first.is_ascii_lowercase()))
        };
        parts.filter(is_option).map(|part| part.trim_end_matches('-').to_owned()).collect()
    };
    let (code, script, _) = run(&["completions", "bash"]);
    assert_eq!(code, 0);
    let options: std::collections::BTreeSet<String> = words(&script).into_iter().collect();
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates");
    let mut folders = vec![
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        crates.join("everwire-chat-server/src"),
        crates.join("everwire-i18n/texts"),
    ];
    let mut named = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            // Only strings of the code, not its comments.
            let is_said = |line: &&str| path.extension() != Some("rs".as_ref()) || line.contains('"');
            for word in text.lines().filter(is_said).flat_map(words) {
                let exists = options.contains(&word) || OTHERS.contains(&word.as_str());
                assert!(exists, "{}: there is no option {word}", path.display());
                named += 1;
            }
        }
    }
    assert!(named > 100, "{named} options are named");
}

#[test]
fn an_error_does_not_repeat_a_secret() {
    for args in [
        &["connect", "ws://h", "-H", "Authorization Bearer s3cret"][..],
        &["connect", "ws://h", "-H", "Authorization=Bearer s3cret:x"],
        &["doctor", "ws://ana:s3cret@h:99999/?token=s3cret"],
        &["connect", "ftp://ana:s3cret@h/"],
        &["connect", "ws://ana:s3cret"],
        &["chat", "ws://ana:s3cret@h h/", "--name", "ana"],
        &["connect", "ws://h", "--proxy", "http://ana:s3cret@p:99999"],
        &["connect", "ws://h", "-s", "token s3cret"],
    ] {
        let (code, out, err) = run(args);
        assert_eq!(code, 2, "{args:?}: {err}");
        assert!(!err.contains("s3cret") && !out.contains("s3cret"), "{args:?}: {err}");
    }
}

#[cfg(unix)]
#[test]
fn too_few_file_descriptors_are_reported() {
    for limit in 5..=10 {
        let limited = format!("ulimit -n {limit}; exec \"$0\" connect ws://localhost:1 --max-attempts 1");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &limited, env!("CARGO_BIN_EXE_everwire")]);
        let output = shell.stdin(std::process::Stdio::null()).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{limit}: {err}");
        assert!(err.lines().count() == 1 && err.contains("ulimit -n"), "{limit}: {err}");
    }
}

#[test]
fn every_usage_error_is_one_line() {
    for args in [
        &["connect", "ftp://example.org"][..],
        &["connect", "ws://h", "--factor", "0.5"],
        &["connect", "ws://h", "-s", "not a token"],
    ] {
        let (_, _, err) = run(args);
        assert_eq!(err.lines().count(), 1, "{args:?}: {err}");
        assert!(err.starts_with("everwire: "), "{args:?}: {err}");
    }
}

#[test]
fn help_of_each_command_has_examples_and_the_exit_codes() {
    for command in ["serve", "chat", "connect", "call"] {
        let (code, out, err) = run(&[command, "--help"]);
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(out.contains("Examples:") && out.contains(&format!("everwire {command}")), "{out}");
        assert!(out.contains("Exit codes:"), "{out}");
        assert!(!out.contains('\u{1b}'), "no colours in a pipe");
    }
    for args in [&["--help"][..], &["completions", "--help"]] {
        let (code, out, _) = run(args);
        assert_eq!(code, 0);
        assert!(out.contains("Examples:"), "{out}");
    }
    assert_eq!(run(&["--version"]).1, format!("everwire {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_retry_and_heartbeat_setting_is_in_the_help() {
    let (_, help, _) = run(&["connect", "--help"]);
    for option in [
        "--connect-timeout",
        "--initial-delay",
        "--factor",
        "--max-delay",
        "--jitter",
        "--max-attempts",
        "--max-elapsed",
        "--heartbeat-interval",
        "--heartbeat-timeout",
        "--fixed-heartbeat",
        "--guarantee",
        "--outbox-messages",
        "--outbox-bytes",
        "--overflow",
        "--batch",
        "--close-timeout",
        "--linger",
        "--receive-only",
        "--binary",
        "--json",
        "--subprotocol",
        "--header",
        "--bearer-file",
        "--token-command",
        "--proxy",
        "--no-proxy",
        "--max-redirects",
        "--cacert",
        "--cert",
        "--key",
        "--pin",
        "--resolve",
        "--max-message",
        "--compression",
        "--text-ping",
        "--retry-on",
        "--stop-on",
        "--color",
        "--log",
    ] {
        assert!(help.contains(option), "{option} is not in the help");
    }
}

#[test]
fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, out, err) = run(&["completions", shell]);
        assert_eq!((code, err.as_str()), (0, ""), "{shell}");
        assert!(out.contains("connect") && out.contains("heartbeat-interval"), "{shell}");
    }
}

#[test]
fn output_to_a_closed_pipe_ends_quietly() {
    for args in [&["completions", "zsh"][..], &["connect", "--help"]] {
        let mut child = support::command(args).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
    }
}
