//! "Never" is a legal duration everywhere.

use std::time::Duration;

use everwire_core::{Closed, Event, Input, Outcome, State, session::ServerConfig};

use crate::pair::Pair;

#[test]
fn no_setting_that_means_never_is_an_overflow() {
    let never = Duration::MAX;
    let mut server = ServerConfig::default();
    (server.resume_within, server.ack_delay) = (never, never);
    (server.heartbeat.interval, server.heartbeat.timeout) = (Some(never), never);
    server.outbox.max_age = Some(never);
    let mut pair = Pair::with(
        |config| {
            (config.heartbeat.interval, config.heartbeat.timeout) = (Some(never), never);
            (config.open.timeout, config.open.close_timeout) = (never, never);
            config.retry.stable_after = never;
            config.outbox.max_age = Some(never);
            if let Some(session) = &mut config.session {
                session.ack_delay = never;
            }
        },
        server,
    );
    pair.run();
    let up = pair.send("up");
    pair.server_send("down");
    pair.run();
    pair.input(Input::Migrate);
    pair.run();
    pair.cut_last();
    pair.wait(Duration::from_secs(3600));
    assert_eq!(pair.client.state(), &State::Connected);
    assert_eq!((pair.outcome(up), &pair.at_client), (Some(Outcome::Acknowledged), &vec!["down".to_owned()]));
    assert!(!pair.events.iter().any(|event| matches!(event, Event::SessionLost { .. })));
    pair.input(Input::Close { deadline: pair.now + never });
    pair.run();
    assert_eq!(pair.client.state(), &State::Closed(Closed::ByUser));
}
