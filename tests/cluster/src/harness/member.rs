//! A client that records what it sends and receives.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use everwire::{AdviceOverride, CauseMatch, Client, Closed, Delivery, Guarantee, Message, Outcome, State};
use everwire_chat::wire::{Event, Position, Receipt, TextMessage, Typing, WireStatus, parse};
use everwire_cluster::dice::Dice;
use everwire_cluster::record::{self, Line, What};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::Done;
use super::ground::Ground;
use super::sign_in::{SignIn, Step};

/// The settings of a member.
pub(crate) struct Spec {
    pub(crate) user: String,
    pub(crate) room: String,
    /// The average interval between its messages; `None`: it posts nothing.
    pub(crate) pace: Option<Duration>,
    /// The only node that it connects to; `None`: all.
    pub(crate) node: Option<usize>,
    /// The position after which it catches up.
    pub(crate) after: Option<Position>,
    pub(crate) seed: u64,
}

/// What all members do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Talk,
    /// No member begins anything new.
    Settle,
    End,
}

/// A running member.
pub(crate) struct Member {
    pub(crate) user: String,
    pub(crate) room: String,
    shared: Arc<Shared>,
    task: JoinHandle<record::Client>,
    end: watch::Sender<bool>,
}

#[derive(Default)]
struct Shared {
    position: Mutex<Option<Position>>,
    /// The last offset of the room when it joined last.
    room_end: AtomicUsize,
    waiting: AtomicUsize,
    is_refused: AtomicBool,
}

impl Shared {
    fn position(&self) -> std::sync::MutexGuard<'_, Option<Position>> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    pub(crate) fn start(ground: &Arc<Ground>, spec: Spec, phase: watch::Receiver<Phase>) -> Done<Self> {
        let shared = Arc::new(Shared { position: Mutex::new(spec.after.clone()), ..Shared::default() });
        let sign_in = Arc::new(SignIn::new(Arc::clone(ground), spec.user.clone(), spec.seed ^ 0xf0f0));
        let client = client(ground, &spec, &shared, &sign_in)?;
        let (user, room) = (spec.user.clone(), spec.room.clone());
        let (end, ended) = watch::channel(false);
        let speaker = Speaker {
            ground: Arc::clone(ground),
            dice: Dice::new(spec.seed ^ 0xffff),
            spec,
            shared: Arc::clone(&shared),
            sign_in,
            client,
            waiting: FuturesUnordered::new(),
            sent: 0,
            told: 0,
            is_connected: false,
            events: Vec::new(),
        };
        Ok(Self { user, room, shared, task: tokio::spawn(speaker.run(phase, ended)), end })
    }

    /// The position up to which it has received the room.
    pub(crate) fn position(&self) -> Option<Position> {
        self.shared.position().clone()
    }

    /// Whether it has received everything that was in the room when it joined.
    pub(crate) fn has_caught_up(&self) -> bool {
        let end = self.shared.room_end.load(Ordering::SeqCst) as u64;
        end != u64::MAX && self.position().is_some_and(|position| position.offset >= end)
    }

    /// The number of its messages without an outcome.
    pub(crate) fn waiting(&self) -> usize {
        if self.is_refused() { 0 } else { self.shared.waiting.load(Ordering::SeqCst) }
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.shared.is_refused.load(Ordering::SeqCst)
    }

    /// Ends it without a close frame, and returns its record.
    pub(crate) async fn end(self) -> Done<record::Client> {
        self.end.send_replace(true);
        self.task.await.map_err(|error| format!("{}: {error}", self.user))
    }
}

