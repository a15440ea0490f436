//! What is fetched in batches. Each call says how far the caller has come; what was handed out beyond that comes again.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use everwire::{EventItem, Events, Inbox, Message, Outcomes};

use super::Client;
use super::handed::Handed;
use crate::{Event, OutcomeRange, Payload, State, StateChange};

/// A batch of messages ends when it has this number of payload bytes.
const BATCH_BYTES: usize = 1 << 20;

/// Received messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// At least one, in order.
    pub messages: Vec<Payload>,
    /// The position behind the last of them: what the next call takes, and [`Client::acknowledge`].
    pub position: u64,
}

/// Outcomes of messages that were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeBatch {
    /// At least one, in the order in which they became known.
    pub ranges: Vec<OutcomeRange>,
    /// The position behind the last of them: what the next call takes.
    pub position: u64,
}

/// Things that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBatch {
    /// At least one, in order.
    pub events: Vec<Event>,
    /// The position behind the last of them: what the next call takes.
    pub position: u64,
}

#[derive(Debug)]
pub(super) struct MessageReader {
    /// From the first call on: until then the newest messages are kept and nothing waits.
    inbox: Option<Inbox>,
    handed: Handed<Message>,
    manual_acks: bool,
}

impl MessageReader {
    pub(super) fn new(manual_acks: bool) -> Self {
        Self { inbox: None, handed: Handed::default(), manual_acks }
    }

    async fn next(&mut self, client: &everwire::Client, taken: u64, max: usize) -> Option<Batch> {
        let inbox = self.inbox.get_or_insert_with(|| client.messages());
        self.handed.confirm(taken);
        if !self.manual_acks {
            inbox.acknowledge(self.handed.confirmed());
        }
        if self.handed.is_empty() {
            let message = inbox.next().await?;
            let mut bytes = message.len();
            self.handed.add([message]);
            while self.handed.len() < max
                && bytes < BATCH_BYTES
                && let Some(message) = inbox.try_next()
            {
                bytes = bytes.saturating_add(message.len());
                self.handed.add([message]);
            }
        }
        let (messages, position) = self.handed.first(max);
        Some(Batch { messages, position })
    }
}

#[derive(Debug)]
pub(super) struct OutcomeReader {
    outcomes: Outcomes,
    handed: Handed<everwire::OutcomeRange>,
}

impl OutcomeReader {
    pub(super) fn new(outcomes: Outcomes) -> Self {
        Self { outcomes, handed: Handed::default() }
    }

    pub(super) fn unread(&self) -> usize {
        self.outcomes.pending()
    }
}

#[derive(Debug)]
pub(super) struct EventReader {
    events: Events,
    handed: Handed<EventItem>,
}

impl EventReader {
    pub(super) fn new(events: Events) -> Self {
        Self { events, handed: Handed::default() }
    }
}

/// The state that was told last, and how many before it.
#[derive(Debug, Default)]
pub(super) struct StateVersion {
    version: u64,
    state: Option<everwire::State>,
}

impl Client {
    /// The next received messages, at most `max` (at least one) and about 1 MiB. `taken` is the position of the batch that
    /// was received last, 0 before the first. Waits until there are some; `None` when nothing more comes by itself: the
    /// client was closed, or has ended (then it goes on after [`connect`](Self::connect)).
    ///
    /// While nobody asks and the inbox is full, the peer has to wait. Before the first call nothing waits: the newest
    /// messages are kept. One reader at a time: calls wait for each other.
    pub async fn next_batch(&self, taken: u64, max: u32) -> Option<Batch> {
        self.messages.lock().await.next(&self.client, taken, at_least_one(max)).await
    }

    /// In a session with [`Settings::manual_acks`](crate::Settings::manual_acks): everything before this position is
    /// processed; the server forgets it.
    pub async fn acknowledge(&self, position: u64) {
        if let Some(inbox) = &self.messages.lock().await.inbox {
            inbox.acknowledge(position);
        }
    }

    /// The next outcomes, at most `max` ranges (at least one). `taken` as in [`next_batch`](Self::next_batch). Waits until
    /// there are some; `None` when the client has ended and all were fetched, or at once without
    /// [`Settings::outcomes`](crate::Settings::outcomes).
    pub async fn next_outcomes(&self, taken: u64, max: u32) -> Option<OutcomeBatch> {
        let mut reader = self.outcomes.as_ref()?.lock().await;
        let OutcomeReader { outcomes, handed } = &mut *reader;
        handed.confirm(taken);
        if handed.is_empty() {
            handed.add(outcomes.next(at_least_one(max)).await?);
        }
        let (ranges, position) = handed.first::<OutcomeRange>(at_least_one(max));
        Some(OutcomeBatch { ranges, position })
    }

    /// The next events, at most `max` (at least one). `taken` as in [`next_batch`](Self::next_batch). A reader that falls behind
    /// by more than 256 gets the number of missed events. `None` after the end.
    pub async fn next_events(&self, taken: u64, max: u32) -> Option<EventBatch> {
        let max = at_least_one(max);
        let mut reader = self.events.lock().await;
        let EventReader { events, handed } = &mut *reader;
        handed.confirm(taken);
        if handed.is_empty() {
            handed.add([events.next().await?]);
            while handed.len() < max
                && let Some(event) = now(events)
            {
                handed.add([event]);
            }
        }
        let (events, position) = handed.first(max);
        Some(EventBatch { events, position })
    }

    /// Waits until the state is another than at that version (0: tells the present one at once). Only the latest is told;
    /// [`next_events`](Self::next_events) has every change. `None` once the client is closed for good and that was told.
    pub async fn watch_state(&self, seen: u64) -> Option<StateChange> {
        loop {
            // What changes from here on is not missed.
            let mut states = self.client.watch_state();
            let state = states.borrow().clone();
            let is_over = matches!(state, everwire::State::Closed(everwire::Closed::ByUser));
            {
                let mut last = self.version();
                if last.state.as_ref() != Some(&state) {
                    last.version += 1;
                    last.state = Some(state.clone());
                }
                if last.version != seen {
                    return Some(StateChange { version: last.version, state: State::from(&state) });
                }
            }
            if is_over || states.changed().await.is_err() {
                return None;
            }
        }
    }
}

fn at_least_one(max: u32) -> usize {
    usize::try_from(max).unwrap_or(usize::MAX).max(1)
}

/// The next event, if it is there.
fn now(events: &mut Events) -> Option<EventItem> {
    match pin!(events.next()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(item) => item,
        Poll::Pending => None,
    }
}
