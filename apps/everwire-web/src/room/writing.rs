//! What is being written, and what the others know of it.

use std::time::Duration;

use everwire_chat::{SendError, Status};
use everwire_i18n::Text;
use web_time::Instant;

use super::{Room, place};
use crate::window::MOST;
use crate::{browser, storage, who};

/// How long what is being written may wait to be kept for the next visit.
const DRAFT: Duration = Duration::from_millis(400);
/// Timers of browsers come a little early, too.
const MARGIN: Duration = Duration::from_millis(20);

impl Room {
    /// Keeps what is being written, for the next visit too.
    pub(crate) fn write(&self, draft: String) {
        let told = self.0.typing_signal.borrow_mut().on_edit(draft.trim().is_empty(), Instant::now());
        *self.0.draft.borrow_mut() = draft;
        self.0.draft_changed.set(true);
        self.tell(told);
        if self.at_end() && self.0.unread.borrow_mut().forget_seen() {
            self.changed();
        }
        self.await_pause();
        if !self.0.draft_planned.replace(true) {
            let room = self.weak();
            browser::later(DRAFT, move || {
                if let Some(room) = room.upgrade() {
                    room.keep_draft();
                }
            });
        }
    }

    /// Sends what is written.
    ///
    /// # Errors
    /// In words for people; the draft stays.
    pub(crate) fn send(&self) -> Result<(), String> {
        let text = self.draft().clone();
        self.0.chat.send(text).map_err(|error| self.send_problem(&error))?;
        self.0.draft.take();
        self.0.draft_changed.set(true);
        self.0.typing_signal.borrow_mut().on_sent();
        self.0.unread.borrow_mut().forget();
        self.show_newest();
        // At once: what is sent is not to stand there again at the next visit.
        self.keep_draft();
        Ok(())
    }

    /// Sends a message again that has failed.
    ///
    /// # Errors
    /// In words for people; the message stays as it is.
    pub(crate) fn retry(&self, id: &str) -> Result<(), String> {
        self.0.chat.retry(id).map_err(|error| self.send_problem(&error))
    }

    /// Takes back a message that waits, or deletes one that has failed.
    ///
    /// # Errors
    /// In words for people; the message stays as it is.
    pub(crate) fn take_back(&self, id: &str) -> Result<(), String> {
        self.0.chat.take_back(id).map_err(|_| self.0.words.say(&Text::TooLate))
    }

    /// Takes a message that has not arrived back into what is being written, before what is there.
    ///
    /// # Errors
    /// In words for people; the message stays as it is.
    pub(crate) fn edit(&self, id: &str) -> Result<(), String> {
        let text = self.text_of(id).unwrap_or_default();
        self.take_back(id)?;
        let draft = self.draft().clone();
        self.write(if draft.trim().is_empty() { text } else { format!("{text}\n{draft}") });
        self.keep_draft();
        Ok(())
    }

    /// The last message of ours, if it has not arrived.
    pub(crate) fn editable(&self) -> Option<String> {
        let entries = self.0.entries.borrow();
        let last = entries.iter().rev().take(MOST).find(|entry| entry.own)?;
        matches!(last.status, Status::Sending | Status::Failed(_)).then(|| last.id.clone())
    }

    /// What a message says.
    pub(crate) fn text_of(&self, id: &str) -> Option<String> {
        let entries = self.0.entries.borrow();
        Some(entries[place(&entries, id)?].text.clone())
    }

    fn send_problem(&self, error: &SendError) -> String {
        self.0.words.say(if *error == SendError::Full { &Text::Full } else { &Text::NotNow })
    }

    pub(super) fn keep_draft(&self) {
        self.0.draft_planned.set(false);
        if !who::is_here(&self.0.user_id) || !self.0.draft_changed.replace(false) {
            return;
        }
        storage::keep(&self.0.draft_key, &self.draft());
    }

    /// Looks whether somebody has stopped typing, after the pause that may follow. One look at a time: it moves as long as
    /// somebody types.
    fn await_pause(&self) {
        let Some(deadline) = self.0.typing_signal.borrow().deadline() else { return };
        if self.0.pause_planned.replace(true) {
            return;
        }
        let room = self.weak();
        browser::later(deadline.saturating_duration_since(Instant::now()).saturating_add(MARGIN), move || {
            let Some(room) = room.upgrade() else { return };
            room.0.pause_planned.set(false);
            let told = room.0.typing_signal.borrow_mut().on_pause(Instant::now());
            room.tell(told);
            room.await_pause();
        });
    }

    fn tell(&self, told: Option<bool>) {
        if let Some(is_typing) = told {
            self.0.chat.typing(is_typing);
        }
    }
}
