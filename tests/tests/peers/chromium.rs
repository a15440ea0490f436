//! A browser: headless Chromium, on a page that an Everwire server serves.

use std::path::Path as FilePath;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Html;
use axum::routing::{get, post};
use everwire_tests::{EchoServer, PATIENCE, Process, root};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::their_client::{Compresses, Driven, Pings, Skills, talks_with_our_server};

#[tokio::test]
async fn a_page_in_chromium_talks_with_our_server() {
    let skills = Skills { pings: Pings::Never, compresses: Compresses::BothWays, knows_reasons: true };
    let pages = Pages::default();
    let server = EchoServer::listen("127.0.0.1:0", pages.routes()).await;
    let start = async |address: String| pages.open(&address, &address);
    talks_with_our_server(server, skills, start).await;
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_by_default() {
    let pages = Pages::default();
    let server = EchoServer::listen("127.0.0.1:0", pages.routes()).await;
    let elsewhere = server.address().replace("127.0.0.1", "localhost");
    let mut page = pages.open(&elsewhere, server.address());
    let close = page.event().await;
    assert_eq!((&close["event"], &close["code"]), (&"close".into(), &1006.into()));
}

/// The open pages, and the command queue of each of them.
#[derive(Clone, Default)]
struct Pages(Arc<Mutex<Vec<Far>>>);

/// The page's end of the queues of commands and events.
struct Far {
    commands: Arc<tokio::sync::Mutex<UnboundedReceiver<String>>>,
    events: UnboundedSender<Value>,
}

/// A browser with one page, until it is dropped.
struct Page {
    commands: UnboundedSender<String>,
    events: UnboundedReceiver<Value>,
    _browser: Process,
    _profile: TempDir,
}

impl Pages {
    fn routes(&self) -> Router {
        Router::new()
            .route("/{page}/", get(async || Html(include_str!("../../peers/browser.html"))))
            .route("/{page}/command", get(command))
            .route("/{page}/event", post(event))
            .with_state(self.clone())
    }

    /// Opens a page from the address `from` that connects to the address `to`.
    fn open(&self, from: &str, to: &str) -> Page {
        let (commands, far_commands) = unbounded_channel();
        let (far_events, events) = unbounded_channel();
        let mut pages = self.0.lock().expect("nobody panicked");
        let number = pages.len();
        let far_commands = Arc::new(tokio::sync::Mutex::new(far_commands));
        pages.push(Far { commands: far_commands, events: far_events });
        let profile = tempfile::tempdir().expect("a folder");
        let browser = chromium(profile.path(), &format!("http://{from}/{number}/?ws://{to}/"));
        Page { commands, events, _browser: browser, _profile: profile }
    }
}

/// Waits for the page's next command.
async fn command(State(pages): State<Pages>, Path(page): Path<usize>) -> String {
    let commands = Arc::clone(&pages.0.lock().expect("nobody panicked")[page].commands);
    let mut commands = commands.lock().await;
    commands.recv().await.unwrap_or_default()
}

async fn event(State(pages): State<Pages>, Path(page): Path<usize>, body: String) {
    let event = serde_json::from_str(&body).expect("an event is JSON");
    let _ = pages.0.lock().expect("nobody panicked")[page].events.send(event); // nobody waits any more: the test is over
}

impl Driven for Page {
    async fn tell(&mut self, line: &str) {
        self.commands.send(line.to_owned()).expect("the pages are served");
    }

    async fn event(&mut self) -> Value {
        tokio::time::timeout(PATIENCE, self.events.recv())
            .await
            .expect("an event in time")
            .expect("the pages are served")
    }
}

/// Starts Chromium without a window, and without requests to the internet.
fn chromium(profile: &FilePath, page: &str) -> Process {
    const ARGS: &[&str] = &[
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--no-proxy-server",
    ];
    let profile = format!("--user-data-dir={}", profile.display());
    let mut command = Command::new("chromium");
    // Its messages about missing system services would only be noise.
    command.args(ARGS).args([&profile, page]).current_dir(root()).stderr(std::process::Stdio::null());
    Process::start(&mut command)
}
