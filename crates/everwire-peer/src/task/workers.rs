use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use everwire_calls::{Call, DropReason, Failure, Kind, codes};
use everwire_ws::Message;
use futures_util::future::{AbortHandle, Abortable, Aborted};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tracing::Span;

use super::next_items::{Batch, Items, NextItems};
use crate::handlers::{Running, Shared};
use crate::hub::Hub;
use crate::metrics::{Handled, HandlerOutcome};
use crate::{BoxFuture, Incoming, Peer, SessionName, Watermark};

/// Handlers that run, and calls that wait for theirs.
pub(super) struct Workers {
    hub: Arc<Hub>,
    shared: Arc<Shared>,
    session: Option<SessionName>,
    calls: FuturesUnordered<Abortable<Handling>>,
    streams: FuturesUnordered<Abortable<NextItems>>,
    running: BTreeMap<u64, Worker>,
    /// What has come while the session took nothing: its replies would pile up.
    held: VecDeque<Arrival>,
    /// With `in_order`: calls that wait for the one before.
    queue: VecDeque<Arrival>,
    /// With `in_order`: the call that runs.
    ordered: Option<u64>,
    /// With `in_order`: calls whose handlers have ended.
    ended: Vec<u64>,
}

/// A call that was received.
pub(super) struct Arrival {
    pub(super) call: Box<Call>,
    /// Of its message in the session.
    pub(super) sequence: Option<u64>,
}

/// A handler that was started.
struct Worker {
    /// Of its call, or of its next item.
    abort: Option<AbortHandle>,
    /// A stream that may send nothing now.
    waiting: Option<Box<Waiting>>,
    span: Span,
    handled: Handled,
}

/// A stream, and what it has given and could not be sent.
struct Waiting {
    items: VecDeque<Message>,
    end: Option<Result<(), Failure>>,
    stream: Items,
}

/// The handler of a call. A panic is an error.
struct Handling {
    id: u64,
    name: String,
    future: BoxFuture<'static, Result<Message, Failure>>,
    span: Span,
}

impl Future for Handling {
    type Output = (u64, Result<Message, Failure>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let _in_span = self.span.clone().entered();
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(cx)));
        let result = match polled {
            Ok(poll) => std::task::ready!(poll),
            Err(_) => Err(panicked(&self.name)),
        };
        Poll::Ready((self.id, result))
    }
}

/// What a handler has done.
pub(super) enum HandlerEvent {
    Ended(Result<(u64, Result<Message, Failure>), Aborted>),
    Items(Result<Batch, Aborted>),
}

impl Workers {
    pub(super) fn new(hub: Arc<Hub>, shared: Arc<Shared>, session: Option<SessionName>) -> Self {
        Self {
            hub,
            shared,
            session,
            calls: FuturesUnordered::new(),
            streams: FuturesUnordered::new(),
            running: BTreeMap::new(),
            held: VecDeque::new(),
            queue: VecDeque::new(),
            ordered: None,
            ended: Vec::new(),
        }
    }

    pub(super) fn in_order(&self) -> bool {
        self.shared.in_order
    }

    /// A call has come. `is_full`: the session takes nothing now.
    pub(super) fn begin(&mut self, arrival: Arrival, is_full: bool) {
        if self.in_order() && arrival.call.kind == Kind::Call {
            self.queue.push_back(arrival);
            self.run_next(is_full);
        } else if is_full {
            self.held.push_back(arrival);
        } else {
            self.start(arrival);
        }
    }

    /// Starts what was held back, once the session takes something. Says whether there was something.
    pub(super) fn start_held(&mut self, is_full: bool) -> bool {
        if is_full {
            return false;
        }
        let held = std::mem::take(&mut self.held);
        let (some, queued) = (!held.is_empty(), self.queue.len());
        held.into_iter().for_each(|arrival| self.start(arrival));
        self.run_next(false);
        some || self.queue.len() < queued
    }

    /// With `in_order`: the next calls, until one runs. Not by recursion: as many as may be open can fail at once.
    fn run_next(&mut self, is_full: bool) {
        // Two ends that both hold acknowledgements back while they wait for the other's would wait for ever: a client does not.
        let is_held = is_full && self.session.is_some();
        while !is_held
            && self.ordered.is_none()
            && let Some(arrival) = self.queue.pop_front()
        {
            self.ordered = Some(arrival.call.id);
            self.start(arrival);
        }
    }

    fn start(&mut self, Arrival { call, sequence }: Arrival) {
        let (id, kind) = (call.id, call.kind);
        let span = tracing::debug_span!(
            target: "everwire::calls",
            "handle",
            name = %call.name,
            id,
            kind = kind.as_str(),
            key = call.key.as_deref(),
            traceparent = call.traceparent.as_deref(),
            outcome = tracing::field::Empty,
        );
        let handler = self.shared.find(&call.name);
        let name = handler.map(|_| call.name.as_str());
        let handled = self.hub.meter.handled(name, kind, || self.hub.carrier.now());
        let mut worker = Worker { abort: None, waiting: None, span: span.clone(), handled };
        let session = self.session.as_ref();
        let watermark = session.zip(sequence).map(|(session, sequence)| Watermark {
            session: session.id.clone(),
            principal: session.principal.clone(),
            sequence,
        });
        let incoming = Incoming {
            call,
            peer: Peer::new(Arc::clone(&self.hub)),
            extensions: Arc::clone(&self.shared.extensions),
            watermark,
        };
        let running = span.in_scope(|| {
            // A handler's synchronous part may panic too.
            std::panic::catch_unwind(AssertUnwindSafe(|| Running::start(handler, &incoming)))
                .unwrap_or_else(|_| Err(panicked(&incoming.call.name)))
        });
        match running {
            Err(failure) => {
                let outcome = match failure.code.as_str() {
                    codes::PANICKED => HandlerOutcome::Panicked,
                    _ => HandlerOutcome::Refused,
                };
                match kind {
                    Kind::Call => self.hub.reply(id, Err(&failure)),
                    Kind::Stream => self.hub.end(id, Err(failure)),
                }
                self.finish(id, Some(worker), outcome);
            }
            Ok(Running::Call(future)) => {
                let mut handling = Handling { id, name: incoming.call.name, future, span };
                // Many handlers are done at once, and need nothing of what follows.
                if let Poll::Ready((id, result)) = handling.poll_unpin(&mut Context::from_waker(Waker::noop())) {
                    return self.ended(id, Some(worker), &result);
                }
                let (abort, registration) = AbortHandle::new_pair();
                worker.abort = Some(abort);
                self.running.insert(id, worker);
                self.calls.push(Abortable::new(handling, registration));
            }
            Ok(Running::Stream(stream)) => {
                self.running.insert(id, worker);
                self.go_on(id, Waiting { items: VecDeque::new(), end: None, stream });
            }
        }
    }

