//! Reads a stream from a sequence on, in order and without a gap, or says that it can't.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, push};
use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout};

use super::broker::Broker;
use super::connect::described;

/// The interval of the server's heartbeats while it has no records, and the silence after which the reading starts again.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_millis(3500);

/// How long a server may stay behind the stream's end until another reader is opened, maybe at another server.
const BEHIND: Duration = Duration::from_secs(3);

pub(super) const IS_BEHIND: &str = "the server that reads it is behind the others";

/// How long the server keeps a reader that has gone.
const KEPT: Duration = Duration::from_secs(30);

/// Records that are handed out together.
const TOGETHER: usize = 256;

/// A message of a stream.
#[derive(Debug)]
pub(super) struct StreamRecord {
    pub(super) sequence: u64,
    pub(super) subject: String,
    pub(super) payload: Bytes,
}

/// One reader at the server: when it misses something, another has to take its place.
#[derive(Debug)]
pub(super) struct Reader {
    broker: Broker,
    subscriber: Subscriber,
    stream: String,
    name: String,
    seen: u64,
    position: u64,
    /// Where it stood when it was first seen to be behind, or has moved last since then.
    behind: Option<(u64, Instant)>,
}

impl Reader {
    /// A reader at one of the servers that have the stream, which may be behind the others. `heartbeat`: how often it says how far it
    /// is; at least 100 ms.
    ///
    /// # Errors
    /// In words: the servers don't answer, or the stream is not there.
    pub(super) async fn open(broker: &Broker, stream: &str, from: u64, heartbeat: Duration) -> Result<Self, String> {
        let Broker { client, streams, .. } = broker;
        let inbox = client.new_inbox();
        let subscriber = client.subscribe(inbox.clone()).await.map_err(|error| described(&error))?;
        let config = push::Config {
            deliver_subject: inbox,
            description: Some("everwire: one reader for each node and stream".to_owned()),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from.max(1) },
            ack_policy: AckPolicy::None,
            max_deliver: 1,
            flow_control: true,
            idle_heartbeat: heartbeat,
            inactive_threshold: KEPT,
            memory_storage: true,
            num_replicas: 1,
            ..push::Config::default()
        };
        let made = streams.create_consumer_on_stream(config, stream).await;
        let made = made.map_err(|error| described(&error))?;
        let name = made.cached_info().name.clone();
        let position = from.saturating_sub(1);
        Ok(Self {
            broker: broker.clone(),
            subscriber,
            stream: stream.to_owned(),
            name,
            seen: 0,
            position,
            behind: None,
        })
    }

    /// The sequence up to which all has come that there is.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Whether its server has stood still short of this end for so long that another has to take its place. To be asked again and again: a
    /// server that was cut off goes on to say that nothing comes.
    pub(super) fn is_behind(&mut self, end: u64) -> bool {
        if self.position >= end {
            self.behind = None;
            return false;
        }
        let (at, since) = *self.behind.get_or_insert_with(|| (self.position, Instant::now()));
        if at < self.position {
            self.behind = Some((self.position, Instant::now()));
            return false;
        }
        since.elapsed() >= BEHIND
    }

    /// Has the server forget it, which it does by itself after a while: a stream has no more than 1,000 readers.
    pub(super) async fn close(self) {
        let Self { broker, stream, name, .. } = self;
        let _ = broker.streams.delete_consumer_from_stream(name, stream).await;
    }

    /// What comes next, at least the server's sign of life. Why it ends, if it does, with what came before that. Cancelled, what had come
    /// is lost.
    pub(super) async fn next(&mut self) -> (Vec<StreamRecord>, Option<String>) {
        let mut records = Vec::new();
        let mut next = match timeout(SILENCE, self.subscriber.next()).await {
            Ok(Some(message)) => Some(message),
            Ok(None) => return (records, Some("the subscription has ended".to_owned())),
            Err(_) => return (records, Some("nothing came for too long".to_owned())),
        };
        while let Some(message) = next {
            match self.take(message).await {
                Ok(record) => records.extend(record),
                Err(why) => return (records, Some(why)),
            }
            next = if records.len() < TOGETHER { self.subscriber.next().now_or_never().flatten() } else { None };
        }
        (records, None)
    }

    /// A record, unless the message is one of the reading itself.
    async fn take(&mut self, message: Message) -> Result<Option<StreamRecord>, String> {
        match message.status {
            Some(StatusCode::IDLE_HEARTBEAT) => {
                if let Some(reply) = message.reply {
                    // Flow control: the server waits for this.
                    let _ = self.broker.client.publish(reply, Bytes::new()).await;
                }
                let number = |header| message.headers.as_ref()?.get(header)?.as_str().parse::<u64>().ok();
                if number("Nats-Last-Consumer").is_some_and(|last| last != self.seen) {
                    return Err("some messages have not come".to_owned());
                }
                // Records that were removed never come.
                self.position = self.position.max(number("Nats-Last-Stream").unwrap_or(0));
                Ok(None)
            }
            Some(status) if status == StatusCode::OK => Ok(None),
            Some(status) => Err(format!("the server ends it: {status}")),
            None => {
                let message = async_nats::jetstream::Message { message, context: self.broker.streams.clone() };
                let info = message.info().map_err(|error| error.to_string())?;
                let (sequence, number) = (info.stream_sequence, info.consumer_sequence);
                if number != self.seen.saturating_add(1) {
                    return Err("some messages have not come".to_owned());
                }
                self.seen = number;
                self.position = self.position.max(sequence);
                let Message { subject, payload, .. } = message.message;
                Ok(Some(StreamRecord { sequence, subject: subject.to_string(), payload }))
            }
        }
    }
}
