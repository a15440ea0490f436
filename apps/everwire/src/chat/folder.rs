//! The folder of `--outbox`, with a subfolder for each server and user.
//!
//! The unsent messages, the last messages and the sign-in of one user at one server are kept in a subfolder of their own, so
//! that nothing is sent or shown to the wrong server or user. Earlier versions kept them in the folder itself; the first user
//! who can be their owner adopts them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use everwire::Message;
use everwire::store::{SqliteStore, Store};
use everwire_chat::wire::{Event, parse};
use serde_json::Value;

use crate::exit::{Exit, Failure};

/// The subfolder of one user at one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folder {
    root: PathBuf,
    own: PathBuf,
    server: String,
    user: String,
}

impl Folder {
    /// Opens the subfolder, and creates it if it does not exist. `url` is the chat's address.
    ///
    /// # Errors
    /// One line: the folder can't be created.
    pub(super) fn open(root: &Path, url: &str, user: &str) -> Result<Self, Failure> {
        let server = server(url);
        let own = root.join(file_name(&server)).join(file_name(user));
        make_private(&own).map_err(|error| {
            let line = format!("the folder {} can't be created: {error} (--outbox DIR)", own.display());
            Failure::new(Exit::Failed, line)
        })?;
        if is_open_to_others(root) && is_open_to_others(&own) {
            tracing::warn!(
                folder = %own.display(),
                "other users of this machine can read the unsent messages, the last messages and the sign-in: run chmod -R go-rwx on it"
            );
        }
        Ok(Self { root: root.to_owned(), own, server, user: user.to_owned() })
    }

    /// The subfolder itself.
    pub(super) fn path(&self) -> &Path {
        &self.own
    }

    /// The folder that `--outbox` names, which has other subfolders too.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the sign-in is kept.
    pub(super) fn sign_in(&self) -> PathBuf {
        self.own.join("sign-in.json")
    }

    /// Where the last messages of a room are kept.
    pub(super) fn memory(&self, room: &str) -> PathBuf {
        self.own.join(format!("{}.json", file_name(room)))
    }

    /// The store of a room's unsent messages. Two clients do not share one.
    pub(super) fn outbox(&self, room: &str) -> PathBuf {
        self.own.join(format!("{}.outbox", file_name(room)))
    }

    /// Adopts the files of an earlier version that can be this user's, and returns a line for the user about each.
    /// `signed_in` is the server and the user of the sign-in that the earlier version kept in the same folder; `base` is
    /// our server, written in the same way.
    pub(super) fn adopt(&self, signed_in: Option<&(String, String)>, base: &str) -> Vec<String> {
        let files = fs::read_dir(&self.root).into_iter().flatten().flatten().map(|entry| entry.path());
        let names: BTreeSet<String> = files
            .filter(|path| path.extension().is_some_and(|kind| kind == "outbox" || kind == "json"))
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            // No room's file has this name: a hyphen in a room's name is encoded.
            .filter(|name| name != "sign-in")
            .collect();
        names.iter().filter_map(|name| self.adopt_room(name, signed_in, base)).collect()
    }

    fn adopt_room(&self, old_name: &str, signed_in: Option<&(String, String)>, base: &str) -> Option<String> {
        let room = percent_encoding::percent_decode_str(old_name).decode_utf8().ok()?;
        let old = |kind| self.root.join(format!("{old_name}.{kind}"));
        let (outbox, memory) = (old("outbox"), old("json"));
        let shown = if outbox.is_file() { outbox.display() } else { memory.display() };
        let is_ours = match signed_in {
            Some((server, user)) => server == base && *user == self.user,
            None => is_of(&outbox, &memory, &self.user)?,
        };
        if !is_ours {
            return Some(format!("{shown} is left alone: it belongs to another user or server"));
        }
        for (old, new) in [(&outbox, self.outbox(&room)), (&memory, self.memory(&room))] {
            if old.is_file() && !new.exists() {
                // After a crash, SQLite's log files belong to the database too.
                for beside in ["", "-wal", "-shm"] {
                    let with = |path: &Path| PathBuf::from(format!("{}{beside}", path.display()));
                    let _ = fs::rename(with(old), with(&new));
                }
            }
        }
        Some(format!("{shown} is taken for {} at {}", self.user, self.server))
    }
}

/// Whether all unsent messages, or else one of the last messages, are this user's. `None`: another program uses the files, or
/// they are not Everwire's.
fn is_of(outbox: &Path, memory: &Path, user: &str) -> Option<bool> {
    let mut authors = Vec::new();
    if outbox.is_file() {
        for waiting in SqliteStore::open(outbox).ok()?.load().ok()?.messages {
            let Message::Text(text) = &waiting.message else { continue };
            for event in parse(text).events {
                if let Event::Text(line) = event {
                    authors.push(line.user_id);
                }
            }
        }
    }
    if !authors.is_empty() {
        return Some(authors.iter().all(|author| author == user));
    }
    let memory: Value = serde_json::from_str(&fs::read_to_string(memory).ok()?).ok()?;
    Some(memory["messages"].as_array()?.iter().any(|line| line["userId"].as_str() == Some(user)))
}

/// The host with its port, and the path unless it is `/ws`: the part of the address that is the same for every room.
fn server(url: &str) -> String {
    let Ok(uri) = url.parse::<http::Uri>() else { return url.to_owned() };
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("wss") { 443 } else { 80 });
    let path = if uri.path() == "/ws" { "" } else { uri.path() };
    format!("{}:{port}{path}", uri.host().unwrap_or_default().to_ascii_lowercase())
}

