//! How far a message is known to have come.
//!
//! ```text
//! SENDING ──> SENT ──> DELIVERED ──> READ        only forward, steps may be skipped, only by evidence
//!    │ ▲
//!    ▼ │ retry
//! FAILED ──> SENT, DELIVERED, READ               late evidence: it had arrived after all
//! ```

use std::fmt;

/// The status of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// On its way; nothing is known yet.
    Sending,
    /// The server has stored it (or, from a server that does not say so, has certainly received it).
    Sent,
    /// Another member's client has it.
    Delivered,
    /// Another member has seen it.
    Read,
    /// It did not arrive, or nobody knows; with the reason. It can be tried again, with the same id.
    Failed(Failure),
}

/// The reason why a message failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The server, or this client, refused it: trying the same again can't help.
    Rejected(Rejection),
    /// There was no room for it in the outbox.
    Dropped,
    /// It was taken back, or the client was closed, before it was sent.
    Cancelled,
    /// It was written to the network and nothing is known since. Trying again is safe: a repeat is the same message.
    Unknown,
}

/// The reason why a message was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// For programs: one of [`wire::code`](crate::wire::code), or one of a later version. `None` if the server said none, or
    /// this client refused it.
    pub code: Option<String>,
    /// In words, in English.
    pub reason: String,
}

impl Rejection {
    /// `code` may be none.
    #[must_use]
    pub fn new(code: Option<String>, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl Status {
    /// Moves forward to `next` if that is an allowed move; whether it was.
    pub fn advance(&mut self, next: Self) -> bool {
        let allowed = match (&*self, &next) {
            // A retry, and evidence that comes late.
            (Self::Failed(_), Self::Sending | Self::Sent | Self::Delivered | Self::Read) => true,
            (Self::Sending, Self::Failed(_)) => true,
            (_, Self::Failed(_)) => false,
            (from, to) => from.rank() < to.rank(),
        };
        if allowed {
            *self = next;
        }
        allowed
    }

    /// Returns `true` if the server is known to have the message.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.rank() > 0
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Sending => 0,
            Self::Sent => 1,
            Self::Delivered => 2,
            Self::Read => 3,
        }
    }
}

impl Failure {
    /// Returns `true` if sending it again, with the same id, can help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Rejected(_) => false,
            Self::Dropped | Self::Cancelled | Self::Unknown => true,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sending => f.write_str("sending"),
            Self::Sent => f.write_str("sent"),
            Self::Delivered => f.write_str("delivered"),
            Self::Read => f.write_str("read"),
            Self::Failed(failure) => write!(f, "failed: {failure}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejection) => write!(f, "the server refused it: {}", rejection.reason),
            Self::Dropped => f.write_str("too many messages were waiting"),
            Self::Cancelled => f.write_str("it was not sent"),
            Self::Unknown => f.write_str("it may or may not have arrived"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t21_statuses_move_only_forward_and_failed_only_by_retry_or_late_evidence() {
        let failed = || Status::Failed(Failure::Unknown);
        let all = || [Status::Sending, Status::Sent, Status::Delivered, Status::Read, failed()];
        //   to: sending, sent, delivered, read, failed
        let table = [
            [false, true, true, true, true],     // from sending
            [false, false, true, true, false],   // from sent
            [false, false, false, true, false],  // from delivered
            [false, false, false, false, false], // from read
            [true, true, true, true, false],     // from failed
        ];
        for (from, row) in all().iter().zip(table) {
            for (to, allowed) in all().into_iter().zip(row) {
                let mut status = from.clone();
                assert_eq!(status.advance(to.clone()), allowed, "{from} to {to}");
                assert_eq!(status, if allowed { to } else { from.clone() });
            }
        }
    }
}
