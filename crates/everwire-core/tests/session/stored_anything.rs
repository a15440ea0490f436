//! Any options, cuts, failures of the store and ends of the client's process: what was told is what became of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use everwire_core::{
    Event, Guarantee, Message, MessageId, Outcome, Priority, SendOptions,
    session::{ServerConfig, ServerInput},
};
use proptest::prelude::*;

use crate::pair::Pair;

#[derive(Clone, Debug)]
enum Step {
    Send {
        ttl: Option<u64>,
        priority: Priority,
        key: Option<&'static str>,
    },
    ServerSend,
    /// The message that lies so far back.
    Cancel(u64),
    Replace(u64),
    /// This many packets arrive.
    Move(usize),
    Cut,
    Wait(u64),
    /// The store has done what it is at.
    Commit,
    /// It can't.
    Refuse,
    /// The client's process ends; the store may have done what it was at, with nobody to hear of it.
    Crash {
        committed: bool,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    let priority = prop_oneof![Just(Priority::High), Just(Priority::Normal), Just(Priority::Low)];
    let key = prop::option::of(prop_oneof![Just("a"), Just("b")]);
    let send = (prop::option::of(0..10_000_u64), priority, key);
    prop_oneof![
        8 => send.prop_map(|(ttl, priority, key)| Step::Send { ttl, priority, key }),
        3 => Just(Step::ServerSend),
        2 => (0..6_u64).prop_map(Step::Cancel),
        2 => (0..6_u64).prop_map(Step::Replace),
        6 => (0..6_usize).prop_map(Step::Move),
        1 => Just(Step::Cut),
        2 => (0..3_000_u64).prop_map(Step::Wait),
        8 => Just(Step::Commit),
        1 => Just(Step::Refuse),
        1 => any::<bool>().prop_map(|committed| Step::Crash { committed }),
    ]
}

/// A message of the client's, over all lives of its process.
#[derive(Debug, Default)]
struct Sent {
    /// What it said, and what it was to say instead.
    texts: Vec<String>,
    priority: Priority,
    keyed: bool,
    /// It was told to be durable.
    stored: bool,
    outcomes: Vec<Outcome>,
}

#[derive(Default)]
struct Book {
    sent: Vec<Sent>,
    /// By the number that the present process knows it by.
    numbers: BTreeMap<u64, usize>,
}

impl Book {
    /// Writes down what was told.
    fn note(&mut self, pair: &mut Pair) {
        for id in std::mem::take(&mut pair.shelf.as_mut().unwrap().told) {
            self.sent[self.numbers[&id]].stored = true;
        }
        for (id, outcome) in std::mem::take(&mut pair.outcomes) {
            self.sent[self.numbers[&id]].outcomes.push(outcome);
        }
    }

