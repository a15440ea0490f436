//! What the clients have seen, and what was done to the nodes meanwhile.

/// Milliseconds since the run began, by one clock for all clients.
pub type Millis = u64;

/// A whole run.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Every client, in no order.
    pub clients: Vec<Client>,
    /// What each node answers at the end, when all faults are healed: one of each node and room.
    pub histories: Vec<History>,
    /// Who was banned.
    pub bans: Vec<Ban>,
    /// What was done to brokers and nodes.
    pub disturbances: Vec<Disturbance>,
    /// When the history was replaced on the operator's word: what was told before may be gone after it.
    pub replaced: Vec<Millis>,
    /// When the last client ended.
    pub end: Millis,
}

/// One client: a user in a room, over all its connections.
#[derive(Clone, Debug)]
pub struct Client {
    /// Whose it is.
    pub user: String,
    /// Where it is.
    pub room: String,
    /// What it has said and heard, in this order.
    pub events: Vec<Event>,
}

/// Something that a client has said or heard.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Millis,
    /// What.
    pub what: What,
}

/// What a client says or hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A connection is there, and its server says where the room stands and who is in it.
    Synced {
        /// Which history.
        epoch: String,
        /// Its end.
        offset: u64,
        /// Who is here, the client's own user maybe included.
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
        /// Which.
        id: String,
        /// Where.
        offset: u64,
    },
    /// A pong proves that the client's own text is stored.
    Proven {
        /// Which.
        id: String,
    },
    /// The server does not take a text.
    Rejected {
        /// Which.
        id: String,
        /// Why.
        reason: String,
    },
    /// A text comes, of another client or, after a reconnection, of this one.
    Heard(Line),
    /// A user has come.
    Joined(String),
    /// A user has gone.
    Left(String),
    /// How far another user has the room.
    Receipt {
        /// Up to here it is on a device.
        delivered: u64,
        /// Up to here it was shown.
        read: u64,
    },
    /// The connection has ended.
    Closed,
    /// The client may not come in, and does not try again.
    Refused,
    /// The client's sign-in is over, as a server says.
    SignedOut,
}

/// A text with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place in the room, from 1.
    pub offset: u64,
    /// Its sender's id of it.
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
    /// Which history.
    pub epoch: String,
    /// From its begin to its end.
    pub lines: Vec<Line>,
}

/// A ban.
#[derive(Clone, Debug)]
pub struct Ban {
    /// Who.
    pub user: String,
    /// When the operator was told that it is done.
    pub at: Millis,
}

/// Something that was done to a broker or a node, from its begin until everything was healed.
#[derive(Clone, Debug)]
pub struct Disturbance {
    /// Its begin.
    pub from: Millis,
    /// When it was healed, and the process ran again.
    pub to: Millis,
    /// What it was.
    pub kind: Kind,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nodes were killed: bounds of time hold all the same.
    NodeDeath,
    /// Anything else: bounds of time count from its end.
    Other,
}

impl Record {
    /// Whether from `from` to `to` nothing happened that a bound of time has to allow for.
    #[must_use]
    pub fn is_calm(&self, from: Millis, to: Millis) -> bool {
        let disturbs = |one: &Disturbance| one.kind == Kind::Other && one.from <= to && one.to >= from;
        !self.disturbances.iter().any(disturbs)
    }

    /// When something that has to happen within `bound` after `at` has happened at the latest: where something disturbs it, the
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
