//! Messages of ours that have failed: what was written in them outlives the page.

use std::collections::BTreeSet;

use everwire_chat::{Change, Entry, FailedMessage, User};

use super::Room;
use super::client::owner;
use crate::storage::{self, FAILED};
use crate::who;

/// So many are kept; of more, the oldest goes.
const MOST: usize = 50;

/// Under which name they are kept, in a line each: every tab adds and removes its own.
pub(super) fn failed_key(room: &str, user: &User) -> String {
    format!("{FAILED}{}{room}", owner(user))
}

/// Those of the last visit, or of another tab.
pub(super) fn kept(key: &str) -> Vec<FailedMessage> {
    storage::kept(key).unwrap_or_default().lines().filter_map(FailedMessage::from_json).collect()
}

impl Room {
    /// The list is about to change: what fails is kept, and what has got on, or was deleted, is not any more.
    pub(super) fn keep_failed(&self, change: &Change) {
        match change {
            Change::Added { entry, .. } | Change::Updated { entry, .. } | Change::Moved { entry, .. } if entry.own => {
                self.keep_if_failed(entry);
            }
            Change::Removed { id, .. } => self.unkeep(id),
            _ => {}
        }
    }

    /// The same for a list that was replaced.
    pub(super) fn keep_all_failed(&self) {
        let entries = self.0.entries.borrow();
        let gone: Vec<String> = {
            let now: BTreeSet<&str> = entries.iter().filter(|entry| entry.own).map(|entry| &*entry.id).collect();
            self.0.failed.borrow().iter().filter(|id| !now.contains(&***id)).cloned().collect()
        };
        gone.iter().for_each(|id| self.unkeep(id));
        entries.iter().filter(|entry| entry.own).for_each(|entry| self.keep_if_failed(entry));
    }

    fn keep_if_failed(&self, entry: &Entry) {
        match FailedMessage::of(entry) {
            Some(failed) => {
                if self.0.failed.borrow_mut().insert(entry.id.clone()) {
                    self.change_kept(|kept| kept.push(failed));
                }
            }
            None => self.unkeep(&entry.id),
        }
    }

    fn unkeep(&self, id: &str) {
        if self.0.failed.borrow_mut().remove(id) {
            self.change_kept(|kept| kept.retain(|failed| failed.id() != id));
        }
    }

    fn change_kept(&self, change: impl FnOnce(&mut Vec<FailedMessage>)) {
        if !who::is_here(&self.0.user_id) {
            return;
        }
        let mut messages = kept(&self.0.failed_key);
        change(&mut messages);
        let lines: Vec<String> =
            messages[messages.len().saturating_sub(MOST)..].iter().map(FailedMessage::to_json).collect();
        storage::keep(&self.0.failed_key, &lines.join("\n"));
    }
}