fn client(ground: &Arc<Ground>, spec: &Spec, shared: &Arc<Shared>, sign_in: &Arc<SignIn>) -> Done<Client> {
    let (ground, shared, sign_in) = (Arc::clone(ground), Arc::clone(shared), Arc::clone(sign_in));
    let (user, room, node) = (spec.user.clone(), spec.room.clone(), spec.node);
    let dice = Mutex::new(Dice::new(spec.seed));
    shared.room_end.store(usize::MAX, Ordering::SeqCst);
    let hook = move |mut request: everwire::AttemptRequest| {
        // Every node serves every member.
        let node =
            node.unwrap_or_else(|| dice.lock().unwrap_or_else(PoisonError::into_inner).index(ground.addresses.len()));
        let after = shared.position().as_ref().map(ToString::to_string).unwrap_or_default();
        let url = format!("ws://{}/ws?room={room}&userId={user}&userName={user}&after={after}", ground.addresses[node]);
        let sign_in = Arc::clone(&sign_in);
        async move {
            request.url = url.parse()?;
            let token = sign_in.token().await.ok_or("no node gives a token now")?;
            request.headers.insert("authorization", format!("Bearer {token}").parse()?);
            Ok(request)
        }
    };
    Client::builder("ws://127.0.0.1:1/")
        .guarantee(Guarantee::AtLeastOnce)
        .override_advice(CauseMatch::Status(403), AdviceOverride::Stop)
        .override_advice(CauseMatch::CloseCode(1008), AdviceOverride::Stop)
        .on_normal_close(everwire::OnNormalClose::Reconnect)
        .initial_delay(Duration::from_millis(50))
        .max_delay(Duration::from_secs(1))
        .connect_timeout(Duration::from_secs(3))
        .heartbeat_interval(Some(Duration::from_secs(2)))
        .heartbeat_timeout(Duration::from_secs(6))
        .before_attempt(hook)
        .build()
        .map_err(|error| error.to_string())
}

/// A message's id and its outcome.
type Resolving = Pin<Box<dyn Future<Output = (String, Outcome)> + Send>>;

struct Speaker {
    ground: Arc<Ground>,
    dice: Dice,
    spec: Spec,
    shared: Arc<Shared>,
    sign_in: Arc<SignIn>,
    client: Client,
    waiting: FuturesUnordered<Resolving>,
    sent: usize,
    /// The offset of its last receipt.
    told: u64,
    is_connected: bool,
    events: Vec<record::Event>,
}

impl Speaker {
    async fn run(mut self, mut phase: watch::Receiver<Phase>, mut ended: watch::Receiver<bool>) -> record::Client {
        let mut inbox = self.client.messages();
        let mut states = self.client.watch_state();
        let mut pace = interval(self.spec.pace.unwrap_or(Duration::from_secs(1)) / 2);
        let mut receipts = interval(Duration::from_millis(500));
        let mut refreshes = interval(Duration::from_secs(3));
        // In tasks of their own, because a node may take long for an answer.
        let (steps, mut refreshed) = mpsc::unbounded_channel();
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        receipts.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while *phase.borrow_and_update() != Phase::End && !*ended.borrow_and_update() {
            tokio::select! {
                // Messages that arrived before a connection was lost are recorded before the loss.
                biased;
                Some(message) = inbox.next() => self.on_message(&message),
                Some((id, outcome)) = self.waiting.next() => self.on_outcome(id, &outcome),
                Ok(()) = states.changed() => {
                    let state = states.borrow_and_update().clone();
                    while let Some(message) = inbox.try_next() {
                        self.on_message(&message);
                    }
                    self.on_state(&state);
                }
                _ = pace.tick() => if *phase.borrow() == Phase::Talk { self.speak() },
                _ = receipts.tick() => self.acknowledge(),
                _ = refreshes.tick() => {
                    let (sign_in, steps) = (Arc::clone(&self.sign_in), steps.clone());
                    tokio::spawn(async move { steps.send(sign_in.refresh().await) });
                }
                Some(step) = refreshed.recv() => self.on_step(step),
                _ = phase.changed() => {}
                _ = ended.changed() => {}
            }
        }
        self.note(What::Closed);
        record::Client { user: self.spec.user, room: self.spec.room, events: self.events }
    }

    fn note(&mut self, what: What) {
        self.events.push(record::Event { at: self.ground.now(), what });
    }

    fn on_state(&mut self, state: &State) {
        let is_connected = matches!(state, State::Connected { .. });
        if self.is_connected && !is_connected {
            self.note(What::Closed);
        }
        self.is_connected = is_connected;
        if matches!(state, State::Closed(Closed::Refused(_))) {
            self.note_refusal();
        }
    }

    fn on_step(&mut self, step: Step) {
        match step {
            Step::GoesOn => {}
            Step::IsOver => self.note(What::SignedOut),
            // Without a token no node would get to refuse it.
            Step::IsBanned => self.note_refusal(),
        }
    }

