use std::fmt;
use std::sync::Mutex;

use everwire_ws::Message;
use tokio::sync::mpsc;

/// The messages of the application's own that came between the frames of calls.
///
/// Bounded: 1,024 wait for it; then the session is not read, calls included, until some are taken. Dropped, it discards all that
/// come.
pub struct PlainMessages {
    receiver: mpsc::Receiver<Message>,
}

/// How many of the application's own messages wait.
pub(crate) const CAPACITY: usize = 1_024;

/// Where they wait until somebody wants them.
pub(crate) type Own = Mutex<Option<mpsc::Receiver<Message>>>;

impl PlainMessages {
    /// None: somebody has them already.
    pub(crate) fn new(receiver: Option<mpsc::Receiver<Message>>) -> Self {
        Self { receiver: receiver.unwrap_or_else(|| mpsc::channel(1).1) }
    }

    /// The next one; `None` when the session is over. Cancel-safe.
    pub async fn next(&mut self) -> Option<Message> {
        self.receiver.recv().await
    }
}

impl fmt::Debug for PlainMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainMessages").field("waiting", &self.receiver.len()).finish()
    }
}
