//! What the handles of a session and the task behind it share.

mod locked;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use everwire_core::session::{ComeBack, ServerInput, ServerSession, SessionId};
use everwire_core::{Moment, Output, SendError};
use everwire_ws::Message;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::inbox::Inbox;
use crate::clock::after;
use crate::metrics::{Look, Tally};
use locked::Locked;

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: SessionId,
    pub(super) principal: String,
    /// `Moment::ZERO`.
    origin: Instant,
    /// Messages may expire, so that their time has to be known.
    timed: bool,
    pub(super) inner: Mutex<Inner>,
    /// Payload bytes that the session holds, as of the last time that it had no connection.
    pub(super) held: AtomicUsize,
    pub(super) holds: Holds,
    /// There is work for the session's task.
    pub(super) work: Notify,
    /// There is something for the application.
    news: Notify,
    /// There may be room in the outbox, or less under way.
    moved: Notify,
    /// Whether the session has a connection; closed with the session.
    pub(super) connected: watch::Sender<bool>,
    /// How far the application has come, counted in messages delivered.
    processed: AtomicU64,
    /// The task wants to hear of more.
    wanted: AtomicBool,
    /// The application is given nothing more.
    closing: AtomicBool,
}

/// Called when what a session without a connection holds has changed, with the session unlocked.
pub(super) struct Holds(Box<dyn Fn(SessionId) + Send + Sync>);

/// How a session that its server ends is to end, once the application has let go.
#[derive(Debug)]
pub(super) struct Parting {
    pub(super) back: ComeBack,
    pub(super) reason: String,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) machine: ServerSession,
    inbox: Inbox,
    /// Messages ever put into the inbox.
    delivered: u64,
    /// Reliable ones among them.
    sequence: u64,
    /// Outputs that only the task can act on.
    pub(super) pending: VecDeque<Output>,
    pub(super) parting: Option<Parting>,
    /// How far the machine knows the application to be.
    known: u64,
    /// Nothing comes into the inbox any more.
    pub(super) over: bool,
    /// What the task sleeps until.
    armed: Option<Moment>,
    /// The application has let go: nothing will be processed any more.
    pub(super) let_go: bool,
    pub(super) tally: Tally,
}

impl Slot {
    pub(super) fn new(mut machine: ServerSession, principal: &str, origin: Instant, timed: bool, holds: Holds) -> Self {
        machine.keep_ended();
        Self {
            id: machine.id(),
            principal: principal.to_owned(),
            origin,
            timed,
            inner: Mutex::new(Inner {
                machine,
                inbox: Inbox::default(),
                delivered: 0,
                sequence: 0,
                pending: VecDeque::new(),
                parting: None,
                known: 0,
                over: false,
                armed: None,
                let_go: false,
                tally: Tally::default(),
            }),
            held: AtomicUsize::new(0),
            holds,
            work: Notify::new(),
            news: Notify::new(),
            moved: Notify::new(),
            connected: watch::Sender::new(false),
            processed: AtomicU64::new(0),
            wanted: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        }
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        Locked::new(self)
    }

    /// Payload bytes that the session holds, if it has no connection.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }

    pub(super) fn now(&self) -> Moment {
        Moment::ZERO + self.origin.elapsed()
    }

    pub(super) fn instant(&self, moment: Moment) -> Instant {
        after(self.origin, moment.since(Moment::ZERO))
    }

    /// Tells the machine something.
    pub(super) fn tell(&self, input: ServerInput) {
        let now = self.now();
        let mut inner = self.lock();
        inner.machine.handle(now, input);
        self.sort(&mut inner);
        if inner.must_wake_earlier() {
            self.work.notify_one();
        }
    }

    /// When the task has to wake up at the latest.
    pub(super) fn arm(&self) -> Option<Instant> {
        let mut inner = self.lock();
        inner.armed = inner.machine.deadline().map(|(at, _)| at);
        inner.armed.map(|at| self.instant(at))
    }

    /// Deals with the machine's outputs: what is for the application goes there, the rest waits for the task.
    pub(super) fn sort(&self, inner: &mut Inner) {
        let (before, mut moved) = (inner.delivered, false);
        while let Some(output) = inner.machine.poll_output() {
            match output {
                Output::Deliver(messages) => {
                    let first = inner.sequence + 1;
                    inner.sequence += messages.len() as u64;
                    inner.deliver(messages, Some(first));
                }
                Output::DeliverVolatile(message) => inner.deliver(vec![message], None),
                Output::Outcome { .. } | Output::Room => {
                    if let Output::Outcome { first, last, outcome } = output {
                        inner.tally.ended(first, last, outcome, || self.now());
                    }
                    moved = true;
                }
                Output::Written { last, .. } => inner.tally.written(last, || self.now()),
                Output::Event(_) => {}
                Output::Finished(_) => {
                    inner.over = true;
                    self.close_inbox(inner);
                    inner.pending.push_back(output);
                    moved = true;
                }
                other => inner.pending.push_back(other),
            }
        }
        if inner.delivered > before || inner.over {
            self.news.notify_one();
        }
        if !inner.pending.is_empty() {
            self.work.notify_one();
        }
        if moved {
            self.moved.notify_waiters();
        }
    }

