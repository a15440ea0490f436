//! A sign-in that outlives the program: its refresh token, in a file that only its owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file with the sign-in of a user at a server.
#[derive(Clone)]
pub(super) struct SavedSignIn {
    file: PathBuf,
    server: String,
    user: String,
}

/// The file of earlier versions, in the folder of `--outbox` itself.
const FILE_BEFORE: &str = "sign-in.json";

#[derive(Serialize, Deserialize)]
struct Record {
    server: String,
    user: String,
    refresh: String,
}

impl SavedSignIn {
    pub(super) fn at(file: PathBuf, server: &str, user: &str) -> Self {
        Self { file, server: server.to_owned(), user: user.to_owned() }
    }

    /// The server and the user of the sign-in that an earlier version has kept.
    pub(super) fn owner_before(root: &Path) -> Option<(String, String)> {
        let record: Record = serde_json::from_str(&fs::read_to_string(root.join(FILE_BEFORE)).ok()?).ok()?;
        Some((record.server, record.user))
    }

    /// Adopts the sign-in of an earlier version, if it is this user's.
    pub(super) fn adopt(&self, root: &Path) {
        let before = Self { file: root.join(FILE_BEFORE), ..self.clone() };
        if !self.file.exists() && before.read().is_some() {
            let _ = fs::rename(&before.file, &self.file);
        }
    }

    /// Waits until no other program is refreshing this sign-in, and keeps the others waiting until the lock is dropped.
    /// `None` where files can't be locked.
    pub(super) async fn turn(&self) -> Option<File> {
        let file = self.file.with_extension("lock");
        let locked = tokio::task::spawn_blocking(move || {
            let file = File::options().create(true).truncate(false).write(true).open(file)?;
            file.lock()?;
            Ok::<_, io::Error>(file)
        });
        locked.await.ok()?.ok()
    }

    /// The refresh token; `None` if there is none, or it is another server's or user's.
    pub(super) fn read(&self) -> Option<String> {
        let record: Record = serde_json::from_str(&fs::read_to_string(&self.file).ok()?).ok()?;
        (record.server == self.server && record.user == self.user).then_some(record.refresh)
    }

    /// Replaces the refresh token. If that fails, the password is asked for at the next start.
    pub(super) fn write(&self, refresh: &str) {
        if let Err(error) = self.try_write(refresh) {
            tracing::warn!(%error, file = %self.file.display(), "the sign-in can't be kept");
        }
    }

    /// Removes the refresh token, which is not valid any more.
    pub(super) fn forget(&self) {
        let _ = fs::remove_file(&self.file);
    }

    fn try_write(&self, refresh: &str) -> io::Result<()> {
        let (server, user, refresh) = (self.server.clone(), self.user.clone(), refresh.to_owned());
        let record = serde_json::to_string(&Record { server, user, refresh })?;
        self.file.parent().map_or(Ok(()), fs::create_dir_all)?;
        // A new file that only its owner can read is renamed over the old one: it is replaced as a whole or not at all.
        let unfinished = self.file.with_extension("json.new");
        let _ = fs::remove_file(&unfinished);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&unfinished)?.write_all(record.as_bytes())?;
        fs::rename(unfinished, &self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_is_kept_for_its_server_and_user_and_for_no_other_reader() {
        let folder = tempfile::tempdir().unwrap();
        let of = |server, user| SavedSignIn::at(folder.path().join("new").join("sign-in.json"), server, user);
        let ana = of("http://here", "ana");
        assert_eq!(ana.read(), None);
        ana.write("first");
        ana.write("second");
        assert_eq!(ana.read().as_deref(), Some("second"));
        assert_eq!((of("http://there", "ana").read(), of("http://here", "ben").read()), (None, None));
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&ana.file).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
        ana.forget();
        assert_eq!(ana.read(), None);
    }

    #[test]
    fn the_sign_in_of_an_earlier_version_is_adopted_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        SavedSignIn::at(folder.path().join(FILE_BEFORE), "http://here", "ana").write("kept");
        let owner = SavedSignIn::owner_before(folder.path());
        assert_eq!(owner, Some(("http://here".to_owned(), "ana".to_owned())));
        for (server, user, taken) in [("http://here", "ben", None), ("http://here", "ana", Some("kept"))] {
            let own = SavedSignIn::at(folder.path().join(format!("{user}.json")), server, user);
            own.adopt(folder.path());
            assert_eq!(own.read().as_deref(), taken);
        }
    }

    #[tokio::test]
    async fn programs_that_share_a_sign_in_take_turns() {
        let folder = tempfile::tempdir().unwrap();
        let kept = SavedSignIn::at(folder.path().join("sign-in.json"), "http://here", "ana");
        let first = kept.turn().await;
        assert!(first.is_some());
        let mut second = std::pin::pin!(kept.turn());
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        assert!(second.await.is_some());
    }
}
