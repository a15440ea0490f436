use std::fmt;
use std::sync::Arc;

use everwire_chat_core::wire::{Event, Receipt};
use everwire_ws::{CloseCode, Message, Prepared};

/// Bytes of a receipt, about.
const RECEIPT: usize = 64;

/// Where the deliveries of one connection go. Implemented by its mailbox; calls do not wait.
pub(crate) trait Sink: fmt::Debug + Send + Sync {
    /// Delivers one thing.
    fn deliver(&self, delivery: Delivery) {
        self.deliver_all(&mut std::iter::once(delivery));
    }

    /// Delivers several things, as if one by one; returns how many of them are [texts](Delivery::Texts).
    fn deliver_all(&self, deliveries: &mut dyn Iterator<Item = Delivery>) -> u64;

    /// Delivers something that may be left out if there is little room.
    fn deliver_volatile(&self, delivery: Delivery);

    /// Ends the connection; what it has not been sent by then is dropped.
    fn close(&self, code: CloseCode, reason: Arc<str>);
}

/// Something for one connection.
#[derive(Clone, Debug)]
pub(crate) enum Delivery {
    /// A frame to be sent.
    Frame(Prepared),
    /// Texts that were committed together: not to be sent if the connection's catch-up has had them.
    Texts {
        /// The frame.
        frame: Prepared,
        /// The offset of the last of them.
        last: u64,
    },
    /// How far the messages of the connection's user have come with others. Marks only rise: one that was told already, by a later state of the
    /// room, is not told again.
    Receipt(Receipt),
    /// Messages of the connection's own are stored; with a frame if its client understands one.
    Stored {
        /// How many messages.
        messages: usize,
        /// The frame; apart, since there are few of these, and thousands of the others.
        frame: Option<Box<Message>>,
    },
    /// A message of the connection's own could not be stored.
    StoreFailed,
    /// The connection is to end. Nothing follows.
    Close(CloseCode, Arc<str>),
}

impl Delivery {
    /// Bytes to be sent.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Frame(frame) | Self::Texts { frame, .. } => frame.message().len(),
            Self::Receipt(_) => RECEIPT,
            Self::Stored { frame: Some(frame), .. } => frame.len(),
            Self::Stored { frame: None, .. } | Self::StoreFailed | Self::Close(..) => 0,
        }
    }

    /// An event for one connection or many; what goes to many is encoded and compressed once: [`Prepared`].
    pub(super) fn of(event: &Event) -> Self {
        Self::Frame(Prepared::new(encode(event)))
    }
}

/// The event as a message.
pub(super) fn encode(event: &Event) -> Message {
    Message::from(event.to_json())
}
