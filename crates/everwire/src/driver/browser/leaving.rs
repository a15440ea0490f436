//! When a page is put away without being closed.

use std::fmt;
use std::rc::Rc;

use web_sys::Event;

use super::listener::{self, Listener};

/// Listens for as long as it is held.
///
/// A page that was left may wait in the browser's back-forward cache, and one in the background may be frozen. Some browsers keep
/// its WebSocket open for minutes then and answer its pings, though the page hears nothing: for the server it would still be here.
pub(super) struct Leaving(Vec<Listener>);

impl Leaving {
    /// Calls this when the page is put away, while it can still do something.
    pub(super) fn listen(act: impl Fn() + 'static) -> Self {
        let act = Rc::new(act);
        let on = |target, event, is_meant: fn(&Event) -> bool| {
            let act = Rc::clone(&act);
            Listener::new(&target, event, move |event| {
                if is_meant(event) {
                    act();
                }
            })
        };
        let left = listener::global().and_then(|window| on(window, "pagehide", is_kept));
        let frozen = listener::document().and_then(|document| on(document, "freeze", |_| true));
        Self(left.into_iter().chain(frozen).collect())
    }
}

/// The page may come back: one that does not is closed with all it has.
fn is_kept(event: &Event) -> bool {
    js_sys::Reflect::get(event, &"persisted".into()).is_ok_and(|persisted| persisted.is_truthy())
}

impl fmt::Debug for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(Listener::event)).finish()
    }
}
