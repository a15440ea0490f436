use everwire_core::Hint;
use serde::{Deserialize, Serialize};

use super::is_default;
use crate::sim::hostile::Abuse;
use crate::sim::intruder::Intrusion;

/// An action and its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// Milliseconds since the world's start.
    pub at: u64,
    /// The client that does it or suffers it, where that matters. Default: 0.
    #[serde(default, skip_serializing_if = "is_default")]
    pub client: u32,
    /// The kind of failure.
    #[serde(flatten)]
    pub action: Action,
}

/// An action of a user, an operator or an accident. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Action {
    /// The client's application gets work: the probe sends this many messages.
    Work {
        /// How much.
        count: u32,
    },
    /// The server's application gets work: the probe sends this many messages to each peer.
    ServerWork {
        /// How much.
        count: u32,
    },
    /// The user connects.
    Connect,
    /// The user disconnects.
    Disconnect,
    /// The user closes for good.
    Close {
        /// The deadline.
        within: u64,
    },
    /// The user asks for a new connection.
    Migrate,
    /// The platform has a hint.
    Hint {
        /// Which.
        hint: Prompt,
    },
    /// The client's process crashes, and is started again.
    CrashClient {
        /// After so long.
        down: u64,
    },
    /// The server's process crashes, and is started again.
    CrashServer {
        /// After so long.
        down: u64,
    },
    /// The client's process does nothing for a while.
    StallClient {
        /// For so long.
        time: u64,
    },
    /// The server's does.
    StallServer {
        /// For so long.
        time: u64,
    },
    /// The client's device sleeps: its monotonic clock stands still, the wall's does not.
    Sleep {
        /// For so long.
        time: u64,
    },
    /// The server says that it will leave, and closes the connections that it has.
    Drain {
        /// After so long.
        within: u64,
    },
    /// The server ends all sessions in order, and tells clients to come back.
    EndSessions {
        /// After so long.
        retry_after: u64,
    },
    /// The server's application lets go of all sessions: each ends once its client has acknowledged everything.
    FinishSessions,
    /// The next reliable message on each of the server's connections gets lost behind the socket.
    LoseNext,
    /// The server's end of each connection says something that its machine knows nothing of.
    Forge {
        /// What.
        frame: String,
    },
    /// An intruder tries to get into the latest session.
    Intrude {
        /// Who.
        by: Intrusion,
    },
    /// A client that means harm connects, and stays until the calm. Only to a server that speaks `everwire.v1`.
    Abuse {
        /// What it does.
        by: Abuse,
    },
    /// The server's end of each session's connection floods it, and does not read for a while. Only pings, pongs and
    /// acknowledgements: nothing that its machine would have to know of.
    Flood {
        /// With what.
        by: Abuse,
        /// How long it does not read.
        time: u64,
    },
    /// All connections are cut.
    Cut,
}

/// Hints, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is explained at `everwire_core::Hint`")]
pub enum Prompt {
    Online,
    Offline,
    NetworkChanged,
    Woke,
    RetryNow,
}

impl From<Prompt> for Hint {
    fn from(prompt: Prompt) -> Self {
        match prompt {
            Prompt::Online => Self::Online,
            Prompt::Offline => Self::Offline,
            Prompt::NetworkChanged => Self::NetworkChanged,
            Prompt::Woke => Self::Woke,
            Prompt::RetryNow => Self::RetryNow,
        }
    }
}

impl Step {
    /// When the immediate consequences are over, in milliseconds.
    pub(crate) fn over_at(&self) -> u64 {
        self.at
            + match self.action {
                Action::CrashClient { down: time }
                | Action::CrashServer { down: time }
                | Action::StallClient { time }
                | Action::StallServer { time }
                | Action::Sleep { time }
                | Action::Drain { within: time }
                | Action::Flood { time, .. } => time,
                _ => 0,
            }
    }
}
