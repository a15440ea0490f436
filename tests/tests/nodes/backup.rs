//! The drill of `docs/cluster.md`: an older backup of the brokers' folders is restored.

use std::path::Path;
use std::time::Duration;

use everwire_chat::ChatClient;
use everwire_tests::{PATIENCE, Process, everwire};
use tokio::process::Command;

use crate::broker::Broker;

fn serve(broker: &Broker, data: &Path) -> Command {
    let mut command = Command::new(everwire());
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).env("NO_COLOR", "1");
    command.args(["--cluster", &broker.url(), "--cluster-replicas", "1", "--cluster-accept-sync"]);
    command
}

/// Posts a text with a new client, waits until the timeline has `all` texts, and returns them.
async fn say(address: &str, text: &str, all: usize) -> Vec<String> {
    let client = ChatClient::builder(format!("ws://{address}/ws"), "ana").user_id("ana").room("den").build();
    let client = client.expect("settings");
    client.send(text).expect("room");
    let stored = || client.entries().iter().filter(|entry| entry.offset.is_some()).count();
    let mut updates = client.updates();
    let heard = async {
        while stored() < all {
            let _ = tokio::time::timeout(Duration::from_millis(200), updates.next()).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, heard).await.is_ok(), "{} of {all}", stored());
    client.entries().into_iter().map(|entry| entry.text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_backup_is_served_only_after_the_operator_confirms_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("node");
    let mut broker = Broker::start("").await;
    let mut node = Process::start(&mut serve(&broker, &data));
    assert_eq!(say(&node.address().await, "kept", 1).await, ["kept"]);
    node.terminate().await;
    let backup = folder.path().join("backup");
    broker.stop().await;
    copy(&broker.store(), &backup).await;

    broker.restart().await;
    let mut node = Process::start(&mut serve(&broker, &data));
    assert_eq!(say(&node.address().await, "lost", 2).await, ["kept", "lost"]);
    node.terminate().await;
    broker.stop().await;
    std::fs::remove_dir_all(broker.store()).expect("the store");
    copy(&backup, &broker.store()).await;
    broker.restart().await;

    // A node with texts that the backup lacks is not ready, and says why.
    let mut node = Process::start(&mut serve(&broker, &data));
    let address = node.address().await;
    let refuses = async {
        while ready(&address).await != 503 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refuses).await.expect("it refuses in time");
    node.terminate().await;

    let renewed = Command::new(everwire()).args(["cluster", "renew", "--cluster", &broker.url()]).output().await;
    let renewed = renewed.expect("it runs");
    assert!(renewed.status.success(), "{}", String::from_utf8_lossy(&renewed.stderr));
    // The node's old folder is of another epoch; an empty one is filled from the restored brokers.
    let refused = serve(&broker, &data).output().await.expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("has given up"), "{said}");
    let mut node = Process::start(&mut serve(&broker, &folder.path().join("empty")));
    assert_eq!(say(&node.address().await, "new", 2).await, ["kept", "new"]);
    node.terminate().await;
}

/// Runs `everwire` with these arguments; returns whether it succeeds, and its output.
async fn everwire_says(words: &[&str]) -> (bool, String) {
    let output = Command::new(everwire()).args(words).env("NO_COLOR", "1").output().await.expect("it runs");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_node_can_be_served_without_a_cluster_and_the_node_s_own_folder_can_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();
    let (data, copy, alone) = (path("node"), path("copy"), path("alone"));
    let broker = Broker::start("").await;
    let mut node = Process::start(&mut serve(&broker, Path::new(&data)));
    assert_eq!(say(&node.address().await, "kept", 1).await, ["kept"]);
    let (is_done, said) = everwire_says(&["backup", &copy, "--data", &data]).await;
    assert!(is_done && said.contains("1 message is in"), "{said}");
    node.terminate().await;

    // Without its cluster the node would store texts that the cluster does not have.
    let (is_done, said) = everwire_says(&["serve", "--listen", "127.0.0.1:0", "--data", &data]).await;
    assert!(!is_done && said.contains("of a node of a cluster") && said.contains("--cluster URL"), "{said}");
    let (is_done, said) = everwire_says(&["restore", &copy, "--data", &alone]).await;
    assert!(is_done, "{said}");
    let mut server = Process::everwire(&["serve", "--listen", "127.0.0.1:0", "--data", &alone]);
    assert_eq!(say(&server.address().await, "more", 2).await, ["kept", "more"]);
    server.terminate().await;

    // A cluster's history is in its brokers, so both commands refuse `--cluster`.
    for what in ["backup", "restore"] {
        let (is_done, said) = everwire_says(&[what, &copy, "--cluster", &broker.url()]).await;
        assert!(!is_done && said.contains("store_dir") && said.contains("docs/cluster.md"), "{said}");
    }
}

async fn ready(address: &str) -> u16 {
    let url = format!("http://{address}/readyz");
    let output = Command::new("curl").args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", &url]).output().await;
    String::from_utf8_lossy(&output.expect("curl runs").stdout).parse().unwrap_or(0)
}

async fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").arg(from).arg(to).status().await;
    assert!(copied.expect("cp runs").success());
}
