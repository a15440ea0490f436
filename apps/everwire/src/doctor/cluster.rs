//! `everwire doctor --cluster`: the NATS servers of several nodes, and the streams on them.

use everwire_chat_server::{ClusterError, ClusterReport, ClusterSettings, ServerFacts, StreamReport, examine_cluster};

use super::finding::{Finding, Report, Step, millis};
use crate::args::DoctorArgs;
use crate::exit::{Exit, Failure};
use crate::term::short;

/// Clocks that differ by at least this many milliseconds are reported: a message's time may then be before that of the message
/// before it.
const CLOCKS_MS: i64 = 1_000;

pub(super) async fn run(args: &DoctorArgs, report: &mut Report) -> Result<Exit, Failure> {
    let mut settings = ClusterSettings::new(args.cluster.cluster.clone());
    settings.replicas = usize::from(args.cluster.cluster_replicas);
    settings.credentials.clone_from(&args.cluster.cluster_credentials);
    settings.ca.clone_from(&args.cluster.cluster_ca);
    let found = examine_cluster(&settings).await;
    let findings = findings(&found, settings.replicas);
    findings.iter().try_for_each(|finding| report.add(finding))?;
    // Replicas make up for a server that does not answer, so one is enough.
    let works = found.servers.iter().any(|server| server.found.is_ok());
    let streams_work = !findings.iter().any(|finding| finding.is_bad() && !finding.is_of(Step::Broker));
    Ok(if works && streams_work { Exit::Done } else { Exit::GaveUp })
}

fn findings(found: &ClusterReport, replicas: usize) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        found.servers.iter().map(|server| broker(&server.address, &server.found)).collect();
    if found.servers.iter().all(|server| server.found.is_err()) {
        return findings;
    }
    findings.extend(found.servers.iter().find_map(|server| clock(server.found.as_ref().ok()?)));
    findings.push(streams(found, replicas));
    findings.push(
        Finding::odd(Step::Sync, "whether the servers sync to the disk before they acknowledge can't be asked".into())
            .advise("set sync_interval: always in the jetstream section of each"),
    );
    findings
}

fn broker(address: &str, found: &Result<ServerFacts, ClusterError>) -> Finding {
    match found {
        Ok(facts) => {
            let ServerFacts { name, version, round_trip, .. } = facts;
            Finding::good(
                Step::Broker,
                format!("{address} is {name}, NATS {version}, round trip {}", short(*round_trip)),
            )
            .with("address", address)
            .with("name", name.as_str())
            .with("version", version.as_str())
            .with("ms", millis(*round_trip))
            .with("max_payload", facts.max_payload)
        }
        // The error itself says what to do.
        Err(error) => Finding::bad(Step::Broker, format!("{address}: {error}")).with("address", address),
    }
}

fn clock(facts: &ServerFacts) -> Option<Finding> {
    let ahead = facts.clock_ahead?;
    let words = format!("this machine's is {} ms {} the servers'", ahead.unsigned_abs(), side(ahead));
    let finding = if ahead.abs() < CLOCKS_MS {
        Finding::good(Step::Clock, words)
    } else {
        Finding::odd(Step::Clock, words).advise("set both by NTP; from a minute on a node does not start")
    };
    Some(finding.with("ahead_ms", ahead))
}

fn side(ahead: i64) -> &'static str {
    if ahead < 0 { "behind" } else { "ahead of" }
}

fn streams(found: &ClusterReport, replicas: usize) -> Finding {
    let count = found.streams.len();
    if let Some(problem) = &found.problem {
        return Finding::bad(Step::Streams, problem.to_string());
    }
    if !found.missing.is_empty() {
        return Finding::bad(Step::Streams, format!("{} of this cluster are not there", found.missing.join(", ")))
            .advise("restore them from a backup; without them a part of the history is missing");
    }
    if count == 0 {
        return Finding::good(Step::Streams, "none yet: the first node makes them".into());
    }
    let names = |fits: &dyn Fn(&&StreamReport) -> bool| {
        let names: Vec<&str> = found.streams.iter().filter(fits).map(|stream| stream.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(foreign) = names(&|stream| !stream.is_ours) {
        return Finding::bad(Step::Streams, format!("{foreign}: another application's"))
            .advise("give Everwire an account of its own on these servers");
    }
    if let Some(leaderless) = names(&|stream| stream.current * 2 <= stream.replicas) {
        return Finding::bad(
            Step::Streams,
            format!("{leaderless}: no majority of the servers has it, nothing is stored"),
        )
        .advise("start the servers that are down");
    }
    let records: u64 = found.streams.iter().map(|stream| stream.records).sum();
    let bytes: u64 = found.streams.iter().map(|stream| stream.bytes).sum();
    if let Some(few) = names(&|stream| stream.replicas != replicas) {
        return Finding::odd(Step::Streams, format!("{few}: not on {replicas} servers")).advise(
            "give all nodes the --cluster-replicas that the streams have, or change these (nats stream edit --replicas)",
        );
    }
    let words = format!("{count} streams, {records} records, {} MiB on each server", bytes >> 20);
    let finding = match names(&|stream| stream.current < stream.replicas) {
        Some(behind) => Finding::odd(Step::Streams, format!("{words}; not whole on every server: {behind}"))
            .advise("a server is down or catches up: until it is there again, one more must not be lost"),
        None => Finding::good(Step::Streams, format!("{words}, whole on {replicas}")),
    };
    finding.with("streams", count).with("records", records).with("bytes", bytes)
}
