//! The close codes that sessions use (RFC 6455 section 7.4.2 leaves 4000 to 4999 to applications).
//!
//! | code | meaning | what the client does |
//! |---|---|---|
//! | 1000 | the session has ended in order | does not come back |
//! | 1012 | the server restarts or drains | resumes |
//! | 1013 | too many sessions | resumes later, no sooner than after 5 s |
//! | [`MALFORMED`] 4400 | a frame that is none, or one that is not allowed at this point | resumes |
//! | 4401, 4403 | not, or no longer, allowed | does not come back |
//! | [`HELLO_TIMEOUT`] 4408 | no hello in time | resumes |
//! | [`SUPERSEDED`] 4409 | a newer connection has taken the session over | does not come back |
//! | [`VIOLATED`] 4410 | the session's state is contradictory; it is freed | begins a new session |
//! | [`GAP`] 4412 | a sequence number was left out | resumes |

use everwire_ws::CloseCode;

/// A frame that is none, or one that is not allowed at this point.
pub const MALFORMED: CloseCode = CloseCode(4400);

/// No hello in time.
pub const HELLO_TIMEOUT: CloseCode = CloseCode(4408);

/// A newer connection has taken the session over.
pub const SUPERSEDED: CloseCode = CloseCode(4409);

/// The session's state is contradictory, such as an acknowledgement of what was never sent.
pub const VIOLATED: CloseCode = CloseCode(4410);

/// A sequence number was left out.
pub const GAP: CloseCode = CloseCode(4412);
