//! Pings, pongs and the closing handshake.

use bytes::Bytes;

use super::{Connection, Phase};
use crate::close::fitting_reason;
use crate::frame::{MAX_CONTROL, Opcode};
use crate::{CloseCode, CloseFrame, ProtocolError};

impl Connection {
    /// Queues a ping. Returns `false` if a close frame is queued: no ping is sent then.
    ///
    /// The payload may have at most 125 bytes; a longer one is cut to that, and fails a debug assertion.
    pub fn ping(&mut self, payload: &[u8]) -> bool {
        debug_assert!(payload.len() <= MAX_CONTROL, "a ping's payload has at most {MAX_CONTROL} bytes");
        self.frame(Opcode::Ping, &payload[..payload.len().min(MAX_CONTROL)])
    }

    /// Sets whether the caller answers pings ([`pong`](Self::pong)). Default: `false`, each is answered as it is read.
    /// It is for an end whose pong has to wait until something is done, to prove that. A peer that waits for long may
    /// give up the connection (RFC 6455 section 5.5.2 asks for an answer "as soon as is practical").
    pub fn leave_pings(&mut self, to_the_caller: bool) {
        self.leaves_pings = to_the_caller;
    }

    /// Answers a ping that was left to the caller, with the ping's payload. Returns `false` if a close frame is queued:
    /// no pong is sent then.
    ///
    /// ```
    /// use everwire_ws::{Config, Connection, Incoming, Role};
    ///
    /// let mut client = Connection::new(Role::Client, Config::default(), [7; 32]);
    /// let mut server = Connection::new(Role::Server, Config::default(), [0; 32]);
    /// server.leave_pings(true);
    /// client.ping(b"stored?");
    /// server.receive(&client.outgoing().split());
    /// let Some(Incoming::Ping(payload)) = server.next_incoming()? else { panic!() };
    /// assert_eq!(server.buffered(), 0);
    /// assert!(server.pong(&payload)); // some time later
    /// assert_eq!(&server.outgoing()[..], b"\x8a\x07stored?");
    /// # Ok::<(), everwire_ws::ProtocolError>(())
    /// ```
    pub fn pong(&mut self, payload: &Bytes) -> bool {
        debug_assert!(payload.len() <= MAX_CONTROL, "a pong's payload has at most {MAX_CONTROL} bytes");
        self.answer(&payload.slice(..payload.len().min(MAX_CONTROL)));
        self.phase == Phase::Open
    }

    /// Queues a close frame, once: further calls change nothing.
    ///
    /// A reason over 123 bytes is cut at a character boundary. A code that may not stand on the wire, such as
    /// [`CloseCode::NO_STATUS`], makes a close frame without code and reason.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        if self.phase != Phase::Open {
            return;
        }
        self.phase = Phase::CloseSent;
        if !code.is_allowed_on_wire() {
            self.encoder.frame(Opcode::Close, &[]);
            return;
        }
        let mut payload = [0; MAX_CONTROL];
        let reason = fitting_reason(reason).as_bytes();
        payload[..2].copy_from_slice(&code.0.to_be_bytes());
        payload[2..2 + reason.len()].copy_from_slice(reason);
        self.encoder.frame(Opcode::Close, &payload[..2 + reason.len()]);
    }

    fn frame(&mut self, opcode: Opcode, payload: &[u8]) -> bool {
        if self.phase != Phase::Open {
            return false;
        }
        self.encoder.frame(opcode, payload);
        true
    }

    #[cold]
    pub(super) fn fail(&mut self, error: ProtocolError) -> ProtocolError {
        self.close(error.close_code(), &error.to_string());
        self.end();
        self.check();
        error
    }

    /// Answers the peer's close frame with its own code (section 5.5.1).
    pub(super) fn on_close(&mut self, frame: Option<&CloseFrame>) {
        self.close(frame.map_or(CloseCode::NO_STATUS, |frame| frame.code), "");
        self.end();
    }

    pub(super) fn answer(&mut self, payload: &Bytes) {
        if self.phase != Phase::Open {
            return;
        }
        let written = self.encoder.queued_total() - self.encoder.buffered() as u64;
        if self.pongs.is_full(written) {
            self.pongs.held_back = Some(payload.clone());
            return;
        }
        let before = self.encoder.queued_total();
        self.encoder.frame(Opcode::Pong, payload);
        self.pongs.queued(before, self.encoder.queued_total());
    }

    #[cold]
    pub(super) fn answer_held_back(&mut self) {
        if let Some(payload) = self.pongs.held_back.take() {
            self.answer(&payload);
        }
    }
}
