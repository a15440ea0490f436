use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use everwire_core::session::SessionId;

/// The reason why a watermark could not be read.
pub type WatermarkError = Box<dyn Error + Send + Sync>;

/// The watermarks of sessions before a restart of the server: what the application had processed of each.
///
/// The application writes one row per session, (session, principal, sequence), in the same transaction as the effect of
/// the message with that sequence number ([`Received::sequence`](crate::Received::sequence)). When the server has crashed
/// and a client comes back, the row says what was processed; the client sends the rest again, in a new session, and
/// nothing is lost or done twice.
pub trait Watermarks: Send + Sync + 'static {
    /// Returns the highest sequence number that was processed in this session of this principal, if there is a row.
    ///
    /// `None` means that this is not known: the client's guarantee then decides about each message that may have
    /// arrived. Where rows are never deleted, a session without one has processed nothing, and 0 is the right answer.
    ///
    /// # Errors
    /// If it can't be read. The client is then asked to come back later, since a wrong answer would lose or double
    /// messages.
    fn processed<'a>(
        &'a self,
        session: SessionId,
        principal: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<u64>, WatermarkError>> + Send + 'a>>;
}
