//! Every scenario that ever failed, made as small as it would go, and run again.

use std::path::PathBuf;

use everwire_testkit::sim::{Scenario, probe};

#[test]
fn what_the_simulator_found_stays_mended() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sim/kept-scenarios");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let scenario = Scenario::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(!scenario.name.is_empty(), "{path:?} does not say what it is");
        let report = probe::run(&scenario);
        assert_eq!(report.violation, None, "{path:?}: {}", scenario.name);
        count += 1;
    }
    assert!(count >= 10, "the kept scenarios are lost");
}
