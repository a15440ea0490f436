//! Each example does what it is there to show, and is listed in the index by task.
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::collections::BTreeSet;
use std::path::Path;

use everwire_tests::{Process, example, root};
use tokio::process::Command;

const INDEX: &str = "examples/README.md";

/// Starts an example that brings its own server, and waits for these lines and an end without an error.
async fn shows(name: &str, lines: &[&str]) {
    let mut process = Process::start(&mut Command::new(example(name)));
    for line in lines {
        process.line_with(line).await;
    }
    assert_eq!(process.exit_code().await, 0, "{name}");
}

async fn chat_server(data: &Path) -> (Process, String) {
    let mut server = Process::everwire(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().expect("a path")]);
    let url = format!("ws://{}/ws", server.address().await);
    (server, url)
}

async fn echo_server() -> (Process, String) {
    let mut echo = Process::everwire(&["echo", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{}/", echo.address().await);
    (echo, url)
}

#[test]
fn every_example_is_in_the_index_and_in_this_file_or_in_another_test() {
    let index = std::fs::read_to_string(root().join(INDEX)).expect("an index");
    let tests = [
        "tests/tests/examples.rs",
        "tests/tests/docs.rs",
        "bindings/js/tests/examples.test.mjs",
        "tests/page/tokens.test.mjs",
    ]
    .map(|path| std::fs::read_to_string(root().join(path)).unwrap_or_default())
    .concat();
    let mut examples = BTreeSet::new();
    for krate in std::fs::read_dir(root().join("crates")).expect("the crates") {
        let folder = krate.expect("a folder").path().join("examples");
        let Ok(files) = std::fs::read_dir(&folder) else { continue };
        for file in files {
            let path = file.expect("a file").path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                examples.insert(path.strip_prefix(root()).expect("below the root").to_owned());
            }
        }
    }
    for example in &examples {
        let name = example.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        assert!(index.contains(&format!("../{}", example.display())), "{INDEX} does not list {}", example.display());
        let is_run = tests.contains(&format!("\"{name}\"")) || RUN_BY_CHORES.contains(&name);
        assert!(is_run, "no test runs {}", example.display());
    }
    for line in index.lines().filter_map(|line| line.split_once("](../")) {
        let path = line.1.split(')').next().expect("a link");
        assert!(root().join(path).exists(), "{INDEX} leads to {path}, which is not there");
    }
    assert!(examples.len() >= 20, "{} examples", examples.len());
}

/// The simulator's programs, which `cargo xtask sim` runs, and the server of the page in `examples/tokens-page`, which its own test in
/// Chromium starts.
const RUN_BY_CHORES: &[&str] = &["simulate", "simulate_calls", "tokens_page"];

#[tokio::test]
async fn a_line_of_standard_input_is_sent_and_its_outcome_printed() {
    let (_echo, url) = echo_server().await;
    let mut plain = Process::start(Command::new(example("plain")).arg(&url));
    plain.type_line("one line").await;
    plain.line_with("one line").await;
    plain.end_input();
    assert_eq!(plain.exit_code().await, 0);
}

#[tokio::test]
async fn a_program_for_tungstenite_gets_its_answer_with_two_lines_changed() {
    let data = tempfile::tempdir().expect("a folder");
    let (_server, url) = chat_server(data.path()).await;
    let mut two_lines = Process::start(Command::new(example("two_lines")).arg(&url));
    two_lines.line_with("it says pong").await;
    assert_eq!(two_lines.exit_code().await, 0);
}

#[tokio::test]
async fn a_feed_is_subscribed_to_again_on_every_connection() {
    shows("feed", &["EUR/USD stands at 1", "EUR/USD stands at 9", "over 3 connections"]).await;
}

#[tokio::test]
async fn each_attempt_has_a_fresh_token() {
    shows("fresh_token", &["attempt 1 with token 1", "attempt 2 with token 2", "received by the peer"]).await;
}

#[tokio::test]
async fn messages_sent_offline_go_by_priority_and_each_has_its_outcome() {
    shows(
        "offline_queue",
        &[
            "old price: dropped: a newer message with its key took its place",
            "position: expired",
            "draft: cancelled",
            "new price: received by the peer",
        ],
    )
    .await;
    shows("offline_queue", &["the server gets alarm", "the server gets EUR/USD 1.09"]).await;
}

#[tokio::test]
async fn a_status_line_shows_each_state() {
    shows("status_line", &["[green] connected", "[yellow] disconnected: ", "[green] connected", "[grey] closed"]).await;
}

#[tokio::test]
async fn an_end_flushes_within_its_deadline_and_returns_what_is_left() {
    let lines = ["with a server: 0 unsent, 0 unproven", "to be kept: reading 1001", "to be kept: reading 1002"];
    shows("shutdown", &lines).await;
}

#[tokio::test]
async fn many_clients_share_their_retries() {
    shows("many_clients", &["100 clients are back, not all at once"]).await;
}

#[tokio::test]
async fn a_fast_producer_waits_for_room_in_the_outbox() {
    shows("upload", &["500 chunks of 16384 bytes were received", "never more than 256 KiB waited"]).await;
}

#[tokio::test]
async fn a_kept_outbox_sends_what_the_first_client_left() {
    let lines = ["it is on disk", "kept in the store for the next start", "\"said offline\" was received by the peer"];
    shows("outbox", &lines).await;
}

#[tokio::test]
async fn a_broadcast_reaches_all_members() {
    let lines = ["ben hears: Some(\"who is here?\")", "ana hears: Some(\"who is here?\")", "ana hears: Some(\"I am\")"];
    shows("broadcast", &lines).await;
}

#[tokio::test]
async fn a_call_gets_its_sum_and_a_stream_its_items() {
    shows("calls", &["the sum is 6", "1", "2", "3"]).await;
}

#[tokio::test]
async fn a_table_of_json_rpc_methods_answers_in_a_call() {
    let lines = [
        r#"response: {"jsonrpc":"2.0","result":19,"id":1}"#,
        r#"response: [{"jsonrpc":"2.0","result":"1.0","id":"a"},{"jsonrpc":"2.0","error":{"code":-32601,"message":"there is no method fly"},"id":"b"}]"#,
        "response: ",
    ];
    shows("json_rpc", &lines).await;
}

#[tokio::test]
async fn a_token_stream_is_cut_and_loses_no_word() {
    shows("tokens", &["and nobody who read it ever noticed", "24 words over "]).await;
}

#[tokio::test]
async fn a_job_shows_its_progress_and_its_result() {
    shows("progress", &["[#####     ] 50 %", "120 pages are printed"]).await;
}

#[tokio::test]
async fn a_session_counts_every_order_once() {
    shows("orders", &["the last confirmation: 5050 in all", "0 orders unsent, 0 without an answer"]).await;
}

#[tokio::test]
async fn a_database_does_every_transfer_once_over_a_crash() {
    shows("transfers", &["the server crashes", "100 transfers of 2 make 200"]).await;
}

#[tokio::test]
async fn a_price_feed_shows_the_latest_to_a_slow_client() {
    let lines = ["6000 quotes were made, and less than a tenth of them was sent", "EUR/USD stands at 2000"];
    shows("prices", &lines).await;
}

#[tokio::test]
async fn the_protocol_crate_works_without_a_runtime() {
    shows("blocking", &["the server answers \"hello\"", "closed: Closed"]).await;
}

#[tokio::test]
async fn a_socket_works_on_a_pipe_in_memory() {
    shows("echo", &["echo of message 3", "both ends are closed"]).await;
}

#[tokio::test]
async fn an_hour_of_attempts_passes_in_virtual_time() {
    let lines = ["attempt 1 failed, the next one comes in 1000 ms", "gave up after 367 attempts and 3600 s"];
    shows("virtual_time", &lines).await;
}

#[tokio::test]
async fn calls_work_over_a_custom_transport() {
    shows("own_transport", &["the server runs sum and replies 6", "the client gets 6"]).await;
}

#[tokio::test]
async fn a_bad_network_loses_no_message() {
    shows("bad_network", &["100 of 100 messages arrived, over many connections"]).await;
}

#[tokio::test]
async fn an_application_in_the_simulator_books_every_sale_once() {
    shows("under_test", &["each booked once"]).await;
}

#[tokio::test]
async fn the_chat_runs_beside_other_routes_of_an_application() {
    shows("embedded", &["ana's message is stored", "the application has ended"]).await;
}

#[tokio::test]
async fn a_bot_answers_in_a_room() {
    let data = tempfile::tempdir().expect("a folder");
    let (_server, url) = chat_server(data.path()).await;
    let mut bot = Process::start(Command::new(example("bot")).arg(&url));
    bot.line_with("connected").await;
    let mut ana = Process::everwire(&["chat", &url, "--name", "ana"]);
    ana.type_line("!echo good morning").await;
    bot.line_with("ana asks for \"good morning\"").await;
    ana.line_with("good morning").await;
    ana.type_line("!stop").await;
    bot.line_with("0 messages unsent").await;
    assert_eq!(bot.exit_code().await, 0);
}
