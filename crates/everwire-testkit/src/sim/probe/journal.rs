//! What both ends know together, and what follows from it.

use everwire_core::Outcome;

use crate::sim::scenario::{Action, Commit, GuaranteeChoice, OverflowChoice, Scenario};

/// What became of one message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) outcome: Option<Outcome>,
    /// All its bytes were given to the operating system, at least once.
    pub(super) written: bool,
    pub(super) arrived: u32,
    /// How often it was processed, for good.
    pub(super) effects: u32,
    /// The life of the sender's process: a message of the next one may be processed before this one.
    pub(super) life: u32,
    /// It was told to be durable.
    pub(super) stored: bool,
    /// It promises nothing but that it is not processed twice.
    pub(super) volatile: bool,
}

/// One end's messages, by number.
#[derive(Debug, Default)]
pub(super) struct Track {
    pub(super) entries: Vec<Entry>,
    /// The life and the number of the message that was processed last, of those of the latest life.
    pub(super) last: Option<(u32, u32)>,
}

#[derive(Debug)]
pub(super) struct Journal {
    /// By client.
    pub(super) up: Vec<Track>,
    /// By peer.
    pub(super) down: Vec<Track>,
    pub(super) session: bool,
    /// Messages of a client keep their order.
    ordered: bool,
    /// A client keeps its outbox in a store.
    keeps: bool,
    /// Nothing but the server ends a message. Else it may be gone for good while nobody is there to be told.
    lasting: bool,
    /// It has crashed: it is handed again what it had processed and not yet noted.
    repeats: bool,
    again: bool,
    /// On a plain connection nothing but an outcome that proves something, or the impossibility of one, ends a message.
    sends_again: bool,
    /// Bytes may be changed on their way.
    pub(super) garbled: bool,
    durable: bool,
    /// Something happened after which nobody can know what was processed.
    excused: bool,
    /// The server's end says what its machine knows nothing of: no acknowledgement can be believed.
    pub(super) lied: bool,
    wrong: Option<String>,
}

/// What names a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) track: u32,
    pub(super) number: u32,
}

