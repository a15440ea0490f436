use crate::Moment;

/// One named timer per purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timer {
    /// The opening takes too long.
    Open,
    /// The next attempt starts.
    Retry,
    /// One of the directions has been silent for an interval.
    Heartbeat,
    /// A probe has not been answered.
    Probe,
    /// A ping is overdue that would be the first to be answered.
    Answer,
    /// The connection counts as useful from now on, if its peer has shown itself.
    Stable,
    /// The batching window ends.
    Batch,
    /// The send rate allows the next message.
    SendRate,
    /// Messages wait no longer for the proof of those before them.
    Proof,
    /// An acknowledgement waits no longer.
    Ack,
    /// The opening of the connection that is to take over takes too long, or the next try of it starts.
    Migrate,
    /// A session without a connection is kept no longer.
    Expire,
    /// What the store could not take is tried again.
    Store,
    /// Flush, closing handshake or the wait for the transport's end take too long.
    Close,
    /// Nobody has read for too long, although a message of ours waits for it.
    Unread,
    /// A queued message's time to live is over.
    Expiry,
}

impl Timer {
    /// Those of the table. `Expiry` is not: the outbox knows when the next message expires.
    pub(crate) const ALL: [Self; 15] = [
        Self::Open,
        Self::Retry,
        Self::Heartbeat,
        Self::Probe,
        Self::Answer,
        Self::Stable,
        Self::Batch,
        Self::SendRate,
        Self::Proof,
        Self::Ack,
        Self::Migrate,
        Self::Expire,
        Self::Store,
        Self::Close,
        Self::Unread,
    ];
}

/// The table of the timers that are set.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    table: [Option<Moment>; Timer::ALL.len()],
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Moment) {
        self.table[timer as usize] = Some(at);
    }

    /// Sets it, unless it is set for an earlier time.
    pub(crate) fn advance(&mut self, timer: Timer, at: Moment) {
        let at = self.table[timer as usize].map_or(at, |set| set.min(at));
        self.set(timer, at);
    }

    pub(crate) fn at(&self, timer: Timer) -> Option<Moment> {
        self.table[timer as usize]
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.table[timer as usize] = None;
    }

    pub(crate) fn clear_all(&mut self) {
        self.table = Default::default();
    }

    /// The earliest, and among equals the first by purpose.
    pub(crate) fn next(&self) -> Option<(Moment, Timer)> {
        Timer::ALL.into_iter().filter_map(|timer| Some((self.table[timer as usize]?, timer))).min_by_key(|(at, _)| *at)
    }

    /// Takes the earliest that is due out of the table.
    pub(crate) fn expire(&mut self, now: Moment) -> Option<Timer> {
        let (at, timer) = self.next()?;
        (at <= now).then(|| {
            self.clear(timer);
            timer
        })
    }
}
