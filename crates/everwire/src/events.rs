//! What happens to a client, for logs and user interfaces.

use std::fmt;

use everwire_core::Event;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::State;

/// How many events wait for a slow listener before it misses the oldest.
pub(crate) const CAPACITY: usize = 256;

/// The events of a client from the moment of [`Client::events`](crate::Client::events) on.
///
/// Bounded: a listener that falls behind by more than 256 events is told how many it missed, and
/// holds up nobody. It does not keep the client alive.
pub struct Events {
    receiver: Option<broadcast::Receiver<EventItem>>,
}

/// What [`Events`] yields.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventItem {
    /// Something worth knowing.
    Event(Event),
    /// The state changed.
    State(State),
    /// So many received messages were discarded because nobody reads them; see
    /// [`Inbox`](crate::Inbox) for when that happens.
    Discarded(u64),
    /// So many events were missed because they were not fetched in time.
    Missed(u64),
}

impl Events {
    /// The next event; `None` after the client has been closed or dropped. Cancel-safe.
    pub async fn next(&mut self) -> Option<EventItem> {
        match self.receiver.as_mut()?.recv().await {
            Ok(item) => Some(item),
            Err(RecvError::Lagged(missed)) => Some(EventItem::Missed(missed)),
            Err(RecvError::Closed) => {
                self.receiver = None;
                None
            }
        }
    }

    pub(crate) fn new(receiver: Option<broadcast::Receiver<EventItem>>) -> Self {
        Self { receiver }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("ended", &self.receiver.is_none()).finish()
    }
}
