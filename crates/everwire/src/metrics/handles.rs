use everwire_core::{Cause, Loss, Phase};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::names;
use super::tally::OUTCOMES;

/// Looked up once: recording is then an atomic operation of the recorder's.
pub(super) struct Handles {
    states: [Gauge; STATES.len()],
    pub(super) attempts: Counter,
    failed: [Counter; PHASES.len()],
    pub(super) connections: Counter,
    pub(super) reconnects: Counter,
    disconnects: [Counter; CAUSES.len()],
    pub(super) outage: Histogram,
    pub(super) round_trip: Histogram,
    sessions: [Counter; SESSIONS.len()],
    pub(super) sent: Counter,
    pub(super) resent: Counter,
    pub(super) received: Counter,
    pub(super) discarded: Counter,
    pub(super) ended: [Counter; OUTCOMES.len()],
    pub(super) bytes_sent: Counter,
    pub(super) bytes_received: Counter,
    pub(super) queued: Gauge,
    pub(super) queued_bytes: Gauge,
    pub(super) in_flight: Gauge,
    pub(super) in_flight_bytes: Gauge,
    pub(super) inbox: Gauge,
    pub(super) store_failed: Counter,
    pub(super) store_seconds: Histogram,
}

const STATES: [&str; 5] = ["closed", "connecting", "connected", "disconnected", "closing"];
const PHASES: [&str; 8] = ["request", "dns", "tcp", "proxy", "tls", "upgrade", "session", "on_open"];
const CAUSES: [&str; 7] = ["peer_closed", "lost", "protocol", "dead", "bye", "superseded", "user"];
const SESSIONS: [&str; 3] = ["opened", "resumed", "lost"];

impl Handles {
    pub(super) fn new(server: &str) -> Self {
        let counter = |name| counter!(name, "server" => server.to_owned());
        let gauge = |name| gauge!(name, "server" => server.to_owned());
        let histogram = |name| histogram!(name, "server" => server.to_owned());
        let labelled = |name, label, value| counter!(name, "server" => server.to_owned(), label => value);
        Self {
            states: STATES.map(|state| gauge!(names::STATE, "server" => server.to_owned(), "state" => state)),
            attempts: counter(names::ATTEMPTS),
            failed: PHASES.map(|phase| labelled(names::ATTEMPTS_FAILED, "phase", phase)),
            connections: counter(names::CONNECTIONS),
            reconnects: counter(names::RECONNECTS),
            disconnects: CAUSES.map(|cause| labelled(names::DISCONNECTS, "cause", cause)),
            outage: histogram(names::OUTAGE),
            round_trip: histogram(names::ROUND_TRIP),
            sessions: SESSIONS.map(|event| labelled(names::SESSIONS, "event", event)),
            sent: counter(names::SENT),
            resent: counter(names::RESENT),
            received: counter(names::RECEIVED),
            discarded: counter(names::DISCARDED),
            ended: OUTCOMES.map(|outcome| labelled(names::ENDED, "outcome", outcome)),
            bytes_sent: counter(names::BYTES_SENT),
            bytes_received: counter(names::BYTES_RECEIVED),
            queued: gauge(names::QUEUED),
            queued_bytes: gauge(names::QUEUED_BYTES),
            in_flight: gauge(names::IN_FLIGHT),
            in_flight_bytes: gauge(names::IN_FLIGHT_BYTES),
            inbox: gauge(names::INBOX),
            store_failed: counter(names::STORE_FAILED),
            store_seconds: histogram(names::STORE_SECONDS),
        }
    }

    pub(super) fn state(&self, standing: Standing) -> &Gauge {
        let [closed, connecting, connected, disconnected, closing] = &self.states;
        match standing {
            Standing::Closed => closed,
            Standing::Connecting => connecting,
            Standing::Connected => connected,
            Standing::Disconnected => disconnected,
            Standing::Closing => closing,
        }
    }

    pub(super) fn failed(&self, phase: Phase) -> &Counter {
        let [request, dns, tcp, proxy, tls, upgrade, session, on_open] = &self.failed;
        match phase {
            Phase::Dns => dns,
            Phase::Tcp => tcp,
            Phase::Proxy => proxy,
            Phase::Tls => tls,
            Phase::Upgrade => upgrade,
            Phase::Session => session,
            Phase::OnOpen => on_open,
            // A phase that this version does not know comes before those that it knows.
            _ => request,
        }
    }

    pub(super) fn disconnect(&self, cause: &Cause) -> &Counter {
        let [peer_closed, lost, protocol, dead, bye, superseded, user] = &self.disconnects;
        match cause {
            Cause::PeerClosed(_) => peer_closed,
            Cause::Lost(Loss::Protocol(..) | Loss::InflatedTooFar(_)) => protocol,
            Cause::Dead { .. } => dead,
            Cause::Bye { .. } => bye,
            Cause::Superseded => superseded,
            Cause::ByUser => user,
            // And what this version does not know.
            _ => lost,
        }
    }

    pub(super) fn session(&self, resumed: bool) -> &Counter {
        let [opened, continued, _] = &self.sessions;
        if resumed { continued } else { opened }
    }

    pub(super) fn session_lost(&self) -> &Counter {
        let [_, _, lost] = &self.sessions;
        lost
    }
}

/// The states, without what they carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Closed,
    Connecting,
    Connected,
    Disconnected,
    Closing,
}
