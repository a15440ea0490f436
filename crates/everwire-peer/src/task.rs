//! The task of a session: it sends, receives, runs handlers, and keeps deadlines.

use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use everwire_calls::{Call, Failure, Kind, Role, codes};
use everwire_ws::Message;
use futures_util::future::{AbortHandle, Abortable, Aborted};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::handlers::{Running, Shared};
use crate::hub::{Command, Hub, What};
use crate::peer::PLAIN;
use crate::{Arrived, BoxFuture, BoxStream, Calls, Carrier, Fate, Incoming, Link, Peer, SendFailed, Ticket, Watermark};

/// What an end of a session needs for calls.
#[derive(Debug)]
pub struct Setup {
    /// Handlers and limits.
    pub calls: Calls,
    /// Which end it is.
    pub role: Role,
    /// A random number.
    pub seed: u64,
    /// At a server.
    pub session: Option<SessionName>,
}

/// Which session it is, for watermarks.
#[derive(Clone, Debug)]
pub struct SessionName {
    /// The session's id.
    pub id: String,
    /// Whom it belongs to.
    pub principal: String,
}

impl Setup {
    /// A handle where there is no session: every call ends with [`OpenError::NotSupported`](crate::OpenError::NotSupported).
    #[must_use]
    pub fn without_session(carrier: Arc<dyn Carrier>) -> Peer {
        let hub = Hub::new(crate::CallsConfig::default(), Role::Client, 0, carrier, mpsc::channel(1).1);
        hub.refuse();
        Peer::new(Arc::new(hub))
    }

    /// The handle, and the task, which ends with the link. Nothing happens until the task is run; dropped, it ends all calls.
    pub fn start<L: Link>(self, link: L, carrier: Arc<dyn Carrier>) -> (Peer, impl Future<Output = ()> + use<L>) {
        let (plain, messages) = mpsc::channel(PLAIN);
        let shared = self.calls.share();
        let hub = Arc::new(Hub::new(shared.config.clone(), self.role, self.seed, carrier, messages));
        let peer = Peer::new(Arc::clone(&hub));
        let task = Task {
            _ending: CloseOnDrop(Arc::clone(&hub)),
            hub,
            link,
            shared,
            session: self.session,
            calls: FuturesUnordered::new(),
            streams: FuturesUnordered::new(),
            aborts: BTreeMap::new(),
            waiting: BTreeMap::new(),
            sending: None,
            hellos: None,
            plain,
            plain_waits: VecDeque::new(),
            acks: Acks::default(),
            queue: VecDeque::new(),
            ordered: None,
        };
        (peer, task.run())
    }
}

/// A handler that runs.
type Handling = BoxFuture<'static, (u64, Result<Message, Failure>)>;
/// The end of a handler: of which call, and with what.
type Ended = Result<(u64, Result<Message, Failure>), Aborted>;
/// The next item of a handler's stream, and the stream.
type Next = Result<(u64, Option<Result<Message, Failure>>, BoxStream<Result<Message, Failure>>), Aborted>;
type Sent = Result<Option<Box<dyn Ticket>>, SendFailed>;

