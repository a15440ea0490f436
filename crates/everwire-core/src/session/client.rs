//! What a client keeps of its session over all connections.

use everwire_ws::Message;

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
}

#[derive(Debug)]
struct Credentials {
    session: String,
    token: String,
}

impl ClientSession {
    pub(crate) fn new(config: SessionConfig) -> Self {
        let receiver = Receiver::new(config.limits.messages, config.ack_delay, config.ack_every);
        Self { config, credentials: None, connection: 0, carrier: 0, told: 0, receiver, stage: Stage::Plain }
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
        self.told = self.receiver.processed();
        let resume = self.credentials.as_ref().map(|credentials| Resume {
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
            self.connection = 1;
        }
        self.credentials = Some(Credentials { session: welcome.session.clone(), token: welcome.token.clone() });
        self.carrier = self.connection;
        self.stage = Stage::Live;
    }

    /// There is no session any more.
    pub(crate) fn forget(&mut self) {
        self.credentials = None;
        self.connection = 0;
        self.receiver.begin(0);
        if self.stage == Stage::Live {
            self.stage = Stage::Over;
        } else if self.stage == Stage::Greeting {
            self.stage = Stage::Plain;
        }
    }

    pub(crate) fn has_session(&self) -> bool {
        self.credentials.is_some()
    }

    /// Whether the connection that is open has been superseded by somebody else. After a hello on a later one of ours it
    /// was that, even if we have lost that one since.
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
