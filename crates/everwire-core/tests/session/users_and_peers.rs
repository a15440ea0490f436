//! Users who await an outcome before they take the next message, and peers that flood, exceed limits or are alive and nothing
//! else, at any time and over cuts: each message has one outcome, and who awaits it gets on.

use std::{collections::BTreeMap, time::Duration};

use everwire_core::{
    Event, Input, Message, MessageId, Outcome, State,
    session::{ServerConfig, SessionConfig},
};
use proptest::prelude::*;

use crate::pair::{Packet, Pair};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Talk {
    Ping,
    Pong,
    /// An acknowledgement of nothing new.
    Ack,
    Volatile,
    /// More messages than the limits allow.
    Beyond,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send,
    ServerSend,
    /// The user takes a message, unless an outcome is awaited, answers it, and awaits the answer's outcome.
    Take,
    /// One end says things that its machine knows nothing of: `count` of them, or for `Talk::Beyond` one more than the window.
    Talk {
        to_client: bool,
        talk: Talk,
        count: usize,
    },
    /// This many packets arrive.
    Move(usize),
    Cut,
    Wait(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let talk = prop_oneof![
        2 => Just(Talk::Ping),
        2 => Just(Talk::Pong),
        2 => Just(Talk::Ack),
        2 => Just(Talk::Volatile),
        1 => Just(Talk::Beyond),
    ];
    let talk = (any::<bool>(), talk, 1..40_usize);
    prop_oneof![
        4 => Just(Step::Send),
        6 => Just(Step::ServerSend),
        6 => Just(Step::Take),
        2 => talk.prop_map(|(to_client, talk, count)| Step::Talk { to_client, talk, count }),
        6 => (0..6_usize).prop_map(Step::Move),
        1 => Just(Step::Cut),
        2 => (0..3_000_u64).prop_map(Step::Wait),
    ]
}

/// The user of the client.
#[derive(Default)]
struct User {
    taken: u64,
    awaited: Option<MessageId>,
}

impl User {
    /// Takes the next message, if it may and there is one, and answers it if it `answers`. Whether it has taken one.
    fn take(&mut self, pair: &mut Pair, answers: bool) -> bool {
        self.awaited.take_if(|id| pair.outcomes.iter().any(|(number, _)| *number == id.0));
        if self.awaited.is_some() {
            return false;
        }
        // What was taken last is processed when the next is asked for.
        pair.input(Input::Processed(self.taken));
        if self.taken >= pair.at_client.len() as u64 {
            return false;
        }
        self.taken += 1;
        self.awaited = answers.then(|| pair.send("answer"));
        true
    }
}

/// What is said instead of what a machine says.
fn words(talk: Talk, count: usize, highest: u64, window: u32) -> Vec<String> {
    match talk {
        Talk::Ping => vec!["p".to_owned(); count],
        Talk::Pong => vec!["q".to_owned(); count],
        Talk::Ack => vec!["a0".to_owned(); count],
        Talk::Volatile => vec!["v:x".to_owned(); count],
        Talk::Beyond => (highest + 1..=highest + 1 + u64::from(window)).map(|number| format!("m{number}:x")).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_a_peer_says_each_message_has_one_outcome_and_who_awaits_it_gets_on(
        window in 1..6_u32,
        steps in prop::collection::vec(any_step(), 0..80),
    ) {
        let mut server = ServerConfig::default();
        server.limits.messages = window;
        let mut session = SessionConfig::default();
        session.limits.messages = window;
        let mut pair = Pair::with(|config| config.session = Some(session), server);
        (pair.client_processes, pair.answers_pings) = (false, true);
        pair.run();
        let (mut user, mut sent_down, mut lied) = (User::default(), 0, false);
        for step in steps {
            match step {
                Step::Send => drop(pair.send("x")),
                Step::ServerSend if pair.session().borrow().gone().is_some() => {}
                Step::ServerSend => {
                    pair.server_send("x");
                    sent_down += 1;
                }
                Step::Take => drop(user.take(&mut pair, true)),
                Step::Talk { to_client, talk, count } => {
                    let words = words(talk, count, pair.highest[usize::from(to_client)], window);
                    if let Some(wire) = pair.wires.last_mut().filter(|wire| wire.is_live()) {
                        lied |= talk == Talk::Beyond;
                        let queue = if to_client { &mut wire.down } else { &mut wire.up };
                        queue.extend(words.into_iter().map(|word| Packet::Message(Message::text(word))));
                    }
                }
                Step::Move(packets) => {
                    for _ in 0..packets {
                        pair.step();
                    }
                }
                Step::Cut => pair.cut_last(),
                Step::Wait(milliseconds) => pair.wait(Duration::from_millis(milliseconds)),
            }
        }
        // From here on the user answers nothing more, and takes what there is.
        for _ in 0..1_000 {
            pair.wait(Duration::from_secs(1));
            while user.take(&mut pair, false) {}
        }
        prop_assert_eq!(user.awaited, None, "the user gets on");
        prop_assert_eq!(user.taken, pair.at_client.len() as u64, "and gets everything");
        prop_assert_eq!(pair.client.state(), &State::Connected);
        let mut told = BTreeMap::new();
        for (id, outcome) in &pair.outcomes {
            prop_assert_eq!(told.insert(*id, *outcome), None, "{} has two outcomes", id);
            prop_assert!(lied || *outcome == Outcome::Acknowledged, "{} ends as {}", id, outcome);
        }
        let stats = pair.client.stats();
        prop_assert_eq!((stats.queued_messages, stats.unproven_messages, stats.queued_bytes), (0, 0, 0));
        let lost = pair.events.iter().any(|event| matches!(event, Event::SessionLost { .. }));
        prop_assert!(lied || !lost && pair.server_outcomes.len() == sent_down, "a session was lost over nothing");
    }
}
