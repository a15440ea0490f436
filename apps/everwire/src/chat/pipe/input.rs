//! The lines that are sent: stdin's, or none.

use tokio::io::{BufReader, Stdin, stdin};

use crate::term::{BadInput, Lines};

pub(super) enum Input {
    Lines(Lines<BufReader<Stdin>>),
    None,
}

impl Input {
    /// Lines of at most `limit` bytes.
    pub(super) fn stdin(limit: usize) -> Self {
        Self::Lines(Lines::new(BufReader::new(stdin()), limit))
    }

    /// The next line; `None` at the end of the input. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Option<String>, BadInput> {
        match self {
            Self::Lines(lines) => lines.next().await,
            Self::None => std::future::pending().await,
        }
    }

    /// Stops reading.
    pub(super) fn end(&mut self) {
        *self = Self::None;
    }
}
