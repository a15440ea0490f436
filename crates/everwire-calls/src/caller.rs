//! Calls that this end has made.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use everwire_core::Moment;
use everwire_ws::Message;

use crate::frame::{Answer, Frame, Head, Hello, Kind, Limits, MAX_ID, OpenCall, to_size};
use crate::id_map::IdMap;
use crate::reading::Reading;
use crate::{Config, EndReason, Failure, OpenError, Output, Request, Resumed, Rule, ranges};

type Outputs = VecDeque<Output>;

#[derive(Debug)]
pub(crate) struct Caller {
    instance: String,
    first_id: u64,
    last_id: u64,
    /// Of the last hello; 0 before the first.
    hello: u64,
    answered: bool,
    was_answered: bool,
    /// What the peer has told.
    peer: Limits,
    /// The largest frame that can be sent.
    max_sent: usize,
    open: IdMap<Open>,
    /// Of their payloads.
    open_bytes: usize,
    keys: BTreeSet<String>,
    /// Calls with a key that have ended and whose application has not done with the end. The callee keeps it until then.
    held: BTreeMap<u64, Held>,
    /// Calls of earlier runs of the program that were cancelled or forgotten here since the last hello: its answer may still
    /// have them.
    done_with: BTreeSet<u64>,
    deadlines: BTreeSet<(Moment, u64)>,
}

/// Kept small: there may be many.
#[derive(Debug)]
struct Open {
    deadline: Option<Moment>,
    /// The hello before it.
    hello: u64,
    /// Of the payload.
    bytes: usize,
    /// Of a stream, and of what has a key.
    more: Option<Box<More>>,
}

#[derive(Debug)]
struct More {
    key: Option<Box<str>>,
    stream: Option<Reading>,
}

#[derive(Debug)]
struct Held {
    key: Box<str>,
    stream: Option<Reading>,
}

impl Caller {
    pub(crate) fn new(config: &Config, instance: String, first_id: u64) -> Self {
        Self {
            instance,
            first_id,
            last_id: first_id.saturating_sub(1),
            hello: 0,
            answered: false,
            was_answered: false,
            peer: Limits::UNKNOWN,
            max_sent: config.max_sent,
            open: IdMap::new(),
            open_bytes: 0,
            keys: BTreeSet::new(),
            held: BTreeMap::new(),
            done_with: BTreeSet::new(),
            deadlines: BTreeSet::new(),
        }
    }

    pub(crate) fn open(
        &mut self,
        config: &Config,
        now: Moment,
        request: &Request,
    ) -> Result<(u64, Message), OpenError> {
        request.check()?;
        let limit = config.max_open.min(to_size(self.peer.max_running));
        if self.open.len() + self.held.len() >= limit {
            return Err(OpenError::TooMany { limit });
        }
        let (bytes, limit) = (request.payload.len(), config.max_open_bytes.min(to_size(self.peer.max_running_bytes)));
        if bytes > 0 && self.open_bytes > 0 && self.open_bytes.saturating_add(bytes) > limit {
            return Err(OpenError::TooManyBytes { limit });
        }
        if request.key.as_ref().is_some_and(|key| self.keys.contains(key)) {
            return Err(OpenError::KeyInUse);
        }
        let id = self.last_id + 1;
        let window = match request.kind {
            Kind::Call => None,
            Kind::Stream => Some(request.window.unwrap_or(config.window).max(1)),
        };
        let milliseconds = |deadline: Duration| u64::try_from(deadline.as_millis()).unwrap_or(MAX_ID).min(MAX_ID);
        let head = Head {
            id,
            kind: request.kind,
            name: &request.name,
            deadline: request.deadline.map(milliseconds),
            key: request.key.as_deref(),
            traceparent: request.traceparent.as_deref(),
            window,
        };
        let message = head.to_message(&request.payload);
        if message.len() > self.max_sent {
            return Err(OpenError::TooLarge { size: message.len(), limit: self.max_sent });
        }
        self.last_id = id;
        self.keys.extend(request.key.clone());
        let deadline = request.deadline.map(|deadline| now + deadline);
        self.deadlines.extend(deadline.map(|deadline| (deadline, id)));
        let more = More::of(request.key.as_deref(), window.map(|window| Reading::new(u64::from(window), 0)));
        self.open_bytes += bytes;
        self.open.insert(id, Open { deadline, hello: self.hello, bytes, more });
        Ok((id, message))
    }

    pub(crate) fn say_hello(&mut self, config: &Config, outputs: &mut Outputs) {
        self.hello += 1;
        self.answered = false;
        let hello = Hello {
            instance: self.instance.clone(),
            number: self.hello,
            first: self.first_id,
            last: self.last_id,
            limits: config.limits(),
        };
        outputs.push_back(Output::SendHello(self.hello, Frame::Hello(hello).to_message()));
    }

