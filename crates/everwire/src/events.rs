//! What happens to a client, for logs and user interfaces.

use std::fmt;
use std::mem;
use std::sync::Mutex;

use everwire_core::Event;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::State;
use crate::sync::lock;

/// How many events wait for a slow listener before it misses the oldest.
const CAPACITY: usize = 256;

/// The events of a client from the moment of [`Client::events`](crate::Client::events) on.
///
/// It is bounded: a listener that falls behind by more than 256 events misses the oldest, is told how many, and delays
/// nobody. It does not keep the client alive. The first listener of a client costs the room for 256 events, some 28
/// KiB; further ones share it.
pub struct Events {
    receiver: Option<broadcast::Receiver<EventItem>>,
}

/// An item of [`Events`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventItem {
    /// An event of the connection, of the session or of the retry logic.
    Event(Event),
    /// The state changed.
    State(State),
    /// This many received messages were discarded because nobody reads them; see [`Inbox`](crate::Inbox) for when that
    /// happens.
    Discarded(u64),
    /// The inbox has reached its hard limit, so that the connection is no longer read although the evidence for a
    /// message that was sent may come behind: see [`Inbox`](crate::Inbox). The task that reads the inbox is too slow,
    /// or waits for that message's outcome.
    InboxFull {
        /// Messages in the inbox.
        messages: usize,
        /// Their payload bytes.
        bytes: usize,
    },
    /// This many events were missed because the listener did not fetch them in time.
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
}

/// Where the events of a client come from: nobody pays for the room of a channel to which nobody listens.
#[derive(Debug, Default)]
pub(crate) struct Feed(Mutex<Listeners>);

#[derive(Debug, Default)]
enum Listeners {
    #[default]
    NoneYet,
    Some(broadcast::Sender<EventItem>),
    /// The client has ended.
    NoMore,
}

impl Feed {
    pub(crate) fn listen(&self) -> Events {
        let mut listeners = lock(&self.0);
        let receiver = match &*listeners {
            Listeners::NoneYet => {
                let (sender, receiver) = broadcast::channel(CAPACITY);
                *listeners = Listeners::Some(sender);
                Some(receiver)
            }
            Listeners::Some(sender) => Some(sender.subscribe()),
            Listeners::NoMore => None,
        };
        Events { receiver }
    }

    pub(crate) fn tell(&self, item: EventItem) {
        // Nothing is locked while listeners are woken.
        let sender = match &*lock(&self.0) {
            Listeners::Some(sender) => sender.clone(),
            Listeners::NoneYet | Listeners::NoMore => return,
        };
        // An error says that nobody listens any more.
        let _ = sender.send(item);
    }

    pub(crate) fn end(&self) {
        let listeners = mem::replace(&mut *lock(&self.0), Listeners::NoMore);
        drop(listeners);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("ended", &self.receiver.is_none()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_feed_holds_no_room_before_somebody_listens_and_tells_all_who_do() {
        let feed = Feed::default();
        feed.tell(EventItem::Discarded(1));
        assert!(matches!(*lock(&feed.0), Listeners::NoneYet));
        let mut one = feed.listen();
        feed.tell(EventItem::Discarded(2));
        let mut other = feed.listen();
        feed.tell(EventItem::Discarded(3));
        feed.end();
        for (events, expected) in [(&mut one, vec![2, 3]), (&mut other, vec![3])] {
            for count in expected {
                assert_eq!(events.next().await, Some(EventItem::Discarded(count)));
            }
            assert_eq!(events.next().await, None);
        }
        assert_eq!(feed.listen().next().await, None, "after the end there is nothing to hear");
    }
}
