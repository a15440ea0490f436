//! What the handles and the task share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use everwire_calls::{Call, Config, EndReason, Endpoint, Failure, Kind, Output, Request, Role};
use everwire_core::Moment;
use everwire_ws::Message;
use tokio::sync::{Notify, mpsc};

use crate::peer::Plain;
use crate::{CallError, Carrier, Execution, Fate, Ticket};

/// One mutex guards the machine. Messages are sent, wakers woken and payloads of the application's dropped when it is free.
pub(crate) struct Hub {
    pub(crate) carrier: Arc<dyn Carrier>,
    inner: Mutex<Inner>,
    /// Wakes the task.
    pub(crate) work: Notify,
    answered: Notify,
    pub(crate) plain: Plain,
}

struct Inner {
    endpoint: Endpoint,
    slots: BTreeMap<u64, Slot>,
    outgoing: VecDeque<Outgoing>,
    commands: VecDeque<Command>,
    /// Calls with a key that nobody holds.
    unclaimed: BTreeMap<u64, Found>,
    /// The other end has said what it has.
    answered: bool,
    closed: bool,
    wakers: Vec<Waker>,
}

/// A message that waits for the task to send it.
pub(crate) struct Outgoing {
    pub(crate) message: Message,
    pub(crate) what: What,
}

/// What a message is, for who has to hear what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Call(u64),
    Hello(u64),
    Other,
}

/// What only the task can do.
pub(crate) enum Command {
    Start(Call),
    Drop(u64),
    MaySend(u64),
    Plain(Message),
}

/// A call of ours, until its end was given out.
#[derive(Default)]
struct Slot {
    ticket: Option<Box<dyn Ticket>>,
    fate: Option<Fate>,
    items: VecDeque<(u64, Message)>,
    /// The item that was given last, while it is not processed.
    given: Option<(u64, Message)>,
    end: Option<Result<Option<Message>, EndReason>>,
    waker: Option<Waker>,
    /// With a key.
    found: Option<Found>,
}

/// A call with a key.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) processed: u64,
}

impl Hub {
    pub(crate) fn new(
        config: Config,
        role: Role,
        seed: u64,
        carrier: Arc<dyn Carrier>,
        plain: mpsc::Receiver<Message>,
    ) -> Self {
        let inner = Inner {
            endpoint: Endpoint::new(config, role, seed),
            slots: BTreeMap::new(),
            outgoing: VecDeque::new(),
            commands: VecDeque::new(),
            unclaimed: BTreeMap::new(),
            answered: false,
            closed: false,
            wakers: Vec::new(),
        };
        let plain = Mutex::new(Some(plain));
        Self { carrier, inner: Mutex::new(inner), work: Notify::new(), answered: Notify::new(), plain }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the machine, and has the task do what follows.
    fn for_handle<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        let result = self.with(act);
        if self.has_work() {
            self.work.notify_one();
        }
        result
    }

    fn has_work(&self) -> bool {
        let inner = self.lock();
        !inner.outgoing.is_empty() || !inner.commands.is_empty()
    }