    /// Whether this is the name of this end's instance.
    pub(crate) fn is_instance(&self, name: &str) -> bool {
        self.instance == name
    }

    /// Whether this is the last hello, and nobody has answered it.
    pub(crate) fn awaits_answer(&self, number: u64) -> bool {
        self.hello == number && !self.answered
    }

    /// Whether a hello was said, and none was ever answered.
    pub(crate) fn awaits_first_answer(&self) -> bool {
        self.hello > 0 && !self.was_answered
    }

    pub(crate) fn limits_of_peer(&mut self, limits: Limits, max_sent: usize) {
        (self.peer, self.max_sent) = (limits, max_sent);
    }

    /// [C-14]: what the callee does not have any more is lost, and what it has of earlier runs of this program is taken up.
    pub(crate) fn answer(&mut self, config: &Config, answer: &Answer, outputs: &mut Outputs) {
        if answer.to != self.instance {
            return;
        }
        self.was_answered = true;
        // Also from an answer to an earlier hello: what is kept follows the first.
        let resumed = answer.keyed.iter().filter_map(|there| self.take_up(config, there, answer.number)).collect();
        outputs.push_back(Output::Resumed(resumed));
        if answer.number != self.hello {
            return;
        }
        self.answered = true;
        self.done_with.clear();
        let is_there = |id: u64| {
            ranges::contain(&answer.running, id) || answer.keyed.binary_search_by_key(&id, |open| open.id).is_ok()
        };
        for id in self.open.ids(|id, open| open.hello < answer.number && !is_there(id)) {
            self.end(id, EndReason::Lost, outputs);
        }
    }

    /// A call with a key of an earlier run of this program.
    fn take_up(&mut self, config: &Config, there: &OpenCall, hello: u64) -> Option<Resumed> {
        let is_ours = (self.first_id..=self.last_id).contains(&there.id) || self.done_with.contains(&there.id);
        let is_known = is_ours || self.open.contains(there.id) || self.held.contains_key(&there.id);
        if is_known
            || self.keys.contains(&there.key)
            || self.open.len() >= config.max_open.saturating_add(config.max_keyed)
        {
            return None;
        }
        let OpenCall { id, kind, name, key, processed, window } = there.clone();
        let stream = match kind {
            Kind::Call => None,
            Kind::Stream => Some(Reading::new(u64::from(window.max(1)), processed)),
        };
        self.keys.insert(key.clone());
        self.open.insert(id, Open { deadline: None, hello, bytes: 0, more: More::of(Some(&key), stream) });
        Some(Resumed { id, kind, name, key, processed })
    }

    /// [C-8]: the first reply counts, and what comes for a call that is over counts for nothing.
    pub(crate) fn reply(&mut self, id: u64, reply: Message, outputs: &mut Outputs) -> Result<(), Rule> {
        match self.open.remove(id) {
            None => Ok(()),
            Some(open) if open.kind() == Kind::Stream => {
                self.open.insert(id, open);
                Err(Rule::WrongKind)
            }
            Some(open) => {
                self.closed(id, open, true);
                outputs.push_back(Output::Replied { id, result: Ok(reply) });
                Ok(())
            }
        }
    }

    pub(crate) fn error(&mut self, id: u64, failure: Failure, outputs: &mut Outputs) {
        if let Some(kind) = self.close(id, true) {
            outputs.push_back(ended(id, kind, EndReason::Failed(failure)));
        }
    }

    /// Items that follow each other, from this number on ([C-11], [C-12]).
    pub(crate) fn items(
        &mut self,
        config: &Config,
        id: u64,
        first: u64,
        items: impl IntoIterator<Item = Message>,
        outputs: &mut Outputs,
    ) -> Result<(), Rule> {
        let Some(open) = self.open.get_mut(id) else { return Ok(()) };
        // What is kept for a key was sent within what an earlier run of the program had told.
        let window_bytes = if open.key().is_some() { usize::MAX } else { config.window_bytes.max(1) };
        let stream = open.stream_mut().ok_or(Rule::WrongKind)?;
        for (number, item) in (first..).zip(items) {
            stream.receive(number, item.len(), window_bytes)?;
            outputs.push_back(Output::Item { id, number, item });
        }
        Ok(())
    }

    /// [C-11]: the end names how many there were.
    pub(crate) fn stream_end(&mut self, id: u64, items: u64, outputs: &mut Outputs) -> Result<(), Rule> {
        let Some(open) = self.open.get(id) else { return Ok(()) };
        let stream = open.stream().ok_or(Rule::WrongKind)?;
        if !stream.has_received(items) {
            return Err(Rule::BadNumber);
        }
        self.close(id, true);
        outputs.push_back(Output::Ended { id, result: Ok(()) });
        Ok(())
    }

