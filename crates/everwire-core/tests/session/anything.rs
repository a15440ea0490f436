//! Any options, cuts and pauses, over both ends: what is told of a message is what became of it.

use std::{collections::BTreeMap, time::Duration};

use everwire_core::{
    Event, Guarantee, Message, MessageId, Outcome, Priority, SendOptions,
    session::{ServerConfig, ServerInput},
};
use proptest::prelude::*;

use crate::pair::Pair;

#[derive(Clone, Debug)]
enum Step {
    Send(Special),
    ServerSend(Special),
    /// The message that lies so far back.
    Cancel(u64),
    Replace(u64),
    /// This many packets arrive.
    Move(usize),
    Cut,
    Wait(u64),
}

#[derive(Clone, Copy, Debug)]
struct Special {
    ttl: Option<u64>,
    priority: Priority,
    key: Option<&'static str>,
}

impl Special {
    fn options(self) -> SendOptions {
        let mut options = SendOptions::new().priority(self.priority);
        if let Some(ttl) = self.ttl {
            options = options.ttl(Duration::from_millis(ttl));
        }
        if let Some(key) = self.key {
            options = options.key(key);
        }
        options
    }
}

fn any_special() -> impl Strategy<Value = Special> {
    let priority = prop_oneof![Just(Priority::High), Just(Priority::Normal), Just(Priority::Low)];
    let key = prop::option::of(prop_oneof![Just("a"), Just("b")]);
    (prop::option::of(0..10_000_u64), priority, key).prop_map(|(ttl, priority, key)| Special { ttl, priority, key })
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any_special().prop_map(Step::Send),
        4 => any_special().prop_map(Step::ServerSend),
        2 => (0..6_u64).prop_map(Step::Cancel),
        2 => (0..6_u64).prop_map(Step::Replace),
        6 => (0..6_usize).prop_map(Step::Move),
        1 => Just(Step::Cut),
        2 => (0..5_000_u64).prop_map(Step::Wait),
    ]
}

/// What one end has sent.
#[derive(Default)]
struct Sent(BTreeMap<u64, (String, Special)>);

impl Sent {
    /// Compares what was told of each message with what the other end's application was given.
    fn check(&self, outcomes: &[(u64, Outcome)], arrived: &[String]) -> Result<(), TestCaseError> {
        let mut words = BTreeMap::new();
        for (id, outcome) in outcomes {
            prop_assert_eq!(words.insert(*id, *outcome), None, "{} has two outcomes", id);
        }
        prop_assert!(words.keys().eq(self.0.keys()), "each has an outcome: {:?}", words);
        for (id, (text, _)) in &self.0 {
            let times = arrived.iter().filter(|other| *other == text).count();
            let expected = usize::from(words[id] == Outcome::Acknowledged);
            prop_assert_eq!(times, expected, "{}, which is {}, arrived {} times", text, words[id], times);
            let safe = words[id].is_safe_to_resend();
            prop_assert!(safe || expected == 1, "no session was lost, so nothing is uncertain: {}", words[id]);
        }
        let ids: BTreeMap<&str, u64> = self.0.iter().map(|(id, (text, _))| (text.as_str(), *id)).collect();
        for priority in [Priority::High, Priority::Normal, Priority::Low] {
            let of_level = arrived.iter().filter_map(|text| ids.get(text.as_str()));
            let unkeyed = of_level.filter(|id| self.0[id].1.key.is_none() && self.0[id].1.priority == priority);
            prop_assert!(unkeyed.is_sorted(), "{:?}: {:?}", priority, arrived);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_told_of_a_message_is_what_became_of_it(
        window in 1..6_u32,
        at_least_once in any::<bool>(),
        steps in prop::collection::vec(any_step(), 0..100),
    ) {
        let mut config = ServerConfig::default();
        config.limits.messages = window;
        let mut pair = Pair::with(
            |config| {
                config.guarantee = if at_least_once { Guarantee::AtLeastOnce } else { Guarantee::AtMostOnce };
                config.session.as_mut().unwrap().limits.messages = window;
            },
            config,
        );
        pair.run();
        let (mut from_client, mut from_server) = (Sent::default(), Sent::default());
        for (number, step) in steps.into_iter().enumerate() {
            let text = format!("{number}");
            match step {
                Step::Send(special) => {
                    let sent = pair.client.send_with(pair.now, Message::text(text.clone()), special.options());
                    from_client.0.insert(sent.unwrap().0, (text, special));
                    pair.drain();
                }
                Step::ServerSend(special) => {
                    let session = pair.session();
                    let message = Message::text(text.clone());
                    let sent = session.borrow_mut().send_with(pair.now, message, special.options());
                    from_server.0.insert(sent.unwrap().0, (text, special));
                    pair.server_input(ServerInput::Timer);
                }
                Step::Cancel(back) => {
                    let id = (from_client.0.len() as u64).saturating_sub(back);
                    let _ = pair.client.cancel(pair.now, MessageId(id));
                    pair.drain();
                }
                Step::Replace(back) => {
                    let id = (from_client.0.len() as u64).saturating_sub(back);
                    if pair.client.replace(pair.now, MessageId(id), Message::text(text.clone())).is_ok() {
                        from_client.0.get_mut(&id).unwrap().0 = text;
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
        pair.wait(Duration::from_secs(300));
        let lost = pair.events.iter().any(|event| matches!(event, Event::SessionLost { .. }));
        prop_assert!(!lost);
        from_client.check(&pair.outcomes, &pair.at_server)?;
        from_server.check(&pair.server_outcomes, &pair.at_client)?;
        let stats = pair.client.stats();
        prop_assert_eq!((stats.queued_messages, stats.unproven_messages, stats.queued_bytes), (0, 0, 0));
    }
}
