use std::fmt;

use everwire_calls::{Failure, OpenError};

/// The way a call ended without a reply, or a stream before its end.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CallError {
    /// The callee answered with an error.
    Failed(Failure),
    /// The call could not be made, for this reason; nothing was sent.
    Open(OpenError),
    /// The payload could not be written as JSON; nothing was sent.
    BadPayload(String),
    /// The reply, or an item, is not the JSON that was expected.
    BadReply(String),
    /// Its message was not sent; the reason in words.
    NotSent(String),
    /// The deadline passed.
    DeadlinePassed(Execution),
    /// It was cancelled here.
    Cancelled(Execution),
    /// The session, or the program of the callee in which it ran, is gone.
    Lost(Execution),
    /// The peer's application does not support calls, which showed only after this call was made. Later calls end as
    /// [`Open`](Self::Open) with [`OpenError::NotSupported`].
    NotSupported,
    /// The two ends disagree on the protocol of calls, and have ended all of them.
    Breach(Execution),
    /// This client or this session has ended.
    Closed(Execution),
}

/// The knowledge of a call that has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Execution {
    /// Its handler has certainly not run.
    NotRun,
    /// The callee's application has taken the call; if the server commits watermarks together with effects, its effect
    /// is committed.
    Taken,
    /// It may or may not have run.
    Unknown,
}

impl CallError {
    /// Returns what is known of whether the handler has run.
    #[must_use]
    pub fn execution(&self) -> Execution {
        match self {
            Self::Open(_) | Self::BadPayload(_) | Self::NotSent(_) | Self::NotSupported => Execution::NotRun,
            Self::BadReply(_) => Execution::Taken,
            Self::Failed(failure) => failure.execution(),
            Self::DeadlinePassed(execution)
            | Self::Cancelled(execution)
            | Self::Lost(execution)
            | Self::Breach(execution)
            | Self::Closed(execution) => *execution,
        }
    }

    /// For spans, as metrics have it.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::DeadlinePassed(_) => "deadline",
            Self::Cancelled(_) => "cancelled",
            Self::NotSupported => "unsupported",
            Self::Breach(_) => "breach",
            Self::Open(_) | Self::BadPayload(_) | Self::BadReply(_) => "failed",
            Self::NotSent(_) | Self::Lost(_) | Self::Closed(_) => "lost",
        }
    }

    /// The callee's error, if it answered with one.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }
}

trait OfFailure {
    fn execution(&self) -> Execution;
}

impl OfFailure for Failure {
    fn execution(&self) -> Execution {
        use everwire_calls::codes;
        match self.code.as_str() {
            codes::UNKNOWN_NAME | codes::BAD_PAYLOAD | codes::TOO_MANY => Execution::NotRun,
            _ => Execution::Taken,
        }
    }
}

impl fmt::Display for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRun => "it was not run",
            Self::Taken => "it was taken, and its answer is not known",
            Self::Unknown => "whether it was run is not known",
        })
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Their words come from the source.
            Self::Failed(_) => f.write_str("the call failed"),
            Self::Open(_) => f.write_str("the call could not be made"),
            Self::BadPayload(why) => write!(f, "the payload can't be written as JSON: {why}"),
            Self::BadReply(why) => write!(f, "the reply is not the JSON that was expected: {why}"),
            Self::NotSent(why) => write!(f, "the call was not sent: {why}"),
            Self::DeadlinePassed(execution) => write!(f, "the deadline passed; {execution}"),
            Self::Cancelled(execution) => write!(f, "cancelled; {execution}"),
            Self::Lost(execution) => write!(f, "the session of the call is gone; {execution}"),
            Self::NotSupported => f.write_str("the peer's application does not know calls"),
            Self::Breach(execution) => write!(f, "the peer has broken the protocol of calls; {execution}"),
            Self::Closed(execution) => write!(f, "the session has ended here; {execution}"),
        }
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Open(error) => Some(error),
            _ => None,
        }
    }
}
