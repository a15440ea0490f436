#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::accounts::ClusterAccounts;
use super::store::ClusterStore;
use super::{ClusterError, ClusterSettings};
use crate::store::accounts::{AccountAdded, AccountStore, NewSignIn, RefreshOutcome, SignInOutcome};
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
        let opened = ClusterStore::open_refusing(
            self.data.path(),
            &self.nats.settings(),
            StoreOptions { is_replica: true, ..StoreOptions::default() },
            LARGEST,
            refused,
        );
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
        let options = StoreOptions { is_replica: true, ..StoreOptions::default() };
        let (store, commits) = ClusterStore::open(data.path(), &nats.settings(), options, LARGEST).unwrap();
        let mut accounts = store.accounts().unwrap();
        accounts.keep(Box::new((store, commits, nats, data)));
        Box::new(accounts)
    }
}

account_store!(Members);

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_decides_of_users_holds_on_all_and_for_the_commands() {
    let nats = Nats::start("");
    let folders = [folder(), folder(), folder()];
    let [first, second] = [0, 1].map(|node| join(&nats, &folders[node].1).unwrap().0);
    let (mut here, mut there) = (first.accounts().unwrap(), second.accounts().unwrap());
    assert_eq!(here.key().unwrap(), there.key().unwrap(), "tokens of one are good at the other");
    let mut commands = super::open_accounts(&nats.settings()).unwrap();
    assert_eq!(commands.add("ana", "Ana", "hash", 1).unwrap(), AccountAdded::Now);
    let seen = |what: &str, accounts: &ClusterAccounts, is: &dyn Fn(&ClusterAccounts) -> bool| {
        wait_for(what, || is(accounts).then_some(()));
    };
    for accounts in [&here, &there] {
        seen("account", accounts, &|accounts| accounts.login("ana").unwrap().is_some());
    }
    // A refresh token is exchanged once, on whichever node it comes.
    let generation = here.login("ana").unwrap().unwrap().generation;
    let sign_in = NewSignIn { user: "ana", generation, hash: b"1", family: "f", expires: i64::MAX, now: 1 };
    assert!(matches!(here.begin(&sign_in).unwrap(), SignInOutcome::SignedIn(_)));
    seen("sign-in", &there, &|accounts| accounts.family("1").is_some());
    assert!(matches!(there.refresh(b"1", b"2", i64::MAX, 1).unwrap(), RefreshOutcome::For(..)));
    assert!(
        matches!(here.refresh(b"1", b"2b", i64::MAX, 1).unwrap(), RefreshOutcome::For(_, void) if void == [b"2".to_vec()])
    );
    assert!(matches!(there.refresh(b"2", b"3", i64::MAX, 1).unwrap(), RefreshOutcome::Stolen { .. }), "known at once");
    // A ban, told by the commands.
    assert!(commands.ban("ana", 5).unwrap());
    for accounts in [&here, &there] {
        seen("ban", accounts, &|accounts| accounts.standing("ana", "r", None, 1).unwrap().banned);
    }
    // A node that comes later knows all of it.
    let (third, _) = join(&nats, &folders[2].1).unwrap();
    let late = third.accounts().unwrap();
    assert!(late.standing("ana", "r", None, 1).unwrap().banned && late.key().unwrap() == here.key().unwrap());
    // Without the broker nobody is let in, after a while.
    drop(nats);
    seen("staleness", &late, &|accounts| accounts.standing("ana", "r", None, 1).is_err());
    for store in [first, second, third] {
        store.close();
    }
}

fn join(nats: &Nats, data: &Path) -> Result<(ClusterStore, Log), ClusterError> {
    join_with(&nats.settings(), data)
}

