//! Reads stdin as lines or as chunks of bounded length.

use std::fmt;
use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// Reads lines of at most `limit` bytes.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    limit: usize,
    partial: Vec<u8>,
    number: u64,
}

/// Why reading has failed. Lines are numbered from 1.
#[derive(Debug)]
pub(crate) enum BadInput {
    TooLong { line: u64, limit: usize },
    NotUtf8 { line: u64 },
    Io(io::Error),
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(crate) fn new(input: R, limit: usize) -> Self {
        Self { input, limit, partial: Vec::new(), number: 0 }
    }

    /// The next line without its end (`\n` or `\r\n`); the last one needs none. `None` at the end of the input.
    /// Cancel-safe: what was read of a line is kept.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, BadInput> {
        loop {
            let available = self.input.fill_buf().await.map_err(BadInput::Io)?;
            if available.is_empty() {
                return if self.partial.is_empty() { Ok(None) } else { self.finish().map(Some) };
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let taken = end.unwrap_or(available.len());
            // One more: a line of exactly `limit` bytes may end in `\r`.
            if self.partial.len() + taken > self.limit + 1 {
                return Err(BadInput::TooLong { line: self.number + 1, limit: self.limit });
            }
            self.partial.extend_from_slice(&available[..taken]);
            self.input.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                return self.finish().map(Some);
            }
        }
    }

    fn finish(&mut self) -> Result<String, BadInput> {
        self.number += 1;
        let mut line = std::mem::take(&mut self.partial);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.len() > self.limit {
            return Err(BadInput::TooLong { line: self.number, limit: self.limit });
        }
        String::from_utf8(line).map_err(|_| BadInput::NotUtf8 { line: self.number })
    }
}

/// The next bytes of `input`, at most `limit`; empty at its end. Cancel-safe.
pub(crate) async fn chunk(input: &mut (impl AsyncBufRead + Unpin), limit: usize) -> Result<Vec<u8>, BadInput> {
    let available = input.fill_buf().await.map_err(BadInput::Io)?;
    let chunk = available[..available.len().min(limit)].to_vec();
    input.consume(chunk.len());
    Ok(chunk)
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { line, limit } => write!(f, "line {line} of stdin is longer than {limit} bytes"),
            Self::NotUtf8 { line } => write!(f, "line {line} of stdin is not UTF-8"),
            Self::Io(error) => write!(f, "stdin can't be read: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::{BadInput, Lines, chunk};

    async fn all(input: &[u8], limit: usize) -> (Vec<String>, Option<BadInput>) {
        // A buffer of three bytes, so that lines come in pieces.
        let mut lines = Lines::new(BufReader::with_capacity(3, input), limit);
        let mut read = Vec::new();
        loop {
            match lines.next().await {
                Ok(Some(line)) => read.push(line),
                Ok(None) => return (read, None),
                Err(error) => return (read, Some(error)),
            }
        }
    }

    #[tokio::test]
    async fn lines_come_without_their_ends_and_the_last_needs_none() {
        let (lines, error) = all("один\r\n\ntwo\nthree".as_bytes(), 100).await;
        assert_eq!(lines, ["один", "", "two", "three"]);
        assert!(error.is_none());
        assert_eq!(all(b"", 100).await.0.len(), 0);
        assert_eq!(all(b"a\n", 100).await.0, ["a"]);
    }

    #[tokio::test]
    async fn a_line_beyond_the_limit_is_refused_before_it_is_stored() {
        let (lines, error) = all(b"12345\r\n123456\n", 5).await;
        assert_eq!(lines, ["12345"]);
        assert!(matches!(error, Some(BadInput::TooLong { line: 2, limit: 5 })), "{error:?}");
        let endless = vec![b'x'; 10_000];
        assert!(matches!(all(&endless, 5).await.1, Some(BadInput::TooLong { line: 1, .. })));
    }

    #[tokio::test]
    async fn bytes_that_are_not_utf8_are_refused_with_their_line() {
        let (lines, error) = all(b"ok\n\xff\n", 10).await;
        assert_eq!(lines, ["ok"]);
        assert!(matches!(error, Some(BadInput::NotUtf8 { line: 2 })), "{error:?}");
    }

    #[tokio::test]
    async fn a_chunk_is_what_is_available_up_to_the_limit() {
        let mut input = BufReader::with_capacity(4, b"abcdef".as_slice());
        assert_eq!(chunk(&mut input, 3).await.unwrap(), b"abc");
        assert_eq!(chunk(&mut input, 3).await.unwrap(), b"d");
        assert_eq!(chunk(&mut input, 3).await.unwrap(), b"ef");
        assert!(chunk(&mut input, 3).await.unwrap().is_empty());
    }
}
