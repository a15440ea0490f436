//! Who is here, in all tabs of the browser: one person at a time.
//!
//! Whoever signs in in one tab, or signs out, does so in all. Nothing is kept for one who is not here any more.

use crate::browser;

/// Under this name the user's id is kept, of an account or a guest.
pub(crate) const WHO: &str = "everwire.who";

/// Somebody is here now, and nobody else.
pub(crate) fn enter(user_id: &str) {
    browser::keep(WHO, user_id);
}

/// Nobody is here any more, and nothing is left of what was said to them.
pub(crate) fn leave() {
    browser::keep(WHO, "");
    // The rooms, and which of them was shown last, too.
    ["everwire.name", "everwire.memory", "everwire.room", "everwire.told"].into_iter().for_each(browser::forget);
}

/// Whoever is here.
pub(crate) fn now() -> Option<String> {
    browser::kept(WHO)
}

/// Whether something may be kept for this user.
pub(crate) fn is_here(user_id: &str) -> bool {
    now().as_deref() == Some(user_id)
}
