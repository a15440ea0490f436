//! What of JavaScript's the client calls.

use std::cell::RefCell;
use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;

use everwire::{ConnectionEnded, Message, NewConnection, PermanentError};
use js_sys::{Array, Float64Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise};

/// An object with functions by name; those that are not there are not called.
pub(crate) struct Hooks(JsValue);

pub(crate) type Failed = Box<dyn Error + Send + Sync>;

impl Hooks {
    pub(crate) fn new(hooks: JsValue) -> Self {
        Self(hooks)
    }

    pub(crate) fn function(&self, name: &str) -> Option<Function> {
        Reflect::get(&self.0, &name.into()).ok()?.dyn_into().ok()
    }

    fn call(&self, name: &str, one: &JsValue, other: &JsValue) {
        if let Some(function) = self.function(name) {
            // The package's own functions catch what the user's throw.
            let _ = function.call2(&self.0, one, other);
        }
    }

    pub(crate) fn messages(&self, messages: &Array) {
        self.call("messages", messages, &JsValue::UNDEFINED);
    }

    pub(crate) fn outcomes(&self, flat: &[f64]) {
        self.call("outcomes", &Float64Array::from(flat), &JsValue::UNDEFINED);
    }

    pub(crate) fn state(&self, json: &str) {
        self.call("state", &json.into(), &JsValue::UNDEFINED);
    }

    pub(crate) fn event(&self, kind: &str, detail: &str) {
        self.call("event", &kind.into(), &detail.into());
    }

    pub(crate) fn recovered(&self, id: u64, message: &Message) {
        self.call("recovered", &JsValue::from_f64(id as f64), &to_js(message));
    }

    /// Where an attempt goes, and with which subprotocols; none: as set.
    pub(crate) async fn request(&self, attempt: u32, cause: Option<String>) -> Result<Asked, Failed> {
        let Some(function) = self.function("request") else { return Ok(Asked::default()) };
        let (attempt, cause) = (JsValue::from(attempt), cause.map_or(JsValue::UNDEFINED, JsValue::from));
        let said = match function.call2(&self.0, &attempt, &cause) {
            Ok(said) => JsFuture::from(Promise::resolve(&said)).await,
            Err(thrown) => Err(thrown),
        };
        let said = said.map_err(|thrown| failed(&thrown))?;
        let part = |name: &str| Reflect::get(&said, &name.into()).unwrap_or(JsValue::UNDEFINED);
        let protocols = part("protocols").dyn_into::<Array>().ok();
        let protocols = protocols.map(|names| names.iter().filter_map(|name| name.as_string()).collect());
        Ok(Asked { url: part("url").as_string(), protocols })
    }

    /// Hands a new connection to the user.
    pub(crate) async fn open(&self, connection: NewConnection) -> Result<(), Failed> {
        let Some(function) = self.function("open") else { return Ok(()) };
        let held = Held::new(connection);
        let said = match function.call1(&self.0, &held.object) {
            Ok(said) => JsFuture::from(Promise::resolve(&said)).await,
            Err(thrown) => Err(thrown),
        };
        match (said, held.end()) {
            // It has passed on what the connection says of itself: the close code decides.
            (Err(_), Some(ended)) => Err(ended.into()),
            (said, _) => said.map(drop).map_err(|thrown| failed(&thrown)),
        }
    }
}

/// What JavaScript says of an attempt.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) url: Option<String>,
    pub(crate) protocols: Option<Vec<String>>,
}

/// A new connection as JavaScript has it: `send(data)` and `receive()`, of which it calls one at a time.
struct Held {
    object: Object,
    ended: Rc<RefCell<Option<ConnectionEnded>>>,
    _functions: [Closure<dyn FnMut(JsValue) -> Promise>; 2],
}

impl Held {
    fn new(connection: NewConnection) -> Self {
        let object = Object::new();
        let set = |name: &str, value: &JsValue| {
            // A fresh object takes any property.
            let _ = Reflect::set(&object, &name.into(), value);
        };
        set("attempt", &connection.attempt().into());
        set("protocol", &connection.subprotocol().unwrap_or_default().into());
        let ended = Rc::new(RefCell::new(None));
        // Empty while one call of a function waits; another call then fails.
        let connection = Rc::new(RefCell::new(Some(connection)));
        let function = |receives: bool| {
            let (connection, ended) = (Rc::clone(&connection), Rc::clone(&ended));
            Closure::<dyn FnMut(JsValue) -> Promise>::new(move |data: JsValue| {
                let (slot, ended) = (Rc::clone(&connection), Rc::clone(&ended));
                promise(async move {
                    let mut connection = slot.take().ok_or_else(|| error("another call still waits"))?;
                    let done = match receives {
                        true => connection.recv().await.map(|message| to_js(&message)),
                        false => connection.send(to_message(&data)).await.map(|()| JsValue::UNDEFINED),
                    };
                    slot.replace(Some(connection));
                    done.map_err(|end| {
                        let words = error(&end.to_string());
                        *ended.borrow_mut() = Some(end);
                        words
                    })
                })
            })
        };
        let functions = [function(false), function(true)];
        set("send", functions[0].as_ref());
        set("receive", functions[1].as_ref());
        Self { object, ended, _functions: functions }
    }

    fn end(&self) -> Option<ConnectionEnded> {
        self.ended.borrow_mut().take()
    }
}

/// A thrown value as an error of a hook; one with a true property `permanent` ends the client.
fn failed(thrown: &JsValue) -> Failed {
    let property = |name: &str| Reflect::get(thrown, &name.into()).unwrap_or(JsValue::UNDEFINED);
    let words =
        property("message").as_string().or_else(|| thrown.as_string()).unwrap_or_else(|| "the hook failed".into());
    match property("permanent").is_truthy() {
        true => PermanentError::new(words).into(),
        false => words.into(),
    }
}

/// A promise for what comes of some work. All kinds of work share its code, so they are behind a pointer.
pub(crate) fn promise(work: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> Promise {
    let work: Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>> = Box::pin(work);
    future_to_promise(work)
}

fn error(words: &str) -> JsValue {
    js_sys::Error::new(words).into()
}

pub(crate) fn to_js(message: &Message) -> JsValue {
    match message {
        Message::Text(text) => JsValue::from_str(text),
        Message::Binary(bytes) => Uint8Array::from(&bytes[..]).into(),
    }
}

fn to_message(data: &JsValue) -> Message {
    match data.as_string() {
        Some(text) => Message::text(text),
        None => Message::binary(Uint8Array::new(data).to_vec()),
    }
}
