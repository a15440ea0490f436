//! Bytes in, messages out.

use bytes::BytesMut;

use super::{Connection, Phase};
use crate::{Incoming, MessageRef, ProtocolError};

impl Connection {
    /// The buffer that arriving bytes are appended to; append only. See [`reserve`](Self::reserve).
    pub fn read_buffer(&mut self) -> &mut BytesMut {
        self.decoder.buffer(0)
    }

    /// The buffer that arriving bytes are appended to, with spare room to read about `wanted` bytes into (at least one).
    ///
    /// In the middle of a long binary frame it is the buffer of the message itself, so that the payload is not copied.
    pub fn reserve(&mut self, wanted: usize) -> &mut BytesMut {
        self.decoder.buffer(wanted.max(1))
    }

    /// Appends bytes that have arrived.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.read_buffer().extend_from_slice(bytes);
    }

    /// The next message or control frame of the peer; `None` when more bytes are needed.
    ///
    /// # Errors
    /// If the peer broke a rule. A close frame that says so is then queued, the phase is [`Phase::Closed`], and further
    /// calls return `None`.
    ///
    /// If messages came before the fault since the last [`end_batch`](Self::end_batch), this returns `None` once and
    /// the error with the next call, so that a caller who answers after each batch can send its answers before the
    /// close frame. [`is_failing`](Self::is_failing) tells such a `None` from one that asks for more bytes.
    #[inline]
    pub fn next_incoming(&mut self) -> Result<Option<Incoming>, ProtocolError> {
        if self.phase != Phase::Closed
            && self.deferred.is_none()
            && let Some(whole) = self.decoder.next_short()
        {
            return match whole.into_short_message() {
                Some(message) => {
                    self.in_batch = true;
                    Ok(Some(Incoming::Message(message)))
                }
                None => self.violated(ProtocolError::InvalidUtf8),
            };
        }
        self.next_other()
    }

    /// The next message in the read buffer, borrowed without an allocation: for a caller that is done with it before it
    /// takes the next one.
    ///
    /// `None` does not mean that nothing has arrived: anything but a whole, valid and uncompressed message in one frame
    /// is left to [`next_incoming`](Self::next_incoming). Call that then, until it returns `None` too.
    ///
    /// ```
    /// use everwire_ws::{Config, Connection, Message, MessageRef, Role};
    ///
    /// let mut client = Connection::new(Role::Client, Config::default(), [7; 32]);
    /// let mut server = Connection::new(Role::Server, Config::default(), [0; 32]);
    /// assert!(client.send(&Message::text("1")) && client.send(&Message::text("2")));
    /// server.receive(&client.outgoing().split());
    ///
    /// let mut sum = 0;
    /// while let Some(MessageRef::Text(text)) = server.next_ref() {
    ///     sum += text.parse::<i32>()?;
    /// }
    /// assert_eq!(sum, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn next_ref(&mut self) -> Option<MessageRef<'_>> {
        if self.phase == Phase::Closed || self.deferred.is_some() {
            return None;
        }
        let message = self.decoder.next_whole()?.in_place();
        match &message {
            Some(_) => self.in_batch = true,
            None => self.deferred = Some(ProtocolError::InvalidUtf8),
        }
        message
    }

    /// Ends a batch: the caller has answered the messages so far, so that an error behind them is returned at once.
    /// Call it when the transport has nothing more to read.
    pub fn end_batch(&mut self) {
        self.in_batch = false;
    }

    /// Returns `true` if the next call of [`next_incoming`](Self::next_incoming) returns an error that it has held back.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.deferred.is_some()
    }

    /// What is not a short message in one frame.
    #[inline(never)] // out of the way of short messages
    fn next_other(&mut self) -> Result<Option<Incoming>, ProtocolError> {
        if self.phase == Phase::Closed {
            self.decoder.discard();
            return Ok(None);
        }
        if let Some(error) = self.deferred.take() {
            return Err(self.fail(error));
        }
        if let Some(whole) = self.decoder.next_long() {
            return match whole.into_message() {
                Some(message) => {
                    self.in_batch = true;
                    Ok(Some(Incoming::Message(message)))
                }
                None => self.violated(ProtocolError::InvalidUtf8),
            };
        }
        let incoming = match self.decoder.next() {
            Ok(incoming) => incoming,
            Err(error) => return self.violated(error),
        };
        match &incoming {
            None | Some(Incoming::Pong(_)) => {}
            Some(Incoming::Message(_)) => self.in_batch = true,
            Some(Incoming::Ping(_)) if self.leaves_pings => {}
            Some(Incoming::Ping(payload)) => self.answer(payload),
            Some(Incoming::Close(frame)) => self.on_close(frame.as_ref()),
        }
        self.check();
        Ok(incoming)
    }

    /// The peer broke a rule: now, or behind messages that are to be answered first.
    #[cold]
    fn violated(&mut self, error: ProtocolError) -> Result<Option<Incoming>, ProtocolError> {
        if std::mem::take(&mut self.in_batch) {
            self.deferred = Some(error);
            self.check();
            return Ok(None);
        }
        Err(self.fail(error))
    }
}
