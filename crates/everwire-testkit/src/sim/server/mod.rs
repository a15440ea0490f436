//! A server in the virtual world: the real [`Registry`](everwire_core::session::Registry) and
//! [`ServerSession`](everwire_core::session::ServerSession)s with a driver around them, or a scripted plain one, and an
//! application on top.
//!
//! - [`ServerApp`] and [`ServerIo`]: what an application is and can do
//! - `node`: the process: it starts, crashes and stalls
//! - `core`: what it does for its connections and peers
//! - `bounds`: what it must not hold or wait for, whatever a client does
//! - `line`: one connection
//! - `hostile`: one of a server that means harm
//! - `session`: what a session's machine wants done
//! - `peer`: one session, or one plain connection, as the application sees it
//! - [`script`](PlainScript): how a plain server behaves

mod bounds;
mod core;
mod hostile;
mod hostile_line;
mod line;
mod node;
mod peer;
mod plan;
mod script;
mod session;
mod shims;

use std::time::Duration;

use everwire_core::session::{Gone, ServerInput, SessionId};
use everwire_core::{Message, MessageId, Outcome, SendError};

pub(crate) use node::{ServerCore, ServerNode};
pub use peer::PeerId;
pub(crate) use plan::ServerPlan;
pub use script::PlainScript;

use super::Handled;
use super::stage::Stage;

/// A server's application under test. One object over all lives of its process.
///
/// A peer is a session, over all its connections, or a plain connection.
pub trait ServerApp {
    /// The process starts: for the first time, or after a crash. What is known of sessions from before is told now, with
    /// [`ServerIo::remember`].
    fn started(&mut self, io: &mut ServerIo<'_>) {
        let _ = io;
    }

    /// A step of the scenario asks for `count` units of work, whatever that is.
    fn work(&mut self, io: &mut ServerIo<'_>, count: u32) {
        let _ = (io, count);
    }

    /// A new peer.
    fn opened(&mut self, io: &mut ServerIo<'_>, peer: PeerId) {
        let _ = (io, peer);
    }

    /// The handler of a message is through with it.
    fn handle(&mut self, io: &mut ServerIo<'_>, peer: PeerId, message: Message) -> Handled {
        let _ = (io, peer, message);
        Handled::Done
    }

    /// All of `first..=last` for this session have this outcome.
    fn outcome(&mut self, io: &mut ServerIo<'_>, peer: PeerId, first: MessageId, last: MessageId, outcome: Outcome) {
        let _ = (io, peer, first, last, outcome);
    }

    /// A peer is no more. Messages of its that were handed out are still to be dealt with.
    fn ended(&mut self, io: &mut ServerIo<'_>, peer: PeerId) {
        let _ = (io, peer);
    }

    /// The time that was asked for with [`ServerIo::wake_in`] has come.
    fn tick(&mut self, io: &mut ServerIo<'_>) {
        let _ = io;
    }

    /// A message has arrived and waits for the handler.
    fn arrived(&mut self, peer: PeerId, message: &Message) {
        let _ = (peer, message);
    }

    /// The process is gone, with everything that was not kept elsewhere.
    fn crashed(&mut self) {}

    /// Whether there is nothing that it waits for. Asked once the scenario is calm.
    fn is_done(&self) -> bool {
        true
    }

    /// What is wrong, if anything is. Asked after each turn.
    ///
    /// # Errors
    /// In words: the scenario then fails with them.
    fn check(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// The actions that are open to a server's application.
#[derive(Debug)]
pub struct ServerIo<'a> {
    pub(crate) core: &'a mut ServerCore,
    pub(crate) stage: &'a mut Stage,
}

impl ServerIo<'_> {
    /// The number of times that the process has been started, from 1.
    pub fn life(&self) -> u32 {
        self.core.life()
    }

    /// Time since the world's start.
    pub fn now(&self) -> Duration {
        self.stage.agenda.elapsed()
    }

    /// A random number, the same for the same scenario.
    pub fn random(&mut self) -> u64 {
        self.stage.random.next()
    }

    /// The peers of this life that can be sent to, in the order in which they came.
    pub fn peers(&self) -> Vec<PeerId> {
        self.core.live_peers()
    }

    /// The principal that a peer claims to be.
    pub fn principal(&self, peer: PeerId) -> &str {
        self.core.peer(peer).map_or("", |peer| &peer.principal)
    }

    /// The id of a session; none for a plain connection.
    pub fn session_id(&self, peer: PeerId) -> Option<SessionId> {
        Some(self.core.peer(peer)?.session.as_ref()?.id())
    }

    /// Sends a message to a peer: reliably in a session; on a plain connection as far as its buffer goes.
    ///
    /// # Errors
    /// Gives the message back if there is no room or the peer is no more.
    pub fn send(&mut self, peer: PeerId, message: Message) -> Result<MessageId, SendError> {
        self.core.send(self.stage, peer, message)
    }

    /// Marks the first `messages` messages of this peer as processed. Only after [`Handled::Later`]. For a session that
    /// was given its own place in a transaction, this comes after the commit.
    pub fn processed(&mut self, peer: PeerId, messages: u64) {
        self.core.processed(self.stage, peer, messages);
    }

    /// The number of messages of this peer that were handed over, the one that is being handled included. In a session
    /// that is the message's sequence number.
    pub fn handled(&self, peer: PeerId) -> u64 {
        self.core.peer(peer).map_or(0, |peer| peer.handled)
    }

    /// Ends a session in order.
    pub fn end(&mut self, peer: PeerId, retry_after: Option<Duration>) {
        self.core.end(self.stage, peer, retry_after);
    }

    /// Lets go of a session: it ends once its client has acknowledged everything. What it still says is not handled.
    pub fn finish(&mut self, peer: PeerId) {
        self.core.finish(self.stage, peer);
    }

    /// Another input for a session's machine.
    pub fn input(&mut self, peer: PeerId, input: ServerInput) {
        self.core.input(self.stage, peer, input);
    }

    /// A session of an earlier life is over, and so much of it was processed for good: what its client is told when it
    /// asks for it.
    pub fn remember(&mut self, session: SessionId, principal: &str, processed: u64) {
        self.core.remember(session, principal, Gone::Restarted, processed);
    }

    /// Asks for a [`tick`](ServerApp::tick) after this time. The earliest counts.
    pub fn wake_in(&mut self, time: Duration) {
        let at = self.stage.agenda.now().saturating_add(super::agenda::nanos(time));
        self.core.wake_at = Some(self.core.wake_at.map_or(at, |before| before.min(at)));
    }

    /// A line for the trace.
    pub fn note(&mut self, words: impl FnOnce() -> String) {
        self.stage.note(words);
    }

    /// Something is wrong: the scenario fails with these words.
    pub fn fail(&mut self, what: impl std::fmt::Display) {
        self.stage.fail("server", what);
    }
}
