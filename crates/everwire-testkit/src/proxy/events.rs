//! The events of the proxy, for programs that observe it.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use crate::faults::{Ending, RuleId};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Since the proxy started; in JSON milliseconds.
    #[serde(rename = "ms", serialize_with = "millis")]
    pub at: Duration,
    /// The kind of failure.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// A description of what happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// A connection was accepted.
    Opened {
        /// Counts from 1 and never restarts.
        connection: u64,
        /// Where it comes from.
        client: SocketAddr,
    },
    /// A rule began to act in a connection.
    Fault {
        /// Which connection.
        connection: u64,
        /// Which rule.
        #[serde(flatten)]
        rule: RuleId,
    },
    /// A connection was reset because too many are open.
    TooMany {
        /// Which connection.
        connection: u64,
    },
    /// The server could not be reached; the client's connection was reset.
    Unreachable {
        /// Which connection.
        connection: u64,
        /// Why.
        problem: String,
    },
    /// A connection is over, on both sides.
    Closed {
        /// Which connection.
        connection: u64,
        /// What ended it.
        by: EndedBy,
        /// Bytes that were handed to the server.
        to_server: u64,
        /// Bytes that were handed to the client.
        to_client: u64,
    },
    /// Nobody listens from now on, by a rule or by [`Proxy::refuse`](super::Proxy::refuse).
    Closing,
    /// The proxy listens again.
    Listening,
    /// It can't listen again; it tries on.
    NotListening {
        /// Why.
        problem: String,
    },
    /// A user of the proxy intervened.
    Control {
        /// How.
        #[serde(flatten)]
        control: Control,
    },
    /// Events that are no longer kept: the reader was too slow, or came too late.
    Missed {
        /// How many.
        events: u64,
    },
}

/// An intervention by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "control", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Control {
    /// [`Proxy::cut_all`](super::Proxy::cut_all).
    Cut {
        /// How many connections.
        connections: usize,
        /// How.
        with: Ending,
    },
    /// [`Proxy::black_hole`](super::Proxy::black_hole).
    BlackHole {
        /// Whether it begins.
        on: bool,
    },
    /// [`Proxy::refuse`](super::Proxy::refuse).
    Refuse {
        /// Whether it begins.
        on: bool,
    },
    /// [`Proxy::set`](super::Proxy::set).
    Schedule {
        /// How many rules the new one has.
        rules: usize,
    },
}

/// The end, or the rule, that ended a connection first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EndedBy {
    /// The client.
    Client,
    /// The server.
    Server,
    /// A fault.
    Fault,
    /// An intervention, or the proxy's stop.
    Control,
    /// That the server could not be reached.
    Unreachable,
}

/// The events so far and from now on, from [`Proxy::events`](super::Proxy::events).
#[derive(Clone, Debug)]
pub struct Events {
    log: Arc<Log>,
    changed: watch::Receiver<Progress>,
    next: u64,
}

/// The last events.
#[derive(Debug)]
pub(super) struct Log {
    kept: Mutex<VecDeque<Event>>,
    bound: usize,
    progress: watch::Sender<Progress>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// How many there have been.
    count: u64,
    /// There will be no more.
    ended: bool,
}

impl Log {
    pub(super) fn new(bound: usize) -> Arc<Self> {
        Arc::new(Self { kept: Mutex::default(), bound, progress: watch::Sender::default() })
    }

    pub(super) fn add(&self, event: Event) {
        tracing::debug!(target: "everwire::proxy", "{event}");
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= self.bound {
            kept.pop_front();
        }
        kept.push_back(event);
        self.progress.send_modify(|progress| progress.count += 1);
    }

    pub(super) fn end(&self) {
        self.progress.send_modify(|progress| progress.ended = true);
    }

    pub(super) fn read(self: &Arc<Self>) -> Events {
        Events { changed: self.progress.subscribe(), log: Arc::clone(self), next: 0 }
    }
}

