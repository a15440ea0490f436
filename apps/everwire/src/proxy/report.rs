//! Formats what the proxy prints. No I/O.

use std::fmt::Write;
use std::path::Path;

use everwire_testkit::faults::{Connections, Directions, Fault, Rule, Schedule, When};
use everwire_testkit::proxy::{Event, EventKind, Proxy, Stats};
use tokio::net::TcpListener;

use crate::term::{Look, Tone, short};

/// The first lines: addresses, faults, control port.
pub(super) fn banner(proxy: &Proxy, to: &str, from: &str, control: Option<&TcpListener>) -> String {
    let mut lines = vec![format!("everwire proxy listening on {}, forwarding to {to}", proxy.address())];
    let schedule = proxy.schedule();
    match schedule.rules.len() {
        0 => lines.push("Schedule: no faults".to_owned()),
        _ => lines.push(format!("Schedule: {from}; {}", count(&schedule))),
    }
    lines.extend(rules(&schedule));
    if let Some(address) = control.and_then(|control| control.local_addr().ok()) {
        lines.push(format!("Control: http://{address}/"));
        if !address.ip().is_loopback() {
            lines.push("Warning: everyone who reaches the control port can use it.".to_owned());
        }
    }
    lines.push("Ctrl-C ends it.".to_owned());
    lines.join("\n")
}

/// The same as a line of JSON.
pub(super) fn json_started(proxy: &Proxy, to: &str, from: &str, control: Option<&TcpListener>) -> String {
    let control = control.and_then(|control| control.local_addr().ok());
    let schedule = proxy.schedule();
    serde_json::json!({
        "event": "started",
        "listen": proxy.address(),
        "to": to,
        "control": control,
        "schedule": from,
        "seed": schedule.seed,
        "rules": schedule.rules.len(),
    })
    .to_string()
}

/// The report of `--check` on a valid schedule: what it does.
pub(super) fn checked(path: &Path, schedule: &Schedule) -> String {
    let mut lines = vec![format!("{} is valid: {}", path.display(), count(schedule))];
    lines.extend(rules(schedule));
    lines.join("\n")
}

pub(super) fn event(event: &Event, look: Look) -> String {
    let tone = match &event.kind {
        EventKind::Fault { .. } | EventKind::Control { .. } | EventKind::Closing => Tone::Waiting,
        EventKind::Unreachable { .. } | EventKind::TooMany { .. } | EventKind::NotListening { .. } => Tone::Bad,
        EventKind::Opened { .. } | EventKind::Listening => Tone::Good,
        _ => Tone::Faint,
    };
    look.paint(tone, &event.to_string())
}

pub(super) fn json(event: &Event) -> String {
    serde_json::to_string(event).unwrap_or_default()
}

pub(super) fn summary(stats: &Stats) -> String {
    let mut text = format!("Summary: {} connections", stats.connections);
    let _ = match stats.refused {
        0 => Ok(()),
        refused => write!(text, ", {refused} refused"),
    };
    let _ = match stats.unreachable {
        0 => Ok(()),
        unreachable => write!(text, ", {unreachable} without a server"),
    };
    let _ = write!(text, "; {} bytes to the server, {} to clients", stats.to_server, stats.to_client);
    let faults: Vec<String> = stats.faults.iter().map(|(fault, count)| format!("{fault} {count}")).collect();
    let _ = match faults[..] {
        [] => write!(text, "; no faults"),
        _ => write!(text, "; faults: {}", faults.join(", ")),
    };
    text
}

pub(super) fn json_summary(stats: &Stats) -> String {
    let mut value = serde_json::to_value(stats).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("event".to_owned(), "summary".into());
    }
    value.to_string()
}

fn count(schedule: &Schedule) -> String {
    let rules = match schedule.rules.len() {
        1 => "1 rule".to_owned(),
        rules => format!("{rules} rules"),
    };
    let until = schedule.until.map(|until| format!(", none begins after {}", short(until)));
    format!("{rules}, seed {}{}", schedule.seed, until.unwrap_or_default())
}

/// One line for each rule.
fn rules(schedule: &Schedule) -> impl Iterator<Item = String> {
    schedule.rules.iter().enumerate().map(|(index, rule)| {
        let name = rule.name.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
        format!("  {}. {name}{}", index + 1, words(rule))
    })
}