    /// The application has processed the items of a stream up to this one. That is credit for as many more ([C-12]).
    pub(crate) fn processed(&mut self, config: &Config, id: u64, number: u64, outputs: &mut Outputs) {
        let (stream, keyed) = if let Some(open) = self.open.get_mut(id) {
            let keyed = open.key().is_some();
            (open.stream_mut(), keyed)
        } else {
            // The end is there, and the application has not come to it.
            (self.held.get_mut(&id).and_then(|held| held.stream.as_mut()), true)
        };
        let Some(stream) = stream else { return };
        let window_bytes = config.window_bytes.min(to_size(self.peer.window_bytes)).max(1);
        // [C-16]: with a key, what is told is where a later run of the program goes on.
        let told = stream.process(number, keyed, self.peer.max_window.max(1), window_bytes);
        outputs.extend(told.map(|told| Output::Send(Frame::Processed(id, told).to_message())));
    }

    /// Nobody waits for it any more ([C-10]). `was_sent`: the callee may know of it.
    pub(crate) fn cancel(&mut self, id: u64, was_sent: bool, outputs: &mut Outputs) {
        if self.close(id, false).is_some() && was_sent {
            outputs.push_back(Output::Send(Frame::Cancel(id).to_message()));
        }
    }

    /// The application has done with the end of a call with a key ([C-16]).
    pub(crate) fn forget(&mut self, id: u64, outputs: &mut Outputs) {
        if let Some(held) = self.held.remove(&id) {
            self.keys.remove(&*held.key);
            self.is_done_with(id);
            outputs.push_back(Output::Send(Frame::Forget(id).to_message()));
        }
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    pub(crate) fn handle_timeout(&mut self, now: Moment, outputs: &mut Outputs) {
        while let Some((at, id)) = self.deadlines.first().copied() {
            if at > now {
                return;
            }
            self.end(id, EndReason::DeadlinePassed, outputs);
            outputs.push_back(Output::SendCancel(id, Frame::Cancel(id).to_message()));
        }
    }

    pub(crate) fn end_all(&mut self, reason: &EndReason, outputs: &mut Outputs) {
        for id in self.open.ids(|_, _| true) {
            self.end(id, reason.clone(), outputs);
            if *reason == EndReason::Breach {
                // Its message may reach a later instance.
                outputs.push_back(Output::Send(Frame::Cancel(id).to_message()));
            }
        }
        self.held.clear();
        self.keys.clear();
    }

    pub(crate) fn is_open(&self, id: u64) -> bool {
        self.open.contains(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    fn end(&mut self, id: u64, reason: EndReason, outputs: &mut Outputs) {
        if let Some(kind) = self.close(id, false) {
            outputs.push_back(ended(id, kind, reason));
        }
    }

    /// `by_callee`: it has said how it ended, and keeps that if there is a key.
    fn close(&mut self, id: u64, by_callee: bool) -> Option<Kind> {
        let open = self.open.remove(id)?;
        Some(self.closed(id, open, by_callee))
    }

    /// As [`close`](Self::close), of what is open no more.
    fn closed(&mut self, id: u64, mut open: Open, by_callee: bool) -> Kind {
        self.open_bytes -= open.bytes;
        if let Some(deadline) = open.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        let kind = open.kind();
        if let Some(More { key: Some(key), stream }) = open.more.take().map(|more| *more) {
            if by_callee {
                self.held.insert(id, Held { key, stream });
            } else {
                self.keys.remove(&*key);
                self.is_done_with(id);
            }
        }
        kind
    }

    fn is_done_with(&mut self, id: u64) {
        if !(self.first_id..=self.last_id).contains(&id) {
            self.done_with.insert(id);
        }
    }
}

impl Open {
    fn kind(&self) -> Kind {
        if self.stream().is_some() { Kind::Stream } else { Kind::Call }
    }

    fn key(&self) -> Option<&str> {
        self.more.as_ref()?.key.as_deref()
    }

    fn stream(&self) -> Option<&Reading> {
        self.more.as_ref()?.stream.as_ref()
    }

    fn stream_mut(&mut self) -> Option<&mut Reading> {
        self.more.as_mut()?.stream.as_mut()
    }
}

impl More {
    /// None: there is nothing of it.
    fn of(key: Option<&str>, stream: Option<Reading>) -> Option<Box<Self>> {
        let is_any = key.is_some() || stream.is_some();
        is_any.then(|| Box::new(Self { key: key.map(Box::from), stream }))
    }
}

fn ended(id: u64, kind: Kind, reason: EndReason) -> Output {
    match kind {
        Kind::Call => Output::Replied { id, result: Err(reason) },
        Kind::Stream => Output::Ended { id, result: Err(reason) },
    }
}
