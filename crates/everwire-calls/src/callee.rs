//! Calls that this end runs.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use everwire_core::Moment;
use everwire_ws::Message;

use crate::frame::{self, Answer, Call, Frame, Hello, Kind, Limits, OpenCall, batch, to_size};
use crate::id_map::IdMap;
use crate::sending::Sending;
use crate::{Config, DropReason, Failure, Output, Role, Room, Rule, codes, ranges};

type Outputs = VecDeque<Output>;

/// The window of a caller that names none.
const WINDOW: u32 = 64;

#[derive(Debug)]
pub(crate) struct Callee {
    instance: String,
    role: Role,
    /// Of the caller.
    peer: Option<String>,
    /// The caller has used no id above it.
    highest: u64,
    running: IdMap<Running>,
    /// Of the payloads of those that have not ended.
    running_bytes: usize,
    keys: BTreeSet<String>,
    /// Bytes that are kept for calls with a key.
    kept_bytes: usize,
    /// The largest frame that can be sent.
    max_sent: usize,
    /// What the caller has told.
    caller: Limits,
    deadlines: BTreeSet<(Moment, u64)>,
}

/// Kept small: there may be many.
#[derive(Debug)]
struct Running {
    deadline: Option<Moment>,
    /// Of the payload, until it has ended.
    bytes: usize,
    /// Of a stream, and of what has a key.
    more: Option<Box<More>>,
}

#[derive(Debug)]
struct More {
    key: Option<Key>,
    stream: Option<Sending>,
    /// The frame that says how it ended, kept for a call with a key.
    end: Option<Message>,
}

#[derive(Debug)]
struct Key {
    key: String,
    name: String,
}

impl Callee {
    pub(crate) fn new(config: &Config, instance: String, role: Role) -> Self {
        Self {
            instance,
            role,
            peer: None,
            highest: 0,
            running: IdMap::new(),
            running_bytes: 0,
            keys: BTreeSet::new(),
            kept_bytes: 0,
            max_sent: config.max_sent,
            caller: Limits::UNKNOWN,
            deadlines: BTreeSet::new(),
        }
    }

    /// [C-6], [C-7].
    pub(crate) fn start(
        &mut self,
        config: &Config,
        now: Moment,
        call: Box<Call>,
        outputs: &mut Outputs,
    ) -> Result<(), Rule> {
        let id = call.id;
        if id <= self.highest || self.running.contains(id) {
            return Err(Rule::IdUsed);
        }
        self.highest = id;
        let (bytes, running_bytes) = (call.payload.len(), self.running_bytes);
        let refused = if self.running.len() >= config.max_running {
            Some("so many calls run here already: try again when one has ended")
        } else if bytes > 0 && running_bytes > 0 && running_bytes.saturating_add(bytes) > config.max_running_bytes {
            Some("calls with so many bytes run here already: try again when one has ended")
        } else if call.key.is_none() {
            None
        } else if self.keys.len() >= config.max_keyed || self.kept_bytes >= config.max_kept_bytes {
            Some("so many calls with a key are kept here already: process the ends of some")
        } else if call.key.as_ref().is_some_and(|key| self.keys.contains(key)) {
            Some("a call with this key runs or is kept here already")
        } else {
            None
        };
        if let Some(refused) = refused {
            let refusal = Frame::Error(id, Failure::new(codes::TOO_MANY, refused));
            outputs.push_back(Output::SendRefusal(refusal.to_message()));
            return Ok(());
        }
        let stream = match call.kind {
            Kind::Call => None,
            Kind::Stream => Some(Sending::new(u64::from(call.window.unwrap_or(WINDOW).min(config.max_window)))),
        };
        let deadline = call.deadline.map(|deadline| now + Duration::from_millis(deadline));
        self.deadlines.extend(deadline.map(|deadline| (deadline, id)));
        self.keys.extend(call.key.clone());
        let key = call.key.clone().map(|key| Key { key, name: call.name.clone() });
        let is_more = key.is_some() || stream.is_some();
        let more = is_more.then(|| Box::new(More { key, stream, end: None }));
        self.running_bytes += bytes;
        self.running.insert(id, Running { deadline, bytes, more });
        outputs.push_back(Output::Start(call));
        Ok(())
    }

    /// The handler of a call has ended. For one that was dropped this does nothing.
    pub(crate) fn reply(
        &mut self,
        config: &Config,
        id: u64,
        result: Result<&Message, &Failure>,
        outputs: &mut Outputs,
    ) {
        let message = match result {
            Ok(reply) => frame::reply(id, reply),
            Err(failure) => frame::error(id, failure),
        };
        self.end(config, id, message, outputs);
    }

    /// The handler of a stream has ended.
    pub(crate) fn stream_end(&mut self, config: &Config, id: u64, result: Result<(), Failure>, outputs: &mut Outputs) {
        let Some(stream) = self.running.get(id).and_then(Running::stream) else { return };
        let message = match result {
            Ok(()) => Frame::End(id, stream.sent).to_message(),
            Err(failure) => frame::error(id, &failure),
        };
        self.end(config, id, message, outputs);
    }

