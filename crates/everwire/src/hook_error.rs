//! What a hook of the user's says when it fails, as far as the client listens to it.

use std::error::Error;
use std::fmt;

use everwire_core::{OpenFailure, OpenFailureKind, Phase};
use everwire_ws::CloseFrame;

/// The error by which a hook says that trying again would not help. When
/// [`Builder::before_attempt`](crate::Builder::before_attempt) or [`Builder::on_open`](crate::Builder::on_open) returns
/// it, or an error that has it as a source, the client ends ([`Closed::Refused`](crate::Closed::Refused)). After any
/// other error of a hook the client tries again, with the usual delays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermanentError(String);

impl PermanentError {
    /// An error with the reason in words.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for PermanentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for PermanentError {}

/// The error of a [`NewConnection`](crate::NewConnection) that has ended. If the hook returns it, the close code
/// decides whether the client tries again, as for any other connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionEnded {
    kind: OpenFailureKind,
    detail: String,
}

impl ConnectionEnded {
    /// The server's close frame, if it sent one with a code (RFC 6455 section 7.1.5).
    #[must_use]
    pub fn close_frame(&self) -> Option<&CloseFrame> {
        match &self.kind {
            OpenFailureKind::Closed(frame) => frame.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn closed(frame: Option<CloseFrame>) -> Self {
        Self { kind: OpenFailureKind::Closed(frame.map(Box::new)), detail: String::new() }
    }

    pub(crate) fn lost(detail: String) -> Self {
        Self { kind: OpenFailureKind::Io, detail }
    }

    /// The hook's time with it is.
    pub(crate) fn over() -> Self {
        Self { kind: OpenFailureKind::Hook, detail: "the connection is over".to_owned() }
    }
}

impl fmt::Display for ConnectionEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.is_empty() {
            true => self.kind.fmt(f),
            false => f.write_str(&self.detail),
        }
    }
}

impl Error for ConnectionEnded {}

/// What a hook's error says of the attempt.
pub(crate) fn failure(phase: Phase, error: &(dyn Error + 'static)) -> OpenFailure {
    let (mut kind, mut next) = (OpenFailureKind::Hook, Some(error));
    while let Some(cause) = next {
        if let Some(ended) = cause.downcast_ref::<ConnectionEnded>() {
            kind = ended.kind.clone();
        } else if cause.is::<PermanentError>() {
            kind = OpenFailureKind::PermanentError;
        }
        next = cause.source();
    }
    OpenFailure { phase, kind, detail: chain(error) }
}

/// An error and its causes, on one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        words += ": ";
        words += &error.to_string();
        next = error.source();
    }
    one_line(&words)
}

/// On one line, whatever is in it.
pub(crate) fn one_line(words: &str) -> String {
    let mut line = String::with_capacity(words.len());
    for part in words.split(char::is_control).map(str::trim).filter(|part| !part.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line += part;
    }
    line
}
