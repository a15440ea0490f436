//! Reads the suite's reports, and judges which cases have passed.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::shell::{self, Failed};

/// Cases that the suite itself calls informational, whatever a testee does.
const INFORMATIONAL: &[&str] = &["7.1.6", "7.13.1", "7.13.2"];

/// The number of the suite's cases.
const CASES: usize = 517;

/// The suite's verdict on one case.
#[derive(Clone, Debug)]
pub(super) struct Case {
    id: String,
    behaviour: String,
    closing: String,
}

impl Case {
    fn is_passed(&self) -> bool {
        let informational = INFORMATIONAL.contains(&self.id.as_str());
        [&self.behaviour, &self.closing].iter().all(|word| *word == "OK" || informational && *word == "INFORMATIONAL")
    }
}

/// The cases of a report.
pub(super) fn read(folder: &Path) -> Result<Vec<Case>, Failed> {
    parse(&shell::read(&folder.join("index.json"))?).map_err(|why| Failed(format!("{}: {why}", folder.display())))
}

fn parse(index: &str) -> Result<Vec<Case>, String> {
    let index: Value = serde_json::from_str(index).map_err(|error| error.to_string())?;
    let agent = index.as_object().and_then(|agents| agents.values().next()).and_then(Value::as_object);
    let cases = agent.ok_or("the report names no testee")?;
    let word = |verdict: &Value, key| verdict[key].as_str().unwrap_or("missing").to_owned();
    let case = |(id, verdict): (&String, &Value)| Case {
        id: id.clone(),
        behaviour: word(verdict, "behavior"),
        closing: word(verdict, "behaviorClose"),
    };
    Ok(cases.iter().map(case).collect())
}

/// Prints the number of each verdict for `role`, and returns what is wrong; `None` if every case was run and has passed.
pub(super) fn judge(role: &str, cases: impl IntoIterator<Item = Case>) -> Option<String> {
    let cases: BTreeMap<String, Case> = cases.into_iter().map(|case| (case.id.clone(), case)).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases.values() {
        *counts.entry(&case.behaviour).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    eprintln!("  autobahn, our {role}: {} cases, {}", cases.len(), counts.join(", "));
    let mut wrong: Vec<String> = cases
        .values()
        .filter(|case| !case.is_passed())
        .map(|case| format!("{} {} (close: {})", case.id, case.behaviour, case.closing))
        .collect();
    if cases.len() != CASES {
        wrong.push(format!("{} cases instead of {CASES}", cases.len()));
    }
    (!wrong.is_empty()).then(|| format!("our {role}: {}", wrong.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::{CASES, Case, judge, parse};

    fn all_but_one(id: &str, behaviour: &str, closing: &str) -> Vec<Case> {
        let case = |id: &str, behaviour: &str, closing: &str| Case {
            id: id.to_owned(),
            behaviour: behaviour.to_owned(),
            closing: closing.to_owned(),
        };
        let mut cases: Vec<Case> = (1..CASES).map(|number| case(&format!("1.{number}"), "OK", "OK")).collect();
        cases.push(case(id, behaviour, closing));
        cases
    }

    #[test]
    fn all_cases_ok_is_passed_and_one_missing_is_not() {
        let mut cases = all_but_one("9.9", "OK", "OK");
        assert_eq!(judge("server", cases.clone()), None);
        cases.pop();
        assert!(judge("server", cases).is_some_and(|wrong| wrong.contains("516")));
    }

    #[test]
    fn anything_less_than_ok_fails_in_the_case_or_in_its_close() {
        for (behaviour, closing) in
            [("NON-STRICT", "OK"), ("OK", "UNCLEAN"), ("INFORMATIONAL", "OK"), ("OK", "missing")]
        {
            let wrong = judge("client", all_but_one("9.9", behaviour, closing));
            assert!(wrong.is_some_and(|wrong| wrong.contains("9.9")), "{behaviour} {closing}");
        }
    }

    #[test]
    fn the_cases_that_only_inform_may_say_so_but_may_not_fail() {
        assert_eq!(judge("client", all_but_one("7.1.6", "INFORMATIONAL", "INFORMATIONAL")), None);
        assert!(judge("client", all_but_one("7.1.6", "FAILED", "OK")).is_some());
    }

    #[test]
    fn a_report_names_each_case_with_both_verdicts_and_one_without_a_testee_is_an_error() {
        let cases = parse(r#"{"everwire": {"1.1.1": {"behavior": "OK", "behaviorClose": "UNCLEAN", "duration": 1}}}"#);
        let cases = cases.unwrap_or_default();
        assert_eq!((cases.len(), cases[0].id.as_str(), cases[0].closing.as_str()), (1, "1.1.1", "UNCLEAN"));
        assert!(parse("{}").is_err());
        assert!(parse("not JSON").is_err());
    }
}
