//! Another turn of the page's event loop.

use std::rc::Rc;

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageChannel, MessageEvent, MessagePort};

/// Does something in a turn of its own, which comes at once, but behind what the browser is about to tell: a hundred
/// messages that have come together are then taken in together. Unlike a timer it is not held up in a page that nobody sees.
#[derive(Clone, Debug)]
pub(super) struct Turn(Rc<Ports>);

#[derive(Debug)]
struct Ports {
    ask: MessagePort,
    answer: MessagePort,
    _on_answer: Closure<dyn FnMut(MessageEvent)>,
}

impl Turn {
    /// `None` if the browser has no such thing.
    pub(super) fn new(mut act: impl FnMut() + 'static) -> Option<Self> {
        let channel = MessageChannel::new().ok()?;
        let on_answer = Closure::<dyn FnMut(MessageEvent)>::new(move |_| act());
        let (ask, answer) = (channel.port1(), channel.port2());
        answer.set_onmessage(Some(on_answer.as_ref().unchecked_ref()));
        Some(Self(Rc::new(Ports { ask, answer, _on_answer: on_answer })))
    }

    pub(super) fn ask(&self) {
        // Nothing is sent along that could not be.
        let _ = self.0.ask.post_message(&JsValue::NULL);
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        self.answer.set_onmessage(None);
        self.ask.close();
        self.answer.close();
    }
}
