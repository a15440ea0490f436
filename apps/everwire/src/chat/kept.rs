//! A sign-in that outlives the program: its refresh token, in a file that only its owner may read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where the sign-in of a user at a server is kept.
pub(super) struct Kept {
    file: PathBuf,
    server: String,
    user: String,
}

#[derive(Serialize, Deserialize)]
struct Record {
    server: String,
    user: String,
    refresh: String,
}

impl Kept {
    pub(super) fn in_folder(folder: &Path, server: &str, user: &str) -> Self {
        Self { file: folder.join("sign-in.json"), server: server.to_owned(), user: user.to_owned() }
    }

    /// The refresh token; one of another server or user is none.
    pub(super) fn read(&self) -> Option<String> {
        let record: Record = serde_json::from_str(&fs::read_to_string(&self.file).ok()?).ok()?;
        (record.server == self.server && record.user == self.user).then_some(record.refresh)
    }

    /// Keeps another one in its place. Where that fails, the password is asked for at the next start.
    pub(super) fn write(&self, refresh: &str) {
        if let Err(error) = self.try_write(refresh) {
            tracing::warn!(%error, file = %self.file.display(), "the sign-in can't be kept");
        }
    }

    /// The token is good for nothing any more.
    pub(super) fn forget(&self) {
        let _ = fs::remove_file(&self.file);
    }

    fn try_write(&self, refresh: &str) -> io::Result<()> {
        let (server, user, refresh) = (self.server.clone(), self.user.clone(), refresh.to_owned());
        let record = serde_json::to_string(&Record { server, user, refresh })?;
        self.file.parent().map_or(Ok(()), fs::create_dir_all)?;
        // Whole or not at all, and nobody else's from the start.
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
        let of = |server, user| Kept::in_folder(&folder.path().join("new"), server, user);
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
}