    /// Does something with the machine, and tells whoever waits.
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let was_answered = inner.answered;
        let result = act(&mut inner);
        inner.collect();
        let (wakers, answered) = (std::mem::take(&mut inner.wakers), inner.answered && !was_answered);
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
        if answered {
            self.answered.notify_waiters();
        }
        result
    }

    // For the handles.

    pub(crate) fn open(&self, request: Request) -> Result<u64, CallError> {
        let now = self.carrier.now();
        // What has an owner is not dropped under the lock.
        let payload = request.payload.clone();
        let (kind, name, key) = (request.kind, request.name.clone(), request.key.clone());
        let opened = self.for_handle(|inner| {
            if inner.closed {
                return Err(CallError::Closed(Execution::NotRun));
            }
            let (id, message) = inner.endpoint.open(now, request).map_err(CallError::Open)?;
            inner.collect();
            inner.outgoing.extend(message.map(|message| Outgoing { message, what: What::Call(id) }));
            let found = key.map(|key| Found { id, kind, name, key, processed: 0 });
            inner.slots.insert(id, Slot { found, ..Slot::default() });
            Ok(id)
        });
        drop(payload);
        opened
    }

    /// The one end of a call.
    pub(crate) fn poll_reply(&self, id: u64, cx: &mut Context<'_>) -> Poll<Result<Message, CallError>> {
        let end = self.for_handle(|inner| inner.poll_end(id, cx));
        // A call ends with a reply.
        end.map(|end| end.give_out().map(|reply| reply.unwrap_or_else(|| "".into())))
    }

    /// The next item of a stream, or its end; those up to `position` are processed.
    pub(crate) fn poll_item(
        &self,
        id: u64,
        position: u64,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<(u64, Message)>, CallError>> {
        let item = self.for_handle(|inner| {
            if let Some(slot) = inner.slots.get_mut(&id) {
                if slot.given.take().is_some() {
                    inner.endpoint.processed(id, position);
                }
                if let Some(item) = slot.items.pop_front() {
                    slot.given = Some(item.clone());
                    return Poll::Ready(Ok(item));
                }
            }
            inner.poll_end(id, cx).map(Err)
        });
        item.map(|item| match item {
            Ok(item) => Ok(Some(item)),
            Err(end) => end.give_out().map(|_| None),
        })
    }

    /// Nobody waits for it any more.
    pub(crate) fn cancel(&self, id: u64) {
        let (slot, was_queued) = self.for_handle(|inner| {
            let before = inner.outgoing.len();
            inner.outgoing.retain(|outgoing| outgoing.what != What::Call(id));
            inner.unclaimed.remove(&id);
            (inner.slots.remove(&id), inner.outgoing.len() < before)
        });
        let is_withdrawn =
            slot.as_ref().is_some_and(|slot| slot.ticket.as_ref().is_some_and(|ticket| ticket.withdraw()));
        self.for_handle(|inner| {
            inner.endpoint.cancel(id, !was_queued && !is_withdrawn);
            inner.endpoint.forget(id);
        });
    }

    /// The application has done with the end of a call with a key.
    pub(crate) fn forget(&self, id: u64) {
        self.for_handle(|inner| inner.endpoint.forget(id));
    }

    /// Nobody holds a call with a key any more; it goes on.
    pub(crate) fn let_go(&self, id: u64) {
        self.for_handle(|inner| {
            let Some(slot) = inner.slots.get_mut(&id) else { return };
            slot.waker = None;
            let Some(mut found) = slot.found.clone() else { return };
            // What was given and not processed is given again.
            if let Some(item) = slot.given.take() {
                slot.items.push_front(item);
            }
            found.processed = slot.items.front().map_or(found.processed, |(number, _)| number.saturating_sub(1));
            inner.unclaimed.insert(id, found);
        });
    }

    pub(crate) fn take_unclaimed(&self) -> Vec<Found> {
        self.for_handle(|inner| std::mem::take(&mut inner.unclaimed).into_values().collect())
    }

    pub(crate) async fn wait_for_answer(&self) {
        loop {
            let answered = self.answered.notified();
            {
                let inner = self.lock();
                if inner.answered || inner.closed {
                    return;
                }
            }
            answered.await;
        }
    }

    pub(crate) fn open_calls(&self) -> usize {
        self.lock().endpoint.open_calls()
    }

    pub(crate) fn running_calls(&self) -> usize {
        self.lock().endpoint.running_calls()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// No calls are possible here.
    pub(crate) fn refuse(&self) {
        self.lock().endpoint.refuse();
    }

    // For the task.

    pub(crate) fn hello(&self) {
        self.with(|inner| inner.endpoint.hello());
    }

    pub(crate) fn hello_processed(&self, number: u64) {
        let now = self.carrier.now();
        self.with(|inner| inner.endpoint.hello_processed(now, number));
    }

    pub(crate) fn receive(&self, message: Message) {
        let now = self.carrier.now();
        self.with(|inner| inner.endpoint.receive(now, message));
    }

    pub(crate) fn handle_timeout(&self) {
        let now = self.carrier.now();
        self.with(|inner| inner.endpoint.handle_timeout(now));
    }

    pub(crate) fn reply(&self, id: u64, result: Result<Message, Failure>) {
        let kept = result.clone();
        self.with(|inner| inner.endpoint.reply(id, result));
        drop(kept);
    }

    pub(crate) fn may_send(&self, id: u64) -> bool {
        self.lock().endpoint.may_send(id)
    }

    pub(crate) fn item(&self, id: u64, item: Message) {
        let kept = item.clone();
        // It was asked whether it may.
        let _ = self.with(|inner| inner.endpoint.item(id, item));
        drop(kept);
    }

    pub(crate) fn end(&self, id: u64, result: Result<(), Failure>) {
        self.with(|inner| inner.endpoint.end(id, result));
    }

    pub(crate) fn next_command(&self) -> Option<Command> {
        self.lock().commands.pop_front()
    }

    pub(crate) fn next_outgoing(&self) -> Option<Outgoing> {
        self.lock().outgoing.pop_front()
    }

    /// A call's message is in the outbox. Whoever awaits it awaits that too.
    pub(crate) fn sent(&self, id: u64, ticket: Box<dyn Ticket>) {
        let nobody_s = self.with(|inner| match inner.slots.get_mut(&id) {
            Some(slot) => {
                slot.ticket = Some(ticket);
                inner.wakers.extend(slot.waker.take());
                None
            }
            None => Some(ticket),
        });
        drop(nobody_s);
    }

    /// The session has ended before a call's message was in the outbox.
    pub(crate) fn not_sent(&self, id: u64) {
        self.lock().not_sent(id);
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.lock().endpoint.deadline()
    }

    /// Nothing more comes or goes.
    pub(crate) fn close(&self) {
        self.with(|inner| {
            inner.closed = true;
            inner.endpoint.session_ended();
            inner.collect();
            for outgoing in std::mem::take(&mut inner.outgoing) {
                if let What::Call(id) = outgoing.what {
                    inner.not_sent(id);
                }
            }
            inner.commands.clear();
        });
        self.answered.notify_waiters();
    }
}

impl Inner {
    /// Sorts what the machine wants done.
    fn collect(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Send(message) => self.outgoing.push_back(Outgoing { message, what: What::Other }),
                Output::SendHello(number, message) => {
                    self.outgoing.push_back(Outgoing { message, what: What::Hello(number) });
                }
                Output::Replied { id, result } => self.end(id, result.map(Some)),
                Output::Ended { id, result } => self.end(id, result.map(|()| None)),
                Output::Item { id, number, item } => {
                    if let Some(slot) = self.slots.get_mut(&id) {
                        slot.items.push_back((number, item));
                        self.wakers.extend(slot.waker.take());
                    }
                }
                Output::Start(call) => self.commands.push_back(Command::Start(call)),
                Output::Drop(id) => self.commands.push_back(Command::Drop(id)),
                Output::MaySend(id) => self.commands.push_back(Command::MaySend(id)),
                Output::Plain(message) => self.commands.push_back(Command::Plain(message)),
                Output::Resumed(resumed) => {
                    self.answered = true;
                    for call in resumed {
                        let (id, kind, name, key) = (call.id, call.kind, call.name, call.key);
                        let found = Found { id, kind, name, key, processed: call.processed };
                        self.slots.insert(id, Slot { found: Some(found.clone()), ..Slot::default() });
                        self.unclaimed.insert(id, found);
                    }
                }
                Output::Breach { rule, told_by_peer } => {
                    tracing::warn!(
                        rule = rule.number(),
                        told_by_peer,
                        "the protocol of calls was broken: all calls have ended"
                    );
                }
            }
        }
    }

    fn not_sent(&mut self, id: u64) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.fate = Some(Fate::NotSent("the session has ended".to_owned()));
        }
    }

    fn end(&mut self, id: u64, end: Result<Option<Message>, EndReason>) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.end = Some(end);
            self.wakers.extend(slot.waker.take());
        }
    }

    fn poll_end(&mut self, id: u64, cx: &mut Context<'_>) -> Poll<End> {
        let Some(slot) = self.slots.get_mut(&id) else { return Poll::Ready(End::default()) };
        if slot.end.is_none()
            && let Some(Poll::Ready(fate)) = slot.ticket.as_mut().map(|ticket| ticket.poll(cx))
        {
            slot.ticket = None;
            if matches!(fate, Fate::NotSent(_)) {
                self.endpoint.cancel(id, false);
                slot.end = Some(Err(EndReason::Lost));
            }
            slot.fate = Some(fate);
        }
        let Some(end) = slot.end.take() else {
            slot.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let closed = self.closed;
        let slot = self.slots.remove(&id).unwrap_or_default();
        Poll::Ready(End { end: Some(end), fate: slot.fate, ticket: slot.ticket, closed })
    }
}