impl Journal {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let forged = scenario.steps.iter().any(|step| matches!(step.action, Action::Forge { .. }));
        let lied = forged || scenario.script.abuse.is_some();
        Self {
            up: (0..scenario.clients.max(1)).map(|_| Track::default()).collect(),
            down: Vec::new(),
            session: scenario.session,
            keeps: scenario.session && scenario.client.durable,
            lasting: scenario.client.overflow == OverflowChoice::Reject
                && scenario.client.ttl == 0
                && !scenario.client.levels
                && scenario.server.message_bytes == 0,
            repeats: false,
            ordered: scenario.session && !scenario.client.levels,
            again: scenario.client.guarantee == GuaranteeChoice::AtLeastOnce,
            sends_again: !scenario.session
                && scenario.client.guarantee == GuaranteeChoice::AtLeastOnce
                && scenario.client.overflow == OverflowChoice::Reject
                && scenario.client.ttl == 0
                && !scenario.client.levels,
            garbled: scenario.client.unsealed,
            durable: scenario.server.commit != Commit::Each,
            // A server with too little room forgets sessions, and what became of them.
            excused: lied || scenario.server.max_sessions > 0 || scenario.server.max_detached_bytes > 0,
            lied,
            wrong: None,
        }
    }

    /// From here on outcomes of what is under way can't be known.
    pub(super) fn excuse(&mut self) {
        self.excused = true;
    }

    pub(super) fn client_crashed(&mut self) {
        self.repeats |= self.keeps;
    }

    /// At the end of a world that has come to rest: what was durable has its outcome.
    pub(super) fn judge_stored(&mut self) {
        for client in 0..if self.lasting { self.up.len() } else { 0 } {
            let lost = self.up[client].entries.iter().position(|entry| entry.stored && entry.outcome.is_none());
            if let Some(number) = lost {
                self.wrong(|| format!("message {number} of client {client} was durable, and nothing became of it"));
            }
        }
    }

    pub(super) fn server_crashed(&mut self) {
        self.excused |= !self.durable;
    }

    pub(super) fn wrong(&mut self, what: impl FnOnce() -> String) {
        if self.wrong.is_none() && !self.garbled {
            self.wrong = Some(what());
        }
    }

    pub(super) fn take_wrong(&mut self) -> Result<(), String> {
        self.wrong.take().map_or(Ok(()), Err)
    }

    pub(super) fn last_words(&self) -> Option<String> {
        self.wrong.clone()
    }

    pub(super) fn up(&mut self, key: Key) -> Option<&mut Entry> {
        self.up.get_mut(key.track as usize)?.entries.get_mut(key.number as usize)
    }

    pub(super) fn down(&mut self, key: Key) -> Option<&mut Entry> {
        self.down.get_mut(key.track as usize)?.entries.get_mut(key.number as usize)
    }

    /// The server has a message of a client; it is not processed yet.
    pub(super) fn arrived_up(&mut self, key: Key) {
        let Some(entry) = self.up(key) else { return self.wrong(|| format!("{key:?} was never sent")) };
        entry.arrived += 1;
        let Entry { outcome, .. } = *entry;
        // In a session it may have arrived and been handed back unprocessed, by the session's end.
        if !self.session && outcome.is_some_and(|outcome| denies_arrival(&outcome)) {
            self.wrong(|| format!("message {} of client {} arrives after `{outcome:?}`", key.number, key.track));
        }
    }

    /// The server has processed it, for good.
    pub(super) fn effect_up(&mut self, key: Key) {
        let twice = self.may_double();
        let Some(track) = self.up.get_mut(key.track as usize) else { return };
        let Some(entry) = track.entries.get_mut(key.number as usize) else { return };
        entry.effects += 1;
        let Entry { effects, outcome, life, volatile, .. } = *entry;
        let ordered = self.ordered && !volatile;
        let last = track.last.filter(|(latest, _)| *latest == life).map(|(_, number)| number);
        if !volatile && (effects == 1 || !twice) && track.last.is_none_or(|(latest, _)| latest <= life) {
            track.last = Some((life, key.number));
        }
        let Key { track: client, number } = key;
        if effects > 1 && (volatile || !twice) {
            self.wrong(|| format!("message {number} of client {client} is processed {effects} times"));
        }
        if ordered && effects == 1 && !self.excused && last.is_some_and(|last| last >= number) {
            self.wrong(|| format!("message {number} of client {client} is processed after {last:?}"));
        }
        if outcome.is_some_and(|outcome| denies_processing(&outcome)) {
            self.wrong(|| format!("message {number} of client {client} is processed after `{outcome:?}`"));
        }
    }

    /// The client is told what became of its message.
    pub(super) fn outcome_up(&mut self, key: Key, outcome: Outcome, closed: bool, may_give_up: bool) {
        let session = self.session;
        let promises = session || self.sends_again && !may_give_up;
        let may_be_unknown = !promises || closed || self.excused || self.garbled;
        let Some(entry) = self.up(key) else { return };
        entry.outcome = Some(outcome);
        let entry = *entry;
        // What a session's last connection is given may be written yet, behind the bye.
        let may_be_unwritten = entry.written || self.lied || self.repeats || entry.volatile || session && closed;
        let name = || format!("message {} of client {}", key.number, key.track);
        match outcome {
            Outcome::Received if entry.arrived == 0 => self.wrong(|| format!("{} is `received` and was not", name())),
            Outcome::Acknowledged if entry.effects == 0 && !self.lied => {
                self.wrong(|| format!("{} is `acknowledged` and was not processed", name()));
            }
            Outcome::Unknown(_) if !may_be_unwritten => {
                self.wrong(|| format!("{} is `unknown` and was never written", name()));
            }
            Outcome::Unknown(_) if !may_be_unknown && !entry.volatile => {
                self.wrong(|| format!("{} is `unknown` without a reason", name()));
            }
            _ if !session && denies_arrival(&outcome) && entry.arrived > 0 => {
                self.wrong(|| format!("{} is `{outcome}` and has arrived", name()));
            }
            _ if denies_processing(&outcome) && entry.effects > 0 => {
                self.wrong(|| format!("{} is `{outcome}` and was processed", name()));
            }
            _ => {}
        }
    }

    /// The client has processed a message of the server.
    pub(super) fn effect_down(&mut self, key: Key) {
        let session = self.session;
        let Some(track) = self.down.get_mut(key.track as usize) else { return };
        let last = track.last.replace((0, key.number)).map(|(_, number)| number);
        let Some(entry) = track.entries.get_mut(key.number as usize) else {
            return self.wrong(|| format!("{key:?} was never sent to a client"));
        };
        entry.effects += 1;
        let (effects, outcome) = (entry.effects, entry.outcome);
        let Key { track: peer, number } = key;
        if effects > 1 && !self.repeats {
            self.wrong(|| format!("message {number} to peer {peer} is processed {effects} times"));
        }
        let due = last.map_or(0, |last| last + 1);
        // What has expired is left out.
        let expired = |entry: &Entry| entry.outcome == Some(Outcome::Expired);
        let gap = self.down.get(peer as usize).and_then(|track| track.entries.get(due as usize..number as usize));
        let has_gap = gap.is_some_and(|gap| !gap.iter().all(expired));
        if (session && has_gap || number < due) && effects == 1 && !self.lied && !self.repeats {
            self.wrong(|| format!("message {number} to peer {peer} is processed where {due} was due"));
        }
        if outcome.is_some_and(|outcome| denies_arrival(&outcome)) {
            self.wrong(|| format!("message {number} to peer {peer} is processed after `{outcome:?}`"));
        }
    }

    /// The server is told what became of its message.
    pub(super) fn outcome_down(&mut self, key: Key, outcome: Outcome, over: bool) {
        let Some(entry) = self.down(key) else { return };
        entry.outcome = Some(outcome);
        let entry = *entry;
        let Key { track: peer, number } = key;
        match outcome {
            Outcome::Acknowledged if entry.effects == 0 && !self.lied => {
                self.wrong(|| format!("message {number} to peer {peer} is `acknowledged` and was not processed"));
            }
            Outcome::Unknown(_) if !over => {
                self.wrong(|| format!("message {number} to peer {peer} is `unknown` while the session lives"));
            }
            _ if denies_arrival(&outcome) && entry.effects > 0 => {
                self.wrong(|| format!("message {number} to peer {peer} is `{outcome}` and was processed"));
            }
            _ => {}
        }
    }

    /// Whether a message may be processed twice.
    fn may_double(&self) -> bool {
        self.again && (!self.session || self.excused)
    }
}

