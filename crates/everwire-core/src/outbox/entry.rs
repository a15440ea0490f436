//! A message in the outbox.

use std::sync::Arc;

use everwire_ws::Message;

use super::{Priority, SendOptions};
use crate::{MessageId, Moment};

#[derive(Debug)]
pub(crate) struct Entry {
    pub(super) id: MessageId,
    pub(super) message: Message,
    /// What few messages have.
    extra: Option<Box<Extra>>,
}

#[derive(Debug, Default)]
struct Extra {
    priority: Priority,
    expires_at: Option<Moment>,
    key: Option<Arc<str>>,
    place: Option<MessageId>,
    may_have_arrived: bool,
    suspect: bool,
}

impl Entry {
    #[inline]
    pub(super) fn new(id: MessageId, message: Message) -> Self {
        Self { id, message, extra: None }
    }

    pub(super) fn with(id: MessageId, message: Message, options: SendOptions, expires_at: Option<Moment>) -> Self {
        let mut entry = Self::new(id, message);
        let SendOptions { ttl: _, priority, key } = options;
        if priority != Priority::Normal || key.is_some() || expires_at.is_some() {
            entry.extra = Some(Box::new(Extra { priority, expires_at, key, ..Extra::default() }));
        }
        entry
    }

    /// The message of an entry that has ended.
    pub(super) fn take_message(&mut self) -> Message {
        std::mem::replace(&mut self.message, Message::binary(bytes::Bytes::new()))
    }

    /// Whether nothing is special about it.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.extra.is_none()
    }

    /// Where it stands in its level: its number, or that of the first message whose place it has taken. Places grow
    /// from the front of a level to its end; numbers need not.
    #[inline]
    pub(super) fn place(&self) -> MessageId {
        self.extra.as_ref().and_then(|extra| extra.place).unwrap_or(self.id)
    }

    #[inline]
    pub(super) fn priority(&self) -> Priority {
        self.extra.as_ref().map_or(Priority::Normal, |extra| extra.priority)
    }

    pub(super) fn expires_at(&self) -> Option<Moment> {
        self.extra.as_ref()?.expires_at
    }

    pub(super) fn key(&self) -> Option<&Arc<str>> {
        self.extra.as_ref()?.key.as_ref()
    }

    /// An earlier connection has written it.
    pub(super) fn may_have_arrived(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.may_have_arrived)
    }

    /// The peer may have blamed it.
    pub(super) fn is_suspect(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.suspect)
    }

    pub(super) fn set_place(&mut self, place: MessageId) {
        self.extra_mut().place = (place != self.id).then_some(place);
    }

    pub(super) fn set_may_have_arrived(&mut self) {
        self.extra_mut().may_have_arrived = true;
    }

    pub(super) fn set_suspect(&mut self) {
        self.extra_mut().suspect = true;
    }

    fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Elsewhere it is smaller.
    #[cfg(target_pointer_width = "64")]
    #[test]
    fn an_entry_is_as_small_as_documented() {
        assert_eq!(size_of::<Entry>(), 56);
    }

    #[test]
    fn options_that_change_nothing_cost_nothing() {
        let entry = Entry::with(MessageId(1), Message::text("plain"), SendOptions::new(), None);
        assert!(entry.is_plain());
    }
}
