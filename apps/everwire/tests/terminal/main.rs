//! `everwire chat` on real terminals, by tmux.
//!
//! With `EVERWIRE_RECORD=FILE` the screens of the first test are written there: `cargo xtask terminal`.

#![cfg(unix)]

#[allow(dead_code, clippy::expect_used, clippy::panic, reason = "each test file uses a part; it is all test code")]
#[path = "../support/mod.rs"]
mod support;
#[allow(clippy::expect_used, reason = "it is all test code")]
mod tmux;

use std::path::Path;

use support::Everwire;
use tmux::Tmux;

/// A server that keeps its port and its history when it is restarted.
struct Server {
    process: Everwire,
    data: tempfile::TempDir,
    address: String,
}

#[allow(clippy::expect_used, reason = "it is all test code")]
impl Server {
    fn start() -> Self {
        let data = tempfile::tempdir().expect("a folder for its data");
        let (process, address) = Self::process("127.0.0.1:0", data.path());
        Self { process, data, address }
    }

    fn process(listen: &str, data: &Path) -> (Everwire, String) {
        let mut process = Everwire::start(&["serve", "--listen", listen, "--data", &data.display().to_string()]);
        let line = process.out.until("listening on ws://");
        let address = line.split("ws://").nth(1).and_then(|rest| rest.strip_suffix("/ws")).unwrap_or_default();
        (process, address.to_owned())
    }

    fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.exit_code();
    }

    fn restart(&mut self) {
        self.process = Self::process(&self.address, self.data.path()).0;
    }

    fn chat(&self, name: &str, size: (u16, u16), more: &[&str]) -> Tmux {
        let fast = ["--initial-delay", "200ms", "--max-delay", "200ms", "--lang", "en"];
        Tmux::start(&[&["chat", self.address.as_str(), "--name", name], &fast[..], more].concat(), size, &[])
    }
}

/// The screens of two users, side by side, step by step.
#[derive(Default)]
struct Record(String);

#[allow(clippy::expect_used, reason = "it is all test code")]
impl Record {
    fn step(&mut self, what: &str, left: &Tmux, right: &Tmux) {
        let (left, right) = (left.screen(), right.screen());
        let rows = left.lines().zip(right.lines()).map(|(left, right)| {
            let pad = " ".repeat(50_usize.saturating_sub(left.chars().count()));
            format!("{}\n", format!("{left}{pad} ┃ {right}").trim_end())
        });
        self.0 += &format!("{what}\n\n```text\n{}```\n\n", rows.collect::<String>());
    }

    fn write(&self) {
        if let Some(file) = std::env::var_os("EVERWIRE_RECORD") {
            let text = format!(
                "# Two terminals and a killed server\n\nThe screens of a test, written down by `cargo xtask terminal`: \
                 Ana on the left, Ben on the right.\n\n{}\n",
                self.0.trim_end(),
            );
            std::fs::write(file, text).expect("the file can be written");
        }
    }
}

#[test]
fn two_users_chat_through_a_killed_and_restarted_server() {
    let mut server = Server::start();
    let mut record = Record::default();
    let ana = server.chat("Ana", (50, 16), &[]);
    ana.until(&["● connected"]);
    let ben = server.chat("Ben", (50, 16), &[]);
    ben.until(&["● connected", "1 other here"]);
    ana.until(&["Ben joined", "1 other here"]);

    ana.enter("shall we look at the build?");
    ben.until(&["Ana", "shall we look at the build?"]);
    ana.until(&["shall we look at the build?", "✔✔"]);
    ben.write("yes, but");
    ana.until(&["Ben is typing…"]);
    record.step("Both are there. Ana's line was read, and Ben is writing.", &ana, &ben);

    server.kill();
    ana.until(&["● offline"]);
    ben.until(&["● offline"]);
    ana.enter("are you still there?");
    ana.until(&["are you still there?", "◷", "1 message waits"]);
    record.step("The server was killed. What Ana writes now waits, and says so.", &ana, &ben);

    server.restart();
    ana.until(&["● connected"]);
    ben.until(&["● connected", "are you still there?"]);
    ben.keys(&["Enter"]);
    ana.until(&["yes, but"]);
    ben.until(&["yes, but", "✔✔"]);
    record.step(
        "The server is back. Nothing was lost, nothing came twice, and Ben's draft was still there.",
        &ana,
        &ben,
    );
    assert_eq!(ana.screen().matches("Ben joined").count(), 1, "who was here before has not joined: {}", ana.screen());
    for screen in [ana.screen(), ben.screen()] {
        for said in ["shall we look at the build?", "are you still there?", "yes, but"] {
            assert_eq!(screen.matches(said).count(), 1, "{said}: {screen}");
        }
    }
    record.write();
}

