//! Checks the documents: their commands run, and their examples are files that run.
#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::path::Path;
use std::time::Duration;

use everwire_tests::{PATIENCE, Process, cargo, example, free_port, root};
use tokio::process::Command;

/// The documents whose console blocks are run.
const PAGES: &[&str] = &["README.md", "CONTRIBUTING.md", "docs/benchmarks.md", "docs/chat.md"];

/// The path at which `cargo xtask run` puts the binary.
const RELEASED: &str = "target/release/everwire";

/// How long a build of the page and a release build may take on a busy machine, without a cache.
const BUILD: Duration = Duration::from_secs(20 * 60);

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The contents of all blocks fenced as `language`.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block.to_owned()).collect()
}

/// `$ command  # comment` lines of a page's console blocks.
fn commands(page: &str) -> Vec<String> {
    blocks(page, "console")
        .iter()
        .flat_map(|block| block.lines())
        .filter_map(|line| line.strip_prefix("$ "))
        .map(|line| line.split(" #").next().unwrap_or(line).trim().to_owned())
        .collect()
}

async fn server(data: &Path) -> (Process, String) {
    let mut server = Process::everwire(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().expect("a path")]);
    let address = server.address().await;
    (server, address)
}

#[tokio::test]
async fn every_console_command_of_the_documents_works() {
    let data = tempfile::tempdir().expect("a folder");
    let (_server, address) = server(data.path()).await;
    let mut seen = 0;
    for page in PAGES {
        for command in commands(&read(page)) {
            run(&command, &address).await;
            seen += 1;
        }
    }
    assert!(seen >= 5, "the documents lost their commands");
}

/// Runs one documented command against a running server, with an empty standard input.
async fn run(command: &str, address: &str) {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[..] {
        // The command that runs this test itself, and benchmarks, are left out.
        ["cargo", "xtask", "test" | "bench", ..] => {}
        ["cargo", "xtask", "run"] | ["everwire" | RELEASED, "serve" | "echo", ..] => starts_a_server(&words).await,
        ["cargo", "run", "-p", "everwire", "--example", "hello"] => says_hello().await,
        ["everwire" | RELEASED, ref rest @ ..] => {
            let kept = tempfile::tempdir().expect("a folder");
            let kept = kept.path().to_str().expect("a path");
            let here =
                |word: &&str| if *word == "kept" { kept.to_owned() } else { word.replace("127.0.0.1:8080", address) };
            let args: Vec<String> = rest.iter().map(here).collect();
            let mut process = Process::everwire(&args.iter().map(String::as_str).collect::<Vec<_>>());
            process.end_input();
            assert_eq!(process.exit_code().await, 0, "{command}");
        }
        _ => panic!("the documents show a command that this test does not know: {command}"),
    }
}

async fn starts_a_server(words: &[&str]) {
    let data = tempfile::tempdir().expect("a folder");
    let mut elsewhere = vec!["--listen", "127.0.0.1:0"];
    if words[1] != "echo" {
        elsewhere.extend(["--data", data.path().to_str().expect("a path")]);
    }
    let (mut process, limit) = if words[0] == "cargo" {
        (Process::start(Command::from(cargo()).args(&words[1..]).arg("--").args(elsewhere)), BUILD)
    } else {
        let args: Vec<&str> = words[1..].iter().copied().chain(elsewhere).collect();
        (Process::everwire(&args), PATIENCE)
    };
    let address = process.address_within(limit).await;
    assert!(tokio::net::TcpStream::connect(&address).await.is_ok(), "{words:?} listens on {address}");
    process.kill().await;
}

/// Runs the example of the README with the server that it needs.
async fn says_hello() {
    let mut echo = Process::everwire(&["echo", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{}/", echo.address().await);
    let mut hello = Process::start(Command::new(example("hello")).arg(&url));
    hello.line_with("Text(\"ping\")").await;
    hello.line_with("received").await;
    hello.line_with("0 unsent, 0 without proof").await;
    assert_eq!(hello.exit_code().await, 0);
}

/// The blocks for nginx: at the root, below a path that is passed on, and below one that is removed.
#[tokio::test]
async fn each_nginx_example_leads_to_the_chat() {
    let shown = blocks(&read("docs/serve.md"), "nginx");
    assert_eq!(shown.len(), 3);
    for (block, (path, option)) in shown.iter().zip([("", "/"), ("/chat", "/chat"), ("/chat", "/")]) {
        let data = tempfile::tempdir().expect("a folder");
        let mut server = Process::everwire(
            &[
                &["serve", "--listen", "127.0.0.1:0", "--base-path", option][..],
                &["--data", data.path().to_str().expect("a path")],
            ]
            .concat(),
        );
        let address = server.address().await;
        let (port, folder) = (free_port(), tempfile::tempdir().expect("a folder"));
        let settings = format!(
            "daemon off; master_process off; pid nginx.pid; events {{}}
            http {{
                access_log off;
                client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
                uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                server {{ listen 127.0.0.1:{port}; {} }}
            }}",
            block.replace("127.0.0.1:8080", &address)
        );
        std::fs::write(folder.path().join("settings"), settings).expect("a writable folder");
        let path_of_daemons = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(folder.path()).arg("-e").arg("log").arg("-c").arg("settings");
        let _nginx = Process::start(nginx.env("PATH", path_of_daemons));
        listens(port).await;
        let mut ana = Process::everwire(&["chat", &format!("127.0.0.1:{port}{path}/"), "--name", "ana"]);
        ana.type_line("through").await;
        ana.end_input();
        assert_eq!(ana.exit_code().await, 0, "{block}");
        let page = format!("http://127.0.0.1:{port}{path}?room=den");
        let page = Command::new("curl")
            .args(["-sSL", "--max-time", "30", "-w", "%{http_code} %{url_effective}", &page])
            .output();
        let page = String::from_utf8_lossy(&page.await.expect("curl runs").stdout).into_owned();
        assert!(page.ends_with(&format!("200 http://127.0.0.1:{port}{path}/?room=den")), "{page}");
    }
}

async fn listens(port: u16) {
    let connects = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, connects).await.expect("it listens in time");
}

#[test]
fn the_readme_s_example_equals_the_file_that_it_names() {
    let example = read("crates/everwire/examples/hello.rs");
    let shown = blocks(&read("README.md"), "rust");
    assert!(shown.iter().any(|block| example.ends_with(block.as_str())), "README.md and examples/hello.rs differ");
}

#[test]
fn the_guide_s_excerpts_are_in_the_examples() {
    let examples = [
        "crates/everwire/examples/feed.rs",
        "crates/everwire/examples/two_lines.rs",
        "crates/everwire-server/examples/broadcast.rs",
        "crates/everwire-server/examples/calls.rs",
    ]
    .map(read);
    let shown = blocks(&read("docs/guide.md"), "rust");
    assert!(!shown.is_empty());
    for block in shown {
        assert!(examples.iter().any(|example| example.contains(&block)), "no example has this:\n{block}");
    }
}

#[tokio::test]
async fn the_readme_s_example_gets_its_answer_and_its_outcome() {
    says_hello().await;
}
