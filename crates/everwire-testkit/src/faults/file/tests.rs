//! What may be written, and what is said about what may not.

use std::io::Write;
use std::time::Duration;

use crate::faults::{Answer, Connections, Directions, Ending, Fault, Rule, Schedule, ScheduleError, When};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// One of each fault, with every way to say whom, when and how long.
fn everything() -> Schedule {
    let rules = [
        Rule::new(Fault::Cut(Ending::Close)).on(Connections::Only(vec![1])).when(When::Bytes(100..=500)),
        Rule::new(Fault::Cut(Ending::Reset)).when(When::Messages(3..=3)).counting(Directions::ToServer),
        Rule::new(Fault::BlackHole).direction(Directions::ToClient).when(When::After(ms(1_000)..=ms(5_000))),
        Rule::new(Fault::Stall).named("tunnel").when(When::At(ms(2_500))).lasting(ms(90_000)),
        Rule::new(Fault::Delay { by: ms(50), jitter: ms(20) }).on(Connections::Every(2)),
        Rule::new(Fault::Bandwidth(65_536)).on(Connections::Chance(0.25)).direction(Directions::ToServer),
        Rule::new(Fault::Split { size: 1, gap: ms(2) }),
        Rule::new(Fault::Corrupt(0x80)).when(When::Bytes(7..=7)),
        Rule::new(Fault::Refuse).when(When::At(ms(0))).lasting(ms(3_000)),
        Rule::new(Fault::Mute).on(Connections::Only(vec![2, 4])),
        Rule::new(Fault::Answer(Answer { body: "later".into(), ..Answer::new(503).header("retry-after", "5") })),
        Rule::new(Fault::Late(ms(10_000))),
    ];
    rules.into_iter().fold(Schedule::new(7).until(ms(60_000)), Schedule::rule)
}

const TOML: &str = r#"
seed = 7
until = "1m"

[[rule]]
fault = "cut"
with = "close"
connection = 1
after-bytes = "100..500"

[[rule]]
fault = "cut"
after-messages = 3
counted = "to-server"

[[rule]]
fault = "black-hole"
direction = "to-client"
after = "1s..5s"

[[rule]]
name = "tunnel"
fault = "stall"
at = "2.5s"
for = "1m30s"

[[rule]]
fault = "delay"
every = 2
by = "50ms"
jitter = "20ms"

[[rule]]
fault = "bandwidth"
probability = 0.25
direction = "to-server"
rate = "64KiB"

[[rule]]
fault = "split"
size = 1
gap = "2ms"

[[rule]]
fault = "corrupt"
xor = 0x80
after-bytes = 7

[[rule]]
fault = "refuse"
at = "0s"
for = "3s"

[[rule]]
fault = "mute"
connections = [2, 4]

[[rule]]
fault = "answer"
status = 503
headers = { retry-after = "5" }
body = "later"

[[rule]]
fault = "late"
by = "10s"
"#;

#[test]
fn every_fault_and_every_key_can_be_written() {
    assert_eq!(Schedule::parse(TOML).unwrap(), everything());
}

#[test]
fn a_schedule_that_is_written_is_read_as_the_same() {
    let schedule = everything();
    assert_eq!(Schedule::parse(&schedule.to_toml()).unwrap(), schedule, "{}", schedule.to_toml());
    assert_eq!(Schedule::parse(&schedule.to_json()).unwrap(), schedule, "{}", schedule.to_json());
    let large = Schedule::new(u64::MAX);
    assert_eq!(Schedule::parse(&large.to_toml()).unwrap(), large);
}

#[test]
fn nothing_is_a_schedule_too() {
    assert_eq!(Schedule::parse("").unwrap(), Schedule::new(0));
    assert_eq!(Schedule::parse("{}").unwrap(), Schedule::new(0));
    assert_eq!(Schedule::parse("# only a remark\n").unwrap(), Schedule::new(0));
}