    /// The next messages for the application; false once there will be none.
    pub(super) async fn next(&self, batch: &mut Inbox) -> bool {
        loop {
            let news = self.news.notified();
            {
                let mut inner = self.lock();
                if self.is_closing() {
                    return false;
                }
                if !inner.inbox.is_empty() {
                    std::mem::swap(&mut inner.inbox, batch);
                    return true;
                }
            }
            news.await;
        }
    }

    /// The application has processed everything before this position.
    pub(super) fn process(&self, position: u64) {
        self.processed.fetch_max(position, Ordering::SeqCst);
        if self.wanted.load(Ordering::SeqCst) && self.wanted.swap(false, Ordering::SeqCst) {
            self.work.notify_one();
        }
    }

    /// Tells the machine how far the application is.
    pub(super) fn catch_up(&self) {
        let processed = self.processed.load(Ordering::SeqCst);
        let mut inner = self.lock();
        if inner.known < processed {
            inner.known = processed;
            inner.machine.handle(self.now(), ServerInput::Processed(processed));
            self.sort(&mut inner);
        }
    }

    /// From here on the task is woken when the application has come further. False if it has already.
    pub(super) fn watch_progress(&self) -> bool {
        self.wanted.store(true, Ordering::SeqCst);
        self.processed.load(Ordering::SeqCst) == self.lock().known
    }

    /// Whether the application is given nothing more.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// The session is to end when the application has let go: only then is what it has processed final.
    pub(super) fn part(&self, back: ComeBack, reason: String) {
        let mut inner = self.lock();
        inner.parting.get_or_insert(Parting { back, reason });
        self.close_inbox(&mut inner);
        drop(inner);
        self.news.notify_one();
        self.work.notify_one();
    }

    /// What the application was not given is never processed.
    fn close_inbox(&self, inner: &mut Inner) {
        self.closing.store(true, Ordering::SeqCst);
        inner.inbox.clear();
    }

    /// Waits until `done` says so. It is asked again whenever messages have left the outbox.
    pub(super) async fn when<T>(&self, mut done: impl FnMut(&mut Inner) -> Option<T>) -> T {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // From here on nothing is missed.
            moved.as_mut().enable();
            {
                let mut inner = self.lock();
                let result = done(&mut inner);
                self.sort(&mut inner);
                if let Some(result) = result {
                    return result;
                }
            }
            moved.await;
        }
    }

    /// Puts a message into the outbox.
    pub(super) fn send(&self, inner: &mut Inner, message: Message) -> Result<(), SendError> {
        if self.timed {
            inner.machine.send(self.now(), message)?;
            self.sent_timed(inner);
        } else {
            inner.machine.send(Moment::ZERO, message)?;
            self.sent(inner);
        }
        Ok(())
    }

    /// Something was put into the outbox that may expire.
    pub(super) fn sent_timed(&self, inner: &mut Inner) {
        self.sent(inner);
        if inner.must_wake_earlier() {
            self.work.notify_one();
        }
    }

    /// Something was put into the outbox.
    fn sent(&self, inner: &mut Inner) {
        self.sort(inner);
        if Tally::WANTED && inner.machine.link().is_none() {
            self.work.notify_one();
        }
    }

    /// What the metrics want to know.
    pub(super) fn sample(&self) -> (Look, Tally) {
        let mut inner = self.lock();
        let look = Look {
            delivered: inner.delivered,
            processed: inner.known,
            held: inner.machine.pending_messages(),
            held_bytes: inner.machine.pending_bytes(),
        };
        (look, inner.tally.fetch())
    }

    /// The application will process nothing more.
    pub(super) fn let_go(&self) {
        self.lock().let_go = true;
        self.work.notify_one();
    }
}

impl Holds {
    pub(super) fn new(tell: impl Fn(SessionId) + Send + Sync + 'static) -> Self {
        Self(Box::new(tell))
    }

    pub(super) fn tell(&self, id: SessionId) {
        (self.0)(id);
    }
}

impl fmt::Debug for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Holds")
    }
}

impl Inner {
    pub(super) fn must_wake_earlier(&self) -> bool {
        match (self.machine.deadline(), self.armed) {
            (Some((deadline, _)), Some(armed)) => deadline < armed,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    fn deliver(&mut self, messages: Vec<Message>, sequence: Option<u64>) {
        let position = self.delivered + 1;
        self.delivered += messages.len() as u64;
        if self.parting.is_none() && !self.over {
            self.inbox.push(messages, sequence, position);
        }
    }
}
