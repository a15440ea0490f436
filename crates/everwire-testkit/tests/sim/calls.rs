//! Calls and streams keep their promises, and each broken rule is found.

use everwire_testkit::sim::calls::{Mutant, run, sweep};

#[test]
fn the_same_seed_takes_the_same_course() {
    for seed in 0..20 {
        let (one, two) = (run(seed, None, true), run(seed, None, true));
        assert!(!one.trace.is_empty());
        assert_eq!(one, two, "seed {seed}");
    }
}

#[test]
fn fresh_scenarios_of_calls_keep_every_promise() {
    let sweep = sweep(0..1_500, None, 2);
    assert_eq!(sweep.failure, None);
    let counts = sweep.counts;
    assert!(counts.well > 5_000 && counts.items > 5_000, "{counts}");
    assert!(counts.lost > 100 && counts.resumed > 100, "{counts}");
    assert!(counts.sessions_lost > 200 && counts.crashes > 200, "{counts}");
    assert!(counts.breaches > 50 && counts.server_crashes > 50 && counts.plain_peers > 50, "{counts}");
}

#[test]
fn every_broken_rule_of_calls_is_found() {
    let missed: Vec<_> =
        Mutant::ALL.iter().filter(|mutant| sweep(0..3_000, Some(**mutant), 2).failure.is_none()).collect();
    assert!(missed.is_empty(), "{missed:?}");
}
