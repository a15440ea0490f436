use std::collections::VecDeque;

use everwire_core::Moment;
use everwire_ws::Message;

use crate::callee::Callee;
use crate::caller::Caller;
use crate::frame::{Breach, Frame, Hello, Limits, MAX_ID, to_size};
use crate::{Config, EndReason, Failure, OpenError, Output, Request, Role, Room, Rule};

/// One end of a session: caller and callee at once.
///
/// Methods tell it what has happened, with the time where that matters; [`poll_output`](Self::poll_output) returns what
/// to do and to report. Drain it after each call of another method. Spurious calls are harmless.
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    role: Role,
    caller: Caller,
    callee: Callee,
    /// The peer's, once it has shown that it knows calls.
    peer: Option<String>,
    is_unsupported: bool,
    is_broken: bool,
    /// The peer has broken it, and is not told yet.
    untold: Option<Rule>,
    /// When a peer that has shown nothing counts as one that does not know calls.
    hello_deadline: Option<Moment>,
    /// A server's calls that wait until the client has shown that it knows calls.
    held_back: VecDeque<(u64, Message)>,
    outputs: VecDeque<Output>,
}

impl Endpoint {
    /// A new end, with nothing open. `seed` is a random number: ids and the name of this instance follow from it, and
    /// have to differ from those of other runs of the program and of other sessions.
    #[must_use]
    pub fn new(config: Config, role: Role, seed: u64) -> Self {
        let instance = format!("{:016x}", mix(seed));
        // Half of all ids are left for those that follow.
        let first_id = (mix(seed.wrapping_add(1)) & (MAX_ID >> 1)).max(1);
        Self {
            role,
            caller: Caller::new(&config, instance.clone(), first_id),
            callee: Callee::new(&config, instance, role),
            config,
            peer: None,
            is_unsupported: false,
            is_broken: false,
            untold: None,
            hello_deadline: None,
            held_back: VecDeque::new(),
            outputs: VecDeque::new(),
        }
    }

    /// The next thing to do or to report.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Sends the first hello ([C-13]). Call it once at the start, before anything else is sent; the endpoint sends
    /// further ones itself.
    pub fn hello(&mut self) {
        self.caller.say_hello(&self.config, &mut self.outputs);
    }

    /// Notes that the peer's application has processed this hello: if it supports calls, its answer is on the way.
    pub fn hello_processed(&mut self, now: Moment, number: u64) {
        if self.caller.awaits_answer(number) && self.peer.is_none() {
            self.hello_deadline.get_or_insert(now + self.config.hello_timeout);
        }
    }

    /// Notes that no calls are possible: there is no session, or none with this peer. Open calls end, and new ones
    /// fail.
    pub fn refuse(&mut self) {
        self.is_unsupported = true;
    }

    // What the application does as a caller.

    /// Opens a call or a stream. Returns its id, and its message to send behind all outputs before it. At a server
    /// there is no message while the client has not shown that it supports calls; it follows as an output. Nothing of the
    /// request is kept.
    ///
    /// # Errors
    /// If it can't be opened; send nothing then.
    pub fn open(&mut self, now: Moment, request: &Request) -> Result<(u64, Option<Message>), OpenError> {
        if self.is_broken {
            return Err(OpenError::Breach);
        }
        if self.is_unsupported {
            return Err(OpenError::NotSupported);
        }
        let (id, message) = self.caller.open(&self.config, now, request)?;
        if self.role == Role::Client || self.peer.is_some() {
            return Ok((id, Some(message)));
        }
        self.hello_deadline.get_or_insert(now + self.config.hello_timeout);
        self.held_back.push_back((id, message));
        Ok((id, None))
    }

    /// Cancels a call or stream of this end: the callee drops its handler. `was_sent` is `false` if its message was
    /// withdrawn, so that the callee can't know of it.
    pub fn cancel(&mut self, id: u64, was_sent: bool) {
        let held_back = self.held_back.len();
        self.held_back.retain(|(held, _)| *held != id);
        self.caller.cancel(id, was_sent && held_back == self.held_back.len(), &mut self.outputs);
    }

    /// Notes that the application has processed the items of a stream up to this number.
    pub fn processed(&mut self, id: u64, number: u64) {
        self.caller.processed(&self.config, id, number, &mut self.outputs);
    }