struct Task<L> {
    hub: Arc<Hub>,
    link: L,
    shared: Arc<Shared>,
    session: Option<SessionName>,
    calls: FuturesUnordered<Abortable<Handling>>,
    streams: FuturesUnordered<Abortable<NextItem>>,
    aborts: BTreeMap<u64, AbortHandle>,
    /// Streams without credit.
    waiting: BTreeMap<u64, BoxStream<Result<Message, Failure>>>,
    /// A message for which there was no room; all others wait behind it.
    sending: Option<(What, BoxFuture<'static, Sent>)>,
    /// What becomes of the last hello.
    hellos: Option<(u64, Box<dyn Ticket>)>,
    plain: mpsc::Sender<Message>,
    /// Messages of the application's own for which there is no room. While there are some, nothing is received.
    plain_waits: VecDeque<Message>,
    acks: Acks,
    /// With `in_order`: calls that wait for the one before.
    queue: VecDeque<(Call, Option<u64>)>,
    /// With `in_order`: the call that runs.
    ordered: Option<u64>,
    _ending: CloseOnDrop,
}

/// Whoever awaits a call hears of the end of the task.
struct CloseOnDrop(Arc<Hub>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What woke the task.
enum Event {
    Arrived(Option<Arrived>),
    Sent(Sent),
    Ended(Ended),
    Item(Next),
    Hello(Fate),
    Room,
    Work,
    Deadline,
}

/// Messages that are received at once before something else has its turn.
const AT_ONCE: usize = 64;

impl<L: Link> Task<L> {
    async fn run(mut self) {
        self.hub.hello();
        loop {
            self.obey(None);
            self.flush();
            let event = self.next_event().await;
            match event {
                Event::Arrived(None) => return,
                Event::Arrived(Some(arrived)) => {
                    self.receive(arrived);
                    for _ in 1..AT_ONCE {
                        if !self.plain_waits.is_empty() {
                            break;
                        }
                        match self.link.recv().now_or_never() {
                            Some(Some(arrived)) => self.receive(arrived),
                            Some(None) => return,
                            None => break,
                        }
                    }
                }
                Event::Sent(sent) => {
                    if let Some((what, _)) = self.sending.take() {
                        self.sent(what, sent);
                    }
                }
                Event::Ended(Ok((id, result))) => {
                    self.hub.reply(id, result);
                    self.ended(id);
                }
                Event::Item(Ok((id, item, stream))) => self.item(id, item, stream),
                Event::Hello(fate) => {
                    if let (Some((number, _)), Fate::Processed | Fate::Received) = (self.hellos.take(), fate) {
                        self.hub.hello_processed(number);
                    }
                }
                // It was dropped on a command.
                Event::Ended(Err(Aborted)) | Event::Item(Err(Aborted)) => {}
                Event::Room => self.pass_plain(),
                Event::Work => {}
                Event::Deadline => self.hub.handle_timeout(),
            }
        }
    }

    async fn next_event(&mut self) -> Event {
        let deadline = self.hub.deadline();
        let (hub, plain) = (&self.hub, &self.plain);
        let (is_stuck, has_plain) = (self.sending.is_some(), !self.plain_waits.is_empty());
        let alarm = async {
            match deadline {
                Some(deadline) => hub.carrier.sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            arrived = self.link.recv(), if !has_plain => Event::Arrived(arrived),
            sent = next_sent(&mut self.sending), if is_stuck => Event::Sent(sent),
            Some(ended) = self.calls.next(), if !self.calls.is_empty() => Event::Ended(ended),
            // Items wait while the session takes nothing.
            Some(item) = self.streams.next(), if !self.streams.is_empty() && !is_stuck => Event::Item(item),
            fate = next_fate(&mut self.hellos), if self.hellos.is_some() => Event::Hello(fate),
            _ = plain.reserve(), if has_plain => Event::Room,
            () = hub.work.notified() => Event::Work,
            () = alarm => Event::Deadline,
        }
    }

    fn receive(&mut self, arrived: Arrived) {
        let Arrived { message, position, sequence } = arrived;
        self.hub.receive(message);
        let holds = self.obey(sequence);
        self.acks.arrived(position, holds);
        self.acknowledge();
    }

    /// Does what the machine wants done. Returns the call that holds up the acknowledgement of what has just arrived.
    fn obey(&mut self, sequence: Option<u64>) -> Option<u64> {
        let mut holds = None;
        while let Some(command) = self.hub.next_command() {
            match command {
                Command::Start(call) if self.shared.in_order && call.kind == Kind::Call => {
                    holds = Some(call.id);
                    self.queue.push_back((call, sequence));
                }
                Command::Start(call) => self.start(call, sequence),
                Command::Drop(id) => self.drop_handler(id),
                Command::MaySend(id) => {
                    if let Some(stream) = self.waiting.remove(&id) {
                        self.poll_stream(id, stream);
                    }
                }
                Command::Plain(message) => {
                    self.plain_waits.push_back(message);
                    self.pass_plain();
                }
            }
        }
        self.run_next();
        holds
    }

    /// With `in_order`: the next call, if none runs.
    fn run_next(&mut self) {
        if self.ordered.is_none()
            && let Some((call, sequence)) = self.queue.pop_front()
        {
            self.ordered = Some(call.id);
            self.start(call, sequence);
        }
    }

    fn start(&mut self, call: Call, sequence: Option<u64>) {
        let (id, kind) = (call.id, call.kind);
        let span = tracing::debug_span!(
            target: "everwire::calls", "call", name = %call.name, id, traceparent = call.traceparent.as_deref()
        );
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
            std::panic::catch_unwind(AssertUnwindSafe(|| self.shared.run(&incoming)))
                .unwrap_or_else(|_| Err(panicked(&incoming)))
        });
        match running {
            Err(failure) if kind == Kind::Stream => {
                self.hub.end(id, Err(failure));
                self.ended(id);
            }
            Err(failure) => {
                self.hub.reply(id, Err(failure));
                self.ended(id);
            }
            Ok(Running::Call(future)) => {
                let future = async move {
                    let result =
                        AssertUnwindSafe(future).catch_unwind().await.unwrap_or_else(|_| Err(panicked(&incoming)));
                    (id, result)
                };
                let (abort, registration) = AbortHandle::new_pair();
                self.aborts.insert(id, abort);
                self.calls.push(Abortable::new(Box::pin(future.instrument(span)), registration));
            }
            Ok(Running::Stream(stream)) => self.poll_stream(id, stream),
        }
    }

    /// Asks the handler for an item, if there is credit for one.
    fn poll_stream(&mut self, id: u64, stream: BoxStream<Result<Message, Failure>>) {
        if !self.hub.may_send(id) {
            self.waiting.insert(id, stream);
            return;
        }
        let (abort, registration) = AbortHandle::new_pair();
        self.aborts.insert(id, abort);
        self.streams.push(Abortable::new(NextItem { id, stream: Some(stream) }, registration));
    }

    fn item(&mut self, id: u64, item: Option<Result<Message, Failure>>, stream: BoxStream<Result<Message, Failure>>) {
        self.aborts.remove(&id);
        match item {
            Some(Ok(item)) => {
                self.hub.item(id, item);
                self.poll_stream(id, stream);
            }
            Some(Err(failure)) => self.hub.end(id, Err(failure)),
            None => self.hub.end(id, Ok(())),
        }
    }

    fn drop_handler(&mut self, id: u64) {
        if let Some(abort) = self.aborts.remove(&id) {
            abort.abort();
        }
        self.waiting.remove(&id);
        self.queue.retain(|(call, _)| call.id != id);
        self.ended(id);
    }

    /// No handler of this call runs any more.
    fn ended(&mut self, id: u64) {
        self.aborts.remove(&id);
        if self.ordered == Some(id) {
            self.ordered = None;
        }
        self.acks.done(id);
        self.acknowledge();
        self.run_next();
    }

    fn acknowledge(&mut self) {
        if let Some(position) = self.acks.advance() {
            self.link.acknowledge(position);
        }
    }

    fn pass_plain(&mut self) {
        while let Some(message) = self.plain_waits.pop_front() {
            match self.plain.try_send(message) {
                Ok(()) => {}
                // Nobody wants them.
                Err(mpsc::error::TrySendError::Closed(_)) => self.plain_waits.clear(),
                Err(mpsc::error::TrySendError::Full(message)) => {
                    self.plain_waits.push_front(message);
                    return;
                }
            }
        }
    }

    /// Sends what waits, as far as there is room.
    fn flush(&mut self) {
        while self.sending.is_none()
            && let Some(outgoing) = self.hub.next_outgoing()
        {
            match self.hub.carrier.send(outgoing.message) {
                Err(SendFailed::Full(message)) => {
                    self.sending = Some((outgoing.what, self.hub.carrier.send_wait(message)));
                }
                sent => self.sent(outgoing.what, sent),
            }
        }
    }

    fn sent(&mut self, what: What, sent: Sent) {
        match (what, sent) {
            (What::Call(id), Ok(Some(ticket))) => self.hub.sent(id, ticket),
            (What::Hello(number), Ok(Some(ticket))) => self.hellos = Some((number, ticket)),
            // After the end nothing is received either, which ends the task.
            (What::Call(id), Err(_)) => self.hub.not_sent(id),
            _ => {}
        }
    }
}

fn panicked(incoming: &Incoming) -> Failure {
    tracing::error!(target: "everwire::calls", name = %incoming.call.name, "a handler panicked");
    Failure::new(codes::PANICKED, "the handler panicked")
}

async fn next_sent(sending: &mut Option<(What, BoxFuture<'static, Sent>)>) -> Sent {
    match sending {
        Some((_, sending)) => sending.await,
        None => std::future::pending().await,
    }
}

async fn next_fate(hellos: &mut Option<(u64, Box<dyn Ticket>)>) -> Fate {
    std::future::poll_fn(|cx| match hellos {
        Some((_, ticket)) => ticket.poll(cx),
        None => Poll::Pending,
    })
    .await
}

/// The next item of a stream; panics are its end.
struct NextItem {
    id: u64,
    stream: Option<BoxStream<Result<Message, Failure>>>,
}

impl Future for NextItem {
    type Output = (u64, Option<Result<Message, Failure>>, BoxStream<Result<Message, Failure>>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let id = self.id;
        let Some(mut stream) = self.stream.take() else { return Poll::Pending };
        match std::panic::catch_unwind(AssertUnwindSafe(|| stream.poll_next_unpin(cx))) {
            Ok(Poll::Pending) => {
                self.stream = Some(stream);
                Poll::Pending
            }
            Ok(Poll::Ready(item)) => Poll::Ready((id, item, stream)),
            Err(_) => {
                tracing::error!(target: "everwire::calls", id, "the handler of a stream panicked");
                Poll::Ready((id, Some(Err(Failure::new(codes::PANICKED, "the handler panicked"))), stream))
            }
        }
    }
}

/// What has arrived and is not acknowledged, in order.
#[derive(Debug, Default)]
struct Acks {
    waiting: VecDeque<(u64, Option<u64>)>,
}

impl Acks {
    fn arrived(&mut self, position: u64, holds: Option<u64>) {
        self.waiting.push_back((position, holds));
    }

    /// The call holds up nothing any more.
    fn done(&mut self, id: u64) {
        if let Some((_, holds)) = self.waiting.iter_mut().find(|(_, holds)| *holds == Some(id)) {
            *holds = None;
        }
    }

    /// Up to where everything is done, if that is further than before.
    fn advance(&mut self) -> Option<u64> {
        let mut position = None;
        while let Some((done, None)) = self.waiting.front() {
            position = Some(*done);
            self.waiting.pop_front();
        }
        position
    }
}
