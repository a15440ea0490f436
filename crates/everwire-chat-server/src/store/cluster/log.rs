//! Posts on their way into the log: in each room one run at a time is planned, appended by compare-and-set, and applied when the
//! stream brings it back. A run is given up only when another one stands in its place; until then it is sent again as it is, and is
//! stored once at most.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::broker::{Broker, described};
use super::names;
use super::status::ClusterStatus;
use crate::domain::Appended;
use crate::store::commits::Commit;
use crate::store::messages::Append;
use crate::store::replica::{Flights, Plan, Planned, Post, RecordOutcome, Run};
use crate::store::sqlite::SqliteStore;

/// Posts in one run, and bytes of their texts, at most.
const RUN_POSTS: usize = 64;
const RUN_BYTES: usize = 32 << 10;

/// Posts that may wait; with more, their connections wait.
pub(super) const WAITING: usize = 4096;

/// Runs on their way at once.
const RUNS: usize = 1024;

/// How long posts wait for the log before their senders are told to come back.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Rooms are given up one after the other over this time, so that their senders do not come back all at once.
const SPREAD: Duration = Duration::from_secs(10);

/// How soon a run is sent again.
const AGAIN: Duration = Duration::from_millis(100);
const AGAIN_MOST: Duration = Duration::from_secs(1);

/// What happened.
#[derive(Debug)]
pub(super) enum Event {
    /// Answered when all posts of the room that came before, or of all rooms, have been told.
    Settle {
        room: Option<String>,
        guard: mpsc::Sender<()>,
    },
    Planned(Planned),
    /// The broker's answer to a run that was sent.
    Answered {
        room: String,
        run: String,
        answer: Answer,
    },
    /// To be sent again.
    Due {
        room: String,
        run: String,
    },
    /// A record of the log was applied, or counts as not there.
    Applied {
        room: String,
        run: String,
        outcome: RecordOutcome,
    },
    /// All that waits is given up.
    Close(oneshot::Sender<()>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Committed; the stream brings it.
    Stored,
    /// Another record stands in its place, or this one already.
    Conflict,
    /// It may be stored or not.
    Unknown,
    /// Nobody will ever take it.
    TooLarge,
}

#[derive(Debug, Default)]
struct RoomQueue {
    posts: VecDeque<Append>,
    state: RoomState,
    /// Who waits until so many posts have been told.
    waiting: Vec<(u64, mpsc::Sender<()>)>,
    taken: u64,
    told: u64,
}

#[derive(Debug, Default)]
enum RoomState {
    #[default]
    Idle,
    /// Some of its posts are being planned.
    Planning,
    Sent(SentRun),
}

#[derive(Debug)]
struct SentRun {
    id: String,
    subject: String,
    stream: String,
    payload: Bytes,
    after: u64,
    /// Posts that are told with it.
    posts: usize,
    attempts: u32,
    until: Instant,
}

/// The task that owns all queues.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) broker: Broker,
    pub(super) store: Arc<SqliteStore>,
    pub(super) flights: Arc<Flights>,
    pub(super) status: Arc<ClusterStatus>,
    pub(super) events: mpsc::UnboundedSender<Event>,
    rooms: HashMap<String, RoomQueue>,
    /// Rooms that may have something to plan.
    ready: HashSet<String>,
    waiting: usize,
    sent: usize,
    is_planning: bool,
    /// The post of this id can't be stored.
    refused: Option<String>,
}

impl Log {
    pub(super) fn new(
        broker: Broker,
        store: Arc<SqliteStore>,
        flights: Arc<Flights>,
        status: Arc<ClusterStatus>,
        events: mpsc::UnboundedSender<Event>,
    ) -> Self {
        Self {
            broker,
            store,
            flights,
            status,
            events,
            rooms: HashMap::new(),
            ready: HashSet::new(),
            waiting: 0,
            sent: 0,
            is_planning: false,
            refused: None,
        }
    }

    /// The post of this id can't be stored: for tests.
    pub(super) fn refuse_post(&mut self, id: Option<String>) {
        self.refused = id;
    }

