//! An outbox in a page's `localStorage`.
#![cfg_attr(not(target_arch = "wasm32"), allow(unreachable_pub, reason = "elsewhere it is only tested"))]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everwire_core::Priority;
use everwire_core::store::{Saved, SavedSession, StoreOp, StoredMessage};

use super::{Store, StoreError, StoreErrorKind};
use crate::json::{self, Object, Writer, Wrong};
use crate::{Message, MessageId};

/// Keeps the outbox of a page in the browser's `localStorage`: it survives a reload, a closed tab and a crash of the
/// browser. Each commit writes the whole outbox as one item, so it suits outboxes of some hundred messages; browsers
/// allow a site some 5 MiB.
///
/// Two clients must not use the same name at a time. A page that is open in several tabs needs a name for each, for
/// example by a lock of `navigator.locks`.
#[derive(Debug)]
pub struct WebStore<I = Browser> {
    items: I,
    name: String,
    /// As it was written last.
    saved: Arc<Mutex<Saved>>,
}

/// A storage of texts by name.
pub trait Items: Send + 'static {
    /// The text of this name.
    ///
    /// # Errors
    /// If it can't be read.
    fn get(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Replaces the text of this name.
    ///
    /// # Errors
    /// If there is no room, or it can't be written.
    fn set(&self, name: &str, text: &str) -> Result<(), StoreError>;

    /// Like [`set`](Self::set), for a storage that writes later: the text is kept once the future is ready with `Ok`.
    /// Called one call at a time. Default: calls `set`.
    #[cfg(target_arch = "wasm32")]
    fn set_later(&self, name: &str, text: &str) -> super::Committing {
        Box::pin(std::future::ready(self.set(name, text)))
    }
}

/// The browser's `localStorage`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Browser;

/// What is written; a later version writes another number.
const VERSION: u64 = 1;

impl<I: Items> WebStore<I> {
    /// The store of this name among these items.
    pub fn among(items: I, name: impl Into<String>) -> Self {
        Self { items, name: name.into(), saved: Arc::default() }
    }

    fn after(&self, steps: &[StoreOp]) -> Saved {
        let mut next = lock(&self.saved).clone();
        steps.iter().cloned().for_each(|step| next.apply(step));
        next
    }
}

impl<I: Items> Store for WebStore<I> {
    fn load(&mut self) -> Result<Saved, StoreError> {
        let saved = match self.items.get(&self.name)? {
            Some(text) => read(&text)?,
            None => Saved::default(),
        };
        *lock(&self.saved) = saved.clone();
        Ok(saved)
    }

    fn commit(&mut self, steps: &[StoreOp]) -> Result<(), StoreError> {
        let next = self.after(steps);
        self.items.set(&self.name, &write(&next))?;
        *lock(&self.saved) = next;
        Ok(())
    }

    #[cfg(target_arch = "wasm32")]
    fn commit_later(&mut self, steps: &[StoreOp]) -> super::Committing {
        let (next, saved) = (self.after(steps), Arc::clone(&self.saved));
        let written = self.items.set_later(&self.name, &write(&next));
        Box::pin(async move {
            written.await?;
            *lock(&saved) = next;
            Ok(())
        })
    }
}

fn lock(saved: &Mutex<Saved>) -> MutexGuard<'_, Saved> {
    saved.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use super::{Browser, Items, StoreError, StoreErrorKind, WebStore};

    impl WebStore {
        /// The store of this name in the browser's `localStorage`.
        pub fn open(name: impl Into<String>) -> Self {
            Self::among(Browser, name)
        }
    }

    impl Items for Browser {
        fn get(&self, name: &str) -> Result<Option<String>, StoreError> {
            storage()?.get_item(name).map_err(|_| closed())
        }

        fn set(&self, name: &str, text: &str) -> Result<(), StoreError> {
            // Besides its quota, which it names, a browser has no reason to refuse.
            storage()?.set_item(name, text).map_err(|_| {
                let words = "the browser gives this page no more room: free some, or delete what waits";
                StoreError::new(StoreErrorKind::Full, words)
            })
        }
    }

    fn storage() -> Result<web_sys::Storage, StoreError> {
        let window = web_sys::window().ok_or_else(closed)?;
        window.local_storage().ok().flatten().ok_or_else(closed)
    }

    fn closed() -> StoreError {
        let words = "the browser keeps nothing for this page: allow it to, or leave the private window";
        StoreError::new(StoreErrorKind::ReadOnly, words)
    }
}

fn write(saved: &Saved) -> String {
    let mut json = Writer::object();
    json.number("version", VERSION);
    if let Some(SavedSession { id, token, connection, processed, numbered }) = &saved.session {
        let mut session = Writer::object();
        session.text("id", id);
        session.text("token", token);
        session.number("connection", *connection);
        session.number("processed", *processed);
        session.number("numbered", *numbered);
        json.json("session", &session.end());
    }
    json.array("messages", saved.messages.iter().map(write_message));
    json.end()
}

