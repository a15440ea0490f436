//! Some rows of `docs/servers.md`, observed again, and Cowboy's idle timeout.

use std::path::PathBuf;
use std::time::Duration;

use everwire::{Cause, Client, Closed, State};
use everwire_tests::{PATIENCE, Process, everwire, root};
use tokio::process::Command;

use crate::our_client::{next, state};

/// The rows that are observed again: those of the servers that `cargo xtask setup` installs.
const ROWS: [&str; 4] = ["aiohttp", "websockets", "ws", "Cowboy"];
/// The column that would take too long to observe here.
const IDLE: usize = 3;

fn cowboy() -> PathBuf {
    let folder = root().join("target/cowboy");
    assert!(folder.join("cowboy/ebin").exists(), "{} is missing: run `cargo xtask setup`", folder.display());
    folder
}

/// The cells of the rows of a table, by the server's name without its version.
fn rows(table: &str) -> Vec<(String, Vec<String>)> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = table.lines().filter(|line| line.starts_with("| ")).map(cells);
    rows.filter_map(|cells| Some((cells[0].rsplit_once(' ')?.0.to_owned(), cells[1..].to_vec()))).collect()
}

#[tokio::test]
async fn servers_do_what_the_document_says_of_them() {
    let documented = std::fs::read_to_string(root().join("docs/servers.md")).expect("a document");
    let documented = rows(&documented);
    let python = root().join("target/python/peers/bin");
    let survey = Command::new(python.join("python"))
        .arg("-B")
        .arg(root().join("tests/servers/survey.py"))
        .args(["--only", &ROWS.join(","), "--at-once", "4"])
        .arg("--everwire")
        .arg(everwire())
        .arg("--python")
        .arg(&python)
        .arg("--cowboy")
        .arg(cowboy())
        .arg("--node-modules")
        .arg(root().join("tests/peers/node_modules"))
        .kill_on_drop(true)
        .output();
    let survey = tokio::time::timeout(2 * PATIENCE, survey).await.expect("a survey in time").expect("python");
    assert!(survey.status.success(), "{}", String::from_utf8_lossy(&survey.stderr));
    let seen = rows(&String::from_utf8_lossy(&survey.stdout));
    assert_eq!(seen.len(), ROWS.len());
    for (server, mut cells) in seen {
        let (_, said) = documented.iter().find(|(name, _)| *name == server).expect("its row");
        cells[IDLE - 1].clone_from(&said[IDLE - 1]);
        assert_eq!(cells, *said, "docs/servers.md differs for {server}: `cargo xtask servers` writes it again");
    }
}

/// Starts a feed of two messages a second, from a server that closes a connection on which it has received nothing for 1.5 s.
async fn feed() -> (Process, String) {
    let (folder, source) = (cowboy(), root().join("tests/servers/cowboy_peer.erl"));
    let output = tempfile::tempdir().expect("a folder").keep();
    let compiled = Command::new("erlc").arg("-o").arg(&output).arg(source).status().await;
    assert!(compiled.expect("erlc runs").success());
    let mut erl = Command::new("erl");
    for name in ["cowboy", "cowlib", "ranch"] {
        erl.arg("-pa").arg(folder.join(name).join("ebin"));
    }
    erl.arg("-pa").arg(output).args(["-noinput", "-eval", "cowboy_peer:main(0, 1500)."]);
    let mut server = Process::start(erl.env("ERL_CRASH_DUMP", "/dev/null"));
    let url = format!("ws://{}/feed", server.address().await);
    (server, url)
}

#[tokio::test]
async fn a_client_that_only_listens_outlives_cowboys_idle_time_out() {
    let (_server, url) = feed().await;
    let listening = |interval| Client::builder(&url).heartbeat_interval(interval).build().expect("settings");

    // Without pings the server closes the connection in spite of the feed, with a code that means a regular end.
    let silent = listening(None);
    let cut_off = |state: &State| match state {
        State::Closed(closed) => !matches!(closed, Closed::Initial),
        State::Disconnected { .. } => true,
        _ => false,
    };
    let ended = state(&silent, cut_off).await;
    let code = match &ended {
        State::Closed(Closed::ByPeer(frame)) => frame.as_ref().map(|frame| frame.code.0),
        State::Disconnected { cause: Cause::PeerClosed(frame), .. } => frame.as_ref().map(|frame| frame.code.0),
        other => panic!("{other}"),
    };
    assert_eq!(code, Some(1000), "{ended}");

    // The feed is never silent, but without pings the client would be.
    let client = listening(Some(Duration::from_millis(500)));
    let mut inbox = client.messages();
    for _ in 0..8 {
        assert_eq!(next(&mut inbox).await.as_text(), Some("tick"));
    }
    assert_eq!(client.stats().machine.connections, 1);
}