    fn end(&mut self, config: &Config, id: u64, message: Message, outputs: &mut Outputs) {
        let message = match message.len() > self.max_sent {
            true => too_large(id, message.len(), self.max_sent),
            false => message,
        };
        self.end_with(config, id, message, outputs);
    }

    fn end_with(&mut self, config: &Config, id: u64, message: Message, outputs: &mut Outputs) {
        let Some(running) = self.running.get_mut(id).filter(|running| !running.has_ended()) else { return };
        if let Some(deadline) = running.deadline.take() {
            self.deadlines.remove(&(deadline, id));
        }
        self.running_bytes -= std::mem::take(&mut running.bytes);
        if let Some(More { key: Some(_), end, .. }) = running.more.as_deref_mut() {
            let kept = keep(id, message.clone(), config.max_kept_bytes.saturating_sub(self.kept_bytes));
            self.kept_bytes += kept.len();
            *end = Some(kept);
        } else {
            self.running.remove(id);
        }
        outputs.push_back(Output::Send(message));
    }

    /// Whether the stream runs and may send its next item now ([C-12]).
    pub(crate) fn may_send(&self, config: &Config, id: u64) -> bool {
        self.room(config, id).is_some()
    }

    /// How many items the stream may send now, and how many bytes of frames; the last item may exceed these.
    pub(crate) fn room(&self, config: &Config, id: u64) -> Option<Room> {
        let More { key, stream: Some(stream), end: None } = self.running.get(id)?.more.as_deref()? else {
            return None;
        };
        let room = stream.room(config.window_bytes.min(to_size(self.caller.window_bytes)).max(1))?;
        let kept = key.as_ref().map_or(usize::MAX, |_| config.max_kept_bytes.saturating_sub(self.kept_bytes));
        (kept > 0).then_some(Room { bytes: room.bytes.min(kept), ..room })
    }

    /// The next item; it comes back if it may not be sent now.
    pub(crate) fn item(
        &mut self,
        config: &Config,
        id: u64,
        item: Message,
        outputs: &mut Outputs,
    ) -> Result<(), Message> {
        if !self.may_send(config, id) {
            return Err(item);
        }
        let max_sent = self.max_sent;
        let Some(More { key, stream: Some(stream), .. }) = self.more(id) else { return Err(item) };
        let bytes = item.len();
        let message = frame::item(id, stream.sent + 1, &item);
        let size = message.len();
        if size > max_sent {
            outputs.push_back(Output::Drop(id, DropReason::TooLarge));
            self.end_with(config, id, too_large(id, size, max_sent), outputs);
            return Ok(());
        }
        let is_kept = key.is_some();
        stream.count(bytes, is_kept.then(|| message.clone()));
        if is_kept {
            self.kept_bytes += size;
        }
        outputs.push_back(Output::Send(message));
        Ok(())
    }

    /// The next items, from the front, as far as they may be sent now; how many those are. With one who takes that, those that fit
    /// share a frame ([C-21]), unless they are kept one by one for a key.
    pub(crate) fn items(
        &mut self,
        config: &Config,
        id: u64,
        items: &mut VecDeque<Message>,
        outputs: &mut Outputs,
    ) -> usize {
        let mut sent = 0;
        while let Some(room) = self.room(config, id) {
            let count = if self.caller.batches { batch::fitting(items, room, self.max_sent) } else { 0 };
            match self.more(id) {
                Some(More { key: None, stream: Some(stream), .. }) if count > 1 => {
                    outputs.push_back(Output::Send(stream.batch(id, items.drain(..count).collect())));
                    sent += count;
                }
                _ => {
                    let Some(item) = items.pop_front() else { break };
                    // There is room.
                    if self.item(config, id, item, outputs).is_ok() {
                        sent += 1;
                    }
                }
            }
        }
        sent
    }

    /// [C-11], [C-12].
    pub(crate) fn processed(
        &mut self,
        config: &Config,
        id: u64,
        number: u64,
        outputs: &mut Outputs,
    ) -> Result<(), Rule> {
        let Some(running) = self.running.get_mut(id) else { return Ok(()) };
        let stream = running.more.as_mut().and_then(|more| more.stream.as_mut()).ok_or(Rule::WrongKind)?;
        if number > stream.sent {
            return Err(Rule::BadNumber);
        }
        let freed = stream.process(number);
        if freed > 0 {
            self.free(config, freed, outputs);
        }
        if self.may_send(config, id) {
            outputs.push_back(Output::MaySend(id));
        }
        Ok(())
    }

    /// Fewer bytes are kept: streams that waited for that may go on.
    fn free(&mut self, config: &Config, freed: usize, outputs: &mut Outputs) {
        let was_full = self.kept_bytes >= config.max_kept_bytes;
        self.kept_bytes -= freed;
        if was_full && self.kept_bytes < config.max_kept_bytes {
            let waiting = self.running.ids(|id, running| running.key().is_some() && self.may_send(config, id));
            outputs.extend(waiting.into_iter().map(Output::MaySend));
        }
    }