    /// Ends when nobody can append any more and all is told, or with [`Event::Close`].
    pub(super) async fn run(mut self, mut posts: mpsc::Receiver<Append>, mut events: mpsc::UnboundedReceiver<Event>) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                event = events.recv() => match event {
                    Some(Event::Close(done)) => {
                        self.give_up_all().await;
                        let _ = done.send(());
                        return;
                    }
                    Some(event) => {
                        if matches!(event, Event::Settle { .. }) {
                            // What was handed over before the question counts.
                            while let Ok(post) = posts.try_recv() {
                                self.on_post(post);
                            }
                        }
                        self.on_event(event).await;
                    }
                    None => return,
                },
                count = posts.recv_many(&mut batch, WAITING), if self.waiting < WAITING => {
                    if count == 0 {
                        // Nobody appends any more; what is on its way goes on.
                        self.waiting = self.waiting.saturating_add(WAITING);
                    }
                    batch.drain(..).for_each(|post| self.on_post(post));
                }
            }
            self.plan();
        }
    }

    fn on_post(&mut self, post: Append) {
        let room = self.rooms.entry(post.room.clone()).or_default();
        room.taken = room.taken.saturating_add(1);
        if matches!(room.state, RoomState::Idle) {
            self.ready.insert(post.room.clone());
        }
        room.posts.push_back(post);
        self.waiting = self.waiting.saturating_add(1);
    }

    async fn on_event(&mut self, event: Event) {
        match event {
            Event::Settle { room, guard } => self.on_settle(room, &guard),
            Event::Planned(Planned::Plans(plans)) => {
                self.is_planning = false;
                for plan in plans {
                    self.on_plan(plan).await;
                }
            }
            Event::Planned(Planned::Failed(error, runs)) => {
                self.is_planning = false;
                tracing::error!(%error, "posts can't be stored: what this node has applied can't be read");
                for (room, posts) in runs {
                    self.fail(&room, posts).await;
                    self.give_up(&room).await;
                }
            }
            Event::Answered { room, run, answer } => self.on_answer(room, run, answer).await,
            Event::Due { room, run } => self.on_due(room, run).await,
            Event::Applied { room, run, outcome } => self.on_applied(room, run, outcome),
            Event::Close(_) => {}
        }
    }

    fn on_settle(&mut self, room: Option<String>, guard: &mpsc::Sender<()>) {
        let wait = |room: &mut RoomQueue| {
            if room.told < room.taken {
                room.waiting.push((room.taken, guard.clone()));
            }
        };
        match room {
            Some(room) => self.rooms.get_mut(&room).into_iter().for_each(wait),
            None => self.rooms.values_mut().for_each(wait),
        }
    }

    /// Asks what the posts that wait would become, of all rooms that have none under way.
    fn plan(&mut self) {
        if self.is_planning || self.ready.is_empty() || self.sent >= RUNS {
            return;
        }
        let mut runs = Vec::new();
        let rooms: Vec<String> = self.ready.iter().take(RUNS.saturating_sub(self.sent)).cloned().collect();
        for name in rooms {
            self.ready.remove(&name);
            let Some(room) = self.rooms.get_mut(&name) else { continue };
            let mut bytes = 0_usize;
            let mut posts = Vec::new();
            while let Some(post) = room.posts.front() {
                bytes = bytes.saturating_add(post.message.text.len());
                if posts.len() == RUN_POSTS || (bytes > RUN_BYTES && !posts.is_empty()) {
                    break;
                }
                posts.extend(room.posts.pop_front());
            }
            room.state = RoomState::Planning;
            runs.push((name, posts));
        }
        self.is_planning = true;
        let (store, events) = (Arc::clone(&self.store), self.events.clone());
        tokio::spawn(async move {
            if let Some(planned) = store.plan(runs).await {
                let _ = events.send(Event::Planned(planned));
            }
        });
    }

    async fn on_plan(&mut self, plan: Plan) {
        let Plan { room: name, after, first, stored, mut appends } = plan;
        let is_refusing = self.status.is_refusing();
        let is_refused = |append: &Append| self.refused.as_ref() == Some(&append.message.id);
        let is_doomed = |append: &Append| append.producer.is_fenced() || is_refusing || is_refused(append);
        if appends.iter().any(|(append, _)| is_doomed(append)) {
            // Without these the others are planned anew.
            let (failed, rest): (Vec<_>, Vec<_>) = appends.drain(..).map(|(append, _)| append).partition(is_doomed);
            self.fail(&name, failed).await;
            return self.put_back(&name, rest);
        }
        let posts: Vec<Post> = appends
            .iter()
            .filter(|(_, appended)| matches!(appended, Appended::New(_)))
            .map(|(append, _)| Post::of(&append.message))
            .collect();
        let count = appends.len();
        if posts.is_empty() {
            let told =
                if appends.is_empty() { Vec::new() } else { vec![Commit::Stored { appends, took: Duration::ZERO }] };
            self.store.tell(told).await;
            return self.told(&name, count);
        }
        let run = Run { id: crate::id::new_id(), room: name.clone(), after, first, stored, posts };
        let (shard, subject) = names::place(&name);
        let payload = Bytes::from(serde_json::to_vec(&run).unwrap_or_default());
        self.flights.put(&run.id, appends);
        let patience = PATIENCE.saturating_add(SPREAD.mul_f64(names::fraction(&name)));
        let until = Instant::now().checked_add(patience).unwrap_or_else(Instant::now);
        let sent = SentRun {
            id: run.id,
            subject,
            stream: names::history(shard),
            payload,
            after,
            posts: count,
            attempts: 0,
            until,
        };
        self.send(&name, &sent);
        if let Some(room) = self.rooms.get_mut(&name) {
            room.state = RoomState::Sent(sent);
            self.sent = self.sent.saturating_add(1);
        }
    }

    fn send(&self, room: &str, sent: &SentRun) {
        let (streams, events) = (self.broker.streams.clone(), self.events.clone());
        let message = PublishMessage::build()
            .payload(sent.payload.clone())
            .expected_stream(&sent.stream)
            .expected_last_subject_sequence(sent.after);
        let (room, run, subject) = (room.to_owned(), sent.id.clone(), sent.subject.clone());
        tokio::spawn(async move {
            let answer = match streams.send_publish(subject, message).await {
                Ok(answer) => answer.await.map(|_| ()),
                Err(error) => Err(error),
            };
            let answer = match answer {
                Ok(()) => Answer::Stored,
                Err(error) => match error.kind() {
                    PublishErrorKind::WrongLastSequence => Answer::Conflict,
                    PublishErrorKind::MaxPayloadExceeded => Answer::TooLarge,
                    _ => {
                        tracing::debug!(error = described(&error), "the outcome of an append is unknown");
                        Answer::Unknown
                    }
                },
            };
            let _ = events.send(Event::Answered { room, run, answer });
        });
    }

    async fn on_answer(&mut self, name: String, run: String, answer: Answer) {
        if self.sent_run(&name, &run).is_none() {
            return;
        }
        match answer {
            // If the stream does not bring it, it is asked again.
            Answer::Stored => {}
            Answer::Conflict => {
                self.status.conflicts.fetch_add(1, Ordering::Relaxed);
            }
            Answer::Unknown => {
                self.status.unknown_outcomes.fetch_add(1, Ordering::Relaxed);
            }
            Answer::TooLarge => {
                tracing::error!(
                    "posts are larger than the NATS servers take: raise max_payload, or lower --max-message"
                );
                return self.abandon(&name).await;
            }
        }
        let Some(sent) = self.sent_run(&name, &run) else { return };
        let wait = match answer {
            Answer::Stored | Answer::Conflict => AGAIN_MOST.saturating_mul(2),
            Answer::Unknown | Answer::TooLarge => {
                AGAIN.saturating_mul(1_u32.checked_shl(sent.attempts.min(8)).unwrap_or(u32::MAX)).min(AGAIN_MOST)
            }
        };
        let at = Instant::now().checked_add(wait).unwrap_or(sent.until).min(sent.until);
        sent.attempts = sent.attempts.saturating_add(1);
        let events = self.events.clone();
        tokio::spawn(async move {
            sleep_until(at).await;
            let _ = events.send(Event::Due { room: name, run });
        });
    }

    /// The run of this id, if it is still on its way in its room.
    fn sent_run(&mut self, room: &str, run: &str) -> Option<&mut SentRun> {
        match &mut self.rooms.get_mut(room)?.state {
            RoomState::Sent(sent) if sent.id == run => Some(sent),
            RoomState::Sent(_) | RoomState::Idle | RoomState::Planning => None,
        }
    }

    async fn on_due(&mut self, name: String, run: String) {
        let is_refusing = self.status.is_refusing();
        let Some(sent) = self.sent_run(&name, &run) else { return };
        if is_refusing || Instant::now() >= sent.until {
            tracing::error!(room = name, "posts could not be stored in time; their senders are told to try again");
            return self.abandon(&name).await;
        }
        if let Some(RoomQueue { state: RoomState::Sent(sent), .. }) = self.rooms.get(&name) {
            self.send(&name, sent);
        }
    }

    fn on_applied(&mut self, name: String, run: String, outcome: RecordOutcome) {
        let Some(RoomQueue { state: RoomState::Sent(sent), .. }) = self.rooms.get(&name) else { return };
        let (id, posts) = (sent.id.clone(), sent.posts);
        if id == run && outcome == RecordOutcome::Applied {
            self.set_idle(&name);
            return self.told(&name, posts);
        }
        // Another record stands where ours would have to.
        let Some(flight) = self.flights.take(&id) else { return };
        self.set_idle(&name);
        self.put_back(&name, flight.appends.into_iter().map(|(append, _)| append).collect());
    }

    /// Gives a run up whose outcome nobody has told, and all posts behind it.
    async fn abandon(&mut self, name: &str) {
        let Some(RoomQueue { state: RoomState::Sent(sent), .. }) = self.rooms.get(name) else { return };
        // Else it is being told now.
        let Some(flight) = self.flights.take(&sent.id.clone()) else { return };
        self.set_idle(name);
        self.fail(name, flight.appends.into_iter().map(|(append, _)| append).collect()).await;
        self.give_up(name).await;
    }

    async fn give_up(&mut self, name: &str) {
        let posts = self.rooms.get_mut(name).map(|room| std::mem::take(&mut room.posts)).unwrap_or_default();
        self.fail(name, posts.into()).await;
    }

    async fn give_up_all(&mut self) {
        let names: Vec<String> = self.rooms.keys().cloned().collect();
        for name in names {
            self.abandon(&name).await;
            self.give_up(&name).await;
        }
    }

    async fn fail(&mut self, name: &str, posts: Vec<Append>) {
        let count = posts.len();
        posts.iter().for_each(|post| post.producer.fence());
        self.store.tell(posts.into_iter().map(Commit::Failed).collect()).await;
        self.told(name, count);
    }

    /// Posts that are planned anew, before all others.
    fn put_back(&mut self, name: &str, posts: Vec<Append>) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        room.state = RoomState::Idle;
        posts.into_iter().rev().for_each(|post| room.posts.push_front(post));
        if !room.posts.is_empty() {
            self.ready.insert(name.to_owned());
        }
    }

    fn set_idle(&mut self, name: &str) {
        if let Some(room) = self.rooms.get_mut(name)
            && matches!(std::mem::take(&mut room.state), RoomState::Sent(_))
        {
            self.sent = self.sent.saturating_sub(1);
        }
    }

    /// So many posts of a room have been told.
    fn told(&mut self, name: &str, count: usize) {
        self.waiting = self.waiting.saturating_sub(count);
        let Some(room) = self.rooms.get_mut(name) else { return };
        room.told = room.told.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        let told = room.told;
        room.waiting.retain(|(until, _)| *until > told);
        if matches!(room.state, RoomState::Sent(_)) {
            return;
        }
        room.state = RoomState::Idle;
        if !room.posts.is_empty() {
            self.ready.insert(name.to_owned());
        } else if room.told == room.taken {
            self.rooms.remove(name);
        }
    }
}