impl Events {
    /// The next event; `None` once the proxy has stopped and everything has been read. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.try_next() {
                return Some(event);
            }
            let next = self.next;
            let more = self.changed.wait_for(|progress| progress.count > next || progress.ended).await;
            if !more.is_ok_and(|progress| progress.count > next) {
                return None;
            }
        }
    }

    /// The next event, if it has happened.
    pub fn try_next(&mut self) -> Option<Event> {
        let kept = self.log.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.log.progress.borrow().count;
        let first = count - kept.len() as u64;
        if self.next < first {
            let events = first - self.next;
            self.next = first;
            let at = kept.front().map_or(Duration::ZERO, |event| event.at);
            return Some(Event { at, kind: EventKind::Missed { events } });
        }
        let event = kept.get(usize::try_from(self.next - first).ok()?)?.clone();
        self.next += 1;
        Some(event)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8.3}s  {}", self.at.as_secs_f64(), self.kind)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { connection, client } => write!(f, "#{connection} opened by {client}"),
            Self::Fault { connection, rule } => write!(f, "#{connection} fault: {rule}"),
            Self::TooMany { connection } => write!(f, "#{connection} reset: too many connections are open"),
            Self::Unreachable { connection, problem } => write!(f, "#{connection} server unreachable: {problem}"),
            Self::Closed { connection, by, to_server, to_client } => {
                let by = match by {
                    EndedBy::Client => "the client",
                    EndedBy::Server => "the server",
                    EndedBy::Fault => "a fault",
                    EndedBy::Control => "control",
                    EndedBy::Unreachable => "the server's absence",
                };
                write!(f, "#{connection} closed by {by}; {to_server} bytes to the server, {to_client} to the client")
            }
            Self::Closing => f.write_str("refusing connections"),
            Self::Listening => f.write_str("listening again"),
            Self::NotListening { problem } => write!(f, "can't listen again yet: {problem}"),
            Self::Control { control } => control.fmt(f),
            Self::Missed { events } => write!(f, "({events} events are no longer kept)"),
        }
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let switch = |on: &bool| if *on { "on" } else { "off" };
        match self {
            Self::Cut { connections, .. } => write!(f, "control: cut, {connections} connections"),
            Self::BlackHole { on } => write!(f, "control: black hole {}", switch(on)),
            Self::Refuse { on } => write!(f, "control: refusal {}", switch(on)),
            Self::Schedule { rules } => write!(f, "control: a schedule of {rules} rules"),
        }
    }
}

fn millis<S: serde::Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((at.as_secs_f64() * 1_000_000.0).round() / 1_000.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Event, EventKind, Log};
    use crate::faults::RuleId;

    fn event(connection: u64) -> Event {
        let rule = RuleId { rule: 2, name: None, fault: "cut" };
        Event { at: Duration::from_micros(1_500), kind: EventKind::Fault { connection, rule } }
    }

    #[test]
    fn a_reader_gets_everything_that_is_kept_and_is_told_what_it_missed() {
        let log = Log::new(2);
        let mut early = log.read();
        log.add(event(1));
        assert_eq!(early.try_next(), Some(event(1)));
        (2..=4).for_each(|number| log.add(event(number)));
        assert!(matches!(early.try_next().unwrap().kind, EventKind::Missed { events: 1 }));
        assert_eq!((early.try_next(), early.try_next(), early.try_next()), (Some(event(3)), Some(event(4)), None));
        let mut late = log.read();
        assert!(matches!(late.try_next().unwrap().kind, EventKind::Missed { events: 2 }));
        assert_eq!(late.try_next(), Some(event(3)));
    }

    #[test]
    fn an_event_is_a_line_for_people_and_a_line_for_programs() {
        assert_eq!(event(7).to_string(), "   0.002s  #7 fault: cut (rule 2)");
        let json = serde_json::to_string(&event(7)).unwrap();
        assert_eq!(json, r#"{"ms":1.5,"event":"fault","connection":7,"rule":2,"fault":"cut"}"#);
    }
}
