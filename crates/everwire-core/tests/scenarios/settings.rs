use std::time::Duration;

use everwire_core::{AdviceOverride, Batching, CauseMatch, Config, Machine};

use crate::support::{SEED, config, seconds};

fn problem(set: impl FnOnce(&mut Config)) -> String {
    Machine::new(config(set), SEED).unwrap_err().to_string()
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let config = Config::default();
    assert!(config.check().is_ok());
    assert_eq!(config.retry.initial_delay, seconds(1.0));
    assert_eq!(config.retry.factor, 1.3);
    assert_eq!(config.retry.max_delay, seconds(10.0));
    assert_eq!(config.heartbeat.interval, Some(seconds(25.0)));
    assert_eq!(config.heartbeat.timeout, seconds(10.0));
    assert_eq!(config.open.timeout, seconds(10.0));
    assert_eq!(Batching::default().window, seconds(0.1));
}

#[test]
fn senseless_settings_are_named() {
    let zero = Duration::ZERO;
    let cases = [
        (problem(|config| config.retry.initial_delay = zero), "retry.initial_delay is zero"),
        (problem(|config| config.retry.max_delay = zero), "retry.max_delay is zero"),
        (problem(|config| config.retry.max_delay = seconds(0.5)), "retry.max_delay is 0.5 s: it must not be below"),
        (problem(|config| config.retry.factor = f64::NAN), "retry.factor is out of range"),
        (problem(|config| config.retry.factor = f64::INFINITY), "retry.factor is out of range"),
        (problem(|config| config.retry.factor = 0.99), "retry.factor is out of range"),
        (problem(|config| config.retry.factor = -2.0), "retry.factor is out of range"),
        (problem(|config| config.retry.max_attempts = Some(0)), "retry.max_attempts is zero"),
        (problem(|config| config.retry.max_elapsed = Some(zero)), "retry.max_elapsed is zero"),
        (problem(|config| config.retry.stable_after = zero), "retry.stable_after is zero"),
        (problem(|config| config.heartbeat.interval = Some(zero)), "heartbeat.interval is zero"),
        (problem(|config| config.heartbeat.timeout = zero), "heartbeat.timeout is zero"),
        (problem(|config| config.open.timeout = zero), "open.timeout is zero"),
        (problem(|config| config.open.probe_timeout = zero), "open.probe_timeout is zero"),
        (problem(|config| config.open.close_timeout = zero), "open.close_timeout is zero"),
        (problem(|config| config.outbox.max_messages = 0), "outbox.max_messages is zero"),
        (problem(|config| config.outbox.max_bytes = 0), "outbox.max_bytes is zero"),
        (problem(|config| config.outbox.max_age = Some(zero)), "outbox.max_age is zero"),
        (problem(|config| config.batching = Some(batching(zero, 1))), "batching.window is zero"),
        (problem(|config| config.batching = Some(batching(seconds(1.0), 0))), "batching.max_bytes is zero"),
    ];
    for (problem, expected) in cases {
        assert!(problem.starts_with(expected), "{problem}");
        assert_eq!(problem.lines().count(), 1);
    }
}

#[test]
fn senseless_overrides_are_named() {
    let overridden = |overrides: Vec<_>| problem(|config| config.retry.overrides = overrides);
    let code = CauseMatch::CloseCode(4000);
    let both = overridden(vec![(code, AdviceOverride::Retry), (code, AdviceOverride::Stop)]);
    assert!(both.starts_with("retry.overrides is contradictory"), "{both}");
    let status = overridden(vec![(CauseMatch::Status(1000), AdviceOverride::Retry)]);
    assert!(status.starts_with("retry.overrides is about HTTP status 1000"), "{status}");
    let code = overridden(vec![(CauseMatch::CloseCode(404), AdviceOverride::Retry)]);
    assert!(code.starts_with("retry.overrides is about close code 404"), "{code}");
}

fn batching(window: Duration, max_bytes: usize) -> Batching {
    let mut batching = Batching::default();
    (batching.window, batching.max_bytes) = (window, max_bytes);
    batching
}
