//! A client in the virtual world: the real [`Machine`](everwire_core::Machine) with a driver around it that does what the
//! shipped one does, and an application on top.
//!
//! - [`ClientApp`] and [`ClientIo`]: what an application is and can do
//! - `node`: the process: it starts, crashes, stalls and sleeps
//! - `process`: one life of it: reading, telling the machine, doing what it wants, writing
//! - `checks`: what of it is checked after each turn
//! - `execute`: doing what the machine wants
//! - `disk`: what outlives it
//! - `link`: one connection of it
//! - `ledger`: what the machine may and may not say about messages

mod checks;
mod disk;
mod execute;
mod ledger;
mod link;
mod node;
mod process;
mod rate;
mod shims;
mod trace;

use std::time::Duration;

use everwire_core::{
    Event, Hint, Input, Machine, MachineStats, Message, MessageId, Moment, Outcome, SendError, SendOptions, State,
};

pub(crate) use disk::DiskPlan;
pub(crate) use ledger::Ledger;
pub(crate) use node::ClientNode;
use process::Awaited;
pub(crate) use process::{ClientPlan, Process};
pub(crate) use trace::{count_outcome, excerpt};

use super::stage::Stage;

/// The way an application handles a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// It is processed: the sender may forget it.
    Done,
    /// It will be: the application says so itself, with `processed`.
    Later,
}

/// A client's application under test. One object over all lives of its process: what a crash leaves is the application's
/// own matter, in [`crashed`](Self::crashed).
pub trait ClientApp {
    /// The process starts: for the first time, or after a crash. The client connects by itself.
    fn started(&mut self, io: &mut ClientIo<'_>) {
        let _ = io;
    }

    /// A step of the scenario asks for `count` units of work, whatever that is.
    fn work(&mut self, io: &mut ClientIo<'_>, count: u32) {
        let _ = (io, count);
    }

    /// The handler of a message is through with it.
    fn handle(&mut self, io: &mut ClientIo<'_>, message: Message) -> Handled {
        let _ = (io, message);
        Handled::Done
    }

    /// All of `first..=last` have this outcome.
    fn outcome(&mut self, io: &mut ClientIo<'_>, first: MessageId, last: MessageId, outcome: Outcome) {
        let _ = (io, first, last, outcome);
    }

    /// There is room again after a `send` that found none.
    fn room(&mut self, io: &mut ClientIo<'_>) {
        let _ = io;
    }

    /// Something worth knowing.
    fn event(&mut self, io: &mut ClientIo<'_>, event: &Event) {
        let _ = (io, event);
    }

    /// The state has changed.
    fn state(&mut self, io: &mut ClientIo<'_>, state: &State) {
        let _ = (io, state);
    }

    /// The time that was asked for with [`ClientIo::wake_in`] has come.
    fn tick(&mut self, io: &mut ClientIo<'_>) {
        let _ = io;
    }

    /// These messages are durable: they survive a crash. Only with a store.
    fn stored(&mut self, first: MessageId, last: MessageId) {
        let _ = (first, last);
    }

    /// This frame of ours is wholly with the operating system. Without a session it is one message, or with batching
    /// several; in a session the message behind its header.
    fn written(&mut self, message: &Message) {
        let _ = message;
    }

    /// A message has arrived and waits for the handler.
    fn arrived(&mut self, message: &Message) {
        let _ = message;
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

/// The actions that are open to a client's application.
#[derive(Debug)]
pub struct ClientIo<'a> {
    pub(crate) index: u32,
    pub(crate) process: &'a mut Process,
    pub(crate) stage: &'a mut Stage,
    pub(crate) now: Moment,
}

impl ClientIo<'_> {
    /// The number of the client, from 0.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The number of times that the process has been started, from 1.
    pub fn life(&self) -> u32 {
        self.process.life
    }

    /// The process's monotonic clock.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// A random number, the same for the same scenario.
    pub fn random(&mut self) -> u64 {
        self.stage.random.next()
    }

    /// Sends a message, as `Client::send` does.
    ///
    /// # Errors
    /// As [`Machine::send`](everwire_core::Machine::send).
    pub fn send(&mut self, message: Message) -> Result<MessageId, SendError> {
        let now = self.now;
        self.process.send(self.stage, message, |machine, message| machine.send(now, message))
    }

    /// Sends a message with options, as `Client::send_with` does.
    ///
    /// # Errors
    /// As [`Machine::send_with`](everwire_core::Machine::send_with).
    pub fn send_with(&mut self, message: Message, options: SendOptions) -> Result<MessageId, SendError> {
        let now = self.now;
        self.process.send(self.stage, message, |machine, message| machine.send_with(now, message, options))
    }

    /// Sends a volatile message, as `Client::send_volatile` does.
    ///
    /// # Errors
    /// As [`Machine::send_volatile`](everwire_core::Machine::send_volatile).
    pub fn send_volatile(&mut self, message: Message) -> Result<MessageId, SendError> {
        self.process.send(self.stage, message, Machine::send_volatile)
    }

    /// The handler takes no other message before this one of ours has its outcome, as one that writes
    /// `client.send(answer)?.await` in its loop. What it handles now is processed then.
    pub fn await_outcome(&mut self, id: MessageId) {
        self.process.awaited = Some(Awaited::Outcome(id));
    }

    /// The same until there is [room](ClientApp::room), or the client has ended: as one that awaits `send_wait`.
    pub fn await_room(&mut self) {
        self.process.awaited = Some(Awaited::Room);
    }

    /// Marks the first `messages` messages that were handed over in this life as processed. Only after [`Handled::Later`].
    pub fn processed(&mut self, messages: u64) {
        self.input(Input::Processed(messages));
    }

    /// The number of messages that were handed over in this life, the one that is being handled included.
    pub fn handled(&self) -> u64 {
        self.process.handled
    }

    /// Connects, as `Client::connect` does.
    pub fn connect(&mut self) {
        self.prod(Input::Connect);
    }

    /// Leaves, as `Client::disconnect` does.
    pub fn disconnect(&mut self) {
        self.prod(Input::Disconnect);
    }

    /// Closes for good, as `Client::close` does.
    pub fn close(&mut self, within: Duration) {
        let deadline = self.now + within;
        self.process.closed = true;
        self.process.close_by = Some(deadline);
        self.prod(Input::Close { deadline });
    }

    /// Moves to a new connection.
    pub fn migrate(&mut self) {
        self.prod(Input::Migrate);
    }

    /// A hint of the platform.
    pub fn hint(&mut self, hint: Hint) {
        self.prod(Input::Hint(hint));
    }

    /// Asks for a [`tick`](ClientApp::tick) after this time. The earliest counts.
    pub fn wake_in(&mut self, time: Duration) {
        let at = self.stage.agenda.now().saturating_add(super::agenda::nanos(time));
        self.process.wake_at = Some(self.process.wake_at.map_or(at, |before| before.min(at)));
    }

    /// The state.
    pub fn state(&self) -> &State {
        self.process.machine.state()
    }

    /// The numbers.
    pub fn stats(&self) -> MachineStats {
        self.process.machine.stats()
    }

    /// A line for the trace.
    pub fn note(&mut self, words: impl FnOnce() -> String) {
        self.stage.note(words);
    }

    /// Something is wrong: the scenario fails with these words.
    pub fn fail(&mut self, what: impl std::fmt::Display) {
        self.stage.fail(format_args!("client {}", self.index), what);
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.process.input(self.now, input);
    }

    /// What the user does may lead to an attempt out of turn.
    fn prod(&mut self, input: Input) {
        self.process.pace.prod();
        self.input(input);
    }
}
