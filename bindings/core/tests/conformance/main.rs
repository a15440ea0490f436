//! The scripts of `bindings/conformance`, run by Rust's own client: the model for the runners of other languages.
//!
//! - `script`: what a script says
//! - `network`: the server and the proxy as processes
//! - `run`: the steps
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod network;
mod run;
mod script;

use std::path::{Path, PathBuf};

use crate::script::Script;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance")
}

fn scripts() -> Vec<(String, Script)> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "toml")).collect();
    files.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let script = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), script)
    };
    files.into_iter().map(read).collect()
}

#[test]
fn rusts_own_client_does_what_every_script_says() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let running: Vec<_> =
            scripts().into_iter().map(|(name, script)| (name, tokio::spawn(run::run(script)))).collect();
        assert!(running.len() > 10, "the scripts are there");
        let mut failed = Vec::new();
        for (name, running) in running {
            match running.await {
                Ok(Ok(())) => println!("{name}: ok"),
                Ok(Err(problem)) => failed.push(format!("{name}: {problem}")),
                Err(panic) => failed.push(format!("{name}: {panic}")),
            }
        }
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    });
}
