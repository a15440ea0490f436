//! Each library can be packaged, with the files that a reader of a registry needs.
#![allow(clippy::expect_used)] // a test fails by panicking

use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

fn cargo(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).current_dir(root()).args(args).output().expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {args:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn libraries() -> Vec<String> {
    let folders = std::fs::read_dir(root().join("crates")).expect("the crates");
    let mut names: Vec<_> =
        folders.map(|folder| folder.expect("a folder").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn every_crate_can_be_packaged() {
    // Cargo can't verify these: they depend on crates of this workspace that no registry has.
    let ours = ["--workspace", "--exclude", "everwire-cluster", "--exclude", "everwire-benches"];
    cargo(&[&["package"], &ours[..], &["--no-verify", "--allow-dirty", "--offline", "--quiet"]].concat());
}

#[test]
fn every_library_comes_with_its_readme_and_both_licences() {
    for name in libraries() {
        let files = cargo(&["package", "--list", "--allow-dirty", "--offline", "--package", &name]);
        for file in ["README.md", "LICENSE-APACHE", "LICENSE-MIT"] {
            assert!(files.lines().any(|listed| listed == file), "{name} comes without {file}");
        }
        let readme = std::fs::read_to_string(root().join("crates").join(&name).join("README.md")).expect("a README");
        assert!(readme.starts_with(&format!("# {name}\n")), "{name}");
    }
}
