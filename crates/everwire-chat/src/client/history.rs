//! What was read, and older messages.

use everwire::State;
use everwire_chat_core::wire::{Earlier, Event};

use super::event::LoadError;
use super::read_position::ReadPosition;
use super::{ChatClient, PAGE};

impl ChatClient {
    /// The UI has shown these messages and all between them: the others may know that we have seen them, once all
    /// before them was shown too. A receipt speaks for everything above it, so what is jumped over keeps it back; it
    /// stays [unread](ReadPosition::unread), and what is shown behind it does not. Unknown ids, and messages without a
    /// place in the history, say nothing.
    pub fn mark_shown(&self, first: &str, last: &str) {
        if self.room.lock().show(first, last) {
            self.room.receipts.notify_one();
        }
    }

    /// Our user has read this message and all before it, whatever was shown: the others may know that. Unknown ids, and
    /// messages without a place in the history, say nothing.
    pub fn mark_read(&self, id: &str) {
        let mut inner = self.room.lock();
        let shown = inner.timeline.get(id).and_then(|entry| entry.offset).unwrap_or(0);
        // Our own messages behind theirs need no receipt.
        let read = shown.min(inner.had.delivered);
        if read > inner.had.read {
            inner.had.read = read;
            drop(inner);
            self.room.receipts.notify_one();
        }
    }

    /// Asks for up to 100 messages that belong right before this one
    /// ([`Entry::missing`](everwire_chat_core::timeline::Entry::missing)). They come as
    /// [`Change::Earlier`](everwire_chat_core::timeline::Change::Earlier), and
    /// [`ChatEvent::Earlier`](crate::ChatEvent::Earlier) follows; if the connection is lost before, ask again. What was asked
    /// for is kept beyond the window, up to 100,000 messages.
    ///
    /// # Errors
    /// If there is nothing to ask for, or nothing to ask on.
    pub fn load_earlier(&self, id: &str) -> Result<(), LoadError> {
        let mut inner = self.room.lock();
        let before = inner.timeline.wanted_before(id).ok_or(LoadError::NothingMissing)?;
        if inner.asked.is_some() {
            return Err(LoadError::Busy);
        }
        if !matches!(self.client.state(), State::Connected { .. }) {
            return Err(LoadError::NotConnected);
        }
        let question = Event::Earlier(Earlier { before, limit: PAGE }).to_json();
        // Its answer says what became of it.
        drop(self.client.send_volatile(question).map_err(|_| LoadError::NotConnected)?);
        inner.asked = Some(before);
        Ok(())
    }

    /// Messages of others that our user has not read on any device, those included that are not loaded:
    /// [`read_position`](Self::read_position) has the same number.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.read_position().unread
    }

    /// The read position of our user in the room: by [`mark_shown`](Self::mark_shown) or [`mark_read`](Self::mark_read)
    /// here, or on another device, where the server tells that.
    #[must_use]
    pub fn read_position(&self) -> ReadPosition {
        self.room.lock().read_position(0)
    }

    /// The same, but of what is unread only what stands behind this offset.
    #[must_use]
    pub fn unread_behind(&self, offset: u64) -> ReadPosition {
        self.room.lock().read_position(offset)
    }
}
