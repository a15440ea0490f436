//! Posts on their way into the log: in each room one run at a time is planned, appended by compare-and-set, and applied when the
//! stream brings it back. A run is given up only when another one stands in its place; until then it is sent again as it is, and is
//! stored once at most.
//!
//! - `queues`: what waits, and what is on its way, by room
//! - `publish`: one attempt to append

mod publish;
mod queues;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::broker::Broker;
use super::names;
use super::status::ClusterStatus;
use crate::domain::Appended;
use crate::store::commits::Commit;
use crate::store::messages::Append;
use crate::store::replica::{Flights, Plan, Planned, Post, RecordOutcome, RoomPosts, Run};
use crate::store::sqlite::SqliteStore;
pub(super) use publish::Answer;
use queues::{Queues, SentRun};

/// Posts that may wait; with more, their connections wait.
pub(super) const WAITING: usize = 4096;

/// How soon a run is sent again.
const AGAIN: Duration = Duration::from_millis(100);
const AGAIN_MOST: Duration = Duration::from_secs(1);

/// How often it is looked whether posts that are held may go on.
const HELD_LOOK: Duration = Duration::from_millis(100);

/// How long posts wait for the log before their senders are told to come back. Rooms are given up one after the other over `spread`, so
/// that their senders do not come back all at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) least: Duration,
    pub(super) spread: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { least: Duration::from_secs(30), spread: Duration::from_secs(10) }
    }
}

impl Patience {
    /// Of this room.
    fn of(self, room: &str) -> Duration {
        self.least.saturating_add(self.spread.mul_f64(names::fraction(room)))
    }
}

/// What happened.
#[derive(Debug)]
pub(super) enum Event {
    /// Answered when all posts of the room that came before, or of all rooms, have been told.
    Settle {
        room: Option<String>,
        guard: mpsc::Sender<()>,
    },
    Planned(Planned),
    /// The brokers' answer to a run that was sent.
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
        sequence: u64,
        outcome: RecordOutcome,
    },
    /// A record that can't be read stands in this subject now.
    Unreadable {
        subject: String,
        sequence: u64,
    },
    /// All that waits is given up.
    Close(oneshot::Sender<()>),
}

/// What a log stands on.
#[derive(Debug)]
pub(super) struct LogParts {
    pub(super) broker: Broker,
    pub(super) store: Arc<SqliteStore>,
    pub(super) flights: Arc<Flights>,
    pub(super) status: Arc<ClusterStatus>,
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) patience: Patience,
    /// The post of this id can't be stored: for tests.
    pub(super) refused: Option<String>,
}

/// The task that owns all queues.
#[derive(Debug)]
pub(super) struct Log {
    parts: LogParts,
    queues: Queues,
    is_planning: bool,
    /// Since when nothing is planned, as it is not known who may stay.
    held_since: Option<Instant>,
}

