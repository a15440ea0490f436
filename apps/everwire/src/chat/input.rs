//! Where lines come from.

use std::io;

use tokio::io::{BufReader, Stdin, stdin};

use crate::term::{BadInput, Console, Lines, Typed};

pub(super) enum Input {
    Lines(Lines<BufReader<Stdin>>),
    /// Typed on the console's screen.
    Screen,
    None,
}

/// What came from there.
pub(super) enum Heard {
    Line(Result<Option<String>, BadInput>),
    Typed(io::Result<Typed>),
}

impl Input {
    /// Lines of at most `limit` bytes.
    pub(super) fn stdin(limit: usize) -> Self {
        Self::Lines(Lines::new(BufReader::new(stdin()), limit))
    }

    /// Cancel-safe.
    pub(super) async fn next(&mut self, console: &mut Console) -> Heard {
        match (self, console) {
            (Self::Lines(lines), _) => Heard::Line(lines.next().await),
            (Self::Screen, Console::Screen(screen)) => Heard::Typed(screen.next().await),
            (Self::Screen, Console::Plain(_)) | (Self::None, _) => std::future::pending().await,
        }
    }

    /// Reads no more; a screen still hears Ctrl-C.
    pub(super) fn end(&mut self) {
        if let Self::Lines(_) = self {
            *self = Self::None;
        }
    }
}
