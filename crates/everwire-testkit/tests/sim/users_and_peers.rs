//! Users who await, peers that mean harm or are only alive, and stores that are gone.

use everwire_testkit::sim::{Abuse, Action, Scenario, Step, probe};

fn scenario(text: &str) -> Scenario {
    Scenario::parse(text).unwrap_or_else(|error| panic!("{error}: {error:?}"))
}

#[test]
fn a_user_who_awaits_each_answer_gets_through_more_messages_than_the_inbox_holds() {
    for settings in ["", "session = true\n"] {
        let text = "[client]\ninbox = 2\nawaits = true\n[[step]]\nat = 500\ndo = 'server-work'\ncount = 30\n";
        let report = probe::run(&scenario(&format!("{settings}{text}")));
        assert_eq!(report.violation, None, "{settings}");
        let counts = report.counts;
        assert_eq!((counts.sent, counts.sent_down, counts.opened), (30, 30, 1), "{settings}");
        assert_eq!((counts.unknown, counts.unsent), (0, 0), "{settings}");
    }
}

#[test]
fn a_user_who_awaits_behind_a_full_inbox_gets_an_outcome_though_it_costs_the_connection() {
    let client = "inbox = 2\ninbox-hard = 6\nawaits = true\nheartbeat = 500\nheartbeat-timeout = 1000\n";
    let text = format!("[client]\n{client}[[step]]\nat = 500\ndo = 'server-work'\ncount = 30\n");
    let report = probe::run(&scenario(&text));
    assert_eq!(report.violation, None);
    assert!(report.counts.unknown > 0 && report.counts.opened > 1, "{}", report.counts);
}

#[test]
fn a_client_that_sends_beyond_the_limits_it_was_told_is_closed_with_4410() {
    for limit in ["window = 5", "window-bytes = 300"] {
        let server = format!("session = true\ncalm-at = 5000\n[server]\n{limit}\nwork = 20\n");
        let report = probe::run(&scenario(&format!("{server}[[step]]\nat = 1\ndo = 'abuse'\nby = 'exceed-limits'\n")));
        assert_eq!(report.violation, None, "{limit}");
        assert_eq!(report.counts.violators, 1, "{limit}");
    }
}

#[test]
fn no_client_that_means_harm_keeps_the_others_from_being_served() {
    let text = "session = true\ncalm-at = 9000\n[client]\nsocket-buffer = 8000\n[server]\nwork = 20\nwindow-bytes = 5000\n\
                [[step]]\nat = 100\ndo = 'work'\ncount = 20\n[[step]]\nat = 6000\ndo = 'end-sessions'\nretry_after = 0\n";
    for by in Abuse::ALL {
        let mut scenario = scenario(text);
        scenario.steps.push(Step { at: 1, client: 0, action: Action::Abuse { by: *by } });
        let report = probe::run(&scenario);
        assert_eq!(report.violation, None, "{by:?}");
        assert_eq!(report.counts.acknowledged, 20, "{by:?}");
    }
}

#[test]
fn a_client_learns_from_two_connections_how_long_a_server_bears_its_silence() {
    // A feed, so that only our own silence is one.
    let text = "calm-at = 100000
[script]
drops-silent = 12000
";
    let steps: String =
        (1..100).map(|second| format!("[[step]]\nat = {second}000\ndo = 'server-work'\ncount = 1\n")).collect();
    for steps in ["", &steps] {
        let report = probe::run(&scenario(&format!("{text}{steps}")));
        assert_eq!((report.violation, report.counts.opened), (None, 3));
        let mutant = "mutant = 'silence-teaches-nothing'\n";
        let report = probe::run(&scenario(&format!("{mutant}{text}{steps}")));
        let violation = report.violation.expect("the third loss is one too many");
        assert!(violation.to_string().contains("has lost 3 connections to its silence"), "{violation}");
    }
}

#[test]
fn a_client_bears_each_flood_of_a_server_that_does_not_read() {
    let text =
        "session = true\ncalm-at = 9000\n[client]\nsocket-buffer = 8000\n[[step]]\nat = 100\ndo = 'work'\ncount = 20\n";
    for by in [Abuse::FloodPings, Abuse::FloodControlPings, Abuse::FloodPongs, Abuse::FloodAcks] {
        let mut scenario = scenario(text);
        scenario.steps.push(Step { at: 50, client: 0, action: Action::Flood { by, time: 3_000 } });
        let report = probe::run(&scenario);
        assert_eq!(report.violation, None, "{by:?}");
        assert_eq!(report.counts.acknowledged, 20, "{by:?}");
        assert!(report.counts.bytes > 10_000, "{by:?} is no flood: {}", report.counts);
    }
}

#[test]
fn a_move_to_a_server_that_greets_wrongly_or_not_at_all_is_tried_again() {
    for greeting in ["greets-wrongly", "withholds-welcome"] {
        let script = format!("[script]\nbegins = 1000\n{greeting} = true\n");
        let text = format!("session = true\ncalm-at = 30000\n[client]\nopen-timeout = 1000\n{script}");
        let report = probe::run(&scenario(&format!("{text}[[step]]\nat = 1500\ndo = 'migrate'\n")));
        assert_eq!(report.violation, None, "{greeting}");
        assert!(report.counts.dials >= 3, "{greeting}: {}", report.counts);
        assert_eq!(report.counts.sessions, 1, "{greeting}");
    }
}

#[test]
fn messages_wait_for_a_store_that_is_gone_and_go_out_when_it_is_back() {
    let client = "[client]\ndurable = true\ncommit = 5\ndisk-vanishes = 100\n";
    let work = "[[step]]\nat = 200\ndo = 'work'\ncount = 5\n";
    let report = probe::run(&scenario(&format!("session = true\ncalm-at = 5000\n{client}{work}")));
    assert_eq!(report.violation, None);
    assert_eq!(report.counts.acknowledged, 5);
}