    fn note_refusal(&mut self) {
        if !self.shared.is_refused.swap(true, Ordering::SeqCst) {
            self.note(What::Refused);
        }
    }

    fn on_message(&mut self, message: &Message) {
        let Some(text) = message.as_text() else { return };
        for event in parse(text).events {
            self.on_event(event);
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Sync(sync) => {
                let users = sync.users.into_iter().map(|user| user.user_id).collect();
                let mut position = self.shared.position();
                let continues = |seen: &Position| seen.epoch == sync.epoch && seen.offset <= sync.offset;
                if !position.as_ref().is_some_and(continues) {
                    // In an empty room everything is received; else the following messages set the position.
                    *position = Some(Position { epoch: sync.epoch.clone(), offset: 0 });
                }
                drop(position);
                self.shared.room_end.store(usize::try_from(sync.offset).unwrap_or(usize::MAX), Ordering::SeqCst);
                self.told = 0;
                self.is_connected = true;
                self.note(What::Synced { epoch: sync.epoch, offset: sync.offset, users });
            }
            Event::Text(text) => {
                let offset = text.offset.unwrap_or_default();
                self.advance(offset);
                self.note(What::Heard(Line { offset, id: text.id, user: text.user_id, text: text.text }));
            }
            Event::Stored(stored) => {
                self.advance(stored.offset);
                self.note(What::Stored { id: stored.id, offset: stored.offset });
            }
            Event::Rejected(rejected) => self.note(What::Rejected { id: rejected.id, reason: rejected.reason }),
            Event::UserJoined(notice) => self.note(What::Joined(notice.user_id)),
            Event::UserLeft(notice) => self.note(What::Left(notice.user_id)),
            Event::Receipt(Receipt { delivered, read }) => self.note(What::Receipt { delivered, read }),
            _ => {}
        }
    }

    fn advance(&self, offset: u64) {
        if let Some(position) = &mut *self.shared.position() {
            position.offset = position.offset.max(offset);
        }
    }

    fn on_outcome(&mut self, id: String, outcome: &Outcome) {
        self.shared.waiting.fetch_sub(1, Ordering::SeqCst);
        if matches!(outcome, Outcome::Received | Outcome::Acknowledged) {
            self.note(What::Proven { id });
        }
    }

    fn speak(&mut self) {
        if self.spec.pace.is_none() || self.shared.is_refused.load(Ordering::SeqCst) || self.dice.once_in(2) {
            return;
        }
        let (user_id, user_name) = (self.spec.user.clone(), self.spec.user.clone());
        if self.dice.once_in(10) {
            let typing =
                Typing { id: String::new(), user_id, user_name, is_typing: self.dice.once_in(2), timestamp: 0 };
            let _ = self.client.send_volatile(Event::Typing(typing).to_json());
            return;
        }
        let id = format!("{user_id}-{}", self.sent);
        let text = format!("{id} says {:x}", self.dice.number());
        let message = TextMessage {
            id: id.clone(),
            user_id,
            user_name,
            text: text.clone(),
            timestamp: 1,
            status: WireStatus::Sent,
            offset: None,
        };
        // The time is taken before any member can receive it; if the outbox is full, nothing is recorded.
        let at = self.ground.now();
        if let Ok(delivery) = self.client.send(Event::Text(message).to_json()) {
            self.sent += 1;
            self.events.push(record::Event { at, what: What::Posted { id: id.clone(), text } });
            self.shared.waiting.fetch_add(1, Ordering::SeqCst);
            self.waiting.push(Box::pin(outcome(id, delivery)));
        }
    }

    /// Sends a receipt for everything that it has received.
    fn acknowledge(&mut self) {
        let seen = self.shared.position().as_ref().map_or(0, |position| position.offset);
        if seen > self.told && self.is_connected {
            let receipt = Receipt { delivered: seen, read: seen };
            if self.client.send_volatile(Event::Receipt(receipt).to_json()).is_ok() {
                self.told = seen;
            }
        }
    }
}

async fn outcome(id: String, delivery: Delivery) -> (String, Outcome) {
    (id, delivery.await)
}
