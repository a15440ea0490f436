//! The names of all that the page keeps in the browser, and `kept`: keeping it.

#[cfg(target_arch = "wasm32")]
mod kept;

#[cfg(target_arch = "wasm32")]
pub(crate) use kept::*;

/// How users sign in, as the server said at the last visit.
pub(crate) const AUTH: &str = "everwire.auth";
/// Before a user's id: the refresh token.
pub(crate) const SIGN_IN: &str = "everwire.sign-in.";
/// The refresh token of earlier versions, of whoever had signed in last.
pub(crate) const SIGN_IN_BEFORE: &str = "everwire.refresh";
/// In a tab: the token that its address had, behind the user and a line's end.
pub(crate) const TOKEN: &str = "everwire.token";
/// The user who has signed in last, whether that has ended or not.
pub(crate) const USER: &str = "everwire.user";
/// The id of the user who is here, of an account or a guest.
pub(crate) const WHO: &str = "everwire.who";
/// A guest's name.
pub(crate) const NAME: &str = "everwire.name";
/// A guest's id.
pub(crate) const ID: &str = "everwire.id";
/// Before a dot and a user's id: the rooms of the user.
pub(crate) const ROOMS: &str = "everwire.rooms";
/// Before a dot and a user's id: the room that was shown last.
pub(crate) const LAST_ROOM: &str = "everwire.room";
/// Notifications are wanted.
pub(crate) const NOTIFY: &str = "everwire.notify";
/// The sound is not wanted.
pub(crate) const SILENT: &str = "everwire.silent";
/// The lines that one of the tabs has told, a line each; the tabs' lock too.
pub(crate) const TOLD: &str = "everwire.told";
/// Before a user and a room: the last messages.
pub(crate) const MEMORY: &str = "everwire.memory.";
/// Before a tab, a user and a room: what waits to be sent.
pub(crate) const OUTBOX: &str = "everwire.outbox.";
/// Before a user and a room: what is being written.
pub(crate) const DRAFT: &str = "everwire.draft.";
/// Before a user and a room: messages that have failed.
pub(crate) const FAILED: &str = "everwire.failed.";
/// Before a tab: its lock. `start.js` takes it.
pub(crate) const TAB: &str = "everwire.tab.";

/// What a user who signs out leaves nothing of. Drafts and what waits stay for the next visit, under the user's id.
const OF_THE_USER: [&str; 5] = [NAME, MEMORY, ROOMS, LAST_ROOM, TOLD];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::OF_THE_USER;

    /// Each source of the page with its text.
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
    fn no_other_file_names_what_is_kept() {
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
    fn signing_out_takes_nothing_that_waits_to_be_sent() {
        for kept in [super::OUTBOX, super::DRAFT, super::FAILED] {
            assert!(!OF_THE_USER.iter().any(|beginning| kept.starts_with(beginning)), "{kept}");
        }
    }
}