    fn check(&self, arrived: &[String]) -> Result<(), TestCaseError> {
        for sent in &self.sent {
            let times = arrived.iter().filter(|text| sent.texts.contains(text)).count();
            prop_assert!(times <= 1, "{:?} arrived {} times", sent, times);
            prop_assert!(!sent.stored || !sent.outcomes.is_empty(), "{:?} was durable and came to no end", sent);
            for outcome in &sent.outcomes {
                let expected = usize::from(*outcome == Outcome::Acknowledged);
                prop_assert!(expected == 1 || outcome.is_safe_to_resend(), "nothing is uncertain: {:?}", sent);
                prop_assert_eq!(times, expected, "{:?}", sent);
            }
        }
        let place = |text: &String| self.sent.iter().position(|sent| sent.texts.contains(text));
        for priority in [Priority::High, Priority::Normal, Priority::Low] {
            let places: Vec<usize> = arrived
                .iter()
                .filter_map(place)
                .filter(|at| !self.sent[*at].keyed && self.sent[*at].priority == priority)
                .collect();
            prop_assert!(places.is_sorted(), "{:?}: {:?}", priority, arrived);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_was_told_is_what_became_of_it(
        window in 1..6_u32,
        at_least_once in any::<bool>(),
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        let mut pair = Pair::durable(|config| {
            config.guarantee = if at_least_once { Guarantee::AtLeastOnce } else { Guarantee::AtMostOnce };
            config.session.as_mut().unwrap().limits.messages = window;
        });
        pair.server_config = ServerConfig::default();
        pair.run();
        pair.shelf.as_mut().unwrap().automatic = false;
        let (mut book, mut from_server) = (Book::default(), Vec::new());
        for (number, step) in steps.into_iter().enumerate() {
            let text = format!("{number}");
            match step {
                Step::Send { ttl, priority, key } => {
                    let mut options = SendOptions::new().priority(priority);
                    if let Some(ttl) = ttl {
                        options = options.ttl(Duration::from_millis(ttl));
                    }
                    if let Some(key) = key {
                        options = options.key(key);
                    }
                    let id = pair.client.send_with(pair.now, Message::text(text.clone()), options).unwrap();
                    book.numbers.insert(id.0, book.sent.len());
                    book.sent.push(Sent { texts: vec![text], priority, keyed: key.is_some(), ..Sent::default() });
                    pair.drain();
                }
                Step::ServerSend => {
                    pair.server_send(&text);
                    from_server.push(text);
                }
                Step::Cancel(back) => {
                    let last = book.numbers.keys().next_back().copied().unwrap_or(0);
                    let _ = pair.client.cancel(pair.now, MessageId(last.saturating_sub(back)));
                    pair.drain();
                }
                Step::Replace(back) => {
                    let last = book.numbers.keys().next_back().copied().unwrap_or(0);
                    let id = last.saturating_sub(back);
                    if pair.client.replace(pair.now, MessageId(id), Message::text(text.clone())).is_ok() {
                        book.sent[book.numbers[&id]].texts.push(text);
                    }
                    pair.drain();
                }
                Step::Move(packets) => {
                    for _ in 0..packets {
                        pair.step();
                    }
                }
                Step::Cut => {
                    if !pair.wires.is_empty() {
                        pair.cut_last();
                    }
                }
                Step::Wait(milliseconds) => pair.wait(Duration::from_millis(milliseconds)),
                Step::Commit => pair.commit(),
                Step::Refuse => pair.refuse(),
                Step::Crash { committed } => {
                    if committed {
                        pair.commit_unheard();
                    }
                    book.note(&mut pair);
                    let kept: BTreeSet<u64> =
                        pair.shelf.as_ref().unwrap().saved.messages.iter().map(|kept| kept.id.0).collect();
                    for at in book.numbers.iter().filter(|(id, _)| !kept.contains(id)).map(|(_, at)| *at) {
                        // It was taken out of the store by a process that could not tell of it any more.
                        book.sent[at].stored = false;
                    }
                    book.numbers.retain(|id, _| kept.contains(id));
                    pair.crash();
                }
            }
            book.note(&mut pair);
        }
        pair.shelf.as_mut().unwrap().automatic = true;
        pair.commit();
        pair.wait(Duration::from_secs(300));
        book.note(&mut pair);
        let lost = pair.events.iter().any(|event| matches!(event, Event::SessionLost { .. }));
        prop_assert!(!lost);
        book.check(&pair.at_server)?;

        // What the server sends may come again after a crash, and nothing is left out.
        pair.server_input(ServerInput::Timer);
        let mut seen = BTreeSet::new();
        let first_times: Vec<&String> = pair.at_client.iter().filter(|text| seen.insert(*text)).collect();
        prop_assert_eq!(first_times, from_server.iter().collect::<Vec<_>>());
        prop_assert!(pair.server_outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Acknowledged));
        prop_assert_eq!(pair.server_outcomes.len(), from_server.len());

        let stats = pair.client.stats();
        prop_assert_eq!((stats.queued_messages, stats.unproven_messages, stats.queued_bytes), (0, 0, 0));
        prop_assert!(pair.shelf.unwrap().saved.messages.is_empty());
    }
}
