//! The output of a command: a screen at a terminal, else plain streams.

use std::io::{self, IsTerminal, Write};

use tokio::io::{AsyncWriteExt, BufWriter, Stdout};

use super::{Look, Screen, printable};

/// A screen, or plain streams.
#[derive(Debug)]
pub(crate) enum Console {
    Screen(Box<Screen>),
    Plain(Plain),
}

/// Content goes to stdout, and reports about the connection go to stderr.
#[derive(Debug)]
pub(crate) struct Plain {
    stdout: BufWriter<Stdout>,
    terminal: bool,
}

/// The error that output can't be written any more.
#[derive(Debug)]
pub(crate) struct Gone(io::Error);

impl Gone {
    /// Whether the reader has closed the pipe, as `head` does, which is no failure.
    pub(crate) fn is_quiet(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }

    pub(crate) fn line(&self) -> String {
        format!("output can't be written: {}", self.0)
    }
}

impl From<io::Error> for Gone {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl Console {
    pub(crate) fn plain() -> Self {
        let terminal = io::stdout().is_terminal();
        Self::Plain(Plain { stdout: BufWriter::with_capacity(64 << 10, tokio::io::stdout()), terminal })
    }

    /// A screen if stdin and stdout are a terminal that can show one.
    pub(crate) fn open(prompt: &str) -> Self {
        let capable = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        if capable && io::stdin().is_terminal() && io::stdout().is_terminal() {
            // A terminal that refuses raw mode still shows plain lines.
            if let Ok(screen) = Screen::open(prompt) {
                return Self::Screen(Box::new(screen));
            }
        }
        Self::plain()
    }

    /// Writes a line of received text; control characters are replaced if it goes to a terminal. Not cancel-safe: a part may
    /// have been written.
    pub(crate) async fn content(&mut self, line: &str) -> Result<(), Gone> {
        if self.is_screen() || matches!(self, Self::Plain(plain) if plain.terminal) {
            self.line(&printable(line)).await
        } else {
            self.line(line).await
        }
    }

    /// Writes a line that has no control characters but those of its style. Not cancel-safe.
    pub(crate) async fn line(&mut self, line: &str) -> Result<(), Gone> {
        match self {
            Self::Screen(screen) => screen.print(&[line.to_owned()])?,
            Self::Plain(plain) => {
                plain.stdout.write_all(line.as_bytes()).await?;
                plain.stdout.write_all(b"\n").await?;
            }
        }
        Ok(())
    }

    pub(crate) fn is_screen(&self) -> bool {
        matches!(self, Self::Screen(_))
    }

    /// Writes bytes unchanged to stdout. Not cancel-safe.
    pub(crate) async fn bytes(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        if let Self::Plain(plain) = self {
            plain.stdout.write_all(bytes).await?;
        }
        Ok(())
    }

    /// Writes out what is buffered; to be called once per batch of lines.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        if let Self::Plain(plain) = self {
            plain.stdout.flush().await?;
        }
        Ok(())
    }

    /// Writes a line about the connection, which has no control characters but those of its style.
    pub(crate) fn say(&mut self, line: String) {
        match self {
            // An error is ignored: a closed terminal is noticed at the next content or by the end of the input.
            Self::Screen(screen) => drop(screen.print(&[line])),
            Self::Plain(_) => drop(writeln!(io::stderr(), "{line}")),
        }
    }

    /// The style for lines about the connection.
    pub(crate) fn look(&self, arg: crate::args::ColorArg) -> Look {
        match self {
            Self::Screen(_) => super::look(arg, &io::stdout()),
            Self::Plain(_) => super::look(arg, &io::stderr()),
        }
    }
}