impl Log {
    pub(super) fn new(parts: LogParts) -> Self {
        Self { parts, queues: Queues::default(), is_planning: false, held_since: None }
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
                                self.queues.push(post);
                            }
                        }
                        self.on_event(event).await;
                    }
                    None => return,
                },
                count = posts.recv_many(&mut batch, WAITING), if self.queues.waiting < WAITING => {
                    if count == 0 {
                        // Nobody appends any more; what is on its way goes on.
                        self.queues.waiting = self.queues.waiting.saturating_add(WAITING);
                    }
                    batch.drain(..).for_each(|post| self.queues.push(post));
                }
                () = sleep(HELD_LOOK), if self.held_since.is_some() => self.give_up_held().await,
            }
            self.plan();
        }
    }

    async fn on_event(&mut self, event: Event) {
        match event {
            Event::Settle { room, guard } => self.queues.settle(room, &guard),
            Event::Planned(Planned::Plans(plans)) => {
                self.is_planning = false;
                for plan in plans {
                    self.on_plan(plan).await;
                }
            }
            Event::Planned(Planned::Failed(error, runs)) => {
                self.is_planning = false;
                tracing::error!(%error, "posts can't be stored: what this node has applied can't be read");
                for RoomPosts { room, posts, .. } in runs {
                    self.fail(&room, posts).await;
                    self.give_up(&room).await;
                }
            }
            Event::Answered { room, run, answer } => self.on_answer(room, run, answer).await,
            Event::Due { room, run } => self.on_due(room, run).await,
            Event::Applied { room, run, sequence, outcome } => {
                self.queues.note_record(&room, sequence);
                self.on_applied(&room, &run, outcome);
            }
            Event::Unreadable { subject, sequence } => {
                if let Some(room) = self.queues.room_of(&subject) {
                    self.queues.note_record(&room, sequence);
                    self.plan_again_if_outrun(&room);
                }
            }
            Event::Close(_) => {}
        }
    }

    /// Asks what the posts that wait would become, of all rooms that have none under way. Held while it is not known who of their senders
    /// may stay: a ban that was told while this node was cut off comes first.
    fn plan(&mut self) {
        if self.is_planning || !self.queues.has_ready() {
            return;
        }
        if !self.parts.status.may_plan() {
            self.held_since.get_or_insert_with(Instant::now);
            return;
        }
        self.held_since = None;
        let runs = self.queues.take_ready();
        self.is_planning = true;
        let (store, events) = (Arc::clone(&self.parts.store), self.parts.events.clone());
        tokio::spawn(async move {
            if let Some(planned) = store.plan(runs).await {
                let _ = events.send(Event::Planned(planned));
            }
        });
    }

    async fn on_plan(&mut self, plan: Plan) {
        let Plan { room: name, after, first, stored, mut appends } = plan;
        let is_refusing = self.parts.status.is_refusing();
        let is_refused = |append: &Append| self.parts.refused.as_ref() == Some(&append.message.id);
        let is_doomed = |append: &Append| append.producer.is_fenced() || is_refusing || is_refused(append);
        if appends.iter().any(|(append, _)| is_doomed(append)) {
            // Those posts fail, and the others are planned again.
            let (failed, rest): (Vec<_>, Vec<_>) = appends.drain(..).map(|(append, _)| append).partition(is_doomed);
            self.fail(&name, failed).await;
            return self.queues.put_back(&name, rest);
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
            self.parts.store.tell(told).await;
            return self.queues.told(&name, count);
        }
        if self.queues.is_outrun(&name, after) {
            // A record has been told of since the store was asked: the brokers would refuse the run for ever.
            return self.queues.put_back(&name, appends.into_iter().map(|(append, _)| append).collect());
        }
        let run = Run { id: crate::id::new_id(), room: name.clone(), after, first, stored, posts };
        let (shard, subject) = names::place(&name);
        let payload = Bytes::from(serde_json::to_vec(&run).unwrap_or_default());
        self.parts.flights.put(&run.id, appends);
        let until = Instant::now().checked_add(self.parts.patience.of(&name)).unwrap_or_else(Instant::now);
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
        self.queues.set_sent(&name, sent);
    }

    fn send(&self, room: &str, sent: &SentRun) {
        let (events, room, run) = (self.parts.events.clone(), room.to_owned(), sent.id.clone());
        let answer = publish::publish(&self.parts.broker.streams, sent);
        tokio::spawn(async move {
            let answer = answer.await;
            let _ = events.send(Event::Answered { room, run, answer });
        });
    }

    async fn on_answer(&mut self, name: String, run: String, answer: Answer) {
        let Some(sent) = self.queues.sent_run(&name, &run) else { return };
        let status = &self.parts.status;
        let wait = match answer {
            // If the stream does not bring it, it is asked again.
            Answer::Stored => AGAIN_MOST.saturating_mul(2),
            Answer::Conflict => {
                status.conflicts.fetch_add(1, Ordering::Relaxed);
                AGAIN_MOST.saturating_mul(2)
            }
            Answer::Unknown => {
                status.unknown_outcomes.fetch_add(1, Ordering::Relaxed);
                AGAIN.saturating_mul(1_u32.checked_shl(sent.attempts.min(8)).unwrap_or(u32::MAX)).min(AGAIN_MOST)
            }
            Answer::TooLarge => {
                tracing::error!(
                    "posts are larger than the NATS servers take: raise max_payload, or lower --max-message"
                );
                return self.abandon(&name).await;
            }
        };
        let at = Instant::now().checked_add(wait).unwrap_or(sent.until).min(sent.until);
        sent.attempts = sent.attempts.saturating_add(1);
        let events = self.parts.events.clone();
        tokio::spawn(async move {
            sleep_until(at).await;
            let _ = events.send(Event::Due { room: name, run });
        });
    }

    async fn on_due(&mut self, name: String, run: String) {
        let is_refusing = self.parts.status.is_refusing();
        let Some(sent) = self.queues.sent_run(&name, &run) else { return };
        if is_refusing || Instant::now() >= sent.until {
            tracing::error!(room = name, "posts could not be stored in time; their senders are told to try again");
            return self.abandon(&name).await;
        }
        if let Some(sent) = self.queues.sent(&name) {
            self.send(&name, sent);
        }
    }

    fn on_applied(&mut self, name: &str, run: &str, outcome: RecordOutcome) {
        let Some(sent) = self.queues.sent(name) else { return };
        if sent.id == run && outcome == RecordOutcome::Applied {
            let posts = sent.posts;
            self.queues.set_idle(name);
            return self.queues.told(name, posts);
        }
        self.plan_again_if_outrun(name);
    }

    /// If another record stands where the run of a room would have to. One that the run was planned behind does not.
    fn plan_again_if_outrun(&mut self, name: &str) {
        let outrun = self.queues.sent(name).filter(|sent| self.queues.is_outrun(name, sent.after));
        let Some(flight) = outrun.and_then(|sent| self.parts.flights.take(&sent.id)) else { return };
        self.queues.set_idle(name);
        self.queues.put_back(name, flight.appends.into_iter().map(|(append, _)| append).collect());
    }

    /// Gives a run up whose outcome nobody has told, and all posts behind it.
    async fn abandon(&mut self, name: &str) {
        // Else it is being told now.
        let Some(flight) = self.queues.sent(name).and_then(|sent| self.parts.flights.take(&sent.id)) else { return };
        self.queues.set_idle(name);
        self.fail(name, flight.appends.into_iter().map(|(append, _)| append).collect()).await;
        self.give_up(name).await;
    }

    async fn give_up(&mut self, name: &str) {
        let posts = self.queues.take_waiting(name);
        self.fail(name, posts).await;
    }

    /// Gives up what has been held for too long.
    async fn give_up_held(&mut self) {
        let Some(held) = self.held_since.map(|since| since.elapsed()) else { return };
        let patience = self.parts.patience;
        for room in self.queues.ready().into_iter().filter(|room| held >= patience.of(room)) {
            self.give_up(&room).await;
        }
    }

    async fn give_up_all(&mut self) {
        for name in self.queues.all_rooms() {
            self.abandon(&name).await;
            self.give_up(&name).await;
        }
    }

    async fn fail(&mut self, name: &str, posts: Vec<Append>) {
        let count = posts.len();
        posts.iter().for_each(|post| post.producer.fence());
        self.parts.store.tell(posts.into_iter().map(Commit::Failed).collect()).await;
        self.queues.told(name, count);
    }
}
