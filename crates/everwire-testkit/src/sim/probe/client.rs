use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use everwire_core::{Event, Message, MessageId, Outcome, Priority, SendError, SendOptions};

use super::journal::{Entry, Journal, Key, keys, payload};
use crate::sim::client::{ClientApp, ClientIo, Handled};
use crate::sim::scenario::Scenario;

/// The probe at a client: sends what it is asked to, and compares notes with the server.
#[derive(Debug)]
pub struct ClientProbe {
    journal: Rc<RefCell<Journal>>,
    payload: u64,
    poison_every: u64,
    ttl: u64,
    levels: bool,
    volatile_every: u64,
    /// How many messages are still answered, each with one whose outcome is awaited.
    answers: u32,
    /// The number in the journal of each message of this life.
    numbers: BTreeMap<u64, u32>,
    durable: bool,
    /// Messages that found no room.
    waiting: u32,
    index: u32,
    /// Nothing in the scenario should cost a connection, until the client closes for good.
    gentle: bool,
}

/// So that two ends that answer each other come to an end.
const ANSWERS: u32 = 50;

impl ClientProbe {
    pub(super) fn new(scenario: &Scenario, journal: Rc<RefCell<Journal>>) -> Self {
        Self {
            journal,
            payload: scenario.client.payload,
            poison_every: scenario.client.poison_every,
            ttl: scenario.client.ttl,
            levels: scenario.client.levels,
            volatile_every: scenario.client.volatile_every,
            answers: if scenario.client.awaits { ANSWERS } else { 0 },
            numbers: BTreeMap::new(),
            durable: scenario.client.durable && scenario.session,
            waiting: 0,
            index: 0,
            gentle: scenario.is_gentle(),
        }
    }

    /// Whether it found room.
    fn send(&mut self, io: &mut ClientIo<'_>) -> bool {
        let full = matches!(self.give(io), Err(SendError::Full(_)));
        self.waiting += u32::from(full);
        !full
    }

    fn give(&mut self, io: &mut ClientIo<'_>) -> Result<MessageId, SendError> {
        let number = self.journal.borrow().up[io.index() as usize].entries.len() as u32;
        let key = Key { track: io.index(), number };
        let dice = io.random();
        // Most are small.
        let size =
            if self.payload == 0 { 0 } else { dice % self.payload.min(if dice & 0xf00 == 0 { u64::MAX } else { 64 }) };
        let poison = self.poison_every > 0 && u64::from(number + 1).is_multiple_of(self.poison_every);
        let text = payload('u', key, size as usize, poison);
        let message = if dice & 0xf000 == 0 { Message::binary(text.into_bytes()) } else { Message::text(text) };
        let volatile = self.volatile_every > 0 && u64::from(number).is_multiple_of(self.volatile_every);
        let result = if volatile { io.send_volatile(message) } else { io.send_with(message, self.options(number)) };
        if let Ok(id) = result {
            let entry = Entry { life: io.life(), volatile, ..Entry::default() };
            self.journal.borrow_mut().up[io.index() as usize].entries.push(entry);
            self.numbers.insert(id.0, number);
        }
        result
    }

    /// Answers, and awaits the outcome, or room.
    fn answer(&mut self, io: &mut ClientIo<'_>) {
        match self.give(io) {
            Ok(id) => io.await_outcome(id),
            Err(SendError::Full(_)) => {
                self.waiting += 1;
                io.await_room();
            }
            Err(_) => {}
        }
    }
}

impl ClientProbe {
    fn options(&self, number: u32) -> SendOptions {
        let mut options = SendOptions::new();
        if self.ttl > 0 && number.is_multiple_of(3) {
            options = options.ttl(Duration::from_millis(self.ttl));
        }
        if self.levels {
            options = options.priority([Priority::Normal, Priority::High, Priority::Low][number as usize % 3]);
            if number.is_multiple_of(4) {
                options = options.key("fourth");
            }
        }
        options
    }
}

impl ClientApp for ClientProbe {
    fn started(&mut self, io: &mut ClientIo<'_>) {
        self.index = io.index();
        if !self.durable {
            self.numbers.clear();
        }
        self.waiting = 0;
    }

    fn work(&mut self, io: &mut ClientIo<'_>, count: u32) {
        for sent in 0..count {
            if !self.send(io) {
                self.waiting += count - sent - 1;
                break;
            }
        }
    }

    fn room(&mut self, io: &mut ClientIo<'_>) {
        let waiting = std::mem::take(&mut self.waiting);
        self.work(io, waiting);
    }

    fn handle(&mut self, io: &mut ClientIo<'_>, message: Message) -> Handled {
        let mut journal = self.journal.borrow_mut();
        if keys(b'u', message.payload()).next().is_some() {
            journal.wrong(|| format!("client {} is given a message of its own", io.index()));
        }
        let mut found = false;
        for key in keys(b'd', message.payload()) {
            found = true;
            journal.effect_down(key);
        }
        if !found && !journal.lied {
            journal.wrong(|| format!("a message without a key: {message:?}"));
        }
        drop(journal);
        if self.answers > 0 {
            self.answers -= 1;
            self.answer(io);
        }
        Handled::Done
    }

    fn outcome(&mut self, io: &mut ClientIo<'_>, first: MessageId, last: MessageId, outcome: Outcome) {
        let (closed, may_give_up) = (io.process.closed, io.process.may_give_up());
        let mut journal = self.journal.borrow_mut();
        for id in first.0..=last.0 {
            let Some(number) = self.numbers.get(&id) else { continue };
            let key = Key { track: io.index(), number: *number };
            journal.outcome_up(key, outcome, closed, may_give_up);
        }
    }

    fn stored(&mut self, first: MessageId, last: MessageId) {
        let mut journal = self.journal.borrow_mut();
        for (_, number) in self.numbers.range(first.0..=last.0) {
            if let Some(entry) = journal.up(Key { track: self.index, number: *number }) {
                entry.stored = true;
            }
        }
    }

    fn crashed(&mut self) {
        self.journal.borrow_mut().client_crashed();
    }

    fn event(&mut self, io: &mut ClientIo<'_>, event: &Event) {
        if let (true, Event::Disconnected(end)) = (self.gentle && !io.process.closed, event) {
            let cause = &end.cause;
            self.journal.borrow_mut().wrong(|| format!("a gentle world costs a connection: {cause}"));
        }
    }

    fn written(&mut self, message: &Message) {
        let mut journal = self.journal.borrow_mut();
        for key in keys(b'u', message.payload()) {
            if let Some(entry) = journal.up(key) {
                entry.written = true;
            }
        }
    }

    fn is_done(&self) -> bool {
        self.waiting == 0
    }

    fn check(&mut self) -> Result<(), String> {
        self.journal.borrow_mut().take_wrong()
    }
}