/// The longest file name, in bytes; longer ones are cut, and a digest keeps them apart.
const LONGEST_NAME: usize = 150;

/// A file name for a text. Different texts have different names, on file systems that ignore case too.
fn file_name(text: &str) -> String {
    let mut name = String::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => name.push(char::from(byte)),
            // Never `.`, `..` or a hidden file.
            b'.' if at > 0 && at + 1 < text.len() => name.push('.'),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    if name.len() > LONGEST_NAME {
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        name.truncate(LONGEST_NAME - 33);
        name.push('~');
        name.extend(digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")));
    }
    name
}

/// Creates a folder that only its owner can read, if it does not exist yet.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use everwire::store::{StoreOp, StoredMessage};
    use everwire::{MessageId, Priority};
    use serde_json::json;

    use super::*;

    #[test]
    fn each_server_user_and_room_has_files_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let outbox = |url: &str, user: &str, room: &str| Folder::open(root.path(), url, user).unwrap().outbox(room);
        let ana = outbox("ws://h:1/ws", "ana", "den");
        assert_eq!(ana, root.path().join("h%3A1").join("ana").join("den.outbox"));
        assert_eq!(outbox("ws://H:1/ws?room=x", "ana", "den"), ana);
        assert_eq!(outbox("wss://h/ws", "ana", "den"), outbox("wss://h:443/ws", "ana", "den"));
        let others = [
            outbox("ws://h:2/ws", "ana", "den"),
            outbox("ws://h:1/below/ws", "ana", "den"),
            outbox("ws://h:1/ws", "Ana", "den"),
            outbox("ws://h:1/ws", "ben", "den"),
            outbox("ws://h:1/ws", "..", "den"),
            outbox("ws://h:1/ws", "ana", "Den"),
            outbox("ws://h:1/ws", "ana", "../den"),
        ];
        for (at, other) in others.iter().enumerate() {
            assert!(other.starts_with(root.path()) && *other != ana && !others[..at].contains(other), "{other:?}");
            let lower = |path: &Path| path.display().to_string().to_lowercase();
            assert_ne!(lower(other), lower(&ana));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_new_folder_can_be_read_by_its_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("kept");
        let folder = Folder::open(&root, "wss://h/ws", "ana").unwrap();
        for made in [&root, &folder.own] {
            let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(made).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o700, "{}", made.display());
        }
        assert!(!is_open_to_others(&folder.own));
    }

    #[test]
    fn the_longest_names_can_be_made() {
        let root = tempfile::tempdir().unwrap();
        let (long, longer) = ("\u{1f469}".repeat(32), "\u{436}".repeat(256));
        let folder = Folder::open(root.path(), "wss://h/ws", &long).unwrap();
        for room in [&long, &longer] {
            fs::write(folder.outbox(room), "").unwrap();
        }
        assert_ne!(folder.outbox(&longer), folder.outbox(&longer[2..]));
        assert_ne!(folder.memory("sign-in"), folder.sign_in());
    }

    /// A folder of an earlier version, with unsent messages of these users.
    fn before(root: &Path, room: &str, waiting: &[&str]) {
        let mut store = SqliteStore::open(root.join(format!("{room}.outbox"))).unwrap();
        let line = |(number, user): (u64, &&str)| {
            let id = MessageId(number);
            let line = json!({"type": "text", "id": number.to_string(), "userId": user, "userName": user, "text": "x", "timestamp": 1});
            let message = Message::text(line.to_string());
            let (seq, key, expires_at) = (None, None, None);
            let priority = Priority::default();
            StoreOp::Put(StoredMessage {
                id,
                place: id,
                seq,
                priority,
                key,
                expires_at,
                may_have_arrived: false,
                message,
            })
        };
        let steps: Vec<StoreOp> = (1..).zip(waiting).map(line).collect();
        store.commit(&steps).unwrap();
    }

    #[test]
    fn files_of_an_earlier_version_go_to_their_owner_and_to_nobody_else() {
        let root = tempfile::tempdir().unwrap();
        before(root.path(), "den", &["ana", "ana"]);
        let of = |user| Folder::open(root.path(), "ws://h:1/ws", user).unwrap();
        assert!(of("ben").adopt(None, "").concat().contains("left alone"));
        let elsewhere = ("http://h:2".to_owned(), "ana".to_owned());
        assert!(of("ana").adopt(Some(&elsewhere), "http://h:1").concat().contains("left alone"));
        assert!(of("ana").adopt(None, "http://h:1").concat().contains("is taken for ana at h:1"));
        assert_eq!(of("ana").adopt(None, ""), [""; 0], "it is there no more");
        let mut adopted = SqliteStore::open(of("ana").outbox("den")).unwrap();
        assert_eq!(adopted.load().unwrap().messages.len(), 2);
    }

    #[test]
    fn last_messages_of_an_earlier_version_go_to_a_user_who_has_written_some() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("den.json"), r#"{"messages":[{"userId":"ana"},{"userId":"ben"}]}"#).unwrap();
        let of = |user| Folder::open(root.path(), "ws://h:1/ws", user).unwrap();
        assert!(of("eve").adopt(None, "").concat().contains("left alone"));
        assert!(of("ana").adopt(None, "").concat().contains("is taken"));
        assert!(of("ana").memory("den").is_file());
    }
}
