//! What the browser says of the network and the page.

use std::fmt;
use std::sync::{Arc, Weak};

use everwire_core::{Hint, Input};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, EventTarget};

use crate::shared::Shared;

/// Listens to the page for as long as it is held, and passes on what it hears as hints.
pub(crate) struct Surroundings(Vec<Listener>);

struct Listener {
    target: EventTarget,
    event: &'static str,
    callback: Closure<dyn FnMut(Event)>,
}

/// What is said on the window (or a worker's global), and what it hints at. A page that comes back, from the
/// back-forward cache (`pageshow`) or from being frozen (`resume`), has slept.
const HINTS: [(&str, Hint); 3] = [("online", Hint::Online), ("offline", Hint::Offline), ("pageshow", Hint::Woke)];
/// The same on the document. A page that is shown again may have been throttled until then.
const DOCUMENT_HINTS: [(&str, Hint); 2] = [("resume", Hint::Woke), ("visibilitychange", Hint::Woke)];

impl Surroundings {
    pub(crate) fn listen(shared: &Arc<Shared>) -> Self {
        let global = js_sys::global();
        let document = js_sys::Reflect::get(&global, &"document".into()).ok();
        let mut listeners = Vec::new();
        if let Ok(global) = global.dyn_into::<EventTarget>() {
            listeners.extend(HINTS.into_iter().filter_map(|hint| Listener::new(&global, hint, shared)));
        }
        // A worker has none.
        if let Some(document) = document.and_then(|document| document.dyn_into::<EventTarget>().ok()) {
            listeners.extend(DOCUMENT_HINTS.into_iter().filter_map(|hint| Listener::new(&document, hint, shared)));
        }
        Self(listeners)
    }
}

impl Listener {
    fn new(target: &EventTarget, (event, hint): (&'static str, Hint), shared: &Arc<Shared>) -> Option<Self> {
        let weak: Weak<Shared> = Arc::downgrade(shared);
        let callback = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            if let Some(shared) = weak.upgrade().filter(|_| !is_hidden(&event)) {
                shared.tell(Input::Hint(hint));
            }
        });
        target.add_event_listener_with_callback(event, callback.as_ref().unchecked_ref()).ok()?;
        Some(Self { target: target.clone(), event, callback })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let callback = self.callback.as_ref().unchecked_ref();
        let _ = self.target.remove_event_listener_with_callback(self.event, callback);
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|listener| listener.event)).finish()
    }
}

/// It is the news that the page is hidden now.
fn is_hidden(event: &Event) -> bool {
    event.type_() == "visibilitychange"
        && event
            .target()
            .and_then(|document| js_sys::Reflect::get(&document, &"hidden".into()).ok())
            .is_some_and(|hidden| hidden.is_truthy())
}
