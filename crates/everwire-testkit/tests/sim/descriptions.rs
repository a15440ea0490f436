//! Scenarios as text.

use everwire_testkit::sim::{Kind, Mutant, Scenario};

#[test]
fn a_scenario_survives_being_written_and_read() {
    for seed in 0..300 {
        let scenario = Scenario::random(seed, Kind::All);
        let read = Scenario::parse(&scenario.to_text()).unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
        assert_eq!(read, scenario, "seed {seed}");
    }
}

#[test]
fn what_is_no_scenario_says_why() {
    let error = Scenario::parse("sed = 7").unwrap_err();
    assert!(error.to_string().contains("sed"), "{error}");
    let error = Scenario::parse("network = 'fault = 3'").unwrap_err();
    assert!(std::error::Error::source(&error).is_some(), "{error}");
}

#[test]
fn every_mutant_has_a_name_that_is_read_back() {
    for mutant in Mutant::ALL {
        assert_eq!(mutant.to_string().parse::<Mutant>(), Ok(*mutant));
    }
    assert!("no-such-rule".parse::<Mutant>().is_err());
}
