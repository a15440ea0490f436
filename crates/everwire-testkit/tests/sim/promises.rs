//! That the simulator is what it says: repeatable, quick to find a broken rule, and able to make a failure small.

use everwire_testkit::sim::{Kind, Mutant, Scenario, probe, shrink, sweep};

#[test]
fn the_same_scenario_takes_the_same_course() {
    for seed in 0..40 {
        let scenario = Scenario::random(seed, Kind::All);
        let (one, two) = (probe::run_traced(&scenario), probe::run_traced(&scenario));
        assert_eq!(one.trace, two.trace, "seed {seed}");
        assert!(!one.trace.is_empty());
    }
}

#[test]
fn a_few_hundred_fresh_scenarios_keep_every_promise() {
    let sweep = sweep(0..400, Kind::All, None, 2);
    assert_eq!(sweep.failure, None);
    assert_eq!(sweep.counts.scenarios, 400);
    assert!(sweep.counts.resumes > 50, "{}", sweep.counts);
    assert!(sweep.counts.client_crashes > 10 && sweep.counts.server_crashes > 10, "{}", sweep.counts);
}

#[test]
fn a_broken_rule_is_found_and_the_scenario_that_shows_it_is_made_small() {
    for mutant in [Mutant::AckOnReceipt, Mutant::DuplicateDelivered, Mutant::TokenKept, Mutant::NeverResumes] {
        let failure = sweep(0..2_000, Kind::Session, Some(mutant), 2).failure.unwrap();
        let small = shrink(&failure.scenario);
        assert!(probe::run(&small).violation.is_some(), "{mutant}");
        assert!(small.steps.len() <= failure.scenario.steps.len());
        // Without the mutant the same world is well.
        let mut well = small.clone();
        well.mutant = None;
        assert_eq!(probe::run(&well).violation, None, "{mutant}");
    }
}
