//! What a session adds.
//!
//! - `greeting`: hello and welcome on a new connection
//! - `receiving`: frames on the open connection, and their acknowledgement
//! - `migration`: the move to a new connection

use everwire_ws::CloseFrame;

use super::Machine;
use crate::lifecycle::Connection;
use crate::session::{Bye, Frame, code};
use crate::{Attempt, Cause, Moment, Output};

mod greeting;
mod migration;
mod receiving;

pub(super) use migration::Successor;

/// Why an opening with a session fails whose first frame is another.
const NO_WELCOME: &str = "expected a session `welcome` frame from the server";

impl Machine {
    /// The session can't go on; what the peer has processed of it may be known.
    fn lose_session(&mut self, processed: Option<u64>) {
        if let Some(session) = self.session.as_mut() {
            session.forget();
            self.outputs.session_changed();
        }
        if self.outbox.is_numbered() {
            self.outbox.leave_behind(&mut self.outputs);
            self.outbox.end_session(processed, &mut self.outputs);
        }
    }

    /// The server has closed the connection of a session: what that says beyond the code.
    pub(super) fn session_cause(&self, frame: Option<CloseFrame>) -> Cause {
        let code = frame.as_ref().map(|frame| frame.code);
        match self.session.as_ref() {
            Some(session) if code == Some(code::SUPERSEDED) && session.is_rivalled() => Cause::Superseded,
            _ => Cause::PeerClosed(frame),
        }
    }

    /// The last words before the closing handshake: the server frees the session.
    pub(super) fn say_bye(&mut self) {
        let Some(session) = self.session.as_ref() else { return };
        if session.is_live() {
            let processed = session.receiver.processed();
            self.say(&Frame::Bye(Bye { processed, ..Bye::default() }));
            self.lose_session(None);
        }
    }

    fn say(&mut self, frame: &Frame) {
        if let Some(attempt) = self.lifecycle.attempt() {
            self.outputs.push(Output::Control(attempt, frame.to_message()));
        }
    }

    pub(super) fn connection(now: Moment, attempt: Attempt) -> Connection {
        Connection { attempt, opened_at: now, proven: false, useful: false }
    }
}
