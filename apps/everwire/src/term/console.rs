//! Where a command's output goes: a screen for people at a terminal, plain streams else.

use std::io::{self, IsTerminal, Write};

use tokio::io::{AsyncWriteExt, BufWriter, Stdout};

use super::{Look, Screen, printable};

/// One of the two.
#[derive(Debug)]
pub(crate) enum Console {
    Screen(Box<Screen>),
    Plain(Plain),
}

/// Content to stdout, words about the connection to stderr.
#[derive(Debug)]
pub(crate) struct Plain {
    stdout: BufWriter<Stdout>,
    terminal: bool,
}

/// Output has nowhere to go any more.
#[derive(Debug)]
pub(crate) struct Gone(io::Error);

impl Gone {
    /// The reader has left, as `head` does: no failure of ours.
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

    /// A screen where somebody sits at a terminal that can show one.
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

    /// One line of others' words, made harmless if it goes to a terminal and as it is if not. Not cancel-safe: a part
    /// may have been written.
    pub(crate) async fn content(&mut self, line: &str) -> Result<(), Gone> {
        if self.is_screen() || matches!(self, Self::Plain(plain) if plain.terminal) {
            self.line(&printable(line)).await
        } else {
            self.line(line).await
        }
    }

    /// One line that is harmless, and styled if that is wanted. Not cancel-safe.
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

    /// Bytes as they are, to stdout. Not cancel-safe.
    pub(crate) async fn bytes(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        if let Self::Plain(plain) = self {
            plain.stdout.write_all(bytes).await?;
        }
        Ok(())
    }

    /// Lets out what was buffered: once per batch of lines.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        if let Self::Plain(plain) = self {
            plain.stdout.flush().await?;
        }
        Ok(())
    }

    /// A line about the connection, already styled and harmless.
    pub(crate) fn say(&mut self, line: String) {
        match self {
            // The terminal having gone shows at the next content, or as the end of input.
            Self::Screen(screen) => drop(screen.print(&[line])),
            Self::Plain(_) => drop(writeln!(io::stderr(), "{line}")),
        }
    }

    /// How words about the connection are to look.
    pub(crate) fn look(&self, arg: crate::args::ColorArg) -> Look {
        match self {
            Self::Screen(_) => super::look(arg, &io::stdout()),
            Self::Plain(_) => super::look(arg, &io::stderr()),
        }
    }
}
