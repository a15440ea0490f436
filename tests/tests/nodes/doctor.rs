//! `everwire doctor --cluster` with healthy brokers and with faulty ones.

use everwire_tests::{Process, everwire, free_port};
use tokio::process::Command;

use crate::broker::Broker;

/// Runs `everwire doctor --cluster`; returns the exit code and the output.
async fn doctor(args: &[&str]) -> (i32, String) {
    let output = Command::new(everwire()).args(["doctor", "--cluster"]).args(args).env("NO_COLOR", "1").output().await;
    let output = output.expect("it runs");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code().unwrap_or(-1), said)
}

#[track_caller]
fn has_line(said: &str, begin: &str, part: &str) {
    assert!(said.lines().any(|line| line.starts_with(begin) && line.contains(part)), "{begin}…{part}\n{said}");
}

#[tokio::test]
async fn a_broker_and_the_streams_of_a_node_are_shown_and_no_stream_is_created() {
    let broker = Broker::start("").await;
    let url = broker.url();
    for _ in 0..2 {
        let (code, said) = doctor(&[&url, "--cluster-replicas", "1"]).await;
        assert_eq!(code, 0, "{said}");
        has_line(&said, "ok    broker", "NATS 2.15.1, round trip");
        has_line(&said, "ok    streams", "none yet");
        has_line(&said, "note  sync", "can't be asked");
    }

    let data = tempfile::tempdir().expect("a folder");
    let node = ["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().expect("a path")];
    let cluster = ["--cluster", &url, "--cluster-replicas", "1", "--cluster-accept-sync"];
    let mut node = Process::everwire(&[&node[..], &cluster].concat());
    node.address().await;
    let (code, said) = doctor(&[&url, "--cluster-replicas", "1"]).await;
    assert_eq!(code, 0, "{said}");
    has_line(&said, "ok    streams", "whole on 1");
    has_line(&said, "ok    clock", "the servers'");
    let (code, said) = doctor(&[&url]).await;
    assert_eq!(code, 0, "{said}");
    has_line(&said, "note  streams", "not on 3 servers");
    // No broker listens at one of the two addresses; the cluster works all the same.
    let nobody = format!("nats://127.0.0.1:{}", free_port());
    let (code, said) = doctor(&[&format!("{nobody},{url}"), "--cluster-replicas", "1"]).await;
    assert_eq!(code, 0, "{said}");
    has_line(&said, "FAIL  broker", &nobody);
    node.kill().await;
}

#[tokio::test]
async fn each_broker_s_problem_that_keeps_a_node_from_starting_is_reported() {
    let nobody = format!("nats://127.0.0.1:{}", free_port());
    let (code, said) = doctor(&[&nobody]).await;
    assert_eq!(code, 3, "{said}");
    has_line(&said, "FAIL  broker", "no NATS server can be reached");

    let guarded = Broker::start("authorization { user: everwire, password: correct }").await;
    let wrong = guarded.url().replace("nats://", "nats://everwire:s3cret@");
    let (code, said) = doctor(&[&wrong]).await;
    assert_eq!(code, 3, "{said}");
    has_line(&said, "FAIL  broker", "don't accept the credentials");
    assert!(!said.contains("s3cret"), "{said}");
    let right = wrong.replace("s3cret", "correct");
    let (code, said) = doctor(&[&right, "--cluster-replicas", "1"]).await;
    assert_eq!(code, 0, "{said}");

    let plain = Broker::without_jetstream().await;
    let (code, said) = doctor(&[&plain.url()]).await;
    assert_eq!(code, 3, "{said}");
    has_line(&said, "FAIL  broker", "JetStream is off");
}