fn join_with(settings: &ClusterSettings, data: &Path) -> Result<(ClusterStore, Log), ClusterError> {
    let options = StoreOptions { is_replica: true, ..StoreOptions::default() };
    ClusterStore::open(data, settings, options, LARGEST).map(|(store, commits)| (store, collect(commits)))
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

#[tokio::test(flavor = "multi_thread")]
async fn rivals_in_one_room_lose_nothing_and_all_nodes_have_the_same_order() {
    let nats = Nats::start("");
    let folders = [folder(), folder(), folder()];
    let nodes: Vec<_> = folders.iter().map(|(_, path)| join(&nats, path).unwrap()).collect();
    let posting = nodes.iter().enumerate().map(|(node, (store, _))| async move {
        for n in 0..60 {
            assert!(store.append(post("a", &format!("{node}-{n}"))).await);
        }
        store.flush().await.unwrap();
    });
    futures_util::future::join_all(posting).await;
    let mut orders = Vec::new();
    for (store, _) in &nodes {
        orders.push(settled(store, "a", 180).await);
    }
    assert!(orders.iter().all(|order| *order == orders[0]));
    for (node, (_, log)) in nodes.iter().enumerate() {
        let told = log.lock().unwrap().clone();
        let own: Vec<_> = told.iter().filter(|(id, ..)| id.starts_with(&format!("{node}-"))).cloned().collect();
        let expected: Vec<_> = (0..60).map(|n| format!("{node}-{n}")).collect();
        assert_eq!(own.iter().map(|(id, ..)| id.clone()).collect::<Vec<_>>(), expected, "in the sender's order");
        assert!(own.iter().all(|(_, offset, is_new)| offset.is_some() && *is_new));
    }
    for (store, _) in nodes {
        store.close();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_the_same_message_on_whichever_node_it_comes_again() {
    let nats = Nats::start("");
    let folders = [folder(), folder()];
    let [first, second] = folders.each_ref().map(|(_, path)| join(&nats, path).unwrap());
    first.0.append(post("a", "1")).await;
    first.0.flush().await.unwrap();
    // Whether or not the second has applied it by now.
    second.0.append(post("a", "1")).await;
    second.0.append(post("a", "2")).await;
    second.0.flush().await.unwrap();
    assert_eq!(settled(&first.0, "a", 2).await, ["1", "2"]);
    assert!(second.1.lock().unwrap().contains(&("1".to_owned(), Some(1), false)), "{:?}", second.1);
    first.0.close();
    second.0.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_node_gets_all_that_there_is() {
    let nats = Nats::start("");
    let folders = [folder(), folder()];
    let (first, _log) = join(&nats, &folders[0].1).unwrap();
    for n in 1..=300 {
        first.append(post("a", &n.to_string())).await;
    }
    first.flush().await.unwrap();
    let (second, _log) = join(&nats, &folders[1].1).unwrap();
    assert_eq!(settled(&second, "a", 300).await, (1..=300).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(first.epoch(), second.epoch());
    let until = Instant::now() + PATIENCE;
    while let Err(error) = second.check().await {
        assert!(Instant::now() < until, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    first.close();
    second.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_wait_for_a_broker_that_is_away_and_are_stored_once() {
    let mut nats = Nats::start("");
    let (_folder, data) = folder();
    let (store, log) = join(&nats, &data).unwrap();
    store.append(post("a", "1")).await;
    store.flush().await.unwrap();
    nats.process.kill().unwrap();
    nats.process.wait().unwrap();
    for id in ["2", "3"] {
        store.append(post("a", id)).await;
    }
    let page = store.page("a", PageRequest::After(0)).await.unwrap();
    assert_eq!(ids(&page), ["1"], "what was committed is read meanwhile");
    let port = i32::from(nats.port);
    let folder = std::mem::replace(&mut nats.folder, tempfile::tempdir().unwrap());
    let jetstream = format!("jetstream {{ store_dir: \"{}\" }}\n", folder.path().join("js").display());
    let _again = Nats::start_in(folder, port, &jetstream);
    store.flush().await.unwrap();
    assert_eq!(settled(&store, "a", 3).await, ["1", "2", "3"]);
    assert!(log.lock().unwrap().iter().all(|(_, offset, is_new)| offset.is_some() && *is_new));
    store.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_knows_more_than_the_streams_stores_nothing_and_says_so() {
    let mut nats = Nats::start("");
    let (_folder, data) = folder();
    let (store, _log) = join(&nats, &data).unwrap();
    store.append(post("a", "1")).await;
    store.flush().await.unwrap();
    store.close();
    // A copy of the broker's files from before the second post.
    nats.process.kill().unwrap();
    nats.process.wait().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(nats.folder.path().join("js")).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    let old = std::mem::replace(&mut nats.folder, tempfile::tempdir().unwrap());
    let settings = |folder: &Path| format!("jetstream {{ store_dir: \"{}\" }}\n", folder.join("js").display());
    let text = settings(old.path());
    let nats = Nats::start_in(old, -1, &text);
    let (store, _log) = join(&nats, &data).unwrap();
    store.append(post("a", "2")).await;
    store.flush().await.unwrap();
    store.close();
    drop(nats);
    let text = settings(copy.path());
    let nats = Nats::start_in(copy, -1, &text);
    let (store, log) = join(&nats, &data).unwrap();
    let until = Instant::now() + PATIENCE;
    while !matches!(store.check().await, Err(StoreError::Cluster(super::ClusterFault::WentBack))) {
        assert!(Instant::now() < until, "{:?}", store.check().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    store.append(post("a", "3")).await;
    store.flush().await.unwrap();
    assert_eq!(log.lock().unwrap().clone(), [("3".to_owned(), None, false)], "not stored");
    store.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_t_be_a_node_is_told_why_in_one_line() {
    let refused = |settings: &ClusterSettings, data: &Path| match join_with(settings, data) {
        Ok(_) => panic!("it joined"),
        Err(error) => {
            let line = error.to_string();
            assert!(!line.contains('\n'), "{line}");
            line
        }
    };
    let (_folder, data) = folder();
    let nats = Nats::start("");
    let mut settings = nats.settings();
    settings.accept_sync = false;
    assert!(refused(&settings, &data).contains("--cluster-accept-sync"));
    settings = nats.settings();
    settings.replicas = 3;
    assert!(refused(&settings, &data).contains("can't keep 3 replicas"));
    let (store, _log) = join(&nats, &data).unwrap();
    store.close();
    let line = refused(&settings, &data);
    assert!(line.contains("keeps 1 replicas, not 3"), "{line}");
    // A folder of another cluster, and of a server alone.
    let other = Nats::start("");
    assert!(refused(&other.settings(), &data).contains("another cluster"));
    let (_alone, alone) = folder();
    {
        let (store, commits) = crate::store::sqlite::SqliteStore::open(Some(&alone), &StoreOptions::default()).unwrap();
        collect(commits);
        store.append(post("a", "1")).await;
        store.flush().await.unwrap();
        store.close();
    }
    let line = wait_for("folder", || Some(refused(&nats.settings(), &alone)).filter(|line| !line.contains("in use")));
    assert!(line.contains("was alone"), "{line}");
    // A message that is too large for the broker, no JetStream, a password, nobody there.
    let small = Nats::start("max_payload: 65536\n");
    assert!(refused(&small.settings(), &data).contains("at most 65536 bytes"));
    let plain = Nats::start_in(tempfile::tempdir().unwrap(), -1, "");
    assert!(refused(&plain.settings(), &data).contains("JetStream is off"));
    let secret = Nats::start("authorization { user: ana, password: correct }\n");
    assert!(refused(&secret.settings(), &data).contains("don't accept the credentials"));
    let mut nobody = nats.settings();
    drop(nats);
    nobody.servers = vec!["nats://127.0.0.1:1".to_owned()];
    assert!(refused(&nobody, &data).contains("no NATS server can be reached"));
    nobody.credentials = Some("/not/there.creds".into());
    assert!(refused(&nobody, &data).contains("/not/there.creds can't be used"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_goes_from_the_streams_and_a_new_node_begins_where_the_others_do() {
    let nats = Nats::start("");
    let folders = [folder(), folder()];
    let (first, _log) = join(&nats, &folders[0].1).unwrap();
    for n in 1..=20 {
        first.append(post("a", &n.to_string())).await;
        first.append(post("b", &n.to_string())).await;
        // A run each.
        first.flush().await.unwrap();
    }
    let keep = |messages| Retention { messages: Some(messages), time: None };
    assert_eq!(first.retain(keep(3)).await.unwrap(), 34);
    assert_eq!(first.retain(keep(0)).await.unwrap(), 6);
    let (second, log) = join(&nats, &folders[1].1).unwrap();
    second.append(post("a", "21")).await;
    second.flush().await.unwrap();
    let page = second.page("a", PageRequest::After(0)).await.unwrap();
    assert_eq!((ids(&page), page.end), (vec!["20", "21"], 21), "the last record is never removed");
    assert_eq!(log.lock().unwrap().clone(), [("21".to_owned(), Some(21), true)]);
    first.close();
    second.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_seen_more_than_a_node_waits_until_the_node_has_it_too() {
    let nats = Nats::start("");
    let folders = [folder(), folder()];
    let [first, second] = [0, 1].map(|node| join(&nats, &folders[node].1).unwrap().0);
    for n in 1..=100 {
        first.append(post("a", &n.to_string())).await;
        first.flush().await.unwrap();
        assert!(second.page("a", PageRequest::After(n)).await.unwrap().end >= n);
    }
    let made_up = second.page("a", PageRequest::After(u64::MAX)).await.unwrap();
    assert_eq!((made_up.messages.len(), made_up.end), (0, 100), "a position that nobody has is answered, too");
    first.close();
    second.close();
}