#[test]
fn the_terminal_is_restored() {
    let server = Server::start();
    let shell = Tmux::shell((60, 10));
    shell.enter("echo before");
    shell.until(&["before"]);
    let everwire = env!("CARGO_BIN_EXE_everwire");
    shell.enter(&format!("{everwire} chat {} --name Ana --lang en; echo exit code $?", server.address));
    shell.until(&["● connected"]);
    shell.enter("hello");
    shell.until(&["hello", "✓"]);
    shell.keys(&["C-c"]);
    shell.until(&["before", "you have left", "exit code 0"]);
    shell.enter("echo what is typed is seen");
    shell.until(&["what is typed is seen"]);
}

#[test]
fn a_screen_follows_its_terminals_size() {
    let server = Server::start();
    let ana = server.chat("Ana", (40, 10), &[]);
    ana.until(&["● connected"]);
    ana.enter("this line is longer than a narrow terminal");
    ana.until(&["this line is", "✓"]);
    assert!(!ana.screen().contains("this line is longer than a narrow terminal"));
    ana.resize((90, 20));
    ana.until(&["this line is longer than a narrow terminal", "lobby · nobody else here"]);
}

#[test]
fn colours_are_shown_unless_they_are_disabled() {
    let server = Server::start();
    let ana = server.chat("Ana", (50, 10), &["--theme", "dark"]);
    ana.until(&["● connected"]);
    assert!(ana.coloured().contains("\u{1b}[38;5;2m"), "connected is green: {:?}", ana.coloured());
    let arguments = ["chat", server.address.as_str(), "--name", "Ben", "--lang", "ru"];
    let ben = Tmux::start(&arguments, (50, 10), &["NO_COLOR=1"]);
    ben.until(&["● на связи", "Напишите сообщение"]);
    let colours = (0..8).map(|colour| format!("\u{1b}[3{colour}m")).chain(["[38;".into(), "[48;".into()]);
    for colour in colours {
        assert!(!ben.coloured().contains(&colour), "{:?}", ben.coloured());
    }
}

#[test]
fn an_invalid_address_is_reported_before_the_screen_is_taken_over() {
    let shell = Tmux::shell((70, 10));
    shell.enter(&format!("{} chat not:an:address --name Ana; echo exit code $?", env!("CARGO_BIN_EXE_everwire")));
    shell.until(&["everwire:", "exit code 2"]);
}

#[test]
fn scrolling_up_loads_old_messages() {
    let server = Server::start();
    let mut ben = Everwire::start(&["chat", server.address.as_str(), "--name", "Ben"]);
    for line in 1..=130 {
        ben.say(&format!("line {line}."));
    }
    assert_eq!(ben.finish(), 0, "{:?}", ben.err.seen);
    let ana = server.chat("Ana", (50, 12), &[]);
    ana.until(&["● connected", "line 130."]);
    // At the top, older messages are loaded each time, until there are none.
    ana.pressing("C-Home", &["the beginning of the room", "line 1."]);
    ana.keys(&["C-End"]);
    ana.until(&["line 130."]);
}

#[test]
fn with_an_outbox_the_last_messages_are_there_without_a_server() {
    let mut server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let outbox = folder.path().display().to_string();
    let more = ["--user", "ana", "--outbox", outbox.as_str()];
    let ana = server.chat("Ana", (60, 14), &more);
    ana.until(&["● connected"]);
    ana.enter("said before the tunnel");
    ana.until(&["said before the tunnel", "✓"]);
    ana.keys(&["C-c"]);
    ana.until(&["you have left"]);
    server.kill();

    let ana = server.chat("Ana", (60, 14), &more);
    ana.until(&["● offline", "said before the tunnel", "✓"]);
    ana.enter("said in the tunnel");
    ana.until(&["said in the tunnel", "◷", "1 message waits"]);
    ana.keys(&["C-c"]);
    ana.until(&["you have left"]);

    server.restart();
    let ana = server.chat("Ana", (60, 14), &more);
    ana.until(&["● connected", "said in the tunnel"]);
    ana.until(&["said in the tunnel", "✓"]);
    let screen = ana.screen();
    for said in ["said before the tunnel", "said in the tunnel"] {
        assert_eq!(screen.matches(said).count(), 1, "{screen}");
    }
}

