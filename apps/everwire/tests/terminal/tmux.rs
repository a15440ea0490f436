//! A terminal of tmux: sends keys and reads screens.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::PATIENCE;

static STARTED: AtomicU32 = AtomicU32::new(0);

/// A terminal, with a tmux server of its own that is stopped with it.
pub(crate) struct Tmux {
    socket: String,
}

impl Tmux {
    /// Starts `everwire` with these arguments, on a terminal of this many columns and rows.
    pub(crate) fn start(arguments: &[&str], size: (u16, u16), environment: &[&str]) -> Self {
        let mut command = vec![env!("CARGO_BIN_EXE_everwire")];
        command.extend(arguments);
        // The terminal stays when the program has ended, so that its last lines can be read.
        let quoted: Vec<String> = command.iter().map(|word| format!("'{word}'")).collect();
        Self::run(&format!("{}; exec cat", quoted.join(" ")), size, environment)
    }

    /// Starts a shell.
    pub(crate) fn shell(size: (u16, u16)) -> Self {
        Self::run("exec env PS1='$ ' sh", size, &[])
    }

    fn run(line: &str, (columns, rows): (u16, u16), environment: &[&str]) -> Self {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let terminal = Self { socket: format!("everwire-test-{}-{number}", std::process::id()) };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let mut words = vec!["new-session", "-d", "-x", &columns, "-y", &rows];
        for variable in environment {
            words.extend(["-e", variable]);
        }
        for name in ["RUST_LOG=", "EVERWIRE_NAME=", "HTTP_PROXY=", "http_proxy=", "ALL_PROXY=", "all_proxy="] {
            words.extend(["-e", name]);
        }
        words.push(line);
        terminal.tmux(&words);
        terminal
    }

    /// Types text.
    pub(crate) fn write(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// Sends bytes in one piece, as a terminal sends a reply.
    pub(crate) fn answer(&self, bytes: &str) {
        let hex: Vec<String> = bytes.bytes().map(|byte| format!("{byte:02x}")).collect();
        let words: Vec<&str> = ["send-keys", "-H"].into_iter().chain(hex.iter().map(String::as_str)).collect();
        self.tmux(&words);
    }

    /// Presses keys, by tmux's names for them.
    pub(crate) fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    pub(crate) fn enter(&self, text: &str) {
        self.write(text);
        self.keys(&["Enter"]);
    }

    pub(crate) fn resize(&self, (columns, rows): (u16, u16)) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// The screen's text.
    pub(crate) fn screen(&self) -> String {
        text(&self.tmux(&["capture-pane", "-p"]))
    }

    /// The screen's text with its escape sequences.
    pub(crate) fn coloured(&self) -> String {
        text(&self.tmux(&["capture-pane", "-p", "-e"]))
    }

    /// Waits until all these are on the screen.
    pub(crate) fn until(&self, parts: &[&str]) {
        self.wait(&format!("{parts:?}"), |screen| parts.iter().all(|part| screen.contains(part)));
    }

    /// Presses a key again and again until all these are on the screen.
    pub(crate) fn pressing(&self, key: &str, parts: &[&str]) {
        self.wait(&format!("{parts:?} by {key}"), |screen| {
            let is_there = parts.iter().all(|part| screen.contains(part));
            if !is_there {
                self.keys(&[key]);
            }
            is_there
        });
    }

    /// Waits until the screen is as wanted.
    pub(crate) fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return;
            }
            assert!(Instant::now() < deadline, "waited for {what}; the screen is\n{screen}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn tmux(&self, words: &[&str]) -> Output {
        let output = self.command(words).output().expect("tmux is there: run `cargo xtask setup`");
        assert!(output.status.success(), "tmux {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        // Without the user's tmux settings, and in UTF-8 whatever the locale.
        command.args(["-u", "-f", "/dev/null", "-L", &self.socket]).args(words);
        command.env_remove("TMUX").env_remove("NO_COLOR").env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command(&["kill-server"]).output();
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
