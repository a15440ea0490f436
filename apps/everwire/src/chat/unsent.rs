//! Counts the user's messages that are not known to be sent, for the last line when the process ends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use everwire_chat::{ChatClient, ChatEvent, Entry, Status};
use everwire_i18n::{Text, Words};

/// The counts of all rooms. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Unsent(Arc<Mutex<BTreeMap<usize, usize>>>);

impl Unsent {
    /// Counts the messages of a client from now on, until it ends.
    pub(super) fn watch(&self, chat: &ChatClient) {
        let (mut entries, mut updates) = chat.follow_timeline();
        let all = self.clone();
        let key = all.lock(|counts| {
            let key = counts.len();
            counts.insert(key, count(&entries));
            key
        });
        tokio::spawn(async move {
            while let Some(event) = updates.next().await {
                match event {
                    ChatEvent::Timeline(change) => change.apply(&mut entries),
                    ChatEvent::Missed { entries: now, .. } => entries = now,
                    _ => continue,
                }
                all.lock(|counts| counts.insert(key, count(&entries)));
            }
        });
    }

    /// What happens to them if the process ends now; `None` if there are none.
    pub(super) fn say(&self, words: &Words, kept_in: Option<&Path>) -> Option<String> {
        let count = self.lock(|counts| counts.values().sum::<usize>()) as u64;
        let folder = kept_in.map(|folder| folder.display().to_string());
        let text = match &folder {
            Some(folder) => Text::UnsentKept { count, folder },
            None => Text::UnsentLost { count },
        };
        (count > 0).then(|| words.say(&text))
    }

    /// The same, for [`Stop::say_at_last`](crate::term::Stop::say_at_last).
    pub(super) fn last_word(self, words: Words, kept_in: Option<PathBuf>) -> impl Fn() -> Option<String> + Send {
        move || self.say(&words, kept_in.as_deref())
    }

    fn lock<T>(&self, act: impl FnOnce(&mut BTreeMap<usize, usize>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn count(entries: &[Entry]) -> usize {
    entries.iter().filter(|entry| entry.own && entry.status == Status::Sending).count()
}