/// Wrong rules, and a part of what is said.
const WRONG: &[(&str, &str)] = &[
    ("fault = \"cat\"", "cut"),
    ("after-bytes = 5", "no `fault`"),
    ("fault = \"cut\"\nafter-byte = 5", "after-byte"),
    ("fault = \"cut\"\nafter = 5", "no unit"),
    ("fault = \"cut\"\nafter = \"soon\"", "not a duration"),
    ("fault = \"cut\"\nafter = \"5s..1s\"", "ends before it begins"),
    ("fault = \"cut\"\nafter-bytes = -5", "negative"),
    ("fault = \"cut\"\nafter-bytes = 1.5", "a number, or a range"),
    ("fault = \"cut\"\nafter-bytes = 5\nafter = \"1s\"", "only one of"),
    ("fault = \"cut\"\nwith = \"thunder\"", "reset"),
    ("fault = \"cut\"\nfor = \"1s\"", "can't have `for`"),
    ("fault = \"cut\"\nby = \"1s\"", "belongs to \"delay\" and \"late\""),
    ("fault = \"cut\"\nconnection = 0", "numbered from 1"),
    ("fault = \"cut\"\nconnections = []", "at least one"),
    ("fault = \"cut\"\nevery = 0", "at least 1"),
    ("fault = \"cut\"\nprobability = 1.5", "0 to 1"),
    ("fault = \"cut\"\nevery = 2\nconnection = 1", "only one of"),
    ("fault = \"cut\"\ndirection = \"up\"", "to-server"),
    ("fault = \"cut\"\ncounted = \"both\"", "`counted` needs"),
    ("fault = \"stall\"", "needs `for`"),
    ("fault = \"stall\"\nfor = \"0s\"", "no time"),
    ("fault = \"delay\"", "needs `by`"),
    ("fault = \"bandwidth\"", "needs `rate`"),
    ("fault = \"bandwidth\"\nrate = 0", "at least 1"),
    ("fault = \"bandwidth\"\nrate = \"fast\"", "not a size"),
    ("fault = \"split\"\nsize = 0", "at least 1"),
    ("fault = \"corrupt\"\nxor = 0", "changes nothing"),
    ("fault = \"corrupt\"\nxor = 256", "u8"),
    ("fault = \"refuse\"\nafter-bytes = 1", "only `at`"),
    ("fault = \"mute\"\ndirection = \"to-client\"", "no direction"),
    ("fault = \"answer\"", "needs `status`"),
    ("fault = \"answer\"\nstatus = 101", "200 to 599"),
    ("fault = \"answer\"\nstatus = 503\nheaders = { \"a b\" = \"c\" }", "can't be sent"),
    ("fault = \"answer\"\nstatus = 503\nheaders = { Content-Length = \"0\" }", "set by the answer"),
    ("fault = \"late\"", "needs `by`"),
];

#[test]
fn every_wrong_rule_is_told_with_its_line_in_one_line() {
    for (rule, part) in WRONG {
        let text =
            format!("seed = 1\n\n[[rule]]\nfault = \"mute\"\n\n[[rule]]\n{rule}\n\n[[rule]]\nfault = \"mute\"\n");
        let error = Schedule::parse(&text).unwrap_err();
        let ScheduleError::Text { line, .. } = error else { panic!("{error:?}") };
        let last = 6 + rule.lines().count();
        assert!((6..=last).contains(&line), "{rule:?}: line {line}");
        let said = error.to_string();
        assert!(said.contains(part), "{rule:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_value_is_told_with_its_own_line_and_column() {
    let error = Schedule::parse("[[rule]]\nfault = \"cut\"\nafter = 5\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3, column 9: 5 has no unit; write it with its unit, like \"250ms\", \"1.5s\" or \"2m\""
    );
}

#[test]
fn in_json_a_wrong_rule_is_told_with_its_line_too() {
    for (rule, line, part) in [
        (r#"{"fault": "cat"}"#, 3, "cat"),
        (r#"{"fault": "cut", "after": 5}"#, 3, "no unit"),
        ("{\"fault\": \"stall\"\n}", 3, "needs `for`"),
        ("{\"fault\": \"cut\",\n\"after\": 5}", 4, "no unit"),
        (r#"{"fault": "cut", "byte": 5}"#, 3, "byte"),
        (r#"{"fault": "#, 4, "expected value"),
    ] {
        let text = format!("{{\"rules\": [\n{{\"fault\": \"mute\"}},\n{rule}\n]}}");
        let error = Schedule::parse(&text).unwrap_err();
        let ScheduleError::Text { line: told, .. } = error else { panic!("{error:?}") };
        assert!(told == line && error.to_string().contains(part), "{rule}: {error}");
        assert_eq!(error.to_string().matches("line").count(), 1, "{error}");
    }
}

#[test]
fn text_that_is_no_toml_is_told_with_its_line() {
    let said = Schedule::parse("seed = 1\nthis is it\n").unwrap_err().to_string();
    assert!(said.starts_with("line 2, "), "{said}");
    let said = Schedule::parse("sead = 1\n").unwrap_err().to_string();
    assert!(said.contains("sead") && said.contains("line 1"), "{said}");
}

#[test]
fn a_file_s_name_stands_before_its_line_and_one_that_is_not_there_is_told() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"[[rule]]\nfault = \"stall\"\n").unwrap();
    let said = Schedule::load(file.path()).unwrap_err().to_string();
    assert!(said.starts_with(&format!("{}:1:1: a stall needs", file.path().display())), "{said}");
    let missing = Schedule::load(file.path().with_extension("missing")).unwrap_err();
    assert!(missing.to_string().ends_with("can't be read"), "{missing}");
    assert!(std::error::Error::source(&missing).is_some());
}

#[test]
fn a_file_that_is_far_too_large_is_not_read() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![b'#'; (1 << 20) + 1]).unwrap();
    let error = Schedule::load(file.path()).unwrap_err();
    assert!(matches!(error, ScheduleError::Read { .. }), "{error}");
}