fn write_message(message: &StoredMessage) -> String {
    let StoredMessage { id, place, seq, priority, key, expires_at, may_have_arrived, message } = message;
    let mut json = Writer::object();
    json.number("id", id.0);
    json.number("place", place.0);
    if let Some(seq) = seq {
        json.number("seq", *seq);
    }
    let priority = match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    };
    json.number("priority", priority);
    if let Some(key) = key {
        json.text("key", key);
    }
    if let Some(expires) = expires_at {
        json.number("expires", *expires);
    }
    json.bool("doubt", *may_have_arrived);
    match message.as_text() {
        Some(text) => json.text("text", text),
        None => {
            // As characters of the same number.
            let characters: String = message.payload().iter().map(|byte| char::from(*byte)).collect();
            json.text("bytes", &characters);
        }
    }
    json.end()
}

fn read(text: &str) -> Result<Saved, StoreError> {
    let corrupt = || StoreError::new(StoreErrorKind::Corrupt, "the outbox that the browser kept is damaged");
    let json = json::read(text).map_err(|_| corrupt())?;
    let all = Object::of(&json).ok_or_else(corrupt)?;
    if all.number("version").map_err(|_| corrupt())? != VERSION {
        let words = "the outbox that the browser kept was written by a later version: reload the page";
        return Err(StoreError::new(StoreErrorKind::TooNew, words));
    }
    let session = all.optional("session", |all, name| read_session(all.object(name)?)).map_err(|_| corrupt())?;
    let messages = all.objects("messages", read_message).map_err(|_| corrupt())?;
    Ok(Saved { session, messages })
}

fn read_session(session: Object<'_>) -> Result<SavedSession, Wrong> {
    Ok(SavedSession {
        id: session.text("id")?.to_owned(),
        token: session.text("token")?.to_owned(),
        connection: session.number("connection")?,
        processed: session.number("processed")?,
        numbered: session.number("numbered")?,
    })
}

fn read_message(kept: Object<'_>) -> Result<StoredMessage, Wrong> {
    let message = match kept.text("text") {
        Ok(text) => Message::from(text),
        Err(_) => {
            let byte = |byte: char| u8::try_from(u32::from(byte)).ok();
            let bytes: Option<Vec<u8>> = kept.text("bytes")?.chars().map(byte).collect();
            Message::from(bytes.ok_or(Wrong("bytes"))?)
        }
    };
    Ok(StoredMessage {
        id: MessageId(kept.number("id")?),
        place: MessageId(kept.number("place")?),
        seq: kept.number("seq").ok(),
        priority: match kept.number("priority")? {
            0 => Priority::High,
            1 => Priority::Normal,
            2 => Priority::Low,
            _ => return Err(Wrong("priority")),
        },
        key: kept.text("key").ok().map(Arc::from),
        expires_at: kept.number("expires").ok(),
        may_have_arrived: kept.bool("doubt")?,
        message,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use super::*;
    use crate::store::check;

    #[derive(Clone, Default)]
    struct Shelf(Arc<Mutex<HashMap<String, String>>>, usize);

    impl Items for Shelf {
        fn get(&self, name: &str) -> Result<Option<String>, StoreError> {
            Ok(self.0.lock().unwrap().get(name).cloned())
        }

        fn set(&self, name: &str, text: &str) -> Result<(), StoreError> {
            if self.1 > 0 && text.len() > self.1 {
                return Err(StoreError::new(StoreErrorKind::Full, "no more room"));
            }
            self.0.lock().unwrap().insert(name.to_owned(), text.to_owned());
            Ok(())
        }
    }

    #[test]
    fn it_does_what_is_asked_of_a_store() {
        let shelf = Shelf::default();
        assert_eq!(check(|| Ok(WebStore::among(shelf.clone(), "a"))), Ok(()));
    }

    #[test]
    fn without_room_nothing_is_done() {
        let shelf = Shelf(Arc::default(), 400);
        let mut store = WebStore::among(shelf.clone(), "a");
        store.load().unwrap();
        let put = |id: u64, text: &str| {
            StoreOp::Put(StoredMessage {
                id: MessageId(id),
                place: MessageId(id),
                seq: None,
                priority: Priority::Normal,
                key: None,
                expires_at: None,
                may_have_arrived: false,
                message: Message::from(text),
            })
        };
        store.commit(&[put(1, "short")]).unwrap();
        let error = store.commit(&[put(2, "x"), put(3, &"long".repeat(200))]).unwrap_err();
        assert!(error.kind() == StoreErrorKind::Full && error.is_retryable());
        store.commit(&[put(4, "y")]).unwrap();
        let ids: Vec<u64> = WebStore::among(shelf, "a").load().unwrap().messages.iter().map(|kept| kept.id.0).collect();
        assert_eq!(ids, [1, 4]);
    }

    #[test]
    fn what_makes_no_sense_and_what_is_newer_is_refused() {
        for (text, kind) in [
            ("", StoreErrorKind::Corrupt),
            ("{}", StoreErrorKind::Corrupt),
            ("{\"version\":2}", StoreErrorKind::TooNew),
            ("{\"version\":1,\"messages\":[{}]}", StoreErrorKind::Corrupt),
            ("{\"version\":1,\"messages\":[],\"session\":{}}", StoreErrorKind::Corrupt),
        ] {
            let shelf = Shelf::default();
            shelf.set("a", text).unwrap();
            assert_eq!(WebStore::among(shelf, "a").load().unwrap_err().kind(), kind, "{text}");
        }
    }
}
