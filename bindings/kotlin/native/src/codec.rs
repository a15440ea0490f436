//! What crosses the border, as bytes; `Codec.kt` reads and writes the same.
//!
//! Numbers are 8 bytes, big end first; a flag is a byte; texts, bytes and lists have their length before them; what may be missing
//! has a flag before it. An answer begins with a byte: 0, or which [`Error`], whose words follow.

use everwire_bind::{
    AttemptAnswer, Batch, Error, Event, EventBatch, Header, IdRange, Outcome, OutcomeBatch, Payload, Phase, Priority,
    Recovered, SendOptions, Sent, Settings, State, Stats, Step, StepKind, Undelivered, Value,
};

/// An answer in which nothing went wrong.
pub(crate) fn success(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut out = Writer(vec![0]);
    write(&mut out);
    out.0
}

/// An answer in which something did. `NativeException` in `Native.kt` has the same numbers.
pub(crate) fn failure(error: &Error) -> Vec<u8> {
    let kind = match error {
        Error::Setting { .. } => 1,
        Error::Full => 2,
        Error::TooLarge { .. } => 3,
        Error::Closed { .. } => 4,
        Error::NoSuchMessage => 6,
        _ => 5,
    };
    let mut out = Writer(vec![kind]);
    out.text(&error.to_string());
    out.0
}

/// A text that Java has written.
pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Settings by their names.
pub(crate) fn settings(given: &mut Reader<'_>) -> Result<Settings, Error> {
    let mut settings = Settings::default();
    for _ in 0..given.number() {
        let name = given.text();
        settings.set(&name, given.value())?;
    }
    Ok(settings)
}

pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn number(&mut self, number: i64) {
        self.0.extend(number.to_be_bytes());
    }

    fn count(&mut self, number: u64) {
        self.number(i64::try_from(number).unwrap_or(i64::MAX));
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.0.push(u8::from(flag));
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn list<T>(&mut self, values: &[T], write: impl Fn(&mut Self, &T)) {
        self.count(values.len() as u64);
        values.iter().for_each(|value| write(self, value));
    }

    pub(crate) fn payload(&mut self, payload: &Payload) {
        match payload {
            Payload::Text(text) => {
                self.flag(true);
                self.text(text);
            }
            Payload::Binary(bytes) => {
                self.flag(false);
                self.bytes(bytes);
            }
        }
    }

    pub(crate) fn batch(&mut self, batch: &Batch) {
        self.count(batch.position);
        self.list(&batch.messages, Self::payload);
    }

    pub(crate) fn outcome(&mut self, outcome: &Outcome) {
        self.0.push(outcome.kind as u8);
        self.flag(outcome.delivered);
        self.flag(outcome.safe_to_resend);
        self.text(&outcome.text);
    }

    pub(crate) fn outcomes(&mut self, batch: &OutcomeBatch) {
        self.count(batch.position);
        self.list(&batch.ranges, |out, range| {
            out.count(range.first);
            out.count(range.last);
            out.outcome(&range.outcome);
        });
    }

    pub(crate) fn events(&mut self, batch: &EventBatch) {
        self.count(batch.position);
        self.list(&batch.events, Self::event);
    }

    fn event(&mut self, event: &Event) {
        let Event { kind, text, amount: _, code, state } = event;
        self.text(kind.name());
        self.text(text);
        self.maybe(*code, |out, code| out.number(i64::from(code)));
        self.maybe(state.as_ref(), Self::state);
    }

    pub(crate) fn state(&mut self, state: &State) {
        self.0.push(match state.phase {
            Phase::Closed => 0,
            Phase::Connecting => 1,
            Phase::Connected => 2,
            Phase::Disconnected => 3,
            Phase::Closing => 4,
        });
        self.text(&state.reason);
        self.maybe(state.code, |out, code| out.number(i64::from(code)));
        self.flag(state.ended);
        self.flag(state.failed);
    }

    pub(crate) fn step(&mut self, step: &Step) {
        self.count(step.id);
        self.flag(step.kind == StepKind::Opening);
        self.number(i64::from(step.attempt));
        self.maybe(step.url.as_deref(), Self::text);
        self.maybe(step.subprotocol.as_deref(), Self::text);
        self.maybe(step.last_cause.as_deref(), Self::text);
        self.maybe(step.last_code, |out, code| out.number(i64::from(code)));
    }

    pub(crate) fn undelivered(&mut self, undelivered: &Undelivered) {
        self.list(&undelivered.unsent, Self::payload);
        self.list(&undelivered.unacknowledged, Self::payload);
    }

    pub(crate) fn sent(&mut self, sent: &Sent) {
        self.list(&sent.ids, |out, IdRange { first, last }| {
            out.count(*first);
            out.count(*last);
        });
    }

    pub(crate) fn recovered(&mut self, recovered: &[Recovered]) {
        self.list(recovered, |out, Recovered { id, payload }| {
            out.count(*id);
            out.payload(payload);
        });
    }

    /// In the order of `Stats` in `Options.kt`.
    pub(crate) fn stats(&mut self, stats: &Stats) {
        for number in [
            stats.attempts,
            stats.connections,
            stats.queued_messages,
            stats.queued_bytes,
            stats.unproven_messages,
            stats.messages_sent,
            stats.messages_received,
        ] {
            self.count(number);
        }
        self.maybe(stats.round_trip_us, Self::count);
    }
}

