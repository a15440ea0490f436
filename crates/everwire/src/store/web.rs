//! An outbox in a page's `localStorage`.
#![cfg_attr(not(target_arch = "wasm32"), allow(unreachable_pub, reason = "elsewhere it is only tested"))]

use std::sync::Arc;

use everwire_core::Priority;
use everwire_core::store::{Saved, SavedSession, StoreOp, StoredMessage};
use serde_json::{Map, Value, json};

use super::{Store, StoreError, StoreErrorKind};
use crate::{Message, MessageId};

/// Keeps the outbox of a page in the browser's `localStorage`: it survives a reload, a closed tab and a crash of the
/// browser. Written as one item, whole or not at all, so it suits outboxes of some hundred messages; browsers give a site
/// some 5 MiB.
///
/// Two clients must not use one name at a time. A page in several tabs takes a name for each, for instance under a lock of
/// `navigator.locks`.
#[derive(Debug)]
pub struct WebStore<I = Browser> {
    items: I,
    name: String,
    /// As it was written last.
    saved: Saved,
}

/// Where texts are kept by name.
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
}

/// The browser's `localStorage`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Browser;

/// What is written; a later version writes another number.
const VERSION: u64 = 1;

impl<I: Items> WebStore<I> {
    /// The store of this name among these items.
    pub fn among(items: I, name: impl Into<String>) -> Self {
        Self { items, name: name.into(), saved: Saved::default() }
    }
}

impl<I: Items> Store for WebStore<I> {
    fn load(&mut self) -> Result<Saved, StoreError> {
        self.saved = match self.items.get(&self.name)? {
            Some(text) => read(&text)?,
            None => Saved::default(),
        };
        Ok(self.saved.clone())
    }

    fn commit(&mut self, steps: &[StoreOp]) -> Result<(), StoreError> {
        let mut next = self.saved.clone();
        steps.iter().cloned().for_each(|step| next.apply(step));
        self.items.set(&self.name, &write(&next))?;
        self.saved = next;
        Ok(())
    }
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
    let session = saved.session.as_ref().map(|session| {
        let SavedSession { id, token, connection, processed, numbered } = session;
        json!({ "id": id, "token": token, "connection": connection, "processed": processed, "numbered": numbered })
    });
    let messages: Vec<Value> = saved.messages.iter().map(write_message).collect();
    json!({ "version": VERSION, "session": session, "messages": messages }).to_string()
}

fn write_message(kept: &StoredMessage) -> Value {
    let StoredMessage { id, place, seq, priority, key, expires_at, may_have_arrived, message } = kept;
    // Bytes as characters of the same number.
    let (text, bytes) = match message.as_text() {
        Some(text) => (Some(text.to_owned()), None),
        None => (None, Some(message.payload().iter().map(|byte| char::from(*byte)).collect::<String>())),
    };
    let priority = match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    };
    json!({
        "id": id.0, "place": place.0, "seq": seq, "priority": priority, "key": key.as_deref(), "expires": expires_at,
        "doubt": may_have_arrived, "text": text, "bytes": bytes,
    })
}

fn read(text: &str) -> Result<Saved, StoreError> {
    let corrupt = || StoreError::new(StoreErrorKind::Corrupt, "the outbox that the browser kept makes no sense");
    let all: Map<String, Value> = serde_json::from_str(text).map_err(|_| corrupt())?;
    match all.get("version").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(_) => {
            let words = "the outbox that the browser kept was written by a later version: reload the page";
            return Err(StoreError::new(StoreErrorKind::TooNew, words));
        }
        None => return Err(corrupt()),
    }
    let session = match all.get("session") {
        None | Some(Value::Null) => None,
        Some(session) => Some(read_session(session).ok_or_else(corrupt)?),
    };
    let messages = all.get("messages").and_then(Value::as_array).ok_or_else(corrupt)?;
    let messages = messages.iter().map(read_message).collect::<Option<_>>().ok_or_else(corrupt)?;
    Ok(Saved { session, messages })
}

fn read_session(session: &Value) -> Option<SavedSession> {
    let number = |name: &str| session.get(name)?.as_u64();
    let text = |name: &str| Some(session.get(name)?.as_str()?.to_owned());
    Some(SavedSession {
        id: text("id")?,
        token: text("token")?,
        connection: number("connection")?,
        processed: number("processed")?,
        numbered: number("numbered")?,
    })
}

fn read_message(kept: &Value) -> Option<StoredMessage> {
    let number = |name: &str| kept.get(name).and_then(Value::as_u64);
    let message = match (kept.get("text"), kept.get("bytes")) {
        (Some(Value::String(text)), _) => Message::from(text.clone()),
        (_, Some(Value::String(bytes))) => {
            let byte = |byte: char| u8::try_from(u32::from(byte)).ok();
            Message::from(bytes.chars().map(byte).collect::<Option<Vec<u8>>>()?)
        }
        _ => return None,
    };
    Some(StoredMessage {
        id: MessageId(number("id")?),
        place: MessageId(number("place")?),
        seq: number("seq"),
        priority: match number("priority")? {
            0 => Priority::High,
            1 => Priority::Normal,
            2 => Priority::Low,
            _ => return None,
        },
        key: kept.get("key").and_then(Value::as_str).map(Arc::from),
        expires_at: number("expires"),
        may_have_arrived: kept.get("doubt").and_then(Value::as_bool)?,
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