/// Whether the outcome says that the message never left.
fn denies_arrival(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Expired
            | Outcome::Dropped(_)
            | Outcome::Cancelled
            | Outcome::Rejected(everwire_core::Rejection::TooLargeForPeer { .. })
    )
}

/// Whether the outcome says that the message was not processed.
fn denies_processing(outcome: &Outcome) -> bool {
    outcome.is_safe_to_resend()
}

/// A payload with this key, `size` more bytes, and what some servers refuse.
pub(super) fn payload(direction: char, key: Key, size: usize, poison: bool) -> String {
    let mut text = String::with_capacity(size + 32);
    text.push_str(&format!("{{\"k\":\"{direction}{}-{}\",\"p\":\"", key.track, key.number));
    text.extend(std::iter::repeat_n('x', size));
    if poison {
        text.push('!');
    }
    text.push_str("\"}");
    text
}

/// The keys in a payload: one, or with batching several.
pub(super) fn keys(direction: u8, payload: &[u8]) -> impl Iterator<Item = Key> {
    let mut rest = payload;
    std::iter::from_fn(move || {
        loop {
            let at = rest.windows(5).position(|window| window == b"\"k\":\"")?;
            rest = &rest[at + 5..];
            if rest.first() == Some(&direction)
                && let Some(key) = key(&rest[1..])
            {
                return Some(key);
            }
        }
    })
}

fn key(bytes: &[u8]) -> Option<Key> {
    let end = bytes.iter().take(24).position(|byte| *byte == b'"')?;
    let (track, number) = std::str::from_utf8(&bytes[..end]).ok()?.split_once('-')?;
    Some(Key { track: track.parse().ok()?, number: number.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_a_message_and_in_a_batch() {
        let (one, two) = (Key { track: 3, number: 14 }, Key { track: 0, number: 7 });
        let text = payload('u', one, 5, false);
        assert_eq!(keys(b'u', text.as_bytes()).collect::<Vec<_>>(), [one]);
        assert_eq!(keys(b'd', text.as_bytes()).count(), 0);
        let batch = format!("[{text},{}]", payload('u', two, 0, true));
        assert_eq!(keys(b'u', batch.as_bytes()).collect::<Vec<_>>(), [one, two]);
    }
}
