//! Events of the page.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, EventTarget};

/// Hears an event for as long as it is held.
pub(super) struct Listener {
    target: EventTarget,
    event: &'static str,
    callback: Closure<dyn FnMut(Event)>,
}

impl Listener {
    pub(super) fn new(
        target: &EventTarget,
        event: &'static str,
        mut act: impl FnMut(&Event) + 'static,
    ) -> Option<Self> {
        let callback = Closure::<dyn FnMut(Event)>::new(move |event: Event| act(&event));
        target.add_event_listener_with_callback(event, callback.as_ref().unchecked_ref()).ok()?;
        Some(Self { target: target.clone(), event, callback })
    }

    pub(super) fn event(&self) -> &'static str {
        self.event
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let callback = self.callback.as_ref().unchecked_ref();
        let _ = self.target.remove_event_listener_with_callback(self.event, callback);
    }
}

/// The window, or a worker's global.
pub(super) fn global() -> Option<EventTarget> {
    js_sys::global().dyn_into().ok()
}

/// A worker has none.
pub(super) fn document() -> Option<EventTarget> {
    js_sys::Reflect::get(&js_sys::global(), &"document".into()).ok()?.dyn_into().ok()
}
