use std::fmt;
use std::sync::Arc;

use everwire_core::session::{ComeBack, Gone, ServerInput, SessionId};
use everwire_core::{SendError, SendOptions};
use everwire_ws::{CloseCode, Message};

use super::inbox::Inbox;
use super::received::Received;
use super::slot::Slot;

/// A client's session, over all its connections.
///
/// A message of the client counts as processed, and is acknowledged, when the application asks for the next one: if the
/// application crashes before that, the client sends the message again. With [`recv_manual`](Self::recv_manual) the
/// application acknowledges messages itself.
#[derive(Debug)]
pub struct Session {
    slot: Arc<Slot>,
    batch: Inbox,
    /// What was handed out last and is processed when the next one is asked for.
    given: Option<u64>,
}

/// A handle that sends to a client's session from anywhere. Cloning it is cheap. It does not keep the session alive.
#[derive(Clone, Debug)]
pub struct SessionSender {
    slot: Arc<Slot>,
}

impl Session {
    pub(super) fn new(slot: Arc<Slot>) -> Self {
        Self { slot, batch: Inbox::default(), given: None }
    }

    /// The client's next message; `None` when the session is over. The message before it counts as processed now.
    ///
    /// Cancel-safe: no message is lost.
    pub async fn recv(&mut self) -> Option<Received> {
        if let Some(position) = self.given.take() {
            self.slot.process(position);
        }
        let received = self.recv_manual().await;
        self.given = received.as_ref().map(|received| received.position);
        received
    }

    /// The client's next message; `None` when the session is over. It counts as processed after
    /// [`acknowledge`](Self::acknowledge).
    ///
    /// Cancel-safe: no message is lost.
    pub async fn recv_manual(&mut self) -> Option<Received> {
        if self.slot.is_closing() {
            self.batch.clear();
            return None;
        }
        loop {
            if let Some(received) = self.batch.pop() {
                return Some(received);
            }
            if !self.slot.next(&mut self.batch).await {
                return None;
            }
        }
    }

    /// Marks this message, and all before it, as processed.
    pub fn acknowledge(&self, received: &Received) {
        self.slot.process(received.position);
    }

    /// Everything up to this position is processed.
    #[cfg(feature = "calls")]
    pub(super) fn acknowledge_up_to(&self, position: u64) {
        self.slot.process(position);
    }

    /// The largest message that the client takes, in bytes.
    #[cfg(feature = "calls")]
    pub(super) fn largest_message(&self) -> usize {
        usize::try_from(self.slot.lock().machine.largest_message()).unwrap_or(usize::MAX)
    }

    /// A handle that sends to the client from anywhere.
    #[must_use]
    pub fn sender(&self) -> SessionSender {
        SessionSender { slot: Arc::clone(&self.slot) }
    }

    /// See [`SessionSender::send`].
    ///
    /// # Errors
    /// See there.
    pub fn send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        send(&self.slot, message.into())
    }

    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.slot.id
    }

    /// The principal to whom it belongs, as passed to [`Sessions::accept`](crate::Sessions::accept).
    #[must_use]
    pub fn principal(&self) -> &str {
        &self.slot.principal
    }
}

impl Drop for Session {
    /// Ends the session in order: the message that was received last counts as processed (but not in a panic), and the
    /// session ends once the client has processed everything that was sent, or has acknowledged nothing more for
    /// [`resume_within`](everwire_core::session::ServerConfig::resume_within), connected or not.
    fn drop(&mut self) {
        if let Some(position) = self.given.take()
            && !std::thread::panicking()
        {
            self.slot.process(position);
        }
        self.slot.let_go();
    }
}

impl SessionSender {
    pub(super) fn new(slot: Arc<Slot>) -> Self {
        Self { slot }
    }

    pub(super) fn tell(&self, input: ServerInput) {
        self.slot.tell(input);
    }

    /// Puts a message into the session's outbox, with a connection or without. As long as the session lives, it reaches
    /// the client exactly once and in order, unless it expires first: only with a
    /// [`max_age`](everwire_core::OutboxConfig::max_age) of the outbox, and only before it was handed to a connection.
    /// Never waits.
    ///
    /// # Errors
    /// The message comes back: [`SendError::Full`] if there is no room ([`send_wait`](Self::send_wait) waits for some),
    /// [`SendError::TooLarge`] if there never can be, [`SendError::Closed`] when the session is over.
    pub fn send(&self, message: impl Into<Message>) -> Result<(), SendError> {
        send(&self.slot, message.into())
    }

    /// Like [`send`](Self::send), with a time to live, a priority, or a key to conflate by: of the queued messages with
    /// one key only the latest is sent. A message that was handed to a connection neither expires nor is conflated, as
    /// long as the session lives.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn send_with(&self, message: impl Into<Message>, options: SendOptions) -> Result<(), SendError> {
        let now = self.slot.now();
        let mut inner = self.slot.lock();
        inner.machine.send_with(now, message.into(), options)?;
        self.slot.sent_timed(&mut inner);
        Ok(())
    }

    /// Like [`send`](Self::send), but waits for room.
    ///
    /// Cancel-safe in this sense: if the future is dropped before it is ready, nothing was sent.
    ///
    /// # Errors
    /// [`SendError::TooLarge`] and [`SendError::Closed`], also if the session ends meanwhile.
    pub async fn send_wait(&self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut message = Some(message.into());
        self.slot
            .when(|inner| match self.slot.send(inner, message.take()?) {
                Err(SendError::Full(back)) => {
                    message = Some(back);
                    None
                }
                Err(error) => Some(Err(error)),
                Ok(()) => Some(Ok(())),
            })
            .await
    }

    /// Sends a message that is worth something only now: without a connection it is dropped, and it is never sent again.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the session is over.
    pub fn send_volatile(&self, message: impl Into<Message>) -> Result<(), SendError> {
        let mut inner = self.slot.lock();
        inner.machine.send_volatile(message.into())?;
        self.slot.sort(&mut inner);
        Ok(())
    }

    /// Waits until the client has processed everything that was sent so far, or the session is over. Returns `true` if
    /// it has processed everything. Cancel-safe.
    pub async fn flush(&self) -> bool {
        self.slot
            .when(|inner| match (inner.over, inner.machine.pending_messages()) {
                (true, _) => Some(false),
                (false, 0) => Some(true),
                (false, _) => None,
            })
            .await
    }

    /// The number of messages that the client has not acknowledged.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.slot.lock().machine.pending_messages()
    }

    /// Returns `true` if the client is connected right now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        *self.slot.connected.borrow()
    }

    /// Ends the session in order: its application gets nothing more ([`Session::recv`] returns `None`), and when the
    /// application has dropped the [`Session`], the client is told what was processed, which is final. Messages that
    /// the client has not acknowledged by then are given up. `back` tells the client whether and when to come back. If
    /// the client does not answer within 2 s, its connection is closed all the same.
    pub fn end(&self, back: ComeBack, reason: impl Into<String>) {
        self.slot.part(back, reason.into());
    }

    /// Ends the session because its client is not allowed any more (close code 4403): it is told not to come back, and a
    /// resume is refused.
    pub fn ban(&self) {
        self.slot.tell(ServerInput::Kill { gone: Gone::Denied, code: CloseCode(4403), reason: "not allowed any more" });
    }

    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.slot.id
    }

    /// The principal to whom it belongs.
    #[must_use]
    pub fn principal(&self) -> &str {
        &self.slot.principal
    }
}

fn send(slot: &Slot, message: Message) -> Result<(), SendError> {
    let mut inner = slot.lock();
    slot.send(&mut inner, message)
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {}", self.slot.id)
    }
}
