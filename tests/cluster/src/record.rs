//! What the clients have seen, and what was done to the nodes meanwhile.

/// Milliseconds since the run began, by one clock for all clients.
pub type Millis = u64;

/// A whole run.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Every client, in no particular order.
    pub clients: Vec<Client>,
    /// The history of each room as each node answers it at the end, when all faults are healed.
    pub histories: Vec<History>,
    /// The bans.
    pub bans: Vec<Ban>,
    /// The faults of brokers and nodes.
    pub disturbances: Vec<Disturbance>,
    /// When the operator restored an older history: texts that were acknowledged before may be missing after it.
    pub replaced: Vec<Millis>,
    /// When the last client ended.
    pub end: Millis,
}

/// One client: a user in a room, over all its connections.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its user.
    pub user: String,
    /// Its room.
    pub room: String,
    /// What it has sent and received, in this order.
    pub events: Vec<Event>,
}

/// Something that a client has said or heard.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it happened.
    pub at: Millis,
    /// What happened.
    pub what: What,
}

/// What a client says or hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A connection is there, and its server says where the room stands and who is in it.
    Synced {
        /// The epoch of the history.
        epoch: String,
        /// The offset of its last text.
        offset: u64,
        /// The users in the room; the client's own user may be one of them.
        users: Vec<String>,
    },
    /// The client sends a text, or would if it were connected.
    Posted {
        /// Unique over all clients.
        id: String,
        /// Unique over all clients.
        text: String,
    },
    /// The server says that the client's own text is stored.
    Stored {
        /// The text's id.
        id: String,
        /// Its offset in the room.
        offset: u64,
    },
    /// A pong proves that the client's own text is stored.
    Proven {
        /// The text's id.
        id: String,
    },
    /// The server does not take a text.
    Rejected {
        /// The text's id.
        id: String,
        /// The reason.
        reason: String,
    },
    /// A text comes, of another client or, after a reconnection, of this one.
    Heard(Line),
    /// A user has come.
    Joined(String),
    /// A user has gone.
    Left(String),
    /// How far another user has received and read the room.
    Receipt {
        /// The offset up to which a device of the user has it.
        delivered: u64,
        /// The offset up to which it was shown.
        read: u64,
    },
    /// The connection has ended.
    Closed,
    /// The server refuses the client, which does not try again.
    Refused,
    /// A server says that the client's sign-in has ended.
    SignedOut,
}

/// A text with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place in the room, from 1.
    pub offset: u64,
    /// The id that its sender gave it.
    pub id: String,
    /// Its sender.
    pub user: String,
    /// The text.
    pub text: String,
}

/// A room's whole history, as one node answers it.
#[derive(Clone, Debug)]
pub struct History {
    /// The node.
    pub node: usize,
    /// The room.
    pub room: String,
    /// The epoch of the history.
    pub epoch: String,
    /// All texts, from the first to the last.
    pub lines: Vec<Line>,
}

/// A ban.
#[derive(Clone, Debug)]
pub struct Ban {
    /// The banned user.
    pub user: String,
    /// When the operator's command had succeeded.
    pub at: Millis,
}

/// A fault of a broker or a node, from its start until everything was healed.
#[derive(Clone, Debug)]
pub struct Disturbance {
    /// When it started.
    pub from: Millis,
    /// When it was healed, and the process ran again.
    pub to: Millis,
    /// Its kind.
    pub kind: Kind,
}

/// The kind of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nodes were killed: time limits hold in spite of it.
    NodeDeath,
    /// Any other fault: time limits count from its end.
    Other,
}

impl Record {
    /// Whether no fault that a time limit has to allow for happened from `from` to `to`.
    #[must_use]
    pub fn is_calm(&self, from: Millis, to: Millis) -> bool {
        let disturbs = |one: &Disturbance| one.kind == Kind::Other && one.from <= to && one.to >= from;
        !self.disturbances.iter().any(disturbs)
    }

    /// The time by which an effect that is due within `bound` after `at` has to be there: if a fault disturbs it, the
    /// bound counts from its end.
    #[must_use]
    pub fn deadline(&self, at: Millis, bound: Millis) -> Millis {
        let mut deadline = at + bound;
        let mut others: Vec<_> = self.disturbances.iter().filter(|one| one.kind == Kind::Other).collect();
        others.sort_by_key(|one| one.from);
        for one in others.into_iter().filter(|one| one.to >= at) {
            if one.from <= deadline {
                deadline = deadline.max(one.to + bound);
            }
        }
        deadline
    }
}
