//! The names of all values that the page stores in the browser; `kept` reads and writes them.

#[cfg(target_arch = "wasm32")]
mod kept;

#[cfg(target_arch = "wasm32")]
pub(crate) use kept::*;

/// How users authenticate, by the server's last answer.
pub(crate) const AUTH: &str = "everwire.auth";
/// Before a user's id: the refresh token.
pub(crate) const SIGN_IN: &str = "everwire.sign-in.";
/// Of earlier versions: the refresh token of the user who had signed in last.
pub(crate) const SIGN_IN_BEFORE: &str = "everwire.refresh";
/// In a tab: the user, a line break, and the token that the tab's address had.
pub(crate) const TOKEN: &str = "everwire.token";
/// The user who has signed in last; kept when the sign-in ends.
pub(crate) const USER: &str = "everwire.user";
/// The id of the present user, of an account or a guest.
pub(crate) const WHO: &str = "everwire.who";
/// A guest's name.
pub(crate) const NAME: &str = "everwire.name";
/// A guest's id.
pub(crate) const ID: &str = "everwire.id";
/// Before a dot and a user's id: the rooms of the user.
pub(crate) const ROOMS: &str = "everwire.rooms";
/// Before a dot and a user's id: the room that was shown last.
pub(crate) const LAST_ROOM: &str = "everwire.room";
/// Set if notifications are switched on.
pub(crate) const NOTIFY: &str = "everwire.notify";
/// Set if the sound is switched off.
pub(crate) const SILENT: &str = "everwire.silent";
/// The ids of messages that a tab has alerted, one per line; also the name of the tabs' lock.
pub(crate) const TOLD: &str = "everwire.told";
/// Before a user and a room: the last messages.
pub(crate) const MEMORY: &str = "everwire.memory.";
/// Before a tab, a user and a room: unsent messages.
pub(crate) const OUTBOX: &str = "everwire.outbox.";
/// Before a user and a room: what is being written.
pub(crate) const DRAFT: &str = "everwire.draft.";
/// Before a user and a room: messages that have failed.
pub(crate) const FAILED: &str = "everwire.failed.";
/// Before a tab: its lock. `start.js` takes it.
pub(crate) const TAB: &str = "everwire.tab.";

/// The values that are removed when the user signs out. Drafts and unsent messages stay for the next visit, under the user's id.
const OF_THE_USER: [&str; 5] = [NAME, MEMORY, ROOMS, LAST_ROOM, TOLD];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::OF_THE_USER;

    /// The sources of the page, with their texts.
    fn sources(folder: &Path, into: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, into);
            } else {
                into.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }

    #[test]
    fn no_other_file_names_a_stored_value() {
        let mut all = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        let others: Vec<_> = all
            .iter()
            .filter(|(path, _)| !path.ends_with("storage/mod.rs"))
            .filter(|(_, text)| text.contains("\"everwire."))
            .map(|(path, _)| path)
            .collect();
        assert!(all.len() > 20 && others.is_empty(), "{others:?}");
    }

    #[test]
    fn signing_out_removes_no_unsent_message() {
        for kept in [super::OUTBOX, super::DRAFT, super::FAILED] {
            assert!(!OF_THE_USER.iter().any(|beginning| kept.starts_with(beginning)), "{kept}");
        }
    }
}
