//! One user in one room.
#![allow(unreachable_pub, reason = "`wasm_bindgen` exports them")]

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use everwire::SocketFactory;
use everwire::store::{Store, WebStore};
use everwire_chat::{Builder, ChatClient, FailedMessage, Updates};
use js_sys::{Array, Error as JsError, Function, Promise, Reflect};
use send_wrapper::SendWrapper;
use serde_json::Value;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::shown;

/// A chat client, as JavaScript has it.
#[wasm_bindgen]
pub struct Room(Slot);

/// Empty once it is closed.
type Slot = Rc<RefCell<Option<Rc<ChatClient>>>>;

#[wasm_bindgen]
impl Room {
    /// Starts a client. `tell` is called with JSON: an array of what has happened.
    #[wasm_bindgen(constructor)]
    pub fn new(url: &str, name: &str, given: &JsValue, tell: Function) -> Result<Self, JsValue> {
        let builder = settings(ChatClient::builder(url, name), given);
        let chat = builder.build().map_err(|error| error_of(&error.to_string()))?;
        say(&tell, &[shown::whole(&chat)]);
        let updates = chat.updates();
        let chat = Rc::new(RefCell::new(Some(Rc::new(chat))));
        spawn_local(tell_updates(updates, Rc::clone(&chat), tell));
        Ok(Self(chat))
    }

    /// Sends a line; its id.
    pub fn send(&self, text: String) -> Result<String, JsValue> {
        self.with(|chat| chat.send(text).map_err(|error| error_of(&error.to_string())))
    }

    /// Sends a failed message again.
    pub fn retry(&self, id: &str) -> Result<(), JsValue> {
        self.with(|chat| chat.retry(id).map_err(|error| error_of(&error.to_string())))
    }

    /// Takes back what has not gone, or deletes what has failed.
    pub fn take_back(&self, id: &str) -> Result<(), JsValue> {
        self.with(|chat| chat.take_back(id).map_err(|error| error_of(&error.to_string())))
    }

    /// Whether older messages are on their way now.
    pub fn load_earlier(&self, id: &str) -> Result<bool, JsValue> {
        self.with(|chat| Ok(chat.load_earlier(id).is_ok()))
    }

    /// Everything up to this message was shown.
    pub fn mark_read(&self, id: &str) -> Result<(), JsValue> {
        self.with(|chat| {
            chat.mark_read(id);
            Ok(())
        })
    }

    /// Tells the others whether we type.
    pub fn typing(&self, typing: bool) -> Result<(), JsValue> {
        self.with(|chat| {
            chat.typing(typing);
            Ok(())
        })
    }

    /// Tells the others whether nobody looks.
    pub fn set_away(&self, away: bool) -> Result<(), JsValue> {
        self.with(|chat| {
            chat.set_away(away);
            Ok(())
        })
    }

    /// Connects, after the connection has ended by itself.
    pub fn connect(&self) -> Result<(), JsValue> {
        self.with(|chat| {
            chat.connect();
            Ok(())
        })
    }

    /// Our messages that have failed, each as JSON, for the `failed` of a later room.
    pub fn failed(&self) -> Result<Vec<String>, JsValue> {
        self.with(|chat| Ok(chat.entries().iter().filter_map(FailedMessage::of).map(|kept| kept.to_json()).collect()))
    }

    /// Sends what another room of this user has left in the store of this name. Resolves when it is safe to remove it there.
    pub async fn take_over(&self, name: String) -> Result<(), JsValue> {
        // Not held while it waits: the room may be closed meanwhile.
        let chat = self.0.borrow().clone().ok_or_else(|| error_of("the chat is closed"))?;
        let saved = WebStore::open(name).load().map_err(|error| error_of(&error.to_string()))?;
        let messages = saved.messages.into_iter().map(|kept| kept.message);
        chat.take_over(messages).await.map_err(|error| error_of(&error.to_string()))
    }

