//! Who is here, in all tabs of the browser: one person at a time.
//!
//! Whoever signs in in one tab, or signs out, does so in all. Nothing is kept for one who is not here any more.

use crate::storage::{self, WHO};

/// Somebody is here now, and nobody else.
pub(crate) fn enter(user_id: &str) {
    storage::keep(WHO, user_id);
}

/// Nobody is here any more, and nothing is left of what was said to them.
pub(crate) fn leave() {
    storage::keep(WHO, "");
    storage::forget_user();
}

/// Whoever is here.
pub(crate) fn now() -> Option<String> {
    storage::kept(WHO)
}

/// Whether something may be kept for this user.
pub(crate) fn is_here(user_id: &str) -> bool {
    now().as_deref() == Some(user_id)
}
