mod handled;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use everwire_calls::Kind;
use everwire_core::Moment;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::HandlerOutcome;
use super::names::{self, Names};
use super::notes::Ending;
pub(crate) use handled::Handled;

/// The counters of the calls of a client, or of a server's sessions. The recorder is the one that is installed when this is
/// made. Cloning it is cheap.
#[derive(Clone)]
pub struct CallsMeter(Arc<Handles>);

/// Looked up once: recording is then an atomic operation of the recorder's.
pub(super) struct Handles {
    names: &'static Names,
    /// The label `server` of a client.
    server: Option<String>,
    made: [Counter; KINDS.len()],
    ended: [Counter; ENDINGS.len()],
    open: Gauge,
    call_seconds: Histogram,
    items_received: Counter,
    pub(super) running: Gauge,
    refused: Counter,
    items_sent: Counter,
    /// By name, of those that there are: what a caller makes up does not come in.
    handlers: RwLock<HashMap<String, Arc<HandlerHandles>>>,
    /// Of names that no handler has.
    unknown: Arc<HandlerHandles>,
}

/// Those of one handler.
pub(super) struct HandlerHandles {
    received: [Counter; KINDS.len()],
    outcomes: [Counter; OUTCOMES.len()],
    pub(super) seconds: Histogram,
}

const KINDS: [&str; 2] = ["call", "stream"];
/// How a call can end at its caller.
const ENDINGS: [&str; 7] = ["answered", "failed", "deadline", "lost", "unsupported", "breach", "cancelled"];
/// How a handler can end.
const OUTCOMES: [&str; 6] = ["answered", "failed", "panicked", "refused", "deadline", "cancelled"];
/// The label's value for a name that no handler has.
const UNKNOWN: &str = "(unknown)";

impl CallsMeter {
    /// The counters of a client; `server` is the value of their label `server`.
    #[must_use]
    pub fn client(server: &str) -> Self {
        Self::new(&names::CLIENT, Some(server.to_owned()))
    }

    /// The counters of a server's sessions.
    #[must_use]
    pub fn server() -> Self {
        Self::new(&names::SERVER, None)
    }

    fn new(names: &'static Names, server: Option<String>) -> Self {
        names::describe(names);
        let labels = Labels(server.as_deref());
        Self(Arc::new(Handles {
            made: KINDS.map(|kind| labels.counter(names.made, &[("kind", kind)])),
            ended: ENDINGS.map(|outcome| labels.counter(names.ended, &[("outcome", outcome)])),
            open: gauge!(names.open, labels.of(&[])),
            call_seconds: histogram!(names.call_seconds, labels.of(&[])),
            items_received: labels.counter(names.items_received, &[]),
            running: gauge!(names.running, labels.of(&[])),
            refused: labels.counter(names.refused, &[]),
            items_sent: labels.counter(names.items_sent, &[]),
            handlers: RwLock::default(),
            unknown: Arc::new(HandlerHandles::new(names, labels, UNKNOWN)),
            server,
            names,
        }))
    }

    pub(super) fn made(&self, kind: Kind) {
        let [call, stream] = &self.0.made;
        match kind {
            Kind::Call => call.increment(1),
            Kind::Stream => stream.increment(1),
        }
        self.0.open.increment(1);
    }

    pub(super) fn found(&self) {
        self.0.open.increment(1);
    }

    pub(super) fn ended(&self, ending: Ending, took: Option<Duration>) {
        let [answered, failed, deadline, lost, unsupported, breach, cancelled] = &self.0.ended;
        let counter = match ending {
            Ending::Answered => answered,
            Ending::Failed => failed,
            Ending::Deadline => deadline,
            Ending::Lost => lost,
            Ending::Unsupported => unsupported,
            Ending::Breach => breach,
            Ending::Cancelled => cancelled,
        };
        counter.increment(1);
        self.0.open.decrement(1);
        took.into_iter().for_each(|took| self.0.call_seconds.record(took));
    }

    pub(super) fn item_received(&self) {
        self.0.items_received.increment(1);
    }

    pub(crate) fn items_sent(&self, count: usize) {
        self.0.items_sent.increment(count as u64);
    }

    pub(super) fn refused(&self) {
        self.0.refused.increment(1);
    }

    /// A call of the peer's is given to the handler of this name; `None` if there is none.
    pub(crate) fn handled(&self, name: Option<&str>, kind: Kind, now: impl FnOnce() -> Moment) -> Handled {
        let handler = name.map_or_else(|| Arc::clone(&self.0.unknown), |name| self.0.handler(name));
        let [call, stream] = &handler.received;
        match kind {
            Kind::Call => call.increment(1),
            Kind::Stream => stream.increment(1),
        }
        self.0.running.increment(1);
        Handled::new(Arc::clone(&self.0), handler, now())
    }
}

impl Handles {
    fn handler(&self, name: &str) -> Arc<HandlerHandles> {
        if let Some(known) = self.handlers.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(known);
        }
        // The recorder is asked while nothing is locked: it is not ours.
        let new = Arc::new(HandlerHandles::new(self.names, Labels(self.server.as_deref()), name));
        let mut handlers = self.handlers.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(handlers.entry(name.to_owned()).or_insert(new))
    }
}

impl HandlerHandles {
    fn new(names: &Names, labels: Labels<'_>, handler: &str) -> Self {
        Self {
            received: KINDS.map(|kind| labels.counter(names.received, &[("handler", handler), ("kind", kind)])),
            outcomes: OUTCOMES
                .map(|outcome| labels.counter(names.handled, &[("handler", handler), ("outcome", outcome)])),
            seconds: histogram!(names.handler_seconds, labels.of(&[("handler", handler)])),
        }
    }

    pub(super) fn outcome(&self, outcome: HandlerOutcome) -> &Counter {
        let [answered, failed, panicked, refused, deadline, cancelled] = &self.outcomes;
        match outcome {
            HandlerOutcome::Answered => answered,
            HandlerOutcome::Failed => failed,
            HandlerOutcome::Panicked => panicked,
            HandlerOutcome::Refused => refused,
            HandlerOutcome::Deadline => deadline,
            HandlerOutcome::Cancelled => cancelled,
        }
    }
}

/// The label `server`, where there is one, and others.
#[derive(Clone, Copy)]
struct Labels<'a>(Option<&'a str>);

impl Labels<'_> {
    fn of(self, others: &[(&'static str, &str)]) -> Vec<metrics::Label> {
        let server = self.0.map(|server| ("server", server));
        server.iter().chain(others).map(|(name, value)| metrics::Label::new(*name, (*value).to_owned())).collect()
    }

    fn counter(self, name: &'static str, others: &[(&'static str, &str)]) -> Counter {
        counter!(name, self.of(others))
    }
}

impl fmt::Debug for CallsMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallsMeter").field("server", &self.0.server).finish_non_exhaustive()
    }
}
