use std::fmt;

use everwire_calls::{Failure, OpenError, codes};

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

    /// Returns `true` if the call has certainly not run and the same call may succeed later: at a limit that others of its calls
    /// hold, after its deadline, or when its session or message was lost. `false` for what would fail again, after the
    /// end of the client or the session, and for what [may have run](Self::execution): whether that may be done twice only the
    /// application knows.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Open(error) => error.is_retryable(),
            Self::Failed(failure) => failure.code == codes::TOO_MANY,
            Self::NotSent(_) => true,
            Self::DeadlinePassed(execution) | Self::Lost(execution) => *execution == Execution::NotRun,
            Self::BadPayload(_)
            | Self::BadReply(_)
            | Self::Cancelled(_)
            | Self::NotSupported
            | Self::Breach(_)
            | Self::Closed(_) => false,
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
            Self::NotSupported => f.write_str("the peer's application does not support calls"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_certainly_not_run_and_may_succeed_later_is_worth_another_try() {
        let failed = |code| CallError::Failed(Failure::new(code, ""));
        let worth_it = [
            CallError::Open(OpenError::TooMany { limit: 1 }),
            failed(codes::TOO_MANY),
            CallError::NotSent("too old".to_owned()),
            CallError::DeadlinePassed(Execution::NotRun),
            CallError::Lost(Execution::NotRun),
        ];
        for error in worth_it {
            assert!(error.is_retryable(), "{error:?}");
            assert_eq!(error.execution(), Execution::NotRun, "{error:?}");
        }
        let in_vain_or_uncertain = [
            CallError::Open(OpenError::TooLarge { size: 2, limit: 1 }),
            failed(codes::UNKNOWN_NAME),
            failed(codes::PANICKED),
            failed("tired"),
            CallError::DeadlinePassed(Execution::Taken),
            CallError::Lost(Execution::Unknown),
            CallError::NotSupported,
            CallError::Breach(Execution::NotRun),
            CallError::Closed(Execution::NotRun),
        ];
        for error in in_vain_or_uncertain {
            assert!(!error.is_retryable(), "{error:?}");
        }
    }
}
