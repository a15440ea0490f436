//! What a client keeps of its session over all connections.

use everwire_ws::Message;

use crate::{Attempt, store::SavedSession};

use super::{
    SUBPROTOCOL, SessionConfig, SessionMode,
    body::{Hello, Resume, Welcome},
    frame::Frame,
    receiver::Receiver,
};

/// How the connection that is open, or opening, stands to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has none.
    Plain,
    /// The hello is out, the welcome is awaited.
    Greeting,
    /// The connection carries the session.
    Live,
    /// It carried one that has ended: what still comes on it belongs to nothing.
    Over,
}

/// What a server without the subprotocol means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agreed {
    Session,
    Plain,
    Refused,
}

#[derive(Debug)]
pub(crate) struct ClientSession {
    config: SessionConfig,
    credentials: Option<Credentials>,
    /// Number of the latest connection within the session.
    connection: u64,
    /// Number of the one that carries it, or did last.
    carrier: u64,
    /// What the latest hello has told.
    told: u64,
    pub(crate) receiver: Receiver,
    pub(crate) stage: Stage,
    /// The server has shown that it knows no sessions, though it may echo their name: they are not offered to it any more.
    plain: bool,
    /// With a store: the credentials that it has. The server takes these until newer ones were used, and what a crash
    /// would lose must not be.
    stored: Option<Credentials>,
    /// What the store has been given of `processed`.
    kept: u64,
    /// It is not kept in the store any more.
    given_up: bool,
    /// With a store: connections may have numbers up to this one, which no later process will use.
    bound: Option<u64>,
    /// The upgraded connection whose hello waits for the store.
    pub(crate) waiting: Option<Attempt>,
}

/// The number of connections that may be opened before the store is told again: the saved connection number is this far ahead.
const AHEAD: u64 = 1 << 20;

#[derive(Clone, Debug)]
struct Credentials {
    session: String,
    token: String,
}

impl ClientSession {
    pub(crate) fn new(config: SessionConfig) -> Self {
        let receiver = Receiver::new(config.limits, config.ack_delay, config.ack_every);
        Self {
            config,
            credentials: None,
            connection: 0,
            carrier: 0,
            told: 0,
            receiver,
            stage: Stage::Plain,
            plain: false,
            stored: None,
            kept: 0,
            given_up: false,
            bound: None,
            waiting: None,
        }
    }

    /// Goes on with the session of a process before this one.
    pub(crate) fn restore(&mut self, saved: Option<SavedSession>) {
        let SavedSession { id, token, connection, processed, numbered: _ } = saved.unwrap_or_default();
        self.receiver.restore(processed);
        (self.connection, self.kept, self.bound) = (connection, processed, Some(connection));
        if !id.is_empty() {
            self.credentials = Some(Credentials { session: id, token });
            self.stored = self.credentials.clone();
        }
    }

    /// The session as it is to be kept.
    pub(crate) fn saved_form(&mut self, numbered: u64) -> Option<SavedSession> {
        let Credentials { session, token } = self.credentials.clone().filter(|_| !self.given_up)?;
        self.kept = self.receiver.processed();
        let connection = self.connection.saturating_add(AHEAD);
        Some(SavedSession { id: session, token, connection, processed: self.kept, numbered })
    }

    /// Whether the store has it.
    pub(crate) fn is_kept(&self) -> bool {
        self.credentials.is_some() && !self.given_up
    }

    /// The session ends with this process: it is about to say so.
    pub(crate) fn keep_no_longer(&mut self) {
        self.given_up = true;
    }

    /// The store has this.
    pub(crate) fn saved(&mut self, saved: SavedSession) {
        self.bound = self.bound.map(|_| saved.connection);
        self.stored = Some(Credentials { session: saved.id, token: saved.token });
    }

    /// Whether a hello must wait: a process after this one could use its connection's number again.
    pub(crate) fn hello_waits(&self) -> bool {
        self.credentials.is_some() && self.bound.is_some_and(|bound| self.connection >= bound)
    }

    /// What is processed, if the store does not know it.
    pub(crate) fn news(&self) -> Option<u64> {
        (self.is_kept() && self.receiver.processed() != self.kept).then(|| self.receiver.processed())
    }

    /// The store is given it.
    pub(crate) fn take_news(&mut self) -> Option<u64> {
        let news = self.news()?;
        self.kept = news;
        Some(news)
    }

    /// Whether the subprotocol is not offered any more.
    pub(crate) fn is_withheld(&self) -> bool {
        self.plain
    }

    /// The server that was offered a session can't mean one. Whether to go on plainly with it, from now on: where a session
    /// is only preferred, and there has not been one.
    pub(crate) fn go_on_plainly(&mut self) -> bool {
        let goes_on = self.config.mode == SessionMode::Prefer && !self.plain && !self.has_session();
        self.plain |= goes_on;
        goes_on
    }

    pub(crate) fn agreed(&self, subprotocol: Option<&str>) -> Agreed {
        match (subprotocol, self.config.mode) {
            (Some(SUBPROTOCOL), _) => Agreed::Session,
            (_, SessionMode::Prefer) => Agreed::Plain,
            (_, SessionMode::Require) => Agreed::Refused,
        }
    }

    /// The first frame of a connection.
    pub(crate) fn hello(&mut self) -> Message {
        self.connection += 1;
        self.told = self.receiver.tellable();
        let same = |stored: &&Credentials| self.credentials.as_ref().is_some_and(|now| now.session == stored.session);
        let shown = self.stored.as_ref().filter(same).or(self.credentials.as_ref());
        let resume = shown.map(|credentials| Resume {
            session: credentials.session.clone(),
            token: credentials.token.clone(),
            connection: self.connection,
            processed: self.told,
        });
        Frame::Hello(Hello { resume, limits: self.config.limits }).to_message()
    }

    /// The server has answered: its token counts from now on.
    pub(crate) fn welcomed(&mut self, welcome: &Welcome) {
        if welcome.resumed {
            self.receiver.has_told(self.told);
        } else {
            self.receiver.begin(0);
            (self.connection, self.kept) = (1, 0);
            self.bound = self.bound.map(|_| 1);
        }
        self.credentials = Some(Credentials { session: welcome.session.clone(), token: welcome.token.clone() });
        self.carrier = self.connection;
        self.stage = Stage::Live;
    }

    /// There is no session any more.
    pub(crate) fn forget(&mut self) {
        self.credentials = None;
        (self.connection, self.kept) = (0, 0);
        self.receiver.begin(0);
        if self.stage == Stage::Live {
            self.stage = Stage::Over;
        } else if self.stage == Stage::Greeting {
            self.stage = Stage::Plain;
        }
        self.stored = None;
    }

    pub(crate) fn has_session(&self) -> bool {
        self.credentials.is_some()
    }

    /// Whether another client has superseded the open connection. After a hello on a later connection of ours, that
    /// connection superseded it, even if we have lost that one since.
    pub(crate) fn is_rivalled(&self) -> bool {
        match self.stage {
            Stage::Live => self.connection == self.carrier,
            Stage::Greeting | Stage::Over => true,
            Stage::Plain => false,
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.stage == Stage::Live
    }
}
