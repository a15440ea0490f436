use std::fmt;
use std::sync::Mutex;

use everwire_ws::Message;
use tokio::sync::mpsc;

/// The received messages that are no frames of calls.
///
/// It is bounded: when 1,024 messages wait in it, the session is not read, calls included, until some are taken. After
/// it is dropped, such messages are discarded.
pub struct PlainMessages {
    receiver: mpsc::Receiver<Message>,
}

/// How many of the application's own messages wait.
pub(crate) const CAPACITY: usize = 1_024;

/// The receiver of these messages, until the application takes it.
pub(crate) type Own = Mutex<Option<mpsc::Receiver<Message>>>;

impl PlainMessages {
    /// `None`: the receiver was taken already.
    pub(crate) fn new(receiver: Option<mpsc::Receiver<Message>>) -> Self {
        Self { receiver: receiver.unwrap_or_else(|| mpsc::channel(1).1) }
    }

    /// The next message; `None` when the session is over. Cancel-safe.
    pub async fn next(&mut self) -> Option<Message> {
        self.receiver.recv().await
    }
}

impl fmt::Debug for PlainMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainMessages").field("waiting", &self.receiver.len()).finish()
    }
}