    /// [C-10]; also what is forgotten before it has ended.
    pub(crate) fn cancel(&mut self, config: &Config, id: u64, outputs: &mut Outputs) {
        let Some(running) = self.running.remove(id) else { return };
        self.running_bytes -= running.bytes;
        if let Some(deadline) = running.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        if !running.has_ended() {
            outputs.push_back(Output::Drop(id, DropReason::Cancelled));
        }
        if let Some(key) = running.key() {
            let freed = running.kept().map(Message::len).sum();
            self.keys.remove(&key.key);
            self.free(config, freed, outputs);
        }
    }

    /// [C-14]: says what runs, and to a new run of the caller's program again what it has not processed.
    pub(crate) fn hello(&mut self, config: &Config, hello: &Hello, outputs: &mut Outputs) {
        let is_new = self.peer.as_ref() != Some(&hello.instance);
        if is_new {
            self.peer = Some(hello.instance.clone());
            self.highest = hello.last;
            let role = self.role;
            let gone = self.running.ids(|id, running| {
                // Nobody can ask for what a server has called in an earlier session.
                !hello.has_made(id) && (running.key().is_none() || role == Role::Client)
            });
            for id in gone {
                self.cancel(config, id, outputs);
            }
        }
        outputs.push_back(Output::SendAnswer(Frame::Answer(self.answer(config, hello)).to_message()));
        if is_new {
            for (_, running) in self.running.in_order().into_iter().filter(|(id, _)| !hello.has_made(*id)) {
                outputs.extend(running.kept().cloned().map(Output::Send));
            }
        }
    }

    fn answer(&self, config: &Config, hello: &Hello) -> Answer {
        let unkeyed = self.running.ids(|_, running| running.key().is_none());
        let keyed = self.running.in_order().into_iter().filter_map(|(id, running)| {
            let Key { key, name } = running.key()?;
            let (kind, processed, window) = match running.stream() {
                None => (Kind::Call, 0, 0),
                Some(stream) => (Kind::Stream, stream.processed, u32::try_from(stream.window).unwrap_or(u32::MAX)),
            };
            Some(OpenCall { id, kind, name: name.clone(), key: key.clone(), processed, window })
        });
        Answer {
            instance: self.instance.clone(),
            to: hello.instance.clone(),
            number: hello.number,
            limits: config.limits(),
            running: ranges::collect(unkeyed.into_iter()),
            keyed: keyed.collect(),
        }
    }

    fn more(&mut self, id: u64) -> Option<&mut More> {
        self.running.get_mut(id)?.more.as_deref_mut()
    }

    pub(crate) fn limits_of_peer(&mut self, limits: Limits, max_sent: usize) {
        (self.caller, self.max_sent) = (limits, max_sent);
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    pub(crate) fn handle_timeout(&mut self, config: &Config, now: Moment, outputs: &mut Outputs) {
        while let Some((at, id)) = self.deadlines.first().copied() {
            if at > now {
                return;
            }
            self.deadlines.pop_first();
            outputs.push_back(Output::Drop(id, DropReason::DeadlinePassed));
            let failure = Failure::new(codes::DEADLINE, "the deadline passed before the handler was done");
            self.end(config, id, frame::error(id, &failure), outputs);
        }
    }

    pub(crate) fn drop_all(&mut self, outputs: &mut Outputs) {
        let dropped = self.running.ids(|_, running| !running.has_ended());
        outputs.extend(dropped.into_iter().map(|id| Output::Drop(id, DropReason::Cancelled)));
        self.running.clear();
        self.keys.clear();
        self.deadlines.clear();
        (self.kept_bytes, self.running_bytes) = (0, 0);
    }

    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }

    pub(crate) fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }
}

impl Running {
    /// The frames that the caller has not processed.
    fn kept(&self) -> impl Iterator<Item = &Message> + '_ {
        self.more.iter().flat_map(|more| more.stream.iter().flat_map(Sending::kept).chain(&more.end))
    }

    fn key(&self) -> Option<&Key> {
        self.more.as_ref()?.key.as_ref()
    }

    fn stream(&self) -> Option<&Sending> {
        self.more.as_ref()?.stream.as_ref()
    }

    /// It is kept for its caller.
    fn has_ended(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.end.is_some())
    }
}

impl Hello {
    /// Whether this run of the program has made the call.
    fn has_made(&self, id: u64) -> bool {
        (self.first..=self.last).contains(&id)
    }
}

fn too_large(id: u64, size: usize, limit: usize) -> Message {
    let words = format!("{size} bytes, and the session carries {limit}");
    Frame::Error(id, Failure::new(codes::TOO_LARGE, words)).to_message()
}

/// What is kept of the end of a call with a key, if there is so much room: else that it is not kept, if that is shorter ([C-16]).
fn keep(id: u64, end: Message, room: usize) -> Message {
    if end.len() <= room {
        return end;
    }
    let words = format!("the call has ended, and its end of {} bytes could not be kept", end.len());
    let not_kept = Frame::Error(id, Failure::new(codes::NOT_KEPT, words)).to_message();
    if not_kept.len() < end.len() { not_kept } else { end }
}
