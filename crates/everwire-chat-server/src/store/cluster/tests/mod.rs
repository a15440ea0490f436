//! Nodes on one nats-server.
//!
//! - `posts`: what is posted on some is on all; `unreadable`: what nobody can read
//! - `read_positions`: how far users have read
//! - `access`: who may come in; `reading`: how it is read from the brokers
//! - `refusals`: who can't be a node, or not any more
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod access;
mod posts;
mod read_positions;
mod reading;
mod refusals;
mod unreadable;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::accounts::ClusterAccounts;
use super::store::{ClusterStore, Trial};
use super::{ClusterError, ClusterSettings};
use crate::store::accounts::{AccountAdded, AccountStore, NewSignIn, RefreshOutcome, RefreshToken, SignInOutcome};
use crate::store::conformance::{
    self, AccountFixture, Log, MessageFixture, account_store, collect, ids, message_store, post,
};
use crate::store::messages::{MessageStore, PageRequest, Retention, StoreOptions};
use crate::store::{Commits, StoreError};

/// Bytes that a post of the tests may have.
const LARGEST: usize = 64 << 10;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A nats-server of its own, killed in the end.
pub(super) struct Nats {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Nats {
    pub(super) fn start(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let jetstream = format!("jetstream {{ store_dir: \"{}\" }}\n", folder.path().join("js").display());
        Self::start_in(folder, -1, &format!("{jetstream}{more}"))
    }

    pub(super) fn start_in(folder: tempfile::TempDir, port: i32, settings: &str) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python/nats/bin/nats-server");
        assert!(program.exists(), "{} is missing: run `cargo xtask setup`", program.display());
        let file = folder.path().join("nats.conf");
        let ports = folder.path().display();
        let text = format!("listen: \"127.0.0.1:{port}\"\nports_file_dir: \"{ports}\"\n{settings}");
        std::fs::write(&file, text).unwrap();
        let process =
            Command::new(program).arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let named = folder.path().join(format!("nats-server_{}.ports", process.id()));
        let port = wait_for("nats-server", || {
            let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(&named).ok()?).ok()?;
            ports["nats"][0].as_str()?.rsplit(':').next()?.parse().ok()
        });
        Self { process, folder, port }
    }

    pub(super) fn settings(&self) -> ClusterSettings {
        let mut settings = ClusterSettings::new([format!("nats://127.0.0.1:{}", self.port)]);
        settings.replicas = 1;
        settings.accept_sync = true;
        settings
    }
}

impl Nats {
    /// What some other program writes.
    async fn write(&self, subject: &str, payload: &str) {
        let client = async_nats::connect(format!("nats://127.0.0.1:{}", self.port)).await.unwrap();
        let streams = async_nats::jetstream::new(client);
        streams.publish(subject.to_owned(), payload.to_owned().into()).await.unwrap().await.unwrap();
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// With the same streams, and at the same port.
    fn start_again(mut self) -> Self {
        self.kill();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        let jetstream = format!("jetstream {{ store_dir: \"{}\" }}\n", folder.path().join("js").display());
        Self::start_in(folder, i32::from(self.port), &jetstream)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Polls until there is something.
fn wait_for<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "no {what} in time");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A node alone on its cluster.
struct Node {
    nats: Nats,
    data: tempfile::TempDir,
    refused: Mutex<Option<String>>,
}

impl MessageFixture for Node {
    fn new() -> Self {
        Self { nats: Nats::start(""), data: tempfile::tempdir().unwrap(), refused: Mutex::default() }
    }

    fn open(&self) -> (Box<dyn MessageStore>, Commits) {
        let refused = self.refused.lock().unwrap().clone();
        let trial = Trial { refused, ..Trial::default() };
        let opened = ClusterStore::open_trial(self.data.path(), &self.nats.settings(), options(), LARGEST, trial);
        let (store, commits) = opened.unwrap();
        (Box::new(store), commits)
    }

    fn refuse(&self, id: &str) {
        *self.refused.lock().unwrap() = Some(id.to_owned());
    }
}

message_store!(Node);

/// A node's accounts.
struct Members;

impl AccountFixture for Members {
    fn open() -> Box<dyn AccountStore> {
        let nats = Nats::start("");
        let data = tempfile::tempdir().unwrap();
        let (store, commits) = ClusterStore::open(data.path(), &nats.settings(), options(), LARGEST).unwrap();
        let mut accounts = store.accounts().unwrap();
        accounts.keep(Box::new((store, commits, nats, data)));
        Box::new(accounts)
    }
}

account_store!(Members);

/// A sign-in of ana's, of the family "f".
fn of_ana(generation: i64, hash: &[u8], expires: i64) -> NewSignIn<'_> {
    NewSignIn { user: "ana", generation, hash, family: "f", expires, now: 1 }
}

fn options() -> StoreOptions {
    StoreOptions { is_replica: true, ..StoreOptions::default() }
}

fn join(nats: &Nats, data: &Path) -> Result<(ClusterStore, Log), ClusterError> {
    join_with(&nats.settings(), data)
}

fn join_with(settings: &ClusterSettings, data: &Path) -> Result<(ClusterStore, Log), ClusterError> {
    join_trial(settings, data, Trial::default())
}

fn join_trial(settings: &ClusterSettings, data: &Path, trial: Trial) -> Result<(ClusterStore, Log), ClusterError> {
    let opened = ClusterStore::open_trial(data, settings, options(), LARGEST, trial);
    opened.map(|(store, commits)| (store, collect(commits)))
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}

/// Waits until a node has this many messages in a room, and returns their ids.
async fn settled(store: &ClusterStore, room: &str, count: u64) -> Vec<String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let page = store.page(room, PageRequest::After(0)).await.unwrap();
        if page.end >= count {
            let offsets: Vec<_> = page.messages.iter().map(|message| message.offset.unwrap()).collect();
            assert_eq!(offsets, (1..=count).collect::<Vec<_>>(), "dense");
            return ids(&page).into_iter().map(str::to_owned).collect();
        }
        assert!(Instant::now() < until, "{} of {count} messages in time", page.end);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
