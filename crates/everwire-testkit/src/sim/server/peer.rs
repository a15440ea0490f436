use std::collections::VecDeque;

use everwire_core::Message;
use everwire_core::session::ServerSession;

use crate::sim::agenda::Nanos;
use crate::sim::hostile::is_hostile;

/// Names a session or a plain connection, over all lives of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u32);

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) principal: String,
    /// It means harm, and is promised nothing.
    pub(crate) is_hostile: bool,
    /// None for a plain connection.
    pub(crate) session: Option<ServerSession>,
    /// The plain connection.
    pub(crate) line: Option<u32>,
    pub(crate) inbox: VecDeque<Message>,
    pub(crate) handling: Option<Nanos>,
    pub(crate) delivered: u64,
    pub(crate) handled: u64,
    pub(crate) processed: u64,
    /// The server has ended it then, in order.
    pub(crate) ended_at: Option<Nanos>,
    /// The application has let go of it then: what it says is not handled any more.
    pub(crate) let_go_at: Option<Nanos>,
    /// It can't be sent to any more.
    pub(crate) over: bool,
    /// The registry knows what was processed of it, or does not have to.
    pub(crate) settled: bool,
    /// The registry thinks that it has a connection.
    pub(crate) attached: bool,
    /// Messages to it, by number: what the one-outcome rule needs.
    pub(crate) ledger: crate::sim::client::Ledger,
    /// What the mutants have to remember: numbers that were seen, and the first token.
    pub(crate) seen: u64,
    pub(crate) reliable: u64,
    pub(crate) token: Option<[u8; 32]>,
    pub(crate) given: Option<String>,
    /// The server is of a life that has gone.
    pub(crate) dead: bool,
}

impl Peer {
    pub(crate) fn new(principal: &str) -> Self {
        Self {
            principal: principal.to_owned(),
            is_hostile: is_hostile(principal),
            session: None,
            line: None,
            inbox: VecDeque::new(),
            handling: None,
            delivered: 0,
            handled: 0,
            processed: 0,
            ended_at: None,
            let_go_at: None,
            over: false,
            settled: false,
            attached: false,
            ledger: crate::sim::client::Ledger::default(),
            seen: 0,
            reliable: 0,
            token: None,
            given: None,
            dead: false,
        }
    }

    /// Whether the application has processed everything that it was given or will be.
    pub(crate) fn is_through(&self) -> bool {
        self.inbox.is_empty() && self.processed == self.handled
    }
}
