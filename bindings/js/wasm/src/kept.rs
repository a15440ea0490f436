//! The outbox's text, where JavaScript keeps it: in `localStorage`, IndexedDB, or what the user gives.

use everwire::store::{Committing, Items, StoreError, StoreErrorKind};
use js_sys::{Function, Promise, Reflect};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// The text as it was found, and what writes another.
pub(crate) struct Kept {
    found: Option<String>,
    /// Returns nothing, or a promise that it is written.
    keep: Option<SendWrapper<Function>>,
}

impl Kept {
    /// `stored`: what was found; `keep(name, text)`: writes.
    pub(crate) fn new(given: &JsValue) -> Self {
        let get = |name: &str| Reflect::get(given, &name.into()).unwrap_or(JsValue::UNDEFINED);
        Self { found: get("stored").as_string(), keep: get("keep").dyn_into().ok().map(SendWrapper::new) }
    }

    fn call(&self, name: &str, text: &str) -> Result<JsValue, StoreError> {
        let Some(keep) = &self.keep else { return Err(failed(&JsValue::UNDEFINED)) };
        keep.call2(&JsValue::NULL, &name.into(), &text.into()).map_err(|thrown| failed(&thrown))
    }
}

impl Items for Kept {
    fn get(&self, _: &str) -> Result<Option<String>, StoreError> {
        Ok(self.found.clone())
    }

    fn set(&self, name: &str, text: &str) -> Result<(), StoreError> {
        self.call(name, text).map(drop)
    }

    fn set_later(&self, name: &str, text: &str) -> Committing {
        let called = self.call(name, text);
        Box::pin(async move {
            match called?.dyn_into::<Promise>() {
                Ok(promise) => JsFuture::from(promise).await.map(drop).map_err(|thrown| failed(&thrown)),
                // It is written already.
                Err(_) => Ok(()),
            }
        })
    }
}

fn failed(thrown: &JsValue) -> StoreError {
    let property = |name: &str| Reflect::get(thrown, &name.into()).ok().and_then(|value| value.as_string());
    if property("name").as_deref() == Some("QuotaExceededError") {
        let words = "the browser gives this page no more room: free some, or delete what waits";
        return StoreError::new(StoreErrorKind::Full, words);
    }
    StoreError::new(StoreErrorKind::Io, property("message").unwrap_or_else(|| "the outbox can't be written".to_owned()))
}