#[test]
fn a_late_reply_of_the_terminal_is_dropped() {
    let server = Server::start();
    let ana = server.chat("Ana", (60, 14), &[]);
    ana.until(&["● connected"]);
    ana.write("before ");
    ana.until(&["› before"]);
    // Whole, in pieces as over a slow line, and with both kinds of end.
    ana.answer("\u{1b}]11;rgb:0000/2b2b/3636\u{1b}\\");
    ana.answer("\u{1b}]10;rgb:8383/9494/9696\u{7}");
    for piece in ["\u{1b}", "]11;rgb:0000/0", "000/0000", "\u{1b}", "\\"] {
        ana.answer(piece);
    }
    ana.answer("\u{1b}[?62;4c");
    for piece in ["\u{1b}", "[?6", "2;4c"] {
        ana.answer(piece);
    }
    ana.write("after");
    ana.until(&["› before after"]);
    ana.keys(&["Enter"]);
    ana.until(&["before after", "✓"]);
    // Typed text stays, even if it looks like a reply.
    ana.enter("]11;rgb:typed");
    ana.until(&["]11;rgb:typed"]);
    let screen = ana.screen();
    assert_eq!(screen.matches("rgb:").count(), 1, "{screen}");
}

#[test]
fn the_screen_begins_at_the_first_unread_message() {
    let server = Server::start();
    let more = ["--user", "ana"];
    let ana = server.chat("Ana", (60, 14), &more);
    ana.until(&["● connected"]);
    ana.keys(&["C-c"]);
    ana.until(&["you have left"]);
    let mut ben = Everwire::start(&["chat", server.address.as_str(), "--name", "Ben"]);
    for line in 1..=130 {
        ben.say(&format!("line {line}."));
    }
    assert_eq!(ben.finish(), 0, "{:?}", ben.err.seen);
    let ana = server.chat("Ana", (60, 14), &more);
    ana.until(&["● connected", "130 new messages", "line 1."]);
    assert!(!ana.screen().contains("line 130."), "{}", ana.screen());
    ana.keys(&["C-End"]);
    ana.until(&["line 130."]);
    ana.keys(&["C-c"]);
    ana.until(&["you have left"]);
    let ana = server.chat("Ana", (60, 14), &more);
    ana.until(&["● connected", "new messages", "line 10."]);
    ana.enter("/read");
    ana.keys(&["C-End"]);
    ana.until(&["line 130."]);
    ana.keys(&["C-c"]);
    ana.until(&["you have left"]);
    let ana = server.chat("Ana", (60, 14), &more);
    ana.until(&["● connected", "line 130."]);
    assert!(!ana.screen().contains("new message"), "all of it was read: {}", ana.screen());
}

#[test]
fn keys_complete_names_clear_lines_and_leave_at_once() {
    let mut server = Server::start();
    let ben = server.chat("Ben", (60, 14), &[]);
    ben.until(&["● connected"]);
    let ana = server.chat("Ana", (60, 14), &["--close-timeout", "60s"]);
    ana.until(&["● connected", "1 other here"]);
    ana.write("not this");
    ana.until(&["› not this"]);
    ana.keys(&["C-u"]);
    ana.until(&["Write a message"]);
    ana.keys(&["C-z"]);
    ana.until(&["› not this"]);
    ana.keys(&["C-u"]);
    ana.write("hello @be");
    ana.keys(&["Tab"]);
    ana.until(&["› hello @Ben"]);
    ana.keys(&["Enter"]);
    ben.until(&["hello @Ben"]);
    assert!(ben.screen().lines().any(|line| line.starts_with("@ hello @Ben")), "{}", ben.screen());
    server.kill();
    ana.until(&["● offline"]);
    ana.enter("this waits");
    ana.until(&["1 message waits"]);
    ana.keys(&["C-c"]);
    ana.until(&["leaving… Ctrl+C again leaves now"]);
    ana.keys(&["C-c"]);
    ana.wait("the screen to be given back", |screen| !screen.contains("Ctrl+C again"));
}

#[test]
fn leaving_at_once_reports_unsent_messages_and_where_they_are_kept() {
    let mut server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let outbox = folder.path().display().to_string();
    for (more, says) in [
        (vec!["--user", "ana", "--outbox", outbox.as_str()], "1 message was not sent; it is kept in"),
        (vec![], "1 message is not known to have been sent, and is kept nowhere"),
    ] {
        let ana = server.chat("Ana", (140, 12), &more);
        ana.until(&["● connected"]);
        server.kill();
        ana.until(&["● offline"]);
        ana.enter("is anybody there?");
        ana.until(&["1 message waits"]);
        ana.keys(&["C-c"]);
        ana.until(&["leaving… Ctrl+C again leaves now"]);
        ana.keys(&["C-c"]);
        ana.until(&[says]);
        server.restart();
    }
}

#[test]
fn the_rooms_that_the_server_lists_are_shown() {
    let server = Server::start();
    let ana = server.chat("Ana", (60, 14), &[]);
    ana.until(&["● connected"]);
    let data = server.data.path().display().to_string();
    let (code, _, err) = support::run(&["room", "--data", &data, "publish", "garden"]);
    assert_eq!(code, 0, "{err}");
    ana.enter("/rooms");
    ana.until(&["garden", "lobby", "1 here", "Esc closes this"]);
}