fn words(rule: &Rule) -> String {
    let mut text = what(&rule.fault);
    let _ = match rule.direction {
        Directions::Both => Ok(()),
        direction => write!(text, " {direction}"),
    };
    let _ = match &rule.connections {
        Connections::All => write!(text, ", every connection"),
        Connections::Only(numbers) => {
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            write!(text, ", connection {}", numbers.join(", "))
        }
        Connections::Every(nth) => write!(text, ", every {nth}. connection"),
        Connections::Chance(chance) => write!(text, ", with probability {chance}"),
        _ => Ok(()),
    };
    let _ = match &rule.when {
        When::Bytes(range) => write!(text, ", after {} bytes", span(range.start(), range.end())),
        When::Messages(range) => write!(text, ", after {} messages", span(range.start(), range.end())),
        When::After(range) => write!(text, ", {} after opening", span(&short(*range.start()), &short(*range.end()))),
        When::At(at) => write!(text, ", {} after the start", short(*at)),
        _ => Ok(()),
    };
    let counted = rule.counted.filter(|counted| *counted != rule.direction);
    let _ = counted.map(|counted| write!(text, " ({counted})"));
    let _ = rule.lasting.map(|lasting| write!(text, ", for {}", short(lasting)));
    text
}

fn what(fault: &Fault) -> String {
    match fault {
        Fault::Cut(ending) => format!("cut ({ending:?})").to_lowercase(),
        Fault::Delay { by, jitter } if jitter.is_zero() => format!("delay by {}", short(*by)),
        Fault::Delay { by, jitter } => format!("delay by {} and up to {} more", short(*by), short(*jitter)),
        Fault::Bandwidth(rate) => format!("bandwidth of {rate} bytes a second"),
        Fault::Split { size, gap } if gap.is_zero() => format!("split into {size} bytes"),
        Fault::Split { size, gap } => format!("split into {size} bytes, {} apart", short(*gap)),
        Fault::Answer(answer) => format!("answer with {}", answer.status),
        Fault::Late(by) => format!("late by {}", short(*by)),
        other => other.name().to_owned(),
    }
}

fn span<T: ToString + PartialEq>(low: &T, high: &T) -> String {
    if low == high { low.to_string() } else { format!("{} to {}", low.to_string(), high.to_string()) }
}

#[cfg(test)]
mod tests {
    use everwire_testkit::faults::{Profile, Schedule};
    use everwire_testkit::proxy::Stats;

    use super::{checked, json_summary, summary};

    #[test]
    fn a_schedule_is_described_rule_by_rule() {
        let text = "seed = 7\nuntil = \"1m\"\n\
            [[rule]]\nname = \"early\"\nfault = \"cut\"\nevery = 2\nafter-bytes = \"10..20\"\ncounted = \"to-server\"\n\
            [[rule]]\nfault = \"stall\"\ndirection = \"to-client\"\nat = \"2s\"\nfor = \"500ms\"\n\
            [[rule]]\nfault = \"answer\"\nstatus = 503\nconnections = [1, 3]";
        let told = checked("faults.toml".as_ref(), &Schedule::parse(text).unwrap());
        assert_eq!(
            told,
            "faults.toml is valid: 3 rules, seed 7, none begins after 1 min 0 s\n  \
             1. early: cut (reset), every 2. connection, after 10 to 20 bytes (to-server)\n  \
             2. stall to-client, every connection, 2.0 s after the start, for 500 ms\n  \
             3. answer with 503, connection 1, 3"
        );
    }

    #[test]
    fn every_random_schedule_is_described_in_a_line_per_rule() {
        for (seed, profile) in Profile::all().flat_map(|profile| (0..50).map(move |seed| (seed, profile))) {
            let schedule = Schedule::random(seed, profile);
            let told = checked("x".as_ref(), &schedule);
            assert_eq!(told.lines().count(), schedule.rules.len() + 1, "{told}");
        }
    }

    #[test]
    fn the_summary_leaves_out_what_did_not_happen() {
        let mut stats = Stats::default();
        assert_eq!(summary(&stats), "Summary: 0 connections; 0 bytes to the server, 0 to clients; no faults");
        stats.connections = 3;
        stats.refused = 1;
        stats.unreachable = 1;
        stats.faults.insert("cut", 2);
        let said = summary(&stats);
        assert!(
            said.contains("3 connections, 1 refused, 1 without a server;") && said.ends_with("faults: cut 2"),
            "{said}"
        );
        assert!(json_summary(&stats).contains(r#""event":"summary""#));
    }
}
