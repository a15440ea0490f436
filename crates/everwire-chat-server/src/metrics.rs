//! What can be counted: the numbers behind `/metrics`, in the OpenMetrics text format that Prometheus reads.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use everwire_server::Stats;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::budget::{MailboxBudget, PageBudget};
use crate::domain::Rooms;
use crate::store::{StoreNumber, StoreNumbers};
use crate::sync::lock;

/// The content type of [`Metrics::text`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Texts that are new and stored.
    pub(crate) stored: Counter,
    /// Texts that were stored already.
    pub(crate) duplicates: Counter,
    /// Texts with the id of another user's.
    pub(crate) id_conflicts: Counter,
    /// Texts that could not be stored.
    pub(crate) failed: Counter,
    /// Texts that retention has removed.
    pub(crate) removed: Counter,
    /// Texts of members of other nodes.
    #[cfg(feature = "cluster")]
    pub(crate) replicated: Counter,
    pub(crate) invalid_messages: Counter,
    endings: Family<Ended, Counter>,
    commit_seconds: Histogram,
    commit_messages: Histogram,
    live: Live,
}

/// What knows numbers of its own.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) rooms: Arc<Mutex<Rooms>>,
    pub(crate) pages: Arc<PageBudget>,
    pub(crate) mailboxes: Arc<MailboxBudget>,
    /// Of a store that counts more than every store does.
    pub(crate) numbers: Option<StoreNumbers>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    result: &'static str,
}

/// What is read when the metrics are asked for, instead of being counted along.
#[derive(Clone, Debug)]
struct Live {
    watched: Watched,
    lost_log_lines: Option<fn() -> u64>,
    /// Set by the accept loop, if it is ours.
    connections: Arc<OnceLock<Stats>>,
}

impl Metrics {
    pub(crate) fn new(watched: Watched, lost_log_lines: Option<fn() -> u64>) -> Self {
        let mut registry = Registry::with_prefix("everwire");
        let posts = Family::<Outcome, Counter>::default();
        let post = |result| posts.get_or_create(&Outcome { result }).clone();
        let (stored, duplicates, id_conflicts, failed) =
            (post("stored"), post("duplicate"), post("id_conflict"), post("failed"));
        registry.register("posts", "Text messages from members, by result", posts);
        let removed = Counter::default();
        registry.register("removed_messages", "Text messages removed by retention", removed.clone());
        #[cfg(feature = "cluster")]
        let replicated = {
            let replicated = Counter::default();
            if watched.numbers.is_some() {
                registry.register("replicated_posts", "Text messages from members of other nodes", replicated.clone());
            }
            replicated
        };
        let invalid_messages = Counter::default();
        registry.register("invalid_messages", "Invalid messages from members", invalid_messages.clone());
        let endings = Family::<Ended, Counter>::default();
        registry.register("members_ended", "Connections of members that have ended, by reason", endings.clone());
        // 0.1 ms to 1.6 s; 1 to 1,024.
        let commit_seconds = Histogram::new(exponential_buckets(0.0001, 2.0, 15));
        registry.register(
            "commit_seconds",
            "Time that one commit took, the disk's sync included",
            commit_seconds.clone(),
        );
        let commit_messages = Histogram::new(exponential_buckets(1.0, 4.0, 6));
        registry.register("commit_messages", "Messages in one commit", commit_messages.clone());
        let live = Live { watched, lost_log_lines, connections: Arc::default() };
        registry.register_collector(Box::new(live.clone()));
        Self {
            registry,
            stored,
            duplicates,
            id_conflicts,
            failed,
            removed,
            #[cfg(feature = "cluster")]
            replicated,
            invalid_messages,
            endings,
            commit_seconds,
            commit_messages,
            live,
        }
    }

    /// Counts the connections of this accept loop, too.
    pub(crate) fn watch(&self, connections: Stats) {
        // A second accept loop over the same rooms is not counted.
        let _ = self.live.connections.set(connections);
    }

    pub(crate) fn ended(&self, reason: &'static str) {
        self.endings.get_or_create(&Ended { reason }).inc();
    }

    pub(crate) fn committed(&self, messages: usize, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
        self.commit_messages.observe(f64::from(u32::try_from(messages).unwrap_or(u32::MAX)));
    }

    /// Everything, as text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Watched { rooms, pages, mailboxes, numbers } = &self.watched;
        let census = lock(rooms).census();
        let gauges = [
            ("rooms", "Rooms with at least one member", census.rooms),
            ("members", "Members' connections", census.subscribers),
        ];
        for (name, help, value) in gauges {
            gauge(&mut encoder, name, help, u64::try_from(value).unwrap_or(u64::MAX))?;
        }
        counter(&mut encoder, "deliveries", "Frames handed to members", census.deliveries)?;
        gauge(&mut encoder, "pages", "Pages of history that members have not taken yet", pages.under_way())?;
        let waiting = u64::try_from(mailboxes.bytes()).unwrap_or(u64::MAX);
        gauge(&mut encoder, "mailbox_bytes", "Bytes that wait for members, beside what their sockets hold", waiting)?;
        let lost = self.lost_log_lines.map_or(0, |lost| lost());
        counter(
            &mut encoder,
            "log_lines_lost",
            "Log lines that were dropped because stderr was read too slowly",
            lost,
        )?;
        for StoreNumber { name, help, value, is_gauge } in numbers.iter().flat_map(|numbers| numbers()) {
            if is_gauge { gauge(&mut encoder, name, help, value) } else { counter(&mut encoder, name, help, value) }?;
        }
        let Some(connections) = self.connections.get() else { return Ok(()) };
        gauge(&mut encoder, "connections", "Connections, members' included", connections.open())?;
        let counters = [
            ("connections_accepted", "Connections that were accepted", connections.accepted()),
            ("connections_refused", "Connections that were refused because a limit was reached", connections.refused()),
            ("connections_timed_out", "Connections cut because their opening took too long", connections.timed_out()),
        ];
        counters.into_iter().try_for_each(|(name, help, value)| counter(&mut encoder, name, help, value))
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let metric = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let metric = ConstCounter::new(value);
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}
