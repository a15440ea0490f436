//! What is being written, and what others are told about the typing.

use std::time::Duration;

use everwire_chat::{SendError, Status};
use everwire_i18n::Text;
use web_time::Instant;

use super::{Room, place};
use crate::window::MOST;
use crate::{browser, storage, who};

/// The longest delay before the draft is stored for the next visit.
const DRAFT: Duration = Duration::from_millis(400);
/// Added to deadlines, because a browser's timers may fire a little early.
const MARGIN: Duration = Duration::from_millis(20);

impl Room {
    /// Sets the draft, which is stored for the next visit.
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

    /// Sends the draft.
    ///
    /// # Errors
    /// A text for the user; the draft stays.
    pub(crate) fn send(&self) -> Result<(), String> {
        let text = self.draft().clone();
        self.0.chat.send(text).map_err(|error| self.send_problem(&error))?;
        self.0.draft.take();
        self.0.draft_changed.set(true);
        self.0.typing_signal.borrow_mut().on_sent();
        self.0.unread.borrow_mut().forget();
        self.show_newest();
        // Stored at once, so that the sent text is not the draft of the next visit.
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

    /// Moves a message that has not arrived to the beginning of the draft.
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

    /// The id of the last own message, if it has not arrived.
    pub(crate) fn editable(&self) -> Option<String> {
        let entries = self.0.entries.borrow();
        let last = entries.iter().rev().take(MOST).find(|entry| entry.own)?;
        matches!(last.status, Status::Sending | Status::Failed(_)).then(|| last.id.clone())
    }

    /// The text of a message.
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

    /// Checks after the next possible pause whether the user has stopped typing. One timer at a time; it is set again as long as
    /// the user types.
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
