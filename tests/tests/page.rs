//! Tests the chat's page in Chromium, and the cases for every browser in Firefox and WebKit too.
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::process::Command;

use everwire_tests::{everwire, example, root};

/// The page has to be in the binary: `cargo xtask page` has built it, and `cargo xtask test` does so first.
#[test]
fn the_page_in_browsers() {
    let built = root().join("apps/everwire-web/dist/index.html").exists();
    assert!(built, "the page is not built: run `cargo xtask page` first");
    let built = root().join("tests/browser/dist/everwire.js").exists();
    assert!(built, "the client's tests for browsers are not built: run `cargo xtask suite` first");
    let status = Command::new("node")
        .args([
            "--test",
            "--test-reporter=spec",
            // The time limit of a whole file; each case has one of its own.
            "--test-timeout=1800000",
            // One file at a time: two browsers on two cores are no faster, and would disturb cases that measure time.
            "--test-concurrency=1",
            "chat.test.mjs",
            "entering.test.mjs",
            "people.test.mjs",
            "list.test.mjs",
            "life.test.mjs",
            "base-path.test.mjs",
            "states.test.mjs",
            "missed.test.mjs",
            "driver.test.mjs",
            "tokens.test.mjs",
            "browsers.test.mjs",
        ])
        .current_dir(root().join("tests/page"))
        .env("EVERWIRE_BINARY", everwire())
        .env("EVERWIRE_SESSION_ECHO", env!("CARGO_BIN_EXE_session-echo"))
        .env("EVERWIRE_SESSION_CALLS", env!("CARGO_BIN_EXE_session-calls"))
        .env("EVERWIRE_TOKENS_PAGE", example("tokens_page"))
        .status()
        .expect("Node.js runs");
    assert!(status.success(), "the failures are printed above");
}
