//! Own messages that have failed, whose texts outlive the page.

use std::collections::BTreeSet;

use everwire_chat::{Change, Entry, FailedMessage, User};

use super::Room;
use super::client::owner;
use crate::storage::{self, FAILED};
use crate::who;

/// The most failed messages that are stored; beyond it the oldest is removed.
const MOST: usize = 50;

/// The name under which they are stored, one line each; every tab adds and removes its own.
pub(super) fn failed_key(room: &str, user: &User) -> String {
    format!("{FAILED}{}{room}", owner(user))
}

/// The failed messages of the last visit, and of other tabs.
pub(super) fn kept(key: &str) -> Vec<FailedMessage> {
    storage::kept(key).unwrap_or_default().lines().filter_map(FailedMessage::from_json).collect()
}

impl Room {
    /// Stores a message that fails with this change, and removes one that was sent or deleted.
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
