//! The settings that `docs/cluster.md` shows are settings.

use std::path::Path;

use everwire_tests::{everwire, nats_server, root};
use tokio::process::Command;

/// The blocks of the document that are fenced so.
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

/// A unit starts what the settings above are for.
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