    /// Notes that the application has processed the reply or the end of a call with a key. For other calls it does
    /// nothing.
    pub fn forget(&mut self, id: u64) {
        self.caller.forget(id, &mut self.outputs);
    }

    // What it does as a callee.

    /// Passes the result of a call's handler. If the handler was [dropped](Output::Drop), it does nothing. Nothing of
    /// the result is kept.
    pub fn reply(&mut self, id: u64, result: Result<&Message, &Failure>) {
        self.callee.reply(&self.config, id, result, &mut self.outputs);
    }

    /// Returns `true` if a stream that runs here may send its next item now.
    #[must_use]
    pub fn may_send(&self, id: u64) -> bool {
        self.callee.may_send(&self.config, id)
    }

    /// The room that a stream which runs here has now. `None`: it may not send.
    #[must_use]
    pub fn room(&self, id: u64) -> Option<Room> {
        self.callee.room(&self.config, id)
    }

    /// Sends the next item of a stream. One that is too large for the session ends the stream with an error, and its
    /// handler is dropped.
    ///
    /// # Errors
    /// The item comes back if it [may not be sent](Self::may_send) now.
    pub fn item(&mut self, id: u64, item: Message) -> Result<(), Message> {
        self.callee.item(&self.config, id, item, &mut self.outputs)
    }

    /// Sends the next items of a stream, from the front, as far as they [may be sent](Self::may_send) now; the rest is
    /// left. Returns how many were sent. If the peer accepts batches, several share a frame; otherwise it is as
    /// [`item`](Self::item) for each.
    pub fn items(&mut self, id: u64, items: &mut VecDeque<Message>) -> usize {
        self.callee.items(&self.config, id, items, &mut self.outputs)
    }

    /// Passes the result of a stream's handler. If the handler was [dropped](Output::Drop), it does nothing.
    pub fn end(&mut self, id: u64, result: Result<(), Failure>) {
        self.callee.stream_end(&self.config, id, result, &mut self.outputs);
    }

    // What the world does.

    /// Passes a reliable message that the session has delivered.
    pub fn receive(&mut self, now: Moment, message: Message) {
        let frame = Frame::parse(message);
        match frame {
            Ok(Frame::Plain(message)) => return self.outputs.push_back(Output::Plain(message)),
            Ok(Frame::Hello(hello)) => return self.on_hello(&hello),
            _ => {}
        }
        if self.is_broken {
            return;
        }
        let is_meant_for_us = self.role == Role::Server || !self.caller.awaits_first_answer();
        if !is_meant_for_us && matches!(frame, Ok(Frame::Call(_)) | Err(_)) {
            // [C-14]: it is meant for an earlier run of this program.
            return;
        }
        let followed = match frame {
            Err(_) => Err(Rule::Malformed),
            Ok(frame) => self.on_frame(now, frame),
        };
        if let Err(rule) = followed {
            self.breach(rule, false);
        }
    }

    fn on_frame(&mut self, now: Moment, frame: Frame) -> Result<(), Rule> {
        let outputs = &mut self.outputs;
        match frame {
            Frame::Call(call) => self.callee.start(&self.config, now, call, outputs)?,
            Frame::Reply(id, reply) => self.caller.reply(id, reply, outputs)?,
            Frame::Error(id, failure) => self.caller.error(id, failure, outputs),
            Frame::Cancel(id) | Frame::Forget(id) => self.callee.cancel(&self.config, id, outputs),
            Frame::Item(id, number, item) => self.caller.items(&self.config, id, number, [item], outputs)?,
            Frame::Items(id, first, items) => self.caller.items(&self.config, id, first, items, outputs)?,
            Frame::Processed(id, number) => self.callee.processed(&self.config, id, number, outputs)?,
            Frame::End(id, items) => self.caller.stream_end(id, items, outputs)?,
            Frame::Answer(answer) => {
                // A server waits for a hello: a client acts on no call before that is answered.
                if self.role == Role::Client || self.peer.is_some() {
                    self.heard(&answer.instance, answer.limits);
                }
                self.caller.answer(&self.config, &answer, &mut self.outputs);
            }
            // An earlier run of this program may have broken it.
            Frame::Breach(Breach { to: Some(to), .. }) if !self.caller.is_instance(&to) => {}
            Frame::Breach(Breach { rule, .. }) => self.breach(Rule::of_number(&rule), true),
            Frame::Hello(_) | Frame::Plain(_) => {}
        }
        Ok(())
    }

