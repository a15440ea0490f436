//! Whether a store does what is asked of it.

use std::fmt::Write;
use std::sync::Arc;

use everwire_core::{Message, MessageId, Priority};

use super::{Saved, SavedSession, Store, StoreError, StoreOp, StoredMessage};

/// The number of rounds of steps. The store is opened again, and compared, at the start of each, and behind the last.
const ROUNDS: u64 = 60;
const BATCHES: u64 = 8;

/// Tests an implementation of [`Store`]: performs all kinds of steps, opens the store again and again with `open`, and
/// compares its contents with what [`Saved::apply`] makes of the same steps. The store must be empty at the start. The
/// steps are the same in each run.
///
/// ```
/// use everwire::store::{MemoryStore, check};
///
/// let store = MemoryStore::default();
/// assert_eq!(check(|| Ok(store.clone())), Ok(()));
/// ```
///
/// # Errors
/// The first difference, in words.
pub fn check<S: Store>(mut open: impl FnMut() -> Result<S, StoreError>) -> Result<(), String> {
    let mut model = Saved::default();
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    for round in 0..=ROUNDS {
        let mut store = open().map_err(|error| format!("round {round}: it can't be opened: {error}"))?;
        let saved = store.load().map_err(|error| format!("round {round}: it can't be read: {error}"))?;
        if saved != model {
            return Err(difference(round, &saved, &model));
        }
        if round == ROUNDS {
            break;
        }
        for _ in 0..dice.below(BATCHES) {
            let steps: Vec<StoreOp> = (0..dice.below(12)).map(|_| dice.step(&model)).collect();
            store.commit(&steps).map_err(|error| format!("round {round}: {steps:?} can't be done: {error}"))?;
            steps.into_iter().for_each(|step| model.apply(step));
        }
    }
    Ok(())
}

fn difference(round: u64, saved: &Saved, model: &Saved) -> String {
    let mut words = format!("round {round}: after opening it again ");
    if saved.session != model.session {
        let _ = write!(words, "the session is {:?}, not {:?}; ", saved.session, model.session);
    }
    let ids = |saved: &Saved| saved.messages.iter().map(|kept| kept.id.0).collect::<Vec<_>>();
    if ids(saved) != ids(model) {
        let _ = write!(words, "the messages are {:?}, not {:?}", ids(saved), ids(model));
    } else if let Some((is, ought)) = saved.messages.iter().zip(&model.messages).find(|(is, ought)| is != ought) {
        let _ = write!(words, "a message is {is:?}, not {ought:?}");
    }
    words
}

/// Numbers that look like chance and are the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 0
    }

    fn step(&mut self, model: &Saved) -> StoreOp {
        let last = model.messages.last().map_or(0, |message| message.id.0);
        let (first, more) = (self.below(last + 2), self.below(4));
        let (first, last) = (MessageId(first), MessageId(first + more));
        match self.below(12) {
            0..6 => {
                let id = if self.below(5) == 0 { first.0 } else { last.0 + self.below(3) + 1 };
                StoreOp::Put(self.message(MessageId(id.max(1))))
            }
            6 => StoreOp::Number { first, last, seq: self.below(1 << 40) + 1 },
            7 => StoreOp::Unnumber { may_have_arrived: self.flip() },
            8 | 9 => StoreOp::Remove { first, last },
            10 if self.flip() => StoreOp::Processed(self.below(1 << 50)),
            _ => StoreOp::Session(self.flip().then(|| SavedSession {
                id: format!("{:016x}", self.next()),
                token: format!("{:064x}", self.next()),
                connection: self.below(1 << 50),
                processed: self.below(1 << 50),
                numbered: self.below(1 << 50),
            })),
        }
    }

    fn message(&mut self, id: MessageId) -> StoredMessage {
        let size = [0, 1, 17, 300, 70_000][usize::try_from(self.below(5)).unwrap_or(0)];
        let message = match self.flip() {
            true => Message::text("я\0'\u{1F980}".repeat(size / 8 + 1)),
            false => Message::binary(vec![0xff; size]),
        };
        StoredMessage {
            id,
            place: MessageId(self.below(id.0) + 1),
            seq: self.flip().then(|| self.below(1 << 40) + 1),
            priority: [Priority::High, Priority::Normal, Priority::Low][usize::try_from(self.below(3)).unwrap_or(0)],
            key: self
                .flip()
                .then(|| Arc::from(["", "a", "price/EUR'USD"][usize::try_from(self.below(3)).unwrap_or(0)])),
            expires_at: self.flip().then(|| self.below(1 << 50)),
            may_have_arrived: self.flip(),
            message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::MemoryStore;
    use super::*;

    /// A store with a fault.
    struct Faulty(MemoryStore, fn(&StoreOp) -> bool);

    impl Store for Faulty {
        fn load(&mut self) -> Result<Saved, StoreError> {
            self.0.load()
        }

        fn commit(&mut self, steps: &[StoreOp]) -> Result<(), StoreError> {
            let kept: Vec<StoreOp> = steps.iter().filter(|step| !(self.1)(step)).cloned().collect();
            self.0.commit(&kept)
        }
    }

    #[test]
    fn a_store_that_leaves_out_any_kind_of_step_is_found_out() {
        let faults: [fn(&StoreOp) -> bool; 6] = [
            |step| matches!(step, StoreOp::Put(message) if message.message.is_empty()),
            |step| matches!(step, StoreOp::Number { .. }),
            |step| matches!(step, StoreOp::Unnumber { .. }),
            |step| matches!(step, StoreOp::Remove { .. }),
            |step| matches!(step, StoreOp::Session(None)),
            |step| matches!(step, StoreOp::Processed(_)),
        ];
        for (which, fault) in faults.into_iter().enumerate() {
            let store = MemoryStore::default();
            assert!(check(|| Ok(Faulty(store.clone(), fault))).is_err(), "fault {which}");
        }
    }
}