/// What is missing at the end reads as nothing: Kotlin's side is ours.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(crate) fn number(&mut self) -> i64 {
        self.take(8).try_into().map_or(0, i64::from_be_bytes)
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.take(1) == [1]
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = usize::try_from(self.number()).unwrap_or(0);
        self.take(length).to_vec()
    }

    pub(crate) fn text(&mut self) -> String {
        text(self.bytes())
    }

    fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flag().then(|| read(self))
    }

    fn list<T>(&mut self, read: impl Fn(&mut Self) -> T) -> Vec<T> {
        let count = self.number();
        // Each has at least one byte.
        (0..count).map_while(|_| (!self.0.is_empty()).then(|| read(self))).collect()
    }

    pub(crate) fn payload(&mut self) -> Payload {
        if self.flag() { Payload::Text(self.text()) } else { Payload::Binary(self.bytes()) }
    }

    pub(crate) fn payloads(&mut self) -> Vec<Payload> {
        self.list(Self::payload)
    }

    pub(crate) fn options(&mut self) -> SendOptions {
        SendOptions {
            ttl_ms: self.maybe(|given| given.number() as u64),
            priority: self.maybe(Self::text).and_then(|name| Priority::from_name(&name)),
            key: self.maybe(Self::text),
        }
    }

    pub(crate) fn attempt_answer(&mut self) -> AttemptAnswer {
        AttemptAnswer {
            url: self.maybe(Self::text),
            headers: self.list(|given| Header { name: given.text(), value: given.text() }),
            subprotocols: self.maybe(|given| given.list(Self::text)),
        }
    }

    /// The tags are those of `Writer.value` in `Codec.kt`.
    fn value(&mut self) -> Value {
        match self.take(1) {
            [1] => Value::Flag(self.flag()),
            [2] => Value::Number(f64::from_bits(self.number() as u64)),
            [3] => Value::Text(self.text()),
            [4] => Value::Bytes(self.bytes()),
            [5] => Value::List(self.list(Self::value)),
            [6] => Value::Pairs(self.list(|given| (given.text(), given.text()))),
            _ => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use everwire_bind::Payload;

    use super::{Reader, success};

    #[test]
    fn what_is_written_is_read_and_what_is_cut_off_reads_as_nothing() {
        let payloads = [Payload::Text("ü".to_owned()), Payload::Binary(vec![0, 255])];
        let bytes = success(|out| {
            out.list(&payloads, super::Writer::payload);
            out.maybe(Some("key"), super::Writer::text);
            out.number(-1);
        });
        let mut given = Reader::new(&bytes[1..]);
        assert_eq!(
            (given.payloads(), given.maybe(Reader::text), given.number()),
            (payloads.to_vec(), Some("key".to_owned()), -1)
        );
        assert_eq!(
            (given.number(), given.text(), given.payloads(), given.flag()),
            (0, String::new(), Vec::new(), false)
        );
        for length in 1..bytes.len() {
            let mut given = Reader::new(&bytes[1..length]);
            drop((given.payloads(), given.options(), given.attempt_answer()));
        }
    }
}
