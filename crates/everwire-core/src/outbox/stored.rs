//! With a store: what it keeps, and what waits for it.

use super::{Entry, Outbox, Priority, SendOptions, take::Until};
use crate::{
    MessageId, Moment,
    outputs::Outputs,
    session::Limits,
    store::{Staged, StoredMessage},
};

impl Outbox {
    /// Goes on with what a process before this one has kept. `numbered`: its session goes on, and this is the
    /// highest sequence number that was given out. What has none may have arrived all the same if `plain`: without a
    /// session nobody writes down what goes out.
    pub(crate) fn restore(
        &mut self,
        mut messages: Vec<StoredMessage>,
        numbered: Option<u64>,
        plain: bool,
        clock: WallClock,
    ) {
        self.durable = Some(0);
        self.last_id = messages.iter().map(|message| message.id).max().unwrap_or_default().max(self.last_id);
        messages.sort_unstable_by_key(|message| (message.seq.unwrap_or(u64::MAX), message.place));
        let waiting =
            messages.split_off(messages.partition_point(|message| numbered.is_some() && message.seq.is_some()));
        if let Some(numbered) = numbered {
            // They were given their numbers one after another, and are acknowledged in that order.
            let before = numbered.saturating_sub(messages.len() as u64);
            self.in_flight.restore(before, messages.into_iter().map(|message| entry(message, clock)));
            self.durable = Some(self.in_flight.end());
            // What the peer is ready for is told when the session is resumed.
            self.session.set(Limits { messages: 0, bytes: 0, message_bytes: 0 });
        }
        for message in waiting {
            let place = message.place;
            let may_have_arrived = message.may_have_arrived || message.seq.is_some() || plain;
            let mut entry = entry(message, clock);
            entry.set_place(place);
            if may_have_arrived {
                entry.set_may_have_arrived();
            }
            self.queue.push_back(entry);
        }
    }

    /// How far numbered messages may go out.
    pub(super) fn gate(&self) -> u64 {
        self.durable.unwrap_or(u64::MAX)
    }

    /// Everything up to this sequence number is durable.
    pub(crate) fn numbered_durably(&mut self, seq: u64) {
        self.durable = self.durable.map(|durable| durable.max(seq));
    }

    /// The highest sequence number that was given out.
    pub(crate) fn numbered(&self) -> u64 {
        self.in_flight.end()
    }

    /// Whether [`stage`](Self::stage) has something to do.
    pub(crate) fn can_stage(&self, until: &Until) -> bool {
        let Some(limits) = self.session.as_ref() else { return false };
        limits.admit(self.in_flight.len(), self.in_flight.bytes() as u64) && self.is_available(until)
    }

    /// Gives what waits its sequence numbers, as far as the peer is ready for it.
    pub(crate) fn stage(&mut self, until: &Until, outputs: &mut Outputs) -> Staged {
        let mut staged = Staged { ids: Vec::new(), seq: self.in_flight.end() + 1 };
        let Some(&limits) = self.session.as_ref() else { return staged };
        for level in Priority::ALL {
            loop {
                let last = until.last(level);
                let (mut count, mut bytes) = (0, self.in_flight.bytes());
                for entry in self.queue.iter(level).take_while(|entry| entry.place() <= last) {
                    let size = entry.message.len();
                    if !limits.admit(self.in_flight.len() + count, bytes as u64) || size as u64 > limits.message_bytes {
                        break;
                    }
                    (count, bytes) = (count + 1, bytes + size);
                    staged.ids.push(entry.id);
                }
                self.queue.drain(level, count, |entries| self.in_flight.stage(entries));
                if !self.reject_front(level, until, &limits, outputs) {
                    break;
                }
            }
        }
        staged
    }

    /// A message as it is to be kept; none if it has ended. `seq`: its sequence number, if that is new.
    pub(crate) fn to_store(&self, id: MessageId, seq: Option<u64>, clock: WallClock) -> Option<StoredMessage> {
        let entry = match seq {
            Some(seq) => self.in_flight.numbered(seq),
            None => self.queue.get(id).or_else(|| self.in_flight.get(id)),
        }?;
        Some(StoredMessage {
            id: entry.id,
            place: entry.place(),
            seq,
            priority: entry.priority(),
            key: entry.key().cloned(),
            expires_at: entry.expires_at().map(|at| clock.at(at)),
            may_have_arrived: entry.may_have_arrived(),
            message: entry.message.clone(),
        })
    }
}

fn entry(message: StoredMessage, clock: WallClock) -> Entry {
    let expires_at = message.expires_at.map(|at| clock.moment(at));
    let mut options = SendOptions::new();
    (options.priority, options.key) = (message.priority, message.key);
    Entry::with(message.id, message.message, options, expires_at)
}

/// The wall clock and ours, side by side.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WallClock {
    pub(crate) moment: Moment,
    /// Milliseconds since the Unix epoch at that moment.
    pub(crate) unix_ms: u64,
}

impl WallClock {
    /// Whether it has ever been told.
    pub(crate) fn is_known(self) -> bool {
        self.unix_ms > 0
    }

    pub(crate) fn at(self, moment: Moment) -> u64 {
        let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        if moment >= self.moment {
            self.unix_ms.saturating_add(ms(moment.since(self.moment)))
        } else {
            self.unix_ms.saturating_sub(ms(self.moment.since(moment)))
        }
    }

    /// What is over already is so from the start.
    fn moment(self, unix_ms: u64) -> Moment {
        self.moment + std::time::Duration::from_millis(unix_ms.saturating_sub(self.unix_ms))
    }
}