    /// Ends it: the ids of our messages that are not known to have been sent, as JSON.
    pub async fn close(&self, within: f64) -> String {
        let within = Duration::try_from_secs_f64(within.max(0.0) / 1e3).unwrap_or(Duration::MAX);
        let left = match self.0.take().map(Rc::try_unwrap) {
            Some(Ok(chat)) => chat.close(within).await,
            // Something is being taken over: it ends with that.
            Some(Err(chat)) => {
                chat.say_goodbye();
                chat.entries().into_iter().filter(|entry| entry.own && !entry.status.is_sent()).collect()
            }
            None => Vec::new(),
        };
        left.iter().map(|entry| Value::from(entry.id.as_str())).collect::<Value>().to_string()
    }
}

impl Room {
    fn with<T>(&self, act: impl FnOnce(&ChatClient) -> Result<T, JsValue>) -> Result<T, JsValue> {
        match &*self.0.borrow() {
            Some(chat) => act(chat),
            None => Err(error_of("the chat is closed")),
        }
    }
}

/// Those that are there together are told together.
async fn tell_updates(mut updates: Updates, chat: Slot, tell: Function) {
    while let Some(event) = updates.next().await {
        let shown = shown::event(event);
        let users = || chat.borrow().as_ref().map_or_else(Vec::new, |chat| chat.users());
        let told = match shown["kind"].as_str() {
            Some("users" | "synced") => {
                vec![shown, serde_json::json!({"kind": "users", "users": shown::users(&users())})]
            }
            _ => vec![shown],
        };
        say(&tell, &told);
    }
    say(&tell, &[serde_json::json!({"kind": "end"})]);
}

fn say(tell: &Function, told: &[Value]) {
    let json = Value::from(told.to_vec()).to_string();
    // The package's own function catches what the user's throw.
    let _ = tell.call1(&JsValue::NULL, &json.into());
}

fn settings(mut builder: Builder, given: &JsValue) -> Builder {
    let get = |name: &str| Reflect::get(given, &name.into()).unwrap_or(JsValue::UNDEFINED);
    if let Some(room) = get("room").as_string() {
        builder = builder.room(room);
    }
    if let Some(id) = get("userId").as_string() {
        builder = builder.user_id(id);
    }
    if let Some(window) = get("window").as_f64() {
        builder = builder.window(window as usize);
    }
    if let Ok(token) = get("token").dyn_into::<Function>() {
        let token = SendWrapper::new(token);
        builder = builder.token(move |refused| SendWrapper::new(asked((*token).clone(), refused)));
    }
    if let Ok(failed) = get("failed").dyn_into::<Array>() {
        let failed = failed.iter().filter_map(|kept| FailedMessage::from_json(&kept.as_string()?)).collect();
        builder = builder.failed(failed);
    }
    let (store, delay) = (get("store").as_string(), get("minDelay").as_f64());
    let sockets = get("socket").dyn_into::<Function>().ok();
    let sockets = sockets.map(|make| SendWrapper::new(SocketFactory::new(make).pings(get("pings").is_truthy())));
    builder.connection(move |mut connection| {
        if let Some(sockets) = sockets {
            connection = connection.socket_factory(sockets.take());
        }
        if let Some(name) = store {
            connection = connection.store(WebStore::open(name));
        }
        if let Some(delay) = delay {
            connection = connection.initial_delay(Duration::from_secs_f64(delay.max(0.0) / 1e3));
        }
        connection
    })
}

async fn asked(token: Function, refused: bool) -> Result<String, Box<dyn Error + Send + Sync>> {
    let said = match token.call1(&JsValue::NULL, &refused.into()) {
        Ok(said) => JsFuture::from(Promise::resolve(&said)).await,
        Err(thrown) => Err(thrown),
    };
    said.ok().and_then(|token| token.as_string()).ok_or_else(|| "the token's function failed".into())
}

fn error_of(words: &str) -> JsValue {
    JsError::new(words).into()
}