    fn on_hello(&mut self, hello: &Hello) {
        if self.caller.is_instance(&hello.instance) {
            // [C-5]: it sends back what it gets.
            return self.is_not_supported();
        }
        let is_new = self.peer.as_ref() != Some(&hello.instance);
        let is_first = self.peer.is_none();
        if self.is_broken && (!is_new || is_first) {
            // What came before the first hello is taken for this instance's.
            self.peer = Some(hello.instance.clone());
            return self.tell_breach();
        }
        self.callee.hello(&self.config, hello, &mut self.outputs);
        self.heard(&hello.instance, hello.limits);
        match self.role {
            // [C-13]: what the earlier session had of our calls may be lost.
            Role::Client if is_new => self.hello(),
            // [C-14]: the program that was called is gone.
            Role::Server if is_new && !is_first => self.caller.end_all(&EndReason::Lost, &mut self.outputs),
            Role::Client | Role::Server => {}
        }
    }

    /// The peer knows calls.
    fn heard(&mut self, instance: &str, limits: Limits) {
        if self.peer.as_deref() != Some(instance) {
            self.peer = Some(instance.to_owned());
            (self.is_broken, self.untold) = (false, None);
        }
        self.is_unsupported = false;
        self.hello_deadline = None;
        let max_sent = to_size(limits.max_message).min(self.config.max_sent);
        self.caller.limits_of_peer(limits, max_sent);
        self.callee.limits_of_peer(limits, max_sent);
        let held_back = std::mem::take(&mut self.held_back);
        self.outputs.extend(held_back.into_iter().map(|(_, message)| Output::Send(message)));
    }

    /// [C-15].
    fn breach(&mut self, rule: Rule, told_by_peer: bool) {
        self.is_broken = true;
        self.held_back.clear();
        if !told_by_peer {
            self.untold = Some(rule);
            self.tell_breach();
        }
        self.outputs.push_back(Output::Breach { rule, told_by_peer });
        self.caller.end_all(&EndReason::Breach, &mut self.outputs);
        self.callee.drop_all(&mut self.outputs);
    }

    /// Says which rule was broken, once the instance is known that it is said to.
    fn tell_breach(&mut self) {
        if self.peer.is_some()
            && let Some(rule) = self.untold.take()
        {
            let frame = Frame::Breach(Breach { rule: rule.number().to_owned(), to: self.peer.clone() });
            self.outputs.push_back(Output::Send(frame.to_message()));
        }
    }

    /// Notes that the session is over, and that no other will follow.
    pub fn session_ended(&mut self) {
        self.held_back.clear();
        self.hello_deadline = None;
        self.caller.end_all(&EndReason::Lost, &mut self.outputs);
        self.callee.drop_all(&mut self.outputs);
    }

    /// The time at which to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        [self.caller.deadline(), self.callee.deadline(), self.hello_deadline].into_iter().flatten().min()
    }

    /// Acts on the times that have passed.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.caller.handle_timeout(now, &mut self.outputs);
        self.callee.handle_timeout(&self.config, now, &mut self.outputs);
        self.held_back.retain(|(id, _)| self.caller.is_open(*id));
        if self.hello_deadline.is_some_and(|at| at <= now) {
            self.is_not_supported();
        }
    }

    /// [C-5].
    fn is_not_supported(&mut self) {
        self.hello_deadline = None;
        self.is_unsupported = true;
        self.held_back.clear();
        self.caller.end_all(&EndReason::NotSupported, &mut self.outputs);
    }

    // What there is.

    /// Returns `true` if calls are possible, as far as is known: the peer has not shown that it does not support them,
    /// and no rule was broken.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.is_unsupported && !self.is_broken
    }

    /// Returns `true` if a call of ours is open.
    #[must_use]
    pub fn is_open(&self, id: u64) -> bool {
        self.caller.is_open(id)
    }

    /// The number of this end's calls and streams that are open.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.caller.len()
    }

    /// The number of the peer's calls and streams that run here or are kept.
    #[must_use]
    pub fn running_calls(&self) -> usize {
        self.callee.len()
    }

    /// The number of bytes that are kept for calls of the peer with a key.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.callee.kept_bytes()
    }
}

/// SplitMix64: neighbouring seeds give numbers that have nothing to do with each other.
fn mix(seed: u64) -> u64 {
    let mut value = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
