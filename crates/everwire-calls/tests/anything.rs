//! Nothing that a peer sends makes an endpoint panic, grow beyond its limits, or tell of a call twice.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is how a test fails")]

use std::collections::BTreeSet;
use std::time::Duration;

use everwire_calls::{Config, Endpoint, Frame, Kind, Message, Output, Request, Role};
use everwire_core::Moment;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Hear(String),
    Open(bool, Option<String>, Option<u64>),
    Cancel(u64),
    Processed(u64, u64),
    Forget(u64),
    Reply(u64, bool),
    Item(u64),
    End(u64),
    Wait(u64),
    Hello,
}

fn wire() -> impl Strategy<Value = String> {
    // Ids near to each other, relative to the first of the endpoint (`#`) or not.
    let id = prop_oneof!["[1-9]", "#[0-9]", Just("9007199254740991".to_owned())];
    let key = prop_oneof![Just(String::new()), "k[0-3]".prop_map(|key| format!(" key={key}"))];
    let number = 0_u64..6;
    prop_oneof![
        (id.clone(), key).prop_map(|(id, key)| format!("@c{id} sum deadline=5{key}\nx")),
        (id.clone(), "[1-3]").prop_map(|(id, window)| format!("@s{id} tokens window={window}\nx")),
        id.clone().prop_map(|id| format!("@r{id}\nreply")),
        id.clone().prop_map(|id| format!("@e{id}{{\"code\":\"c\"}}")),
        id.clone().prop_map(|id| format!("@x{id}")),
        id.clone().prop_map(|id| format!("@f{id}")),
        (id.clone(), number.clone()).prop_map(|(id, number)| format!("@i{id} {number}\nitem")),
        (id.clone(), number.clone()).prop_map(|(id, number)| format!("@j{id} {number} 1 0 2\nabc")),
        (id.clone(), number.clone()).prop_map(|(id, number)| format!("@k{id} {number}")),
        (id, number).prop_map(|(id, number)| format!("@d{id} {number}")),
        ("[ab]", 0_u64..4).prop_map(|(instance, number)| {
            format!(r#"@h{{"instance":"{instance}","number":{number},"first":1,"last":3,"max_running":9}}"#)
        }),
        ("[ab]", 0_u64..4).prop_map(|(instance, number)| format!(
            r#"@a{{"instance":"{instance}","to":"63033b0ca389c35a","number":{number},"max_running":9,"keyed":[{{"id":5,"kind":"stream","name":"n","key":"k9","window":2}}]}}"#
        )),
        "@[a-z]?.{0,12}",
        ".{0,8}",
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0_u64..10;
    prop_oneof![
        6 => wire().prop_map(Step::Hear),
        2 => (any::<bool>(), proptest::option::of("k[0-3]"), proptest::option::of(0_u64..20))
            .prop_map(|(stream, key, deadline)| Step::Open(stream, key, deadline)),
        1 => id.clone().prop_map(Step::Cancel),
        1 => (id.clone(), 0_u64..6).prop_map(|(id, number)| Step::Processed(id, number)),
        1 => id.clone().prop_map(Step::Forget),
        1 => (id.clone(), any::<bool>()).prop_map(|(id, well)| Step::Reply(id, well)),
        2 => id.clone().prop_map(Step::Item),
        1 => id.prop_map(Step::End),
        1 => (0_u64..12).prop_map(Step::Wait),
        1 => Just(Step::Hello),
    ]
}

const MAX: usize = 4;

fn small() -> Config {
    let mut config = Config::default();
    (config.max_open, config.max_running, config.max_keyed) = (MAX, MAX, 2);
    (config.max_kept_bytes, config.window_bytes, config.window) = (20, 12, 2);
    config
}

proptest! {
    #[test]
    fn whatever_a_peer_sends_an_endpoint_stays_within_its_limits(role in any::<bool>(), steps in prop::collection::vec(step(), 0..60)) {
        let role = if role { Role::Client } else { Role::Server };
        let mut endpoint = Endpoint::new(small(), role, 5);
        let (mut now, mut first) = (Moment::ZERO, None);
        let (mut open, mut running, mut streams) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for step in steps {
            let own = |id: u64| first.map_or(id, |first: u64| first + id);
            match step {
                Step::Hear(wire) => {
                    let base = first.map_or_else(|| "7".to_owned(), |first| first.to_string());
                    let digit = wire.split_once('#').and_then(|(_, rest)| rest.chars().next()?.to_digit(10));
                    let wire = match digit {
                        Some(digit) => {
                            let id = base.parse::<u64>().unwrap() + u64::from(digit);
                            wire.replace(&format!("#{digit}"), &id.to_string())
                        }
                        None => wire,
                    };
                    endpoint.receive(now, Message::text(wire));
                }
                Step::Open(stream, key, deadline) => {
                    let mut request = if stream { Request::stream("s", "") } else { Request::call("c", "") };
                    (request.key, request.deadline) = (key, deadline.map(Duration::from_millis));
                    if let Ok((id, _)) = endpoint.open(now, &request) {
                        first.get_or_insert(id);
                        prop_assert!(open.insert(id));
                    }
                }
                Step::Cancel(id) => {
                    endpoint.cancel(own(id), true);
                    open.remove(&own(id));
                }
                Step::Processed(id, number) => endpoint.processed(own(id), number),
                Step::Forget(id) => endpoint.forget(own(id)),
                Step::Reply(id, well) => {
                    let failure = everwire_calls::Failure::new("c", "");
                    let result = if well { Ok("reply".into()) } else { Err(failure) };
                    endpoint.reply(id, result.as_ref());
                    running.remove(&id);
                }
                Step::Item(id) => {
                    let may = endpoint.may_send(id);
                    prop_assert_eq!(endpoint.item(id, "item".into()).is_ok(), may);
                }
                Step::End(id) => {
                    endpoint.end(id, Ok(()));
                    // The handler of a call has no stream to end.
                    if streams.contains(&id) {
                        running.remove(&id);
                    }
                }
                Step::Wait(pause) => {
                    now = now + Duration::from_millis(pause);
                    endpoint.handle_timeout(now);
                    prop_assert!(endpoint.deadline().is_none_or(|at| at > now));
                }
                Step::Hello => endpoint.hello(),
            }
            while let Some(output) = endpoint.poll_output() {
                match output {
                    Output::Send(message)
                    | Output::SendHello(_, message)
                    | Output::SendAnswer(message)
                    | Output::SendRefusal(message)
                    | Output::SendCancel(_, message) => {
                        let written = Frame::parse(message);
                        prop_assert!(written.is_ok() && !matches!(written, Ok(Frame::Plain(_))));
                    }
                    Output::Replied { id, .. } | Output::Ended { id, .. } => prop_assert!(open.remove(&id), "{} ended twice", id),
                    Output::Item { id, .. } => prop_assert!(open.contains(&id), "an item of {}, which is over", id),
                    Output::Start(call) => {
                        prop_assert!(running.insert(call.id), "{} runs twice", call.id);
                        match call.kind {
                            Kind::Call => streams.remove(&call.id),
                            Kind::Stream => streams.insert(call.id),
                        };
                    }
                    Output::Drop(id, _) => prop_assert!(running.remove(&id), "{} does not run", id),
                    Output::Resumed(resumed) => open.extend(resumed.into_iter().map(|resumed| resumed.id)),
                    Output::MaySend(_) | Output::Plain(_) | Output::Breach { .. } => {}
                }
            }
            prop_assert!(endpoint.open_calls() <= MAX + 2 && endpoint.running_calls() <= MAX);
            prop_assert_eq!(endpoint.open_calls(), open.len());
        }
    }
}
