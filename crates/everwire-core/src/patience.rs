//! Evidence that comes late, or never: how long peers are waited for that answer no pings, what is said of them, and what our
//! own side did not read.

use std::time::Duration;

use crate::MessageId;

/// What is known of the way in which the peer answers pings, and we read the answers.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// A ping was answered on any connection.
    ever: bool,
    /// A ping was answered on this one.
    answered: bool,
    /// It was told that none is.
    told: bool,
    /// How often in a row a connection died that had answered no ping.
    mute: u32,
    /// How often in a row a connection died with a message that is sent again.
    busy: u32,
    /// That message: the first that was in flight.
    message: Option<MessageId>,
    /// The first that was in flight on a connection that we did not read, since when nothing was read.
    unread: Option<MessageId>,
}

/// However often it is doubled, no time-out grows beyond this by it.
const LONGEST: Duration = Duration::from_secs(300);

impl Patience {
    /// The time-out for the next connection.
    pub(crate) fn timeout(&self, set: Duration) -> Duration {
        let doubled = set.saturating_mul(1 << self.mute.max(self.busy).min(16));
        doubled.min(LONGEST.max(set))
    }

    /// A connection has opened.
    pub(crate) fn opened(&mut self) {
        (self.answered, self.told) = (false, false);
    }

    /// A ping was answered. Whether that is news after it was told that none is.
    pub(crate) fn answered(&mut self) -> bool {
        let news = self.told && !self.answered;
        (self.ever, self.answered, self.mute) = (true, true, 0);
        news
    }

    /// A message has been proven that was asked about so long ago. One that took longer than the plain time-outs allow may be
    /// followed by others like it.
    pub(crate) fn proven(&mut self, in_time: bool) {
        self.message = None;
        if in_time {
            self.busy = 0;
        }
    }

    /// A connection has died in silence. `message`: the first of those in flight, if they are sent again. How often in a row
    /// that one was there.
    pub(crate) fn died(&mut self, message: Option<MessageId>) -> u32 {
        if !self.answered {
            self.mute = self.mute.saturating_add(1);
        }
        if message.is_some() {
            self.busy = if self.message == message { self.busy.saturating_add(1) } else { 1 };
        }
        self.message = message;
        self.busy
    }

    /// A connection was given up because our own side did not read: no fault of the peer's. Whether one was before, with the same
    /// message in front, and nothing was read since.
    pub(crate) fn unread(&mut self, message: Option<MessageId>) -> bool {
        let again = message.is_some() && self.unread == message;
        self.unread = message;
        again
    }

    /// Our own side reads, again or on the next connection.
    pub(crate) fn reads(&mut self) {
        self.unread = None;
    }

    /// It is about to be told that no ping is answered on this connection. Whether that is news.
    pub(crate) fn tell(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }

    /// Whether no ping was answered on this connection.
    pub(crate) fn is_unanswered(&self) -> bool {
        !self.answered
    }

    /// Whether no ping was ever answered.
    pub(crate) fn is_never_answered(&self) -> bool {
        !self.ever
    }

    /// Whether pings are answered, as far as that is known.
    pub(crate) fn answers(&self) -> Option<bool> {
        match (self.answered, self.told) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => self.ever.then_some(true),
        }
    }
}