    /// Sends what a stream has given as far as it may be sent, and asks it for more.
    fn go_on(&mut self, id: u64, mut waiting: Waiting) {
        if !waiting.items.is_empty() {
            self.hub.items(id, &mut waiting.items);
        }
        // An item that is too large has ended it.
        let Some(worker) = self.running.get_mut(&id) else { return };
        let Waiting { items, end, stream } = waiting;
        match (items.is_empty(), end, self.hub.room(id)) {
            (true, Some(end), _) => {
                let outcome = end.as_ref().map_or_else(outcome, |()| HandlerOutcome::Answered);
                self.hub.end(id, end);
                self.finish_running(id, outcome);
            }
            (true, None, Some(room)) => {
                let (abort, registration) = AbortHandle::new_pair();
                worker.abort = Some(abort);
                self.streams.push(Abortable::new(NextItems::new(id, room, stream, worker.span.clone()), registration));
            }
            (_, end, _) => worker.waiting = Some(Box::new(Waiting { items, end, stream })),
        }
    }

    /// A stream may send again, if it is one that waits.
    pub(super) fn may_send(&mut self, id: u64) {
        if let Some(waiting) = self.running.get_mut(&id).and_then(|worker| worker.waiting.take()) {
            self.go_on(id, *waiting);
        }
    }

    /// What a handler does next; nothing, while there is none. Items wait while the session takes nothing, and so do replies while
    /// there are too many bytes of them. Cancel-safe.
    pub(super) async fn next_event(&mut self, is_full: bool) -> HandlerEvent {
        // As in `run_next`: a client that holds acknowledgements back does not wait for the other end's.
        let may_wait = self.session.is_some() || !self.in_order();
        let is_held = is_full && may_wait && self.hub.is_heavy();
        tokio::select! {
            Some(ended) = self.calls.next(), if !self.calls.is_empty() && !is_held => HandlerEvent::Ended(ended),
            Some(batch) = self.streams.next(), if !self.streams.is_empty() && !is_full => HandlerEvent::Items(batch),
            else => std::future::pending().await,
        }
    }

    pub(super) fn on_event(&mut self, event: HandlerEvent) {
        match event {
            HandlerEvent::Ended(Ok((id, result))) => {
                let worker = self.running.remove(&id);
                self.ended(id, worker, &result);
            }
            HandlerEvent::Items(Ok(Batch { id, items, end, stream })) => self.go_on(id, Waiting { items, end, stream }),
            // It was dropped on a command.
            HandlerEvent::Ended(Err(Aborted)) | HandlerEvent::Items(Err(Aborted)) => {}
        }
    }

    /// The handler of a call has ended.
    fn ended(&mut self, id: u64, worker: Option<Worker>, result: &Result<Message, Failure>) {
        let outcome = result.as_ref().map_or_else(outcome, |_| HandlerOutcome::Answered);
        self.hub.reply(id, result.as_ref());
        self.finish(id, worker, outcome);
    }

    /// Its result is not needed any more.
    pub(super) fn drop_handler(&mut self, id: u64, reason: DropReason) {
        self.held.retain(|arrival| arrival.call.id != id);
        self.queue.retain(|arrival| arrival.call.id != id);
        let outcome = match reason {
            DropReason::DeadlinePassed => HandlerOutcome::Deadline,
            DropReason::TooLarge => HandlerOutcome::Failed,
            _ => HandlerOutcome::Cancelled,
        };
        self.finish_running(id, outcome);
    }

    fn finish_running(&mut self, id: u64, outcome: HandlerOutcome) {
        let worker = self.running.remove(&id);
        self.finish(id, worker, outcome);
    }

    /// No handler of this call runs any more.
    fn finish(&mut self, id: u64, worker: Option<Worker>, outcome: HandlerOutcome) {
        if let Some(worker) = worker {
            if let Some(abort) = worker.abort {
                abort.abort();
            }
            worker.span.record("outcome", outcome.name());
            worker.handled.ended(outcome, || self.hub.carrier.now());
        }
        if self.in_order() {
            self.ended.push(id);
        }
        if self.ordered == Some(id) {
            self.ordered = None;
        }
    }

    /// With `in_order`: calls whose messages may be acknowledged now.
    pub(super) fn take_ended(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.ended)
    }
}

/// How a handler ended whose result this is.
fn outcome(failure: &Failure) -> HandlerOutcome {
    match failure.code.as_str() {
        codes::PANICKED => HandlerOutcome::Panicked,
        _ => HandlerOutcome::Failed,
    }
}

fn panicked(name: &str) -> Failure {
    tracing::error!(target: "everwire::calls", name, "a handler panicked");
    Failure::new(codes::PANICKED, "the handler panicked")
}