/// The end of a call, with what is known of its message.
#[derive(Default)]
struct End {
    /// None: there was no such call any more.
    end: Option<Result<Option<Message>, EndReason>>,
    fate: Option<Fate>,
    ticket: Option<Box<dyn Ticket>>,
    closed: bool,
}

impl End {
    fn give_out(self) -> Result<Option<Message>, CallError> {
        let reason = match self.end {
            None => return Err(CallError::Closed(Execution::Unknown)),
            Some(Ok(reply)) => return Ok(reply),
            Some(Err(EndReason::Failed(failure))) => return Err(CallError::Failed(failure)),
            Some(Err(reason)) => reason,
        };
        let fate = self.fate.or_else(|| self.ticket.as_ref().and_then(|ticket| ticket.fate()));
        let execution = match (fate, self.ticket) {
            (Some(Fate::NotSent(why)), _) if reason == EndReason::Lost && !self.closed => {
                return Err(CallError::NotSent(why));
            }
            (Some(Fate::NotSent(_)), _) => Execution::NotRun,
            (Some(Fate::Processed), _) => Execution::Taken,
            (Some(Fate::Received | Fate::Unknown), _) => Execution::Unknown,
            (None, Some(ticket)) if ticket.withdraw() => Execution::NotRun,
            (None, _) => Execution::Unknown,
        };
        Err(match reason {
            EndReason::DeadlinePassed => CallError::DeadlinePassed(execution),
            EndReason::NotSupported => CallError::NotSupported,
            EndReason::Breach => CallError::Breach(execution),
            _ if self.closed => CallError::Closed(execution),
            _ => CallError::Lost(execution),
        })
    }
}
