//! Checks the settings that `docs/cluster.md` shows: the programs accept them.

use std::path::Path;

use everwire_tests::{everwire, nats_server, root};
use tokio::process::Command;

/// The document's fenced blocks in this language.
pub(crate) fn blocks(language: &str) -> Vec<String> {
    let page = std::fs::read_to_string(root().join("docs/cluster.md")).expect("the document");
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block.to_owned()).collect()
}

async fn succeeds(program: &Path, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().await.expect("it runs");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{args:?}: {said}");
    said
}

#[tokio::test]
async fn nats_server_takes_the_settings_that_are_shown() {
    let shown = blocks("nats");
    assert!(!shown.is_empty());
    for block in shown {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("nats.conf");
        std::fs::write(&file, &block).expect("a writable folder");
        succeeds(&nats_server(), &["--config", file.to_str().expect("a path"), "-t"]).await;
        assert!(block.contains("sync_interval: always"), "posts are on the disk before they are acknowledged");
    }
}

#[tokio::test]
async fn a_node_takes_the_settings_that_are_shown() {
    let shown = blocks("toml");
    assert_eq!(shown.len(), 1);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("node.toml");
    std::fs::write(&file, &shown[0]).expect("a writable folder");
    let said = succeeds(everwire(), &["config", "check", file.to_str().expect("a path")]).await;
    assert!(said.contains("3 NATS servers") && !said.contains("would not start"), "{said}");
}

/// Each unit of systemd starts the program of one of the settings files.
#[test]
fn each_unit_starts_a_program_with_the_file_that_the_document_shows() {
    let units = blocks("ini");
    let page = std::fs::read_to_string(root().join("docs/cluster.md")).expect("the document");
    assert_eq!(units.len(), 2);
    for unit in &units {
        let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a program");
        let file = start.split_whitespace().next_back().expect("a file");
        assert!(page.contains(&format!("`{file}`")), "{file} is shown");
        for setting in ["DynamicUser=yes", "StateDirectory=", "Restart=always", "WantedBy=multi-user.target"] {
            assert!(unit.contains(setting), "{setting}: {unit}");
        }
    }
}

/// Checks the units with systemd-analyze, if it is installed.
#[tokio::test]
async fn systemd_takes_the_units_that_are_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let units = blocks("ini");
    let mut files = Vec::new();
    for (name, unit) in ["nats", "everwire"].into_iter().zip(&units) {
        let start =
            unit.lines().find_map(|line| line.strip_prefix("ExecStart=")?.split(' ').next()).expect("a program");
        let program = if name == "nats" { nats_server() } else { everwire().to_owned() };
        let file = folder.path().join(format!("{name}.service"));
        std::fs::write(&file, unit.replace(start, program.to_str().expect("a path"))).expect("a writable folder");
        files.push(file);
    }
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]).args(&files).env("SYSTEMD_UNIT_PATH", format!("{}:", folder.path().display()));
    match verify.output().await {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let ours: Vec<_> =
                said.lines().filter(|line| line.contains(folder.path().to_str().expect("a path"))).collect();
            assert!(output.status.success() && ours.is_empty(), "{said}");
        }
        Err(error) => eprintln!("without systemd-analyze ({error}) the units are not read as systemd reads them"),
    }
}

/// The containers' mounts, dependencies and program options all refer to things that the file or the document defines.
#[tokio::test]
async fn the_containers_that_are_shown_hold_together() {
    let shown = blocks("yaml");
    assert_eq!(shown.len(), 1);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("compose.yaml");
    std::fs::write(&file, &shown[0]).expect("a writable folder");
    let python = root().join("target/python/nats/bin/python");
    let read = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
    let json = succeeds(&python, &["-c", read, file.to_str().expect("a path")]).await;
    let compose: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let services = compose["services"].as_object().expect("services");
    assert_eq!(services.len(), 6);
    for (name, service) in services {
        assert!(service["image"].is_string() && service["restart"] == "always", "{name}: {service}");
        let words = service["command"].as_array().expect("a command");
        assert!(words.iter().any(|word| word == "--config"), "{name}: {service}");
        for other in service["depends_on"].as_array().into_iter().flatten() {
            assert!(services.contains_key(other.as_str().expect("a name")), "{name} waits for {other}");
        }
        let mounts: Vec<_> =
            service["volumes"].as_array().expect("mounts").iter().filter_map(|one| one.as_str()).collect();
        let settings = words.last().and_then(|word| word.as_str()).expect("a file");
        assert!(mounts.iter().any(|mount| mount.ends_with(&format!(":{settings}:ro"))), "{name} has {settings}");
        // A volume of its own, so that no data is lost with the container, at the folder that the shown settings use.
        let (_, kept) =
            mounts.iter().find_map(|mount| mount.split_once(':').filter(|(from, _)| from == name)).expect("a volume");
        assert!(compose["volumes"].as_object().is_some_and(|volumes| volumes.contains_key(name)), "{name}");
        let of = if name.starts_with("broker") { blocks("nats") } else { blocks("toml") };
        assert!(of.iter().any(|block| block.contains(&format!("\"{kept}\""))), "{name} keeps things in {kept}");
    }
}
