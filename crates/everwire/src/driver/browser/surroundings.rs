//! What the browser says of the network and the page.

use std::fmt;
use std::sync::{Arc, Weak};
use std::task::Context;

use everwire_core::{Hint, Input};
use web_sys::Event;

use super::listener::{self, Listener};
use super::plan::Plan;
use crate::shared::Shared;

/// Listens to the page for as long as it is held, and passes on what it hears as hints.
pub(in crate::driver) struct Surroundings(Vec<Listener>);

/// What is said on the window (or a worker's global), and what it hints at. A page that comes back, from the
/// back-forward cache (`pageshow`) or from being frozen (`resume`), has slept.
const HINTS: [(&str, Hint); 3] = [("online", Hint::Online), ("offline", Hint::Offline), ("pageshow", Hint::Woke)];
/// The same on the document. A page that is shown again may have been throttled until then.
const DOCUMENT_HINTS: [(&str, Hint); 2] = [("resume", Hint::Woke), ("visibilitychange", Hint::Woke)];

impl Surroundings {
    pub(in crate::driver) fn listen(_: &mut Plan, shared: &Arc<Shared>) -> Self {
        let mut listeners = Vec::new();
        for (target, hints) in [(listener::global(), &HINTS[..]), (listener::document(), &DOCUMENT_HINTS[..])] {
            // A worker has no document.
            let Some(target) = target else { continue };
            listeners.extend(hints.iter().filter_map(|(event, hint)| {
                let (weak, hint): (Weak<Shared>, _) = (Arc::downgrade(shared), *hint);
                Listener::new(&target, event, move |event| {
                    if let Some(shared) = weak.upgrade().filter(|_| !is_hidden(event)) {
                        shared.tell(Input::Hint(hint));
                    }
                })
            }));
        }
        Self(listeners)
    }

    /// Nothing: the listeners tell the machine.
    #[allow(clippy::unused_self, reason = "as with the operating system's hints")]
    pub(in crate::driver) fn poll(&mut self, _: &mut Context<'_>) -> Option<Hint> {
        None
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(Listener::event)).finish()
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
