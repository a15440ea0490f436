use std::time::Duration;

use everwire_core::{
    Config, Jitter, RetryConfig,
    retry::{Backoff, Decision, Retry},
};
use proptest::prelude::*;

fn any_retry() -> impl Strategy<Value = RetryConfig> {
    let jitter = prop_oneof![Just(Jitter::Full), Just(Jitter::Equal), Just(Jitter::None)];
    let duration = || prop_oneof![1..1000_u64, 1..u64::MAX].prop_map(Duration::from_nanos);
    let factor = prop_oneof![Just(1.0), 1.0..4.0, 1.0..1e300, Just(f64::MAX)];
    (duration(), duration(), factor, jitter, any::<bool>()).prop_map(|(one, other, factor, jitter, endless)| {
        let mut retry = RetryConfig::default();
        retry.initial_delay = one.min(other);
        retry.max_delay = if endless { Duration::MAX } else { one.max(other) };
        retry.factor = factor;
        retry.jitter = jitter;
        retry
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn t7_ten_thousand_delays_of_any_configuration_stay_within_their_bounds(retry in any_retry(), seed: [u8; 32]) {
        let mut config = Config::default();
        config.retry = retry.clone();
        prop_assert_eq!(config.check(), Ok(()));
        let mut backoff = Backoff::new(&retry, seed);
        let mut before = Duration::ZERO;
        for attempt in 0..10_000 {
            let delay = backoff.advance();
            prop_assert!(delay >= before, "attempt {}: {:?} after {:?}", attempt, delay, before);
            prop_assert!(delay >= retry.initial_delay && delay <= retry.max_delay);
            let spread = backoff.spread(delay);
            prop_assert!(spread <= delay, "attempt {}: {:?} of {:?}", attempt, spread, delay);
            // The draw has 64 bits: beyond 584 years it is not uniform any more, but still within its bounds.
            prop_assert!(spread >= retry.initial_delay / 10, "attempt {}: a storm: {:?}", attempt, spread);
            before = delay;
        }
    }

    #[test]
    fn t7_ten_thousand_failures_never_end_a_client_without_limits(retry in any_retry(), seed: [u8; 32]) {
        let mut retry = Retry::new(retry, seed);
        let cause = everwire_core::Cause::Lost(everwire_core::Loss::Ended);
        let mut now = everwire_core::Moment::ZERO;
        for _ in 0..10_000 {
            retry.started(now);
            let decision = retry.failed(now, &cause, false);
            let Decision::Wait { delay, .. } = decision else { return Err(TestCaseError::fail(format!("{decision:?}"))) };
            now = now + delay;
        }
    }
}
