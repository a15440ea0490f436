//! What was exercised.

use std::fmt;

/// The number of times that things happened, over one scenario or many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Scenarios.
    pub scenarios: u64,
    /// Turns of processes.
    pub turns: u64,
    /// Bytes that went into the network.
    pub bytes: u64,
    /// Virtual time in seconds.
    pub seconds: u64,
    /// Messages that clients' outboxes accepted.
    pub sent: u64,
    /// Messages that servers' outboxes accepted.
    pub sent_down: u64,
    /// Ended as acknowledged.
    pub acknowledged: u64,
    /// Ended as received.
    pub received: u64,
    /// Ended as unknown.
    pub unknown: u64,
    /// Ended as cancelled, dropped, expired or rejected.
    pub unsent: u64,
    /// Messages that went out again.
    pub resent: u64,
    /// Connections that were asked for.
    pub dials: u64,
    /// Connections that opened.
    pub opened: u64,
    /// Connections that were lost without a close frame.
    pub cuts: u64,
    /// Peers that were declared dead.
    pub dead: u64,
    /// Sessions that began.
    pub sessions: u64,
    /// Sessions that were resumed.
    pub resumes: u64,
    /// Sessions that ended otherwise than in order.
    pub expired: u64,
    /// Connections that were superseded.
    pub superseded: u64,
    /// Hellos that came too late.
    pub stale: u64,
    /// Crashes of clients.
    pub client_crashes: u64,
    /// Crashes of servers.
    pub server_crashes: u64,
    /// Stalls of processes, and sleeps.
    pub stalls: u64,
    /// Connections that were refused or answered with an error.
    pub refused: u64,
    /// Hostile clients and servers that were closed for sending more than they were told they may.
    pub violators: u64,
    /// Connections on which a server meant harm.
    pub hostile_servers: u64,
    /// Connections that were given up since nobody read.
    pub unread: u64,
}

impl Counts {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.all_mut().into_iter().zip(other.all()) {
            *mine += theirs.1;
        }
    }

    fn all(&self) -> [(&'static str, u64); 27] {
        [
            ("scenarios", self.scenarios),
            ("turns", self.turns),
            ("bytes", self.bytes),
            ("virtual seconds", self.seconds),
            ("messages up", self.sent),
            ("messages down", self.sent_down),
            ("acknowledged", self.acknowledged),
            ("received", self.received),
            ("unknown", self.unknown),
            ("never sent", self.unsent),
            ("sent again", self.resent),
            ("dials", self.dials),
            ("connections", self.opened),
            ("cuts", self.cuts),
            ("declared dead", self.dead),
            ("sessions", self.sessions),
            ("resumed", self.resumes),
            ("sessions lost", self.expired),
            ("superseded", self.superseded),
            ("late hellos", self.stale),
            ("client crashes", self.client_crashes),
            ("server crashes", self.server_crashes),
            ("stalls", self.stalls),
            ("refusals", self.refused),
            ("violators closed", self.violators),
            ("hostile servers", self.hostile_servers),
            ("given up unread", self.unread),
        ]
    }

    fn all_mut(&mut self) -> [&mut u64; 27] {
        [
            &mut self.scenarios,
            &mut self.turns,
            &mut self.bytes,
            &mut self.seconds,
            &mut self.sent,
            &mut self.sent_down,
            &mut self.acknowledged,
            &mut self.received,
            &mut self.unknown,
            &mut self.unsent,
            &mut self.resent,
            &mut self.dials,
            &mut self.opened,
            &mut self.cuts,
            &mut self.dead,
            &mut self.sessions,
            &mut self.resumes,
            &mut self.expired,
            &mut self.superseded,
            &mut self.stale,
            &mut self.client_crashes,
            &mut self.server_crashes,
            &mut self.stalls,
            &mut self.refused,
            &mut self.violators,
            &mut self.hostile_servers,
            &mut self.unread,
        ]
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in self.all() {
            if count > 0 {
                writeln!(f, "{count:>14}  {name}")?;
            }
        }
        Ok(())
    }
}
